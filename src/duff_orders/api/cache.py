"""Caches for frequent callers: the ledger, of which only new and replaced rows are read; and answers."""

import heapq
import math
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from duff_orders.api.backend import rejected_lines
from duff_orders.clock import format_time
from duff_orders.documents import GivenUp, LedgerRow
from duff_orders.errors import DamagedObject
from duff_orders.lake import partners
from duff_orders.lake.documents import GIVEN_UP, LEDGER_ROWS, SETTLED, Kind
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.partners import Under
from duff_orders.lake.standing import Standings
from duff_orders.lake.stores.base import Listed, Store
from duff_orders.local.condition import Amiss
from duff_orders.partners.days import PartnerDays, all_days
from duff_orders.partners.settled import Settlements
from duff_orders.query import statements
from duff_orders.query.result import Result
from duff_orders.query.statements import Statement

#: What somebody said, beside the ledger: of each kind all documents are kept.
_SAID: tuple[Kind[Any], ...] = (GIVEN_UP, SETTLED)


class CachedLedger(ABC):
    """The ledger's rows in memory, what was given up, and what was said of days."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, LedgerRow] = {}
        self._said: dict[str, dict[str, Any]] = {kind.folder: {} for kind in _SAID}
        self._standings: tuple[str, Standings] | None = None
        self._damaged: dict[str, DamagedObject] = {}

    def left_out(self) -> list[Amiss]:
        """The documents that cannot be read, whose files are left out."""
        self._look()
        return [Amiss("document", str(error)) for error in self._damaged.values()]

    def _recovered(self, beginning: str) -> None:
        """What begins so is read again."""
        self._damaged = {name: error for name, error in self._damaged.items() if not name.startswith(beginning)}

    def _leave_out(self, error: DamagedObject) -> None:
        self._damaged[error.name] = error

    @abstractmethod
    def version(self) -> str:
        """Changes with the ledger."""

    @abstractmethod
    def _look(self) -> None:
        """Read what changed."""

    @abstractmethod
    def look_again(self) -> None:
        """Read at the next question what this process itself has just written."""

    def rows(self) -> list[LedgerRow]:
        """All rows, in no order."""
        self._look()
        return list(self._by_id.values())

    def of(self, file_id: str) -> LedgerRow | None:
        """The row of a file."""
        self._look()
        return self._by_id.get(file_id)

    def settled(self) -> Settlements:
        """What was said of days that files are expected on."""
        self._look()
        return {(each.partner, each.day): each for each in self._said[SETTLED.folder].values()}

    def standings(self, rejected_lines: Callable[[LedgerRow], Collection[int]]) -> Standings:
        """What became of the rows that files did not bring in, worked out once for each state of the ledger."""
        version, kept = self.version(), self._standings
        if kept is None or kept[0] != version:
            rows = self.rows()
            given_up: dict[str, GivenUp] = {each.file_id: each for each in self._said[GIVEN_UP.folder].values()}
            kept = self._standings = version, Standings(rows, given_up, rejected_lines)
        return kept[1]


class OverLedger(ABC):
    """What a backend tells of files and partners from the ledger in memory; see `api.backend`."""

    lake: Lake

    ledger: CachedLedger
    _told: tuple[tuple[Any, ...], list[PartnerDays]] | None = None

    def came(self, first: date, last: date) -> list[LedgerRow]:
        """What came on some days of the ledger."""
        return [row for row in self.ledger.rows() if first <= row.pa_date <= last]

    def settled(self) -> Settlements:
        """What was said of days that files are expected on."""
        return self.ledger.settled()

    def partner_days(self, now: datetime) -> list[PartnerDays]:
        """All partners with all their days, worked out once a minute for each state of ledger and profiles."""
        store = self.lake.store
        key = (self.ledger.version(), now.replace(second=0, microsecond=0), partners.partners(store))
        if self._told is None or self._told[0] != key:
            told = all_days(store, self.ledger.rows(), self.standings(), self.settled(), now)
            self._told = key, told
        return self._told[1]

    def files_version(self) -> str:
        """Changes with the ledger."""
        return self.ledger.version()

    def standings(self) -> Standings:
        """What became of the rows that files did not bring in."""
        return self.ledger.standings(partial(rejected_lines, self))

    @abstractmethod
    def rejects(self, row: LedgerRow, statement: Statement) -> Result:
        """The answer to a statement over the rejected rows of one file."""

    def amiss(self) -> list[Amiss]:
        """What is amiss: here, what is left out of answers."""
        return self.ledger.left_out()

    def newest(self) -> datetime | None:
        """When the newest verdict was written."""
        return max((row.finished for row in self.ledger.rows()), default=None)

    def files(
        self, verdict: str | None, partner: Under | None, after: Sequence[Any] | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """A page of the ledger and one more, newest first."""
        rows = (
            row
            for row in self.ledger.rows()
            if verdict in (None, row.verdict) and (partner is None or partner.was_for(row))
        )
        keyed = ((format_time(row.event_time), row.file_id, row) for row in rows)
        if after is not None:
            keyed = (each for each in keyed if each[:2] < tuple(after))
        newest = heapq.nlargest(limit + 1, keyed, key=lambda each: each[:2])
        return [fields_of(row) for _, _, row in newest]

    def file(self, file_id: str) -> LedgerRow | None:
        """The ledger row of a file."""
        return self.ledger.of(file_id)


class FolderLedger(CachedLedger):
    """The ledger of a lake in a folder: of the days whose folders changed the rows are read again."""

    def __init__(self, lake: Lake) -> None:
        super().__init__()
        self.lake = lake
        self._days: dict[str, tuple[int, list[LedgerRow]]] = {}
        self._said_at: dict[str, int] = {}

    def version(self) -> str:
        """Changes with the ledger."""
        return str(hash(tuple(sorted(self._times().items()))))

    def look_again(self) -> None:
        """Folders tell that they changed."""

    def _times(self) -> dict[str, int]:
        """When each day of the ledger changed, and each folder of what was said."""
        times = {}
        folder = self.lake.disk.path(LEDGER_ROWS.folder)
        if folder.is_dir():
            times = {each.name: each.stat().st_mtime_ns for each in folder.iterdir() if each.is_dir()}
        for kind in _SAID:
            said = self.lake.disk.path(kind.folder)
            if said.is_dir():
                times[kind.folder] = said.stat().st_mtime_ns
        return times

    def _look(self) -> None:
        times = self._times()
        said_at = {kind.folder: times.pop(kind.folder, 0) for kind in _SAID}
        with self._lock:
            for kind in _SAID:
                if said_at[kind.folder] != self._said_at.get(kind.folder, 0):
                    self._recovered(kind.folder)
                    documents = kind.every(self.lake.store, self._leave_out)
                    self._said[kind.folder] = {kind.name(each): each for each in documents}
            self._said_at = said_at
            changed = {
                day for day in self._days.keys() | times.keys() if self._days.get(day, (0,))[0] != times.get(day)
            }
            for day in changed:
                self._recovered(f"{LEDGER_ROWS.folder}{day}/")
                if day in times:
                    self._days[day] = times[day], list(self.lake.ledger.rows(day=day, damaged=self._leave_out))
                else:
                    del self._days[day]
            if changed:
                self._by_id = {row.file_id: row for _, rows in self._days.values() for row in rows}


class ListedLedger(CachedLedger):
    """The ledger of any store: what a listing shows as new or changed is read again; there is one in `look` seconds."""

    def __init__(self, store: Store, look: float) -> None:
        super().__init__()
        self.store = store
        self.look = look
        self._looked: float | None = None
        self._known: dict[str, Listed] = {}
        self._told: dict[str, dict[str, Listed]] = {kind.folder: {} for kind in _SAID}
        self._process, self._version = secrets.token_hex(4), 0

    def look_again(self) -> None:
        """List at the next question."""
        with self._lock:
            self._looked = None

    def version(self) -> str:
        """Changes with the ledger, and with this process."""
        self._look()
        return f"{self._process}-{self._version}"

    def _look(self) -> None:
        with self._lock:
            if self._looked is not None and time.monotonic() - self._looked < self.look:
                return
            listed = {PurePosixPath(each.name).stem: each for each in self.store.listed(LEDGER_ROWS.folder)}
            changed = [each.name for file_id, each in listed.items() if self._known.get(file_id) != each]
            rows = {id_: row for id_, row in self._by_id.items() if self._known.get(id_) == listed.get(id_)}
            for name in (*changed, *(each.name for id_, each in self._known.items() if id_ not in listed)):
                self._recovered(name)
            rows |= {row.file_id: row for row in Ledger(self.store).named(changed, damaged=self._leave_out)}
            told = {kind.folder: {each.name: each for each in self.store.listed(kind.folder)} for kind in _SAID}
            said = {kind.folder: self._changed(kind, told[kind.folder]) for kind in _SAID}
            if rows != self._by_id or said != self._said:
                self._version += 1
                self._by_id, self._said = rows, said
            self._known, self._told = listed, told
            self._looked = time.monotonic()

    def _changed(self, kind: Kind[Any], listed: Mapping[str, Listed]) -> dict[str, Any]:
        """The documents of a kind, of which those are read that a listing shows as new or changed."""
        before = self._told[kind.folder]
        changed = [name for name, each in listed.items() if before.get(name) != each]
        for name in changed:
            self._recovered(name)
        kept = {name: each for name, each in self._said[kind.folder].items() if before.get(name) == listed.get(name)}
        return kept | {kind.name(each): each for each in kind.each(self.store, changed, self._leave_out)}


class CachedAnswers:
    """The newest answers, up to `most`; one of more than `characters` is not kept."""

    def __init__(self, most: int, characters: float = math.inf) -> None:
        self.most = most
        self.characters = characters
        self._lock = threading.Lock()
        self._found: dict[tuple[Any, ...], Result] = {}

    def get(self, key: tuple[Any, ...], ask: Callable[[], Result]) -> Result:
        """The answer that is kept under a key, or else what `ask` gives."""
        cached = self._found.get(key)
        if cached is None:
            cached = ask()
            if sum(len(str(value)) for row in cached.rows for value in row) < self.characters:
                with self._lock:
                    self._found[key] = cached
                    while len(self._found) > self.most:
                        del self._found[next(iter(self._found))]
        return cached


def fields_of(row: LedgerRow) -> dict[str, Any]:
    """The fields of a list of files, as they go to JSON."""
    values = {name: getattr(row, name) for name in statements.FILE}
    for name in ("event_time", "started", "finished"):
        values[name] = format_time(values[name])
    return values | {
        "pa_date": row.pa_date.isoformat(),
        "remarks": None if row.remarks is None else list(row.remarks),
    }
