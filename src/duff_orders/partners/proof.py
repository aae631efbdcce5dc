"""The proof of a day: each file that was expected or came, its hash, what became of its rows; on one sheet.

A file stands on exactly one day: of one that came for an expected day that day's, of any other that of its event where
its partner is, or in UTC where it is nobody's.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from duff_orders.clock import format_time
from duff_orders.documents import LedgerRow, Publication
from duff_orders.errors import DamagedObject
from duff_orders.lake import layout
from duff_orders.lake.corrections import published
from duff_orders.lake.standing import Standings
from duff_orders.lake.stores.base import Store
from duff_orders.partners.days import Day, PartnerDays

#: The counts of a file, as the ledger has them.
COUNTS = ("rows_read", "rows_published", "rows_duplicate", "rows_rejected", "rows_withheld")
#: What became of the rows that were not brought in.
FATES = ("corrected", "given_up", "open")
#: Bytes of objects that are compared with the ledger's digests; of more the sizes are left to `duff check`.
MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the sheet: a file and for whom it came, or that one did not come (`row` is None)."""

    partner: str | None
    zone: str
    due: datetime | None
    late: bool
    row: LedgerRow | None
    fates: tuple[int, int, int] = (0, 0, 0)

    @property
    def due_there(self) -> datetime | None:
        """When it was due, where its partner is."""
        return self.due.astimezone(ZoneInfo(self.zone)) if self.due else None

    @property
    def came(self) -> datetime | None:
        """When it came, where its partner is."""
        return self.row.event_time.astimezone(ZoneInfo(self.zone)) if self.row else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A day with all of its files; `expected` counts those that were promised, `faults` is what does not hold.

    `compared` objects had the bytes that the ledger names, `left` were too large to be read for this.
    """

    day: date
    expected: int
    came: int
    late: int
    entries: Sequence[Entry]
    corrections: Sequence[tuple[LedgerRow, Publication]]
    faults: Sequence[str]
    compared: int
    left: int

    @property
    def totals(self) -> dict[str, int]:
        """The sums of all counts and fates."""
        rows = [each for each in self.entries if each.row is not None]
        sums = {name: sum(getattr(each.row, name) for each in rows) for name in COUNTS}
        return sums | {name: sum(each.fates[place] for each in rows) for place, name in enumerate(FATES)}


def proof(
    store: Store, rows: Iterable[LedgerRow], standings: Standings, told: Sequence[PartnerDays], day: date
) -> Proof:
    """The proof of a day, from all rows of the ledger and all partners' days."""
    entries, placed = list[Entry](), set[str]()
    expected = came = late = 0
    for of in told:
        for each in of.days:
            placed |= {row.file_id for row in (*each.slot.files, *each.slot.unusable)}
        found = of.on(day)
        if found is not None:
            expected += found.slot.needed
            came += min(found.slot.needed, len(found.slot.files))
            late += sum(row.event_time > found.slot.late_from for row in found.slot.files)
            entries += _of_slot(found, standings)
    for row in rows:
        if row.file_id not in placed:
            of_row = next((each for each in told if each.under.holds(row.source_file)), None)
            zone = of_row.promised.expected.zone if of_row and of_row.promised.expected else "UTC"
            if row.event_time.astimezone(ZoneInfo(zone)).date() == day:
                name = of_row.name if of_row else None
                entries.append(_entry(name, zone, None, row, standings, late=False))
    files = [each.row for each in entries if each.row is not None]
    faults, compared, left = _held(store, files)
    return Proof(
        day=day,
        expected=expected,
        came=came,
        late=late,
        entries=entries,
        corrections=[(row, each) for row in files if row.rows_rejected for each in _published(store, row, faults)],
        faults=faults,
        compared=compared,
        left=left,
    )


def _of_slot(day: Day, standings: Standings) -> list[Entry]:
    due = day.slot.due
    told = [
        _entry(day.partner, day.zone, due, row, standings, late=row.event_time > day.slot.late_from)
        for row in sorted((*day.slot.files, *day.slot.unusable), key=lambda row: row.event_time)
    ]
    missing = Entry(partner=day.partner, zone=day.zone, due=due, late=day.slot.state != "due", row=None)
    return [*told, *[missing] * day.lacking]


def _entry(
    partner: str | None, zone: str, due: datetime | None, row: LedgerRow, standings: Standings, *, late: bool
) -> Entry:
    standing = standings.of(row)
    fates = standing.corrected, standing.given_up, standing.open
    return Entry(partner=partner, zone=zone, due=due, late=late, row=row, fates=fates)


def _published(store: Store, row: LedgerRow, faults: list[str]) -> tuple[Publication, ...]:
    try:
        return published(store, row.file_id)
    except DamagedObject as error:
        faults.append(str(error))
        return ()


def _held(store: Store, rows: Iterable[LedgerRow]) -> tuple[list[str], int, int]:
    """What does not hold of some files: the sums of their rows, and the bytes of their objects."""
    faults, compared, left, budget = list[str](), 0, 0, MOST_BYTES
    for row in rows:
        fates = sum(getattr(row, name) for name in COUNTS[1:])
        if row.rows_read != fates:
            faults.append(f"{row.source_file}: {row.rows_read} rows were read, and {fates} are accounted for")
        for name, digest in zip(layout.all_data_objects(row), row.object_digests or (), strict=False):
            size = int(digest.rpartition("-")[2])
            if size > budget:
                left += 1
                continue
            budget -= size
            if store.digest(name) == digest:
                compared += 1
            else:
                faults.append(
                    f"{row.source_file}: the object {name} is not as the ledger says; `duff check` tells more"
                )
    return faults, compared, left


def facts(of: Proof, made: datetime) -> dict[str, Any]:
    """The proof as a document; `digest` is that of all but `made`, and tells two sheets apart."""
    document = {
        "date": of.day.isoformat(),
        "expected": of.expected,
        "came": of.came,
        "late": of.late,
        "files": [*map(_file_facts, of.entries)],
        "totals": of.totals,
        "corrections": [{"source_file": row.source_file, **json.loads(each.to_json())} for row, each in of.corrections],
        "check": {"holds": not of.faults, "faults": [*of.faults], "objects": of.compared, "not_compared": of.left},
    }
    return document | {"digest": digest(document), "made": format_time(made)}


def digest(document: dict[str, Any]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a document."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_facts(of: Entry) -> dict[str, Any]:
    row = of.row
    return {
        "partner": of.partner,
        "due": format_time(of.due) if of.due else None,
        "late": of.late,
        "file_id": row.file_id if row else None,
        "source_file": row.source_file if row else None,
        "came": format_time(row.event_time) if row else None,
        "content": row.content if row else None,
        "size": row.size if row else None,
        "verdict": row.verdict if row else None,
        "reason": row.reason if row else None,
        **{name: getattr(row, name) if row else 0 for name in COUNTS},
        **dict(zip(FATES, of.fates, strict=True)),
        "remarks": [*(row.remarks or ())] if row else [],
    }
