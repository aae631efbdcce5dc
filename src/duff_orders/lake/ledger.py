"""The ledger: one verdict per file, written last. A file without its row is not published."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import PurePosixPath

from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject, UnknownFile
from duff_orders.lake.documents import EVENTS, LEDGER_ROWS, OnDamage
from duff_orders.lake.layout import event_object, ledger_object
from duff_orders.lake.stores.base import Store, names

# So many rows are asked for one by one; more are looked for in a listing of all.
_FEW = 100


class Ledger:
    """The rows of tbl_duff_files, one small JSON object each."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, pa_date: date, file_id: str, *, lenient: bool = False) -> LedgerRow | None:
        """The file's row, or None where it has none yet; raises as `read`."""
        return self.read(pa_date, file_id, lenient=lenient)[0]

    def read(self, pa_date: date, file_id: str, *, lenient: bool = False) -> tuple[LedgerRow | None, str | None]:
        """The file's row and the token by which `write` replaces it; None for both where it has none yet.

        Raises DamagedObject for a row that cannot be read; if `lenient`, as a replay is that makes it anew, there is
        only the token.
        """
        name = ledger_object(pa_date, file_id)
        stored = self.store.read(name)
        if stored is None:
            return None, None
        try:
            return LEDGER_ROWS.decode(name, stored), stored.token
        except DamagedObject:
            if not lenient:
                raise
            return None, stored.token

    def write(self, row: LedgerRow, token: str | None) -> bool:
        """Publish a file's outcome: its first row, or one in the place of that which was read with `token`.

        False, and nothing written, where somebody else wrote the row in the meantime.
        """
        return self.store.replace(ledger_object(row.pa_date, row.file_id), row.stored(), token)

    def rows(self, *, day: str = "", damaged: OnDamage | None = None) -> Iterator[LedgerRow]:
        """Every row, or those of one day's folder (`pa_date=YYYY-MM-DD`), in the order of partitions and file ids.

        Raises DamagedObject for a row that cannot be read, or tells `damaged` of it and goes on.
        """
        yield from self.named(names(self.store, f"{LEDGER_ROWS.folder}{day}/" if day else LEDGER_ROWS.folder), damaged)

    def since(
        self, known: Mapping[str, str], damaged: OnDamage | None = None
    ) -> tuple[dict[str, str], list[LedgerRow]]:
        """The stamp of each row by its file id, and those rows whose stamps are not `known`; raises as `rows`."""
        listed = {PurePosixPath(each.name).stem: each for each in self.store.listed(LEDGER_ROWS.folder)}
        changed = [each.name for file_id, each in listed.items() if known.get(file_id) != each.stamp]
        return {file_id: each.stamp for file_id, each in listed.items()}, list(self.named(changed, damaged))

    def named(self, listed: list[str], damaged: OnDamage | None = None) -> Iterator[LedgerRow]:
        """The rows of ledger objects, without those that are gone."""
        return LEDGER_ROWS.each(self.store, listed, damaged)

    def of(self, file_id: str, *, lenient: bool = False) -> LedgerRow | None:
        """The row of a file whose day only its event knows; None where there is no event, or no row yet."""
        event = EVENTS.read(self.store, event_object(file_id))
        return self.get(event.pa_date, file_id, lenient=lenient) if event else None

    def those(self, file_ids: Iterable[str]) -> list[LedgerRow]:
        """The rows of files, of those that have one."""
        wanted = {*file_ids}
        if len(wanted) <= _FEW:
            return [row for file_id in sorted(wanted) if (row := self.of(file_id))]
        listed = (name for name in names(self.store, LEDGER_ROWS.folder) if PurePosixPath(name).stem in wanted)
        return list(self.named(sorted(listed, key=lambda name: PurePosixPath(name).stem)))

    def announced(self, file_ids: Collection[str]) -> list[str]:
        """Those of some files that were announced, whether they have a row or not."""
        if len(file_ids) <= _FEW:
            return [file_id for file_id in sorted(file_ids) if self.store.exists(event_object(file_id))]
        return sorted({PurePosixPath(name).stem for name in names(self.store, EVENTS.folder)}.intersection(file_ids))

    def find(self, prefix: str) -> LedgerRow:
        """The one row whose file_id starts with `prefix`; raises UnknownFile where there is none, or several."""
        known = {PurePosixPath(name).stem: name for name in names(self.store, LEDGER_ROWS.folder)}
        row = LEDGER_ROWS.read(self.store, known[the_one(prefix, known)])
        if row is None:
            raise UnknownFile(prefix)
        return row


def the_one(prefix: str, file_ids: Iterable[str]) -> str:
    """The one file_id that starts with `prefix`; raises UnknownFile where there is none, or several."""
    matches = [file_id for file_id in file_ids if file_id.startswith(prefix)]
    if not prefix or len(matches) != 1:
        raise UnknownFile(prefix)
    return matches[0]
