"""How much of a partner usually comes on a day, and how much of it is rejected; what is beyond is marked, not held up.

Bounds are told with every mark, and are simple enough to be checked by hand: half and twice the middle of the last
eight same weekdays; twice the middle share of the four weeks before, and no less than one in a hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Literal

#: Same weekdays that a volume is compared with, and the fewest that tell anything.
WEEKDAYS, FEWEST_WEEKDAYS = 8, 3
#: Days before that a share is compared with, and the fewest of them with files that tell anything.
SHARE_DAYS, FEWEST_DAYS = 28, 5
#: The least bound of a share, and the fewest rejected rows that are marked.
LEAST_SHARE, FEWEST_ROWS = Decimal("0.01"), 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What came on a day."""

    day: date
    rows: int
    rejected: int

    @property
    def share(self) -> Decimal:
        """The share of its rows that were rejected; 0 of none."""
        return Decimal(self.rejected) / self.rows if self.rows else Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That a day is beyond what is usual: rows are `fewer` or `more`, or `rejects` are.

    `found` and the bounds are rows, of `rejects` shares; `middle`, `least` and `most` are those of the days before.
    """

    what: Literal["fewer", "more", "rejects"]
    found: Decimal
    bound: Decimal
    middle: Decimal
    least: Decimal
    most: Decimal
    days: int


def volume_mark(amount: Amount, before: Sequence[Amount]) -> Mark | None:
    """Whether a day has far fewer or more rows than the same weekdays `before` it, in their order."""
    rows = [each.rows for each in before if each.day.weekday() == amount.day.weekday()][-WEEKDAYS:]
    if len(rows) < FEWEST_WEEKDAYS:
        return None
    middle = Decimal(str(median(rows)))
    for what, bound, beyond in (
        ("fewer", middle / 2, amount.rows < middle / 2),
        ("more", middle * 2, amount.rows > middle * 2),
    ):
        if beyond:
            found, least, most = map(Decimal, (amount.rows, min(rows), max(rows)))
            kind: Literal["fewer", "more"] = "fewer" if what == "fewer" else "more"
            return Mark(what=kind, found=found, bound=bound, middle=middle, least=least, most=most, days=len(rows))
    return None


def share_bound(day: date, before: Sequence[Amount]) -> tuple[Decimal, list[Decimal]] | None:
    """The share of rejected rows beyond which a day is marked, and those of the days that it is made from."""
    since = day - timedelta(days=SHARE_DAYS)
    shares = [each.share for each in before if each.day >= since and each.rows]
    if len(shares) < FEWEST_DAYS:
        return None
    return max(LEAST_SHARE, 2 * Decimal(median(shares))), shares


def share_mark(amount: Amount, before: Sequence[Amount]) -> Mark | None:
    """Whether far more of a day's rows were rejected than of those `before` it."""
    told = share_bound(amount.day, before)
    if told is None or amount.rejected < FEWEST_ROWS or amount.share <= told[0]:
        return None
    bound, shares = told
    return Mark(
        what="rejects",
        found=amount.share,
        bound=bound,
        middle=Decimal(median(shares)),
        least=min(shares),
        most=max(shares),
        days=len(shares),
    )
