"""What somebody says of a day on which files are expected: that none was, or that what came is right."""

from collections.abc import Iterable, Mapping
from datetime import date

from duff_orders.clock import utc_now
from duff_orders.documents import Said, Settled, Settlement
from duff_orders.errors import InputError
from duff_orders.lake import layout
from duff_orders.lake.documents import SETTLED, OnDamage
from duff_orders.lake.given_up import LONGEST_WHY
from duff_orders.lake.stores.base import Store

#: What was said of days, by the partner's name and the day.
Settlements = Mapping[tuple[str, date], Settled]


def all_settled(store: Store, damaged: OnDamage | None = None) -> dict[tuple[str, date], Settled]:
    """All that was said of days. Raises DamagedObject for what cannot be read, or tells `damaged` of it and goes on."""
    return {(each.partner, each.day): each for each in SETTLED.every(store, damaged)}


def settle(
    store: Store,
    partner: str,
    days: Iterable[date],
    what: Said,
    why: str,
    *,
    by: str | None = None,
    undo: bool = False,
) -> None:
    """Say something of a partner's days, or take it back; saying it again changes nothing.

    Raises InputError where the reason is none.
    """
    why = why.strip()
    if (not why and not undo) or len(why) > LONGEST_WHY:
        raise InputError(f"why: {len(why):,} characters; allowed are 1 to {LONGEST_WHY:,}")
    for day in days:
        _add(store, partner, day, Settlement(what=what, why=why, at=utc_now(), undo=undo, by=by))


def _add(store: Store, partner: str, day: date, said: Settlement) -> None:
    """Say one more thing of a day, after all that was said before."""

    def told(before: Settled | None) -> Settled | None:
        holds = before is not None and before.holds(said.what) is not None
        if holds is not said.undo:
            return None
        return Settled(partner=partner, day=day, said=(*(before.said if before else ()), said))

    SETTLED.change(store, layout.settled_object(partner, day), told)
