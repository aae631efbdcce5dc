"""What partners have promised, and what came: each expected day is a slot, whose state is told from the ledger alone.

States are computed, never stored: a file that came later, or a row that was replayed, changes what is told of a day at
once. Files are given to slots by their event times, which are the store's: our own delay is nobody's.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from duff_orders.documents import Entry, LedgerRow
from duff_orders.profiles.profile import DAYS, Expected

#: `due`: there is time; `on_time`, `late`: all files came; `missing`: too few came in time, and may yet; `missed`: the
#: next slot was due before they did.
State = Literal["due", "on_time", "late", "missing", "missed"]
#: What may be asked for: a calendar has no weeks before its first, or after its last.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
#: Days without a slot that are looked through for one: a week, and as many as may be excepted.
_FURTHEST = 400
#: Slots before those asked for that are filled, too: whether a file was late for the one before depends on them.
_LOOKED_BACK = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One expected day of a partner, by its zone: `due` and `late_from` as instants, and what came for it.

    `files` are those that count, `unusable` those that came and could not be taken in; both by their event times. Of a
    file that took another's place as a whole the other is the one that is told of first: it counts for that one's day.
    """

    day: date
    due: datetime
    late_from: datetime
    state: State
    needed: int
    files: Sequence[LedgerRow] = ()
    unusable: Sequence[LedgerRow] = ()

    @property
    def is_open(self) -> bool:
        """Whether files are still waited for, in time or not."""
        return self.state in ("due", "missing")

    @property
    def is_complete(self) -> bool:
        """Whether all files came, in time or not."""
        return len(self.files) >= self.needed

    @property
    def arrived(self) -> datetime | None:
        """When the last of the files came that are needed; None before."""
        return self.files[self.needed - 1].event_time if self.is_complete else None


def slots(expected: Expected, rows: Iterable[LedgerRow], first: date, last: date, now: datetime) -> list[Slot]:
    """The slots of some days, both included, as the files of a partner have filled them by now.

    A file is either late for the slot that was due before it came, or in time for the next: it counts where its time
    fits better, so that a day that was missed makes no later one late. What a slot has beyond its need goes to the one
    before, where that still lacks a file. Corrections are no deliveries; what took another file's place is that one's.
    """
    whole = _with_neighbours(expected, first, last)
    if not whole:
        return []
    due, (after, until) = [due_at(expected, day) for day in whole], _reach(expected, whole)
    counted: list[list[LedgerRow]] = [[] for _ in whole]
    unusable: list[list[LedgerRow]] = [[] for _ in whole]
    deliveries = sorted(_deliveries(rows), key=lambda each: (each.when, each.row.event_time, each.row.file_id))
    for row, when in deliveries:
        if not after < when <= until:
            continue
        following = bisect_left(due, when)
        lacks = following > 0 and len(counted[following - 1]) < expected.files
        place = following - 1 if following == len(due) or (lacks and _is_late(when, due, following)) else following
        if row.published:
            counted[place].append(row)
        elif row.verdict in ("invalid", "failed"):
            unusable[place].append(row)
    for place, (before, files) in enumerate(pairwise(counted)):
        while len(before) < expected.files < len(files) and files[0].event_time <= due[place + 1]:
            before.append(files.pop(0))
    return [
        _slot(expected, day, [*due[place : place + 2]], counted[place], unusable[place], now)
        for place, day in enumerate(whole)
        if first <= day <= last
    ]


def reach(expected: Expected, first: date, last: date) -> tuple[datetime, datetime] | None:
    """After when, and until when, files came on which the slots of some days depend; None where there is no slot.

    What took the place of one of them may have come at any time after.
    """
    whole = _with_neighbours(expected, first, last)
    return _reach(expected, whole) if whole else None


def due_at(expected: Expected, day: date) -> datetime:
    """When files of a day are due (UTC).

    A time that a change of the clocks leaves out is the one that takes its place; of one that comes twice the first.
    """
    local = datetime.combine(day, expected.by, ZoneInfo(expected.zone))
    return local.replace(fold=0).astimezone(UTC)


def today(expected: Expected, now: datetime) -> date:
    """The day where the partner is."""
    return now.astimezone(ZoneInfo(expected.zone)).date()


def _is_expected(expected: Expected, day: date) -> bool:
    named = DAYS[day.weekday()] in expected.days and day not in expected.except_
    return named and (expected.since is None or day >= expected.since)


def _days(expected: Expected, first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        if _is_expected(expected, day):
            yield day
        day += timedelta(days=1)


def _with_neighbours(expected: Expected, first: date, last: date) -> list[date]:
    """The expected days of a span, a few before and the one after; none where the span has none."""
    days = [*_days(expected, first, last)]
    if not days:
        return []
    before = [*_neighbours(expected, days[0], -1, _LOOKED_BACK)]
    return [*reversed(before), *days, *_neighbours(expected, days[-1], 1, 1)]


def _reach(expected: Expected, days: Sequence[date]) -> tuple[datetime, datetime]:
    begin = next(_neighbours(replace(expected, since=None), days[0], -1, 1), None)
    return (
        due_at(expected, begin) if begin else datetime.min.replace(tzinfo=UTC),
        due_at(expected, days[-1]),
    )


def _neighbours(expected: Expected, day: date, step: int, many: int) -> Iterator[date]:
    """The expected days before, or after, a day: as many as there are, the nearest first."""
    others = (day + timedelta(days=step * number) for number in range(1, _FURTHEST))
    return islice((other for other in others if _is_expected(expected, other)), many)


class _Delivery(NamedTuple):
    """A file, and the time by which it is given to a slot."""

    row: LedgerRow
    when: datetime


def _deliveries(rows: Iterable[LedgerRow]) -> Iterator[_Delivery]:
    """The files that partners sent: not those that hold corrections alone, and not what replaces an unknown file."""
    known = {row.file_id: row for row in rows}
    for row in known.values():
        first, seen = row, set[str]()
        while first.replaces and first.replaces in known and first.file_id not in seen:
            seen.add(first.file_id)
            first = known[first.replaces]
        if not first.replaces and not only_corrects(row):
            yield _Delivery(row, first.event_time)


def only_corrects(row: LedgerRow) -> bool:
    """Whether a file holds nothing but corrections of rows."""
    lines = sum(len(Entry.of(each).lines) for each in (*(row.corrects or ()), *(row.attempts or ())))
    return 0 < row.rows_read - row.rows_duplicate <= lines


def _is_late(when: datetime, due: Sequence[datetime], following: int) -> bool:
    """Whether a file is rather late for the slot before than early for the following; more are late than early."""
    return (when - due[following - 1]) / 2 <= due[following] - when


def _slot(
    expected: Expected,
    day: date,
    dues: Sequence[datetime],
    files: Sequence[LedgerRow],
    unusable: Sequence[LedgerRow],
    now: datetime,
) -> Slot:
    due, following = dues[0], dues[1] if len(dues) > 1 else None
    late_from = due + timedelta(minutes=expected.grace_minutes)
    state: State
    if len(files) >= expected.files:
        state = "on_time" if files[expected.files - 1].event_time <= late_from else "late"
    elif now <= late_from:
        state = "due"
    else:
        state = "missed" if following is not None and now > following else "missing"
    return Slot(
        day=day,
        due=due,
        late_from=late_from,
        state=state,
        needed=expected.files,
        files=files,
        unusable=unusable,
    )
