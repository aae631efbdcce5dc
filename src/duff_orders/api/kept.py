"""The ledger kept in memory, for who asks often: only rows that are new or were replaced are read."""

import heapq
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from duff_orders.contract import FILES
from duff_orders.errors import DamagedObject
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.store import Listed, Store
from duff_orders.messages import LedgerRow, format_time
from duff_orders.query import statements

_FILES = f"{layout.PROCESSED}/{layout.FOLDERS[FILES.name]}"


class Kept(Protocol):
    """The ledger's rows in memory."""

    def version(self) -> str:
        """Changes with the ledger."""

    def rows(self) -> list[LedgerRow]:
        """All rows, in no order."""

    def of(self, file_id: str) -> LedgerRow | None:
        """The row of a file."""


class OverKept:
    """What a backend tells of files from the ledger in memory; see `api.backend`."""

    ledger: Kept

    def files_version(self) -> str:
        """Changes with the ledger."""
        return self.ledger.version()

    def newest(self) -> datetime | None:
        """When the newest verdict was written."""
        return max((row.finished for row in self.ledger.rows()), default=None)

    def files(self, verdict: str | None, after: Sequence[Any] | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """A page of the ledger and one more, newest first."""
        rows = (row for row in self.ledger.rows() if verdict is None or row.verdict == verdict)
        keyed = ((format_time(row.event_time), row.file_id, row) for row in rows)
        if after is not None:
            keyed = (each for each in keyed if each[:2] < tuple(after))
        newest = heapq.nlargest(limit + 1, keyed, key=lambda each: each[:2])
        return [_fields(row) for _, _, row in newest]

    def file(self, file_id: str) -> LedgerRow | None:
        """The ledger row of a file."""
        return self.ledger.of(file_id)


class FolderLedger:
    """The ledger of a lake in a folder: of the days whose folders changed the rows are read again."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._lock = threading.Lock()
        self._days: dict[str, tuple[int, list[LedgerRow]]] = {}
        self._by_id: dict[str, LedgerRow] = {}

    def version(self) -> str:
        """Changes with the ledger."""
        return str(hash(tuple(sorted(self._times().items()))))

    def rows(self) -> list[LedgerRow]:
        """All rows, in no order."""
        self._look()
        return list(self._by_id.values())

    def of(self, file_id: str) -> LedgerRow | None:
        """The row of a file."""
        self._look()
        return self._by_id.get(file_id)

    def _times(self) -> dict[str, int]:
        folder = self.lake.disk.path(_FILES)
        if not folder.is_dir():
            return {}
        return {each.name: each.stat().st_mtime_ns for each in folder.iterdir() if each.is_dir()}

    def _look(self) -> None:
        times = self._times()
        with self._lock:
            changed = {
                day for day in self._days.keys() | times.keys() if self._days.get(day, (0,))[0] != times.get(day)
            }
            for day in changed:
                if day in times:
                    self._days[day] = times[day], list(self.lake.ledger.rows(day=day, damaged=_left_out))
                else:
                    del self._days[day]
            if changed:
                self._by_id = {row.file_id: row for _, rows in self._days.values() for row in rows}


class ListedLedger:
    """The ledger of any store: what a listing shows as new or changed is read again; there is one in `look` seconds."""

    def __init__(self, store: Store, look: float) -> None:
        self.store = store
        self.look = look
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._known: dict[str, Listed] = {}
        self._rows: dict[str, LedgerRow] = {}
        self._by_id: dict[str, LedgerRow] = {}
        self._process, self._version = secrets.token_hex(4), 0

    def version(self) -> str:
        """Changes with the ledger, and with this process."""
        self._refresh()
        return f"{self._process}-{self._version}"

    def rows(self) -> list[LedgerRow]:
        """All rows, in no order."""
        self._refresh()
        return list(self._by_id.values())

    def of(self, file_id: str) -> LedgerRow | None:
        """The row of a file."""
        self._refresh()
        return self._by_id.get(file_id)

    def _refresh(self) -> None:
        with self._lock:
            if self._looked is not None and time.monotonic() - self._looked < self.look:
                return
            listed = {each.name: each for each in self.store.listed(f"{_FILES}/")}
            changed = [name for name, each in listed.items() if self._known.get(name) != each]
            rows = {name: row for name, row in self._rows.items() if self._known.get(name) == listed.get(name)}
            found = Ledger(self.store).named(changed, damaged=_left_out)
            rows |= {layout.ledger_object(row.pa_date, row.file_id): row for row in found}
            if rows != self._rows:
                self._version += 1
                self._rows, self._by_id = rows, {row.file_id: row for row in rows.values()}
            self._known = listed
            self._looked = time.monotonic()


def _left_out(error: DamagedObject) -> None:
    """`duff check` tells of a damaged row."""


def _fields(row: LedgerRow) -> dict[str, Any]:
    """The fields of a list of files, as they go to JSON."""
    values = {name: getattr(row, name) for name in statements.FILE}
    for name in ("event_time", "started", "finished"):
        values[name] = format_time(values[name])
    return values | {"pa_date": row.pa_date.isoformat()}
