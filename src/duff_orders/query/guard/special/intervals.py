"""Intervals: literals, and what they do to dates and times.

Those of days and less are whole milliseconds, those of years and months whole months.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.pieces import piece
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import DAY_INTERVAL, YEAR_INTERVAL

#: The parts of intervals, the larger first, and what stands for each in a literal.
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_NUMBER = r"(\d{1,9})"
_WRITTEN = (_NUMBER, f"-?{_NUMBER}", _NUMBER, f" ?{_NUMBER}", f":?{_NUMBER}", r":?(\d{1,9}(?:[.]\d{1,3})?)")
_OF_YEARS = ("year", "month")
_MILLISECONDS = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1_000}


def literal(expressions: Values, node: exp.Expr) -> Typed:
    """A literal: of days and less the milliseconds, of months and more the months."""
    unit, text = node.args.get("unit"), node.this
    if not isinstance(text, exp.Literal) or not unit:
        raise QueryRefused(f"an interval is a literal such as interval '3' day: {excerpt(node)}")
    ends = [unit.this, unit.expression] if isinstance(unit, exp.IntervalSpan) else [unit, unit]
    first, last = (str(each.name).lower() for each in ends)
    parts = _PARTS.index(first) if first in _PARTS else -1, _PARTS.index(last) if last in _PARTS else -1
    pattern = "".join(_WRITTEN[place] for place in range(parts[0], parts[1] + 1)) if -1 < parts[0] <= parts[1] else ""
    match = re.fullmatch(f"([+-]?){pattern.lstrip(': -')}", text.name.strip()) if pattern else None
    if (first in _OF_YEARS) != (last in _OF_YEARS) or not match:
        raise QueryRefused(f"an interval is a literal such as interval '3' day: {excerpt(node)}")
    many = [_MILLISECONDS.get(each, 12 if each == "year" else 1) for each in _PARTS[parts[0] : parts[1] + 1]]
    numbers = (Decimal(each or 0) * by for each, by in zip(match.groups()[1:], many, strict=True))
    total = int(sum(numbers)) * (-1 if match[1] == "-" else 1)
    if first in _OF_YEARS:
        return Typed(YEAR_INTERVAL, f"cast({total} as integer)")
    return Typed(DAY_INTERVAL, f"cast({total} as bigint)")


def moved(left: Typed, right: Typed, *, back: bool) -> Typed | None:
    """A time plus or minus an interval; None where there is none in it."""
    if left.type in (DAY_INTERVAL, YEAR_INTERVAL) and right.type.is_time and not back:
        left, right = right, left
    if not left.type.is_time or right.type not in (DAY_INTERVAL, YEAR_INTERVAL):
        return None
    sign = "-" if back else ""
    if right.type == YEAR_INTERVAL:
        return by_wall_clock(left, lambda clock: f"{clock} + to_months({sign}{right.text})")
    if left.type.name == "date":  # hours of a date are an error in Trino; a whole number of days is what is left
        days = f"cast({piece('duff_days', sign + right.text)} as integer)"
        return Typed(left.type, f"cast({left.text} + to_days({days}) as date)")
    kind = replace(left.type, size=max(left.type.size or 0, 3))  # an interval has milliseconds
    return Typed(kind, f"({left.text} + to_milliseconds({sign}{right.text}))")


def by_wall_clock(value: Typed, done_to: Callable[[str], str]) -> Typed:
    """What is done to a time as the clock of its zone shows it."""
    kind = value.type
    if not kind.zone:
        return Typed(kind, f"cast({done_to(value.text)} as {kind.duckdb})")
    done = f"cast({done_to(zones.local(value.text, kind.zone))} as timestamp)"
    return Typed(kind, f"cast({zones.instant(done, kind.zone)} as timestamp)")
