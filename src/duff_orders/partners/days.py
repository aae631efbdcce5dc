"""Each expected day of a partner with all that is to be said of it, in one word: the worst that is open."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from statistics import median_low
from typing import Literal
from zoneinfo import ZoneInfo

from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject
from duff_orders.lake import partners
from duff_orders.lake.standing import Standing, Standings
from duff_orders.lake.stores.base import Store
from duff_orders.partners.calendar import Promised, without_settled
from duff_orders.partners.settled import Settlements
from duff_orders.partners.slots import FIRST_DAY, Slot, slots, today
from duff_orders.partners.usual import Amount, Mark, share_mark, volume_mark

#: The worst that is open, the worst first; `in` and `late` are quiet. `due`: there is time.
Word = Literal["missing", "missed", "invalid", "failed", "rows", "fewer", "more", "rejects", "due", "late", "in"]
#: The words of days that wait for somebody.
OPEN: tuple[Word, ...] = ("missing", "missed", "invalid", "failed", "rows", "fewer", "more", "rejects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """An expected day of a partner: what came, how many rows of it are open, and what is unusual.

    `right` tells that somebody said of what is unusual that it is right: `marks` are without it then.
    """

    partner: str
    zone: str
    slot: Slot
    word: Word
    open: int
    broken: tuple[Standing, ...]
    marks: tuple[Mark, ...]
    right: bool = False

    @property
    def due_there(self) -> datetime:
        """When its files are due, where the partner is."""
        return self.slot.due.astimezone(ZoneInfo(self.zone))

    @property
    def lacking(self) -> int:
        """How many files of those that are expected have not come, whatever became of them."""
        return max(0, self.slot.needed - len(self.slot.files) - len(self.broken))

    @property
    def arrived_there(self) -> datetime | None:
        """When the last file came that is needed, where the partner is."""
        return self.slot.arrived.astimezone(ZoneInfo(self.zone)) if self.slot.arrived else None

    @property
    def amount(self) -> Amount:
        """The rows of its files."""
        return _amount(self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerDays:
    """A partner: what it has promised, and all of its days, oldest first; `damaged` says why nothing can be told."""

    under: partners.Under
    promised: Promised
    email: str | None = None
    days: Sequence[Day] = ()
    rows: Sequence[LedgerRow] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """What its profile is called."""
        return self.under.name

    def between(self, first: date, last: date) -> list[Day]:
        """Its days of a span, both ends included."""
        return [each for each in self.days if first <= each.slot.day <= last]

    def on(self, day: date) -> Day | None:
        """One of its days; None where no file is expected."""
        place = bisect_left(self.days, day, key=lambda each: each.slot.day)
        return self.days[place] if place < len(self.days) and self.days[place].slot.day == day else None

    def newest(self, now: datetime) -> Day | None:
        """The day that is told of as today's: today's own, else the last one before."""
        if self.promised.expected is None:
            return None
        last = today(self.promised.expected, now)
        return next((each for each in reversed(self.days) if each.slot.day <= last), None)


def all_days(
    store: Store,
    rows: Iterable[LedgerRow],
    standings: Standings,
    settled: Settlements,
    now: datetime,
    known: int | None = None,
) -> list[PartnerDays]:
    """All partners of a lake with all of their days until now, and the one that is due next.

    `known`: that `rows` are those of so many days only, of which the first three tell nothing of their own.
    Raises DamagedObject where the index of the profiles cannot be read.
    """
    index = partners.partners(store)
    unders = [partners.Under.of(index, entry.name) for entry in index.profiles]
    by_name: dict[str, list[LedgerRow]] = {under.name: [] for under in unders}
    for row in rows:
        under = next((each for each in unders if each.holds(row.source_file)), None)
        if under is not None:
            by_name[under.name].append(row)
    told = []
    for entry, under in zip(index.profiles, unders, strict=True):
        try:
            profile = partners.known(store, entry).profile
        except DamagedObject as error:
            told.append(PartnerDays(under=under, promised=Promised(entry.name, entry.prefix, damaged=str(error))))
            continue
        promised = Promised(entry.name, entry.prefix, profile.expected)
        of = PartnerDays(under=under, promised=promised, email=profile.email, rows=by_name[entry.name])
        told.append(_with_days(of, standings, settled, now, known))
    return told


def _with_days(
    of: PartnerDays, standings: Standings, settled: Settlements, now: datetime, known: int | None
) -> PartnerDays:
    if of.promised.expected is None:
        return of
    expected = without_settled(of.name, of.promised.expected, settled)
    last = today(expected, now) + timedelta(days=1)
    oldest = min((row.event_time for row in of.rows), default=now).astimezone(ZoneInfo(expected.zone)).date()
    first = max(FIRST_DAY, expected.since or oldest)
    if known is not None:
        first = max(first, last - timedelta(days=known - 3))
    if first > last:
        return of
    found = slots(expected, of.rows, first, last, now)
    days, before = list[Day](), list[Amount]()
    for slot in found:
        said = settled.get((of.name, slot.day))
        right = said is not None and said.holds("right") is not None
        days.append(_day((of.name, expected.zone), slot, standings, before, right=right))
        if slot.is_complete:
            before.append(_amount(slot))
            del before[:-_KEPT]
    promised = replace(of.promised, expected=expected, slots=found)
    return replace(of, promised=promised, days=days)


#: Days before that tell what is usual: eight weeks of every day.
_KEPT = 8 * 7


def _day(whose: tuple[str, str], slot: Slot, standings: Standings, before: Sequence[Amount], *, right: bool) -> Day:
    broken = tuple(each for each in map(standings.of, slot.unusable) if each.is_open)
    open_rows = sum(standings.of(row).open for row in slot.files)
    marks: tuple[Mark, ...] = ()
    if slot.is_complete:
        amount = _amount(slot)
        marks = tuple(each for each in (volume_mark(amount, before), share_mark(amount, before)) if each)
    kept = () if right else marks
    return Day(
        partner=whose[0],
        zone=whose[1],
        slot=slot,
        word=_word(slot, broken, open_rows, kept),
        open=open_rows,
        broken=broken,
        marks=kept,
        right=right and bool(marks),
    )


def _word(slot: Slot, broken: Sequence[Standing], open_rows: int, marks: Sequence[Mark]) -> Word:
    """The worst that is open of a day."""
    if slot.state in ("missing", "missed") and len(slot.files) + len(broken) < slot.needed:
        return slot.state
    if broken:
        return "invalid" if any(each.row.verdict == "invalid" for each in broken) else "failed"
    if open_rows:
        return "rows"
    if marks:
        return marks[0].what
    if slot.state == "due":
        return "due"
    return "late" if slot.state == "late" else "in"


def _amount(slot: Slot) -> Amount:
    return Amount(
        day=slot.day,
        rows=sum(row.rows_read for row in slot.files),
        rejected=sum(row.rows_rejected for row in slot.files),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Some days of a partner in numbers: those that are over, when files usually came, what was rejected."""

    on_time: int
    late: int
    missed: int
    usual: datetime | None
    latest: datetime | None
    rows: int
    rejected: int

    @property
    def over(self) -> int:
        """Days whose files came, or did not in time."""
        return self.on_time + self.late + self.missed


def summary(days: Iterable[Day]) -> Summary:
    """The summary of some days; times are where the partner is, and of an arrival the time of the day is compared."""
    days = [*days]
    states = [day.slot.state for day in days]
    local = [day.arrived_there for day in days if day.arrived_there]
    by_time = {when.time(): when for when in local}
    return Summary(
        on_time=states.count("on_time"),
        late=states.count("late"),
        missed=states.count("missed") + states.count("missing"),
        usual=by_time[median_low(by_time)] if by_time else None,
        latest=by_time[max(by_time)] if by_time else None,
        rows=sum(day.amount.rows for day in days),
        rejected=sum(day.amount.rejected for day in days),
    )
