"""What partners have promised, and what came: each expected day is a slot, whose state is told from the ledger alone.

States are computed, never stored: a file that came later, or a row that was replayed, changes what is told of a day at
once. Files are given to slots by their event times, which are the store's: our own delay is nobody's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from duff_orders.documents import LedgerRow
from duff_orders.profiles.profile import DAYS, Expected

#: `due`: there is time; `on_time`, `late`: all files came; `missing`: too few came in time, and may yet; `missed`: the
#: next slot was due before they did.
State = Literal["due", "on_time", "late", "missing", "missed"]
#: Days without a slot that are looked through for one: a week, and as many as may be excepted.
_FURTHEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One expected day of a partner, by its zone: `due` and `late_from` as instants, and what came for it.

    `files` are those that count, `unusable` those that came and could not be taken in; both by their event times.
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


def slots(expected: Expected, rows: Iterable[LedgerRow], first: date, last: date, now: datetime) -> list[Slot]:
    """The slots of some days, both included, as the files of a partner have filled them by now.

    A file goes to the oldest slot that is still open when it comes: to the one before until the next is due.
    """
    days = [*_days(expected, first, last)]
    if not days:
        return []
    before, after = _neighbour(expected, days[0], -1), _neighbour(expected, days[-1], 1)
    whole = [*([before] if before else []), *days, *([after] if after else [])]
    due = {day: due_at(expected, day) for day in whole}
    counted: dict[date, list[LedgerRow]] = {day: [] for day in whole}
    unusable: dict[date, list[LedgerRow]] = {day: [] for day in whole}
    for row in sorted(rows, key=lambda row: (row.event_time, row.file_id)):
        waiting = [*_waiting(whole, due, row.event_time)]
        if not waiting:
            continue
        lacking = [day for day in waiting if len(counted[day]) < expected.files]
        if row.published:
            counted[lacking[0] if lacking else waiting[-1]].append(row)
        elif row.verdict == "invalid":
            unusable[lacking[0] if lacking else waiting[-1]].append(row)
    told = []
    for place, day in enumerate(whole):
        if first <= day <= last:
            following = due[whole[place + 1]] if place + 1 < len(whole) else None
            told.append(_slot(expected, day, due[day], following, counted[day], unusable[day], now))
    return told


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


def _neighbour(expected: Expected, day: date, step: int) -> date | None:
    """The expected day before, or after, a day; None where there is none."""
    for number in range(1, _FURTHEST):
        other = day + timedelta(days=step * number)
        if _is_expected(expected, other):
            return other
    return None


def _waiting(days: Sequence[date], due: dict[date, datetime], when: datetime) -> Iterator[date]:
    """The slots that a file of this time may be for, oldest first: since the one before was due, until the next is."""
    for place, day in enumerate(days):
        since = due[days[place - 1]] if place else None
        until = due[days[place + 1]] if place + 1 < len(days) else None
        if (since is None or since < when) and (until is None or when <= until):
            yield day


def _slot(
    expected: Expected,
    day: date,
    due: datetime,
    following: datetime | None,
    files: Sequence[LedgerRow],
    unusable: Sequence[LedgerRow],
    now: datetime,
) -> Slot:
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
