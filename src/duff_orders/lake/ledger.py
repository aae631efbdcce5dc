"""The ledger: one verdict a file, written last. A file without its row is not published."""

from collections.abc import Callable, Iterator
from datetime import date

from duff_orders.contract import FILES
from duff_orders.errors import DamagedObject, UnknownFile
from duff_orders.lake.layout import FOLDERS, PROCESSED, ledger_object
from duff_orders.lake.store import Store
from duff_orders.messages import LedgerRow


class Ledger:
    """The rows of tbl_duff_files, one small JSON object each."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, pa_date: date, file_id: str) -> LedgerRow | None:
        """The file's row, or None where it has none yet."""
        data = self.store.read(ledger_object(pa_date, file_id))
        return None if data is None else _decode(ledger_object(pa_date, file_id), data)

    def write(self, row: LedgerRow, replacing: LedgerRow | None) -> bool:
        """Publish a file's outcome: its first row, or one in the place of `replacing`.

        False, and nothing written, where somebody else wrote the row in the meantime.
        """
        name = ledger_object(row.pa_date, row.file_id)
        # What stands there is compared by what it says: another release may have written it in another form.
        stands = None if replacing is None else self.store.read(name)
        if replacing is not None and (stands is None or _decode(name, stands) != replacing):
            return False
        return self.store.replace(name, row.stored(), stands)

    def rows(self, *, damaged: Callable[[DamagedObject], None] | None = None) -> Iterator[LedgerRow]:
        """Every row, in the order of partitions and file ids.

        Raises DamagedObject for a row that cannot be read, or tells `damaged` of it and goes on.
        """
        for name in self.store.names(f"{PROCESSED}/{FOLDERS[FILES.name]}"):
            data = self.store.read(name)
            try:
                if data is not None:
                    yield _decode(name, data)
            except DamagedObject as error:
                if damaged is None:
                    raise
                damaged(error)

    def find(self, prefix: str) -> LedgerRow:
        """The one row whose file_id starts with `prefix`; raises UnknownFile where there is none, or several."""
        names = self.store.names(f"{PROCESSED}/{FOLDERS[FILES.name]}")
        found = [name for name in names if name.rsplit("/", 1)[-1].startswith(prefix)]
        data = self.store.read(found[0]) if prefix and len(found) == 1 else None
        if data is None:
            raise UnknownFile(prefix)
        return _decode(found[0], data)


def _decode(name: str, data: bytes) -> LedgerRow:
    try:
        return LedgerRow.from_json(data)
    except (ValueError, TypeError) as error:
        raise DamagedObject(name, error) from None
