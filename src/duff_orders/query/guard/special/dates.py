"""Functions whose unit is a text, such as date_trunc, and arithmetic with intervals."""

import re
from dataclasses import replace

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.conversions import cast, coerced, same
from duff_orders.query.guard.excerpt import excerpt, quoted
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.special.intervals import by_wall_clock
from duff_orders.query.guard.types import BIGINT, MAX_FRACTION, instant, timestamp
from duff_orders.query.guard.ways import milliseconds

#: Of each unit what DuckDB makes an interval by, and how many of that it is.
_UNITS = {
    "millisecond": ("to_milliseconds", 1),
    "second": ("to_milliseconds", 1_000),
    "minute": ("to_milliseconds", 60_000),
    "hour": ("to_milliseconds", 3_600_000),
    "day": ("to_days", 1),
    "week": ("to_days", 7),
    "month": ("to_months", 1),
    "quarter": ("to_months", 3),
    "year": ("to_months", 12),
}
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.]\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?")
_OF_TIMES = ("millisecond", "second", "minute", "hour")
#: What `extract` takes.
_FIELDS = frozenset(
    (
        *(unit for unit in _UNITS if unit != "millisecond"),
        *("dow", "day_of_week", "doy", "day_of_year", "yow", "year_of_week", "day_of_month"),
        *("timezone_hour", "timezone_minute"),
    )
)


def truncated(expressions: Values, node: exp.Expr) -> Typed:
    """date_trunc(unit, x)."""
    unit, value = _unit(node, 0), _time(expressions, node, 1)
    if value.type.name == "date" and unit in _OF_TIMES:
        raise QueryRefused(f"date_trunc of a {value.type} to a {unit} is not on offer: {excerpt(node)}")
    return by_wall_clock(value, lambda clock: f"date_trunc('{unit}', {clock})")


def added(expressions: Values, node: exp.Expr) -> Typed:
    """date_add(unit, number, x)."""
    unit, count, value = _unit(node, 0), expressions.typed(node.expressions[1]), _time(expressions, node, 2)
    return _moved(value, unit, coerced(count, BIGINT), node)


def between(expressions: Values, node: exp.Expr) -> Typed:
    """date_diff(unit, from, to): whole units, cut off."""
    unit = _unit(node, 0)
    pair = [_time(expressions, node, place) for place in (1, 2)]
    if all(each.type.zone for each in pair):  # by the clock of the first one's zone
        pair[1] = Typed(replace(pair[1].type, zone=pair[0].type.zone), pair[1].text)
    kind, (first, last) = same(pair, "date_diff")
    if kind.name == "date" and unit in _OF_TIMES:
        raise QueryRefused(f"date_diff of dates in a {unit} is not on offer: {excerpt(node)}")
    if kind.zone and unit not in _OF_TIMES:
        first, last = zones.local(first, kind.zone), zones.local(last, kind.zone)
    return Typed(BIGINT, f"datesub('{unit}', {first}, {last})")


def part(expressions: Values, node: exp.Expr) -> Typed:
    """extract(field from x)."""
    field = node.this.name.lower()
    if field not in _FIELDS:
        raise QueryRefused(f"extract takes {', '.join(sorted(_FIELDS))}, not {field[:40]}")
    return expressions.call(field, [expressions.typed(node.expression)])


def in_zone(expressions: Values, node: exp.Expr) -> Typed:
    """`x at time zone 'Z'`: the same instant, whose clock is another's."""
    value, written = expressions.typed(node.this), node.args["zone"]
    name = quoted(written)
    if name is None:
        raise QueryRefused(f"write the zone between quotes: {excerpt(node)}")
    return zoned(value, zones.zone(name), node)


def at_timezone(expressions: Values, node: exp.Expr) -> Typed:
    """As `at time zone`, written as a call."""
    if len(node.expressions) != 2:
        raise QueryRefused(f"at_timezone takes a time and a zone: {excerpt(node)}")
    return in_zone(expressions, exp.AtTimeZone(this=node.expressions[0], zone=node.expressions[1]))


