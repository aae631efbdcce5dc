"""Conversions between types: those Trino makes implicitly, and those that `cast` and `try_cast` request.

https://trino.io/docs/current/functions/conversion.html
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.coercions import common, steps
from duff_orders.query.guard.excerpt import quoted
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import (
    MAX_DIGITS,
    MAX_FRACTION,
    UNKNOWN,
    VARCHAR,
    Type,
    array,
    decimal,
    instant,
    timestamp,
    varchar,
)
from duff_orders.query.guard.ways import TIME, WAYS, has_zone, is_literal, kind_of

_T = exp.DataType.Type
_NAMES = {
    **{_T.BOOLEAN: "boolean", _T.TINYINT: "tinyint", _T.SMALLINT: "smallint", _T.INT: "integer", _T.BIGINT: "bigint"},
    **{_T.FLOAT: "real", _T.DOUBLE: "double", _T.DATE: "date", _T.VARCHAR: "varchar", _T.TEXT: "varchar"},
}


def coerced(value: Typed, to: Type) -> str:
    """The text of a value as another type to which Trino takes it by itself. Raises QueryRefused where it does not."""
    if value.type == to:
        return value.text
    if steps(value.type, to) is None:
        raise QueryRefused(f"{value.type} is no {to}; write cast(… as {to})")
    return _text(value, to)


def same(values: Sequence[Typed], what: str) -> tuple[Type, list[str]]:
    """Values as the one type that they have in common. Raises QueryRefused where there is none."""
    shared: Type | None = UNKNOWN
    for each in values:
        shared = shared and common(shared, each.type)
    if shared is None:
        raise QueryRefused(f"{what}: {', '.join(str(each.type) for each in values)} have no type in common")
    return shared, [coerced(each, shared) for each in values]


def written_type(node: exp.DataType) -> Type:
    """The type that a cast names. Raises QueryRefused for one that is not on offer."""
    sizes = [int(each.this.name) for each in node.expressions if isinstance(each, exp.DataTypeParam)]
    if node.this == _T.DECIMAL:
        digits, scale = (sizes + [MAX_DIGITS, 0][len(sizes) :])[:2]
        if not 1 <= digits <= MAX_DIGITS or scale > digits:
            raise QueryRefused(f"decimal({digits},{scale}): a decimal has 1 to {MAX_DIGITS} digits, and no finer scale")
        return decimal(digits, scale)
    if node.this == _T.ARRAY and node.expressions:
        return array(written_type(node.expressions[0]))
    if node.this in (_T.TIMESTAMP, _T.TIMESTAMPTZ):
        size = sizes[0] if sizes else 3
        if size > MAX_FRACTION:
            raise QueryRefused(f"timestamp({size}): at most {MAX_FRACTION} digits of a second are on offer")
        return timestamp(size) if node.this == _T.TIMESTAMP else instant(size)
    name = _NAMES.get(node.this)
    if name is None:
        raise QueryRefused(f"cast: the type {node.sql('trino').lower()[:80]} is not on offer")
    return varchar(*sizes[:1]) if name == "varchar" else Type(name)


_ZONED = re.compile(rf"({TIME}?)\s*(Z|[A-Za-z][\w+/-]*|[+-]\d{{2}}:?\d{{2}})")


def zoned_literal(node: exp.Expr) -> Typed | None:
    """`timestamp '2026-01-31 10:00 America/Santiago'`, which the parser has as a cast; None for anything else."""
    to, literal = node.args["to"], node.this
    if to.this == _T.TIMESTAMP and to.expressions and isinstance(literal, exp.Literal) and has_zone(literal.name):
        # Of a literal the parser gives the digits, and passes over the zone of one without hours.
        raise QueryRefused(f"write the time of day before the zone: {literal.name[:60]!r}")
    if to.this != _T.TIMESTAMPTZ or quoted(literal) is None:
        return None
    match = _ZONED.fullmatch(literal.name)
    if not match:
        raise QueryRefused(f"{literal.name[:60]!r} is no time with a zone; write e.g. '2026-01-31 10:00 UTC'")
    kind = replace(written_type(to), zone=zones.zone(match.group(match.lastindex or 0)))
    clock = WAYS["varchar", "timestamp"](f"'{match[1].strip()}'", VARCHAR, timestamp(kind.size or 0))
    return Typed(kind, f"cast({zones.instant(clock, kind.zone)} as timestamp)")


def cast(value: Typed, to: Type, *, safe: bool = False) -> Typed:
    """`cast(value as to)`, or with `safe` the `try_cast`. Raises QueryRefused where there is none."""
    if to.zone and value.type.zone:  # it keeps its own
        to = replace(to, zone=value.type.zone)
    if value.type == to:
        return value
    if safe and value.type.name == "varchar" and to == timestamp(MAX_FRACTION) and not is_literal(value.text):
        # More digits are a value in Athena, and would be null here.
        raise QueryRefused(f"try_cast of a text to {to} is not on offer; write timestamp(3)")
    text = _text(value, to)
    return Typed(to, f"try({text})" if safe else text)


def _text(value: Typed, to: Type) -> str:
    kind = value.type
    if kind.name == "unknown":
        return f"cast(null as {to.duckdb})"
    if kind.is_number and to.is_number:
        return _number(value, to)
    if kind.element and to.element:
        inner = _text(Typed(kind.element, "each"), to.element)
        return value.text if kind.duckdb == to.duckdb else f"list_transform({value.text}, lambda each: {inner})"
    way = WAYS.get((kind_of(kind), kind_of(to)))
    if way is None:
        raise QueryRefused(f"cast: {kind} to {to} is not on offer")
    return f"cast({way(value.text, kind, to)} as {to.duckdb})"


def _number(value: Typed, to: Type) -> str:
    """Halves are rounded away from zero; DuckDB rounds those of doubles to the even one."""
    text = value.text
    if value.type.name == "real" and to.name == "decimal":  # Java writes more digits of it than tell it apart
        raise QueryRefused(f"cast: real to {to} is not on offer; write cast(cast(… as double) as {to})")
    if value.type.name == "double" and to.name == "decimal":
        # The decimal is that of the digits written; too many are an error, which DuckDB looks for at 38 alone.
        text = f"cast(cast({text} as varchar) as decimal(38,{to.scale}))"
    elif to.is_integer and not value.type.is_integer:
        text = f"round({text})"
    return f"cast({text} as {to.duckdb})"
