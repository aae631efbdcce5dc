"""Is everything in? What partners have promised, beside what the ledger holds."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from duff_orders.clock import format_time
from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.profiles.calendar import FIRST_DAY, LAST_DAY, Slot, reach, slots, today
from duff_orders.profiles.profile import DAYS, Expected, Profile
from duff_orders.profiles.written import expect_lines

#: A table of TOML begins so.
_TABLE = re.compile(r"\s*\[")
_EXPECT = re.compile(r"\s*\[\s*expect\s*\]\s*(#.*)?")


@dataclass(frozen=True, slots=True)
class Promised:
    """What a partner has promised, and the slots of some days; `damaged` says why nothing can be told."""

    name: str
    prefix: str
    expected: Expected | None = None
    slots: Sequence[Slot] = ()
    damaged: str = ""


def promised(lake: Lake, now: datetime, first: date | None = None, last: date | None = None) -> list[Promised]:
    """The slots of all partners that have promised anything, of some days; without any of today, where the partner is.

    A partner whose profile cannot be read is told of, too. Of the ledger only the days are read that matter. Raises
    InputError for days that are out of bounds.
    """
    for each in filter(None, (first, last)):
        if not FIRST_DAY <= each <= LAST_DAY:
            raise InputError(f"{each}: allowed are days from {FIRST_DAY} to {LAST_DAY}")
    told, rows = list[Promised](), dict[date, list[LedgerRow]]()
    index = partners.partners(lake.store)
    for entry in index.profiles:
        try:
            expected = partners.known(lake.store, entry).profile.expected
        except DamagedObject as error:
            told.append(Promised(entry.name, entry.prefix, damaged=str(error)))
            continue
        if expected is not None:
            day = today(expected, now)
            span = first or day, last or first or day
            under = partners.Under.of(index, entry.name)
            came = (row for row in _came(lake, rows, reach(expected, *span), now) if under.holds(row.source_file))
            told.append(Promised(entry.name, entry.prefix, expected, slots(expected, came, *span, now)))
    return told


def _came(
    lake: Lake, rows: dict[date, list[LedgerRow]], span: tuple[datetime, datetime] | None, now: datetime
) -> Iterator[LedgerRow]:
    """What came within some time, by the ledger's days; `rows` keeps those that were read."""
    if span is None:
        return
    day, last = span[0].date(), min(span[1], now).date()
    while day <= last:
        if day not in rows:
            rows[day] = [*lake.ledger.rows(day=f"pa_date={day}", damaged=lambda _: None)]
        yield from rows[day]
        day += timedelta(days=1)


def facts(of: Promised) -> dict[str, Any]:
    """The same as a document: days by the partner's zone, times in UTC, files by their ids."""
    return {
        "name": of.name,
        "prefix": of.prefix,
        "zone": of.expected.zone if of.expected else None,
        "damaged": of.damaged or None,
        "slots": [
            {
                "day": slot.day.isoformat(),
                "due": format_time(slot.due),
                "late_from": format_time(slot.late_from),
                "state": slot.state,
                "needed": slot.needed,
                "files": [row.file_id for row in slot.files],
                "unusable": [row.file_id for row in slot.unusable],
            }
            for slot in of.slots
        ],
    }


def with_expected(text: str, expected: Expected) -> str:
    """A profile's text with another calendar; all else in it stays as it was written, remarks too."""
    lines, kept, inside = text.splitlines(), list[str](), False
    for line in lines:
        if _TABLE.match(line):
            inside = bool(_EXPECT.fullmatch(line))
        if not inside:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join((*kept, *expect_lines(expected), ""))


def suggested(profile: Profile, rows: Iterable[LedgerRow], zone: str, now: datetime, weeks: int = 8) -> Expected | None:
    """What a partner's history looks like: the weekdays on which files came in most weeks, and by when; None: too few.

    It is said, and never taken by itself.
    """
    from zoneinfo import ZoneInfo

    local = ZoneInfo(zone)
    since = now - timedelta(weeks=weeks)
    came = [row.event_time.astimezone(local) for row in rows if row.published and row.event_time >= since]
    by_day: dict[str, dict[date, datetime]] = {}
    for when in sorted(came):
        by_day.setdefault(DAYS[when.weekday()], {})[when.date()] = when
    usual = {day: times for day, times in by_day.items() if len(times) > weeks / 2}
    if not usual:
        return None
    latest = sorted(when.time() for times in usual.values() for when in times.values())
    by = latest[min(len(latest) - 1, len(latest) * 19 // 20)]
    files = max(1, round(len(came) / sum(map(len, by_day.values()))))
    hour = by.replace(minute=0, second=0, microsecond=0)
    rounded = hour.replace(hour=min(23, hour.hour + 1)) if by != hour else hour
    days = tuple(day for day in DAYS if day in usual)
    return Expected(zone=zone, days=days, by=rounded, grace_minutes=60, files=files)