def now(expressions: Values, node: exp.Expr) -> Typed:
    """Of current_timestamp(digits) and localtimestamp(digits) the time; without digits there are no brackets."""
    precision = node.expressions[0] if len(node.expressions) == 1 else None
    if not (isinstance(precision, exp.Literal) and precision.is_int and int(precision.name) <= MAX_FRACTION):
        raise QueryRefused(f"{node.name} takes the digits of a second, at most {MAX_FRACTION}: {excerpt(node)}")
    clock = Typed(timestamp(MAX_FRACTION), "timezone('UTC', now())")
    digits = int(precision.name)
    return cast(clock, timestamp(digits) if node.name.lower() == "localtimestamp" else instant(digits))


def with_timezone(expressions: Values, node: exp.Expr) -> Typed:
    """Of a timestamp and a zone the instant at which that zone's clock shows the time."""
    value = _time(expressions, node, 0)
    zone = quoted(node.expressions[1]) if len(node.expressions) == 2 else None
    if value.type.name != "timestamp" or zone is None:
        raise QueryRefused(f"with_timezone takes a timestamp, and a zone between quotes: {excerpt(node)}")
    kind = instant(value.type.size or 0, zones.zone(zone))
    return Typed(kind, f"cast({zones.instant(value.text, kind.zone)} as timestamp)")


def from_iso8601(expressions: Values, node: exp.Expr) -> Typed:
    """Of from_iso8601_timestamp(literal): the zone of a text that differs from row to row is none."""
    text = quoted(node.expressions[0]) if len(node.expressions) == 1 else None
    if text is None:
        raise QueryRefused(
            "from_iso8601_timestamp takes a text between quotes; of a column write cast(… as timestamp): "
            f"{excerpt(node)}"
        )
    match = _ISO.fullmatch(text)
    if not match:
        raise QueryRefused(f"{text[:60]!r} is no such time; write e.g. '2026-01-31T10:00:00Z'")
    kind = instant(3, zones.zone(match[2] or "UTC"))
    clock = f"cast('{match[1].replace('T', ' ')}' as timestamp)"
    return Typed(kind, milliseconds(f"cast({zones.instant(clock, kind.zone)} as timestamp)"))


def zoned(value: Typed, name: str, node: exp.Expr) -> Typed:
    """An instant with another zone; a time without one is taken for UTC's, as sessions of Athena are in UTC."""
    if value.type.name not in ("timestamp", "timestamp with time zone"):
        raise QueryRefused(f"at time zone takes a timestamp, not a {value.type}: {excerpt(node)}")
    return Typed(instant(value.type.size or 0, name), value.text)


def _moved(value: Typed, unit: str, count: str, node: exp.Expr) -> Typed:
    if value.type.name == "date" and unit in _OF_TIMES:
        raise QueryRefused(f"date_add of a date by a {unit} is not on offer: {excerpt(node)}")
    word, many = _UNITS[unit]
    number = count if many == 1 else f"{count} * {many}"
    if word == "to_milliseconds":  # so many later, whatever the clock shows
        return Typed(value.type, f"cast({value.text} + {word}({number}) as {value.type.duckdb})")
    return by_wall_clock(value, lambda clock: f"{clock} + {word}(cast({number} as integer))")


def _unit(node: exp.Expr, place: int) -> str:
    """The unit, which is a literal."""
    unit = quoted(node.expressions[place]) if len(node.expressions) > place else None
    name = (unit or "").lower()
    if name not in _UNITS:
        raise QueryRefused(f"{node.name} takes one of {', '.join(map(repr, _UNITS))} first: {excerpt(node)}")
    return name


def _time(expressions: Values, node: exp.Expr, place: int) -> Typed:
    if len(node.expressions) != place + 1 and place > 1:
        raise QueryRefused(f"{node.name} takes {place + 1} arguments: {excerpt(node)}")
    if len(node.expressions) <= place:
        raise QueryRefused(f"{node.name} lacks an argument: {excerpt(node)}")
    value = expressions.typed(node.expressions[place])
    if not value.type.is_time:
        raise QueryRefused(f"{node.name} of a {value.type} is not on offer: {excerpt(node)}")
    return value


#: Functions whose first argument is a unit.
FUNCTIONS = {
    "at_timezone": at_timezone,
    "with_timezone": with_timezone,
    "current_timestamp": now,
    "localtimestamp": now,
    "from_iso8601_timestamp": from_iso8601,
    "date_trunc": truncated,
    "date_add": added,
    "date_diff": between,
}
