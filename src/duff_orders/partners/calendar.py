"""Is everything in? What partners have promised, beside what the ledger holds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from duff_orders.clock import format_time
from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import partners
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.stores.base import Store
from duff_orders.partners.settled import Settlements
from duff_orders.partners.slots import FIRST_DAY, LAST_DAY, Slot, reach, slots, today
from duff_orders.profiles.profile import Expected

#: What came on some days of the ledger, both included.
Arrivals = Callable[[date, date], Iterable[LedgerRow]]


@dataclass(frozen=True, slots=True)
class Promised:
    """What a partner has promised, and the slots of some days; `damaged` says why nothing can be told."""

    name: str
    prefix: str
    expected: Expected | None = None
    slots: Sequence[Slot] = ()
    damaged: str = ""


def arrivals(ledger: Ledger) -> Arrivals:
    """What came, as the documents of the ledger say; those that cannot be read are left out."""

    def of(first: date, last: date) -> Iterable[LedgerRow]:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            yield from ledger.rows(day=f"pa_date={day}", damaged=lambda _: None)

    return of


def promised(
    store: Store,
    came: Arrivals,
    settled: Settlements,
    now: datetime,
    first: date | None = None,
    last: date | None = None,
) -> list[Promised]:
    """The slots of all partners that have promised anything, of some days; without any of today, where the partner is.

    A partner whose profile cannot be read is told of, too. Of the ledger only the days are read that matter. Raises
    InputError for days that are out of bounds.
    """
    for each in filter(None, (first, last)):
        if not FIRST_DAY <= each <= LAST_DAY:
            raise InputError(f"{each}: allowed are days from {FIRST_DAY} to {LAST_DAY}")
    index = partners.partners(store)
    told = dict[str, Promised]()
    spans = dict[str, tuple[date, date]]()
    for entry in index.profiles:
        try:
            expected = partners.known(store, entry).profile.expected
        except DamagedObject as error:
            told[entry.name] = Promised(entry.name, entry.prefix, damaged=str(error))
            continue
        if expected is not None:
            expected = without_settled(entry.name, expected, settled)
            told[entry.name] = Promised(entry.name, entry.prefix, expected)
            day = today(expected, now)
            spans[entry.name] = first or day, last or first or day
    reached = (reach(each.expected, *spans[name]) for name, each in told.items() if each.expected)
    begin = min((span[0] for span in reached if span), default=now)
    rows = [*came(begin.date(), now.date())] if begin < now else []
    for name, span in spans.items():
        under, of = partners.Under.of(index, name), told[name]
        of_partner = [row for row in rows if under.holds(row.source_file)]
        if of.expected:
            told[name] = replace(of, slots=slots(of.expected, of_partner, *span, now))
    return [*told.values()]


def without_settled(name: str, expected: Expected, settled: Settlements) -> Expected:
    """A promise without the days of which somebody said that none was expected."""
    days = (day for (partner, day), said in settled.items() if partner == name and said.holds("not_expected"))
    return replace(expected, except_=tuple(sorted({*expected.except_, *days})))


def facts(of: Promised) -> dict[str, Any]:
    """The same as a document: days by the partner's zone, times in UTC, files by their ids."""
    return {
        "name": of.name,
        "prefix": of.prefix,
        "zone": of.expected.zone if of.expected else None,
        "damaged": of.damaged or None,
        "slots": [*map(slot_facts, of.slots)],
    }


def slot_facts(slot: Slot) -> dict[str, Any]:
    """A slot as a document."""
    return {
        "day": slot.day.isoformat(),
        "due": format_time(slot.due),
        "late_from": format_time(slot.late_from),
        "state": slot.state,
        "needed": slot.needed,
        "files": [row.file_id for row in slot.files],
        "unusable": [row.file_id for row in slot.unusable],
    }
