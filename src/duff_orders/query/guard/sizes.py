"""How much a query may ask for in a few words: a long text, a long sequence.

Bounded here is what the query's own text says. What its data decides (`replace`, `||`) is bounded by the
memory that the engine may take.
"""

from datetime import UTC, date, datetime, timedelta

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.rewrite import excerpt

#: Athena's own limit to `sequence`.
MAX_SEQUENCE = 10_000
MAX_PAD = 10_000

_T = exp.DataType.Type
#: The least that an interval of one unit spans.
_UNITS = {
    "MILLISECOND": timedelta(milliseconds=1),
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
    "WEEK": timedelta(days=7),
    "MONTH": timedelta(days=28),
    "QUARTER": timedelta(days=89),
    "YEAR": timedelta(days=365),
}


def check_sizes(tree: exp.Expr) -> None:
    """Refuse a `sequence`, `lpad` or `rpad` that is too long or whose length cannot be read. Raises QueryRefused."""
    for pad in tree.find_all(exp.Pad):
        length = _whole(pad.expression)
        if length is None or length > MAX_PAD:
            raise QueryRefused(f"lpad and rpad take a length as a number, at most {MAX_PAD:,}: {excerpt(pad)}")
    for node in tree.find_all(exp.GenerateSeries):
        entries = _entries(node)
        if entries is None:
            raise QueryRefused(
                "sequence takes whole numbers, or dates such as date '2026-01-31' and current_date, "
                f"and a step as a number or interval: {excerpt(node)}"
            )
        if entries > MAX_SEQUENCE:
            raise QueryRefused(f"a sequence has {entries:,} values; allowed: {MAX_SEQUENCE:,}: {excerpt(node)}")


def _entries(node: exp.GenerateSeries) -> int | None:
    """At most how many values the sequence has; None where its text does not say."""
    start, end, step = (node.args.get(part) for part in ("start", "end", "step"))
    first, last = _whole(start), _whole(end)
    if first is not None and last is not None:
        by = 1 if step is None else _whole(step)
        return abs(last - first) // abs(by) + 1 if by else None
    since, until = _instant(start), _instant(end)
    if since is None or until is None:
        return None
    span = timedelta(days=1) if step is None else _span(step)
    return abs(until - since) // span + 1 if span else None


def _whole(node: object) -> int | None:
    if isinstance(node, exp.Neg):
        value = _whole(node.this)
        return None if value is None else -value
    is_short = isinstance(node, exp.Literal) and node.is_int and len(node.name) <= 18
    return int(node.name) if is_short and isinstance(node, exp.Literal) else None


def _instant(node: object) -> datetime | None:
    if isinstance(node, exp.CurrentDate):
        return datetime.combine(datetime.now(UTC), datetime.min.time())
    is_literal = isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal)
    if not is_literal or not isinstance(node, exp.Cast) or node.to.this not in (_T.DATE, _T.TIMESTAMP):
        return None
    try:
        if node.to.this == _T.DATE:
            return datetime.combine(date.fromisoformat(node.this.name), datetime.min.time())
        return datetime.fromisoformat(node.this.name).replace(tzinfo=None)
    except ValueError:
        return None


def _span(node: object) -> timedelta | None:
    """The least that a step spans, its sign left out."""
    if isinstance(node, exp.Neg):
        return _span(node.this)
    if not isinstance(node, exp.Interval) or not isinstance(node.this, exp.Literal):
        return None
    unit = _UNITS.get(node.text("unit").upper())
    count = node.this.name.lstrip("+-")
    return unit * int(count) if unit and count.isdecimal() and len(count) <= 6 else None
