"""From one type to another: what Trino does by itself, and what `cast` and `try_cast` ask for.

https://trino.io/docs/current/functions/conversion.html
"""

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import (
    MAX_DIGITS,
    MAX_FRACTION,
    UNKNOWN,
    Type,
    array,
    common,
    decimal,
    instant,
    steps,
    timestamp,
    varchar,
)

# Texts that Trino casts to a type; DuckDB takes more: '1_000', '0x10', ' 12', '1.5' for an integer.
_WHOLE = "[+-]?[0-9]+"
_DECIMAL = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_FLOATING = rf"\s*({_DECIMAL}|[+-]?(NaN|Infinity))\s*"
_DATE = r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*"
_TRUTH = "(?i:t|true|f|false|1|0)"
_TIME = rf"{_DATE}([ T][0-9]{{1,2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]{{1,6}})?)?)?\s*"

#: Macros by name, as those of the tables.
MACROS = {
    # What is no text of the type becomes one that does not cast.
    "duff_text": "(t, pattern) as case when regexp_full_match(t, pattern) then trim(t) else 'no value: ' || t end",
    "duff_plain": "(x) as regexp_replace(cast(x as varchar), '^(-?)[.]', '\\10.')",
}

_T = exp.DataType.Type
_NAMES = {
    **{_T.BOOLEAN: "boolean", _T.TINYINT: "tinyint", _T.SMALLINT: "smallint", _T.INT: "integer", _T.BIGINT: "bigint"},
    **{_T.FLOAT: "real", _T.DOUBLE: "double", _T.DATE: "date", _T.VARCHAR: "varchar", _T.TEXT: "varchar"},
}

_Way = Callable[[str, Type, Type], str]


def coerced(value: Typed, to: Type) -> str:
    """The text of a value as another type to which Trino takes it by itself. Raises QueryRefused where it does not."""
    if value.type == to:
        return value.text
    if steps(value.type, to) is None:
        raise QueryRefused(f"{value.type} is no {to}; write cast(… as {to})")
    return _text(value, to)


def same(values: Sequence[Typed], what: str) -> tuple[Type, list[str]]:
    """Values as the one type that they have in common. Raises QueryRefused where there is none."""
    found: Type | None = UNKNOWN
    for each in values:
        found = found and common(found, each.type)
    if found is None:
        raise QueryRefused(f"{what}: {', '.join(str(each.type) for each in values)} have no type in common")
    return found, [coerced(each, found) for each in values]


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
    if node.this == _T.TIMESTAMP:
        size = sizes[0] if sizes else 3
        if size > MAX_FRACTION:
            raise QueryRefused(f"timestamp({size}): at most {MAX_FRACTION} digits of a second are on offer")
        return timestamp(size)
    name = _NAMES.get(node.this)
    if name is None:
        raise QueryRefused(f"cast: the type {node.sql('trino').lower()[:80]} is not on offer")
    return varchar(*sizes[:1]) if name == "varchar" else Type(name)


_ZONED = re.compile(rf"({_TIME}?)\s*(Z|[A-Za-z][\w+/-]*|[+-]\d{{2}}:?\d{{2}})")


def zoned_literal(node: exp.Expr) -> Typed | None:
    """`timestamp '2026-01-31 10:00 America/Santiago'`, which the parser has as a cast; None for anything else."""
    to, literal = node.args["to"], node.this
    if to.this != _T.TIMESTAMPTZ or not (isinstance(literal, exp.Literal) and literal.is_string):
        return None
    found = _ZONED.fullmatch(literal.name)
    if not found:
        raise QueryRefused(f"{literal.name[:60]!r} is no time with a zone; write e.g. '2026-01-31 10:00 UTC'")
    sizes = [int(each.this.name) for each in to.expressions]
    kind = instant(sizes[0] if sizes else 3, zones.zone(found.group(found.lastindex or 0)))
    clock = f"cast('{found[1].strip()}' as timestamp)"
    return Typed(kind, f"cast({zones.instant(clock, kind.zone)} as timestamp)")


def cast(value: Typed, to: Type, *, safe: bool = False) -> Typed:
    """`cast(value as to)`, or with `safe` the `try_cast`. Raises QueryRefused where there is none."""
    if value.type == to:
        return value
    text = _text(value, to)
    return Typed(to, f"try({text})" if safe else text)


def _text(value: Typed, to: Type) -> str:
    found = value.type
    if found.name == "unknown":
        return f"cast(null as {to.duckdb})"
    if found.is_number and to.is_number:
        return _number(value, to)
    if found.element and to.element:
        inner = _text(Typed(found.element, "each"), to.element)
        return value.text if found.duckdb == to.duckdb else f"list_transform({value.text}, lambda each: {inner})"
    way = _WAYS.get((_kind(found), _kind(to)))
    if way is None:
        raise QueryRefused(f"cast: {found} to {to} is not on offer")
    return f"cast({way(value.text, found, to)} as {to.duckdb})"


def _kind(found: Type) -> str:
    return "whole" if found.is_integer else "floating" if found.name in ("real", "double") else found.name


def _number(value: Typed, to: Type) -> str:
    """Halves are rounded away from zero; DuckDB rounds those of doubles to the even one."""
    text = value.text
    if value.type.name in ("real", "double") and to.name not in ("real", "double"):
        text = f"round({text}, {to.scale})" if to.name == "decimal" else f"round({text})"
        if to.name == "decimal":  # more digits than it may have are an error, which DuckDB looks for at 38 alone
            text = f"cast({text} as decimal(38,{to.scale}))"
    elif value.type.name == "decimal" and to.is_integer:
        text = f"round({text})"
    return f"cast({text} as {to.duckdb})"


def _rounded(text: str, digits: int, to: Type) -> str:
    """A time with fewer digits of its second: halves go up."""
    size = to.size or 0
    return text if size >= digits else f"duff_rounded({text}, {10 ** (MAX_FRACTION - size)})"


def _cut(text: str, found: Type, to: Type) -> str:
    """A text is cut to its length."""
    return text if to.size is None or (found.size is not None and found.size <= to.size) else f"left({text}, {to.size})"


def _fits(text: str, to: Type) -> str:
    """What is written of a number must have room; it is not cut."""
    if to.size is None:
        return text
    return f"case when length({text}) <= {to.size} then {text} else error('{to} is too short for ' || {text}) end"


def _written(text: str, digits: int) -> str:
    """A time with so many digits of its second."""
    return f"left(strftime({text}, '%Y-%m-%d %H:%M:%S.%f'), {20 + digits if digits else 19})"


_WAYS: dict[tuple[str, str], _Way] = {
    ("varchar", "varchar"): _cut,
    ("varchar", "whole"): lambda text, found, to: f"duff_text({text}, '{_WHOLE}')",
    ("varchar", "decimal"): lambda text, found, to: f"cast(duff_text({text}, '{_DECIMAL}') as decimal(38,{to.scale}))",
    ("varchar", "floating"): lambda text, found, to: f"duff_text({text}, '{_FLOATING}')",
    ("varchar", "boolean"): lambda text, found, to: f"duff_text({text}, '{_TRUTH}')",
    ("varchar", "date"): lambda text, found, to: f"duff_text({text}, '{_DATE}')",
    ("whole", "varchar"): lambda text, found, to: _fits(f"cast({text} as varchar)", to),
    ("decimal", "varchar"): lambda text, found, to: _fits(f"duff_plain({text})", to),
    ("boolean", "varchar"): lambda text, found, to: _fits(f"cast({text} as varchar)", to),
    ("date", "varchar"): lambda text, found, to: _fits(f"cast({text} as varchar)", to),
    ("date", "timestamp"): lambda text, found, to: text,
    ("varchar", "timestamp"): lambda text, found, to: _rounded(
        f"cast(duff_text({text}, '{_TIME}') as timestamp)", 6, to
    ),
    ("timestamp", "timestamp"): lambda text, found, to: _rounded(text, found.size or 0, to),
    ("timestamp", "varchar"): lambda text, found, to: _fits(_written(text, found.size or 0), to),
    ("timestamp", "timestamp with time zone"): lambda text, found, to: zones.instant(text, to.zone),
    ("date", "timestamp with time zone"): lambda text, found, to: zones.instant(f"cast({text} as timestamp)", to.zone),
    ("timestamp with time zone", "timestamp with time zone"): lambda text, found, to: _rounded(
        text, found.size or 0, to
    ),
    ("timestamp with time zone", "timestamp"): lambda text, found, to: _rounded(
        zones.local(text, found.zone), found.size or 0, to
    ),
    ("timestamp with time zone", "date"): lambda text, found, to: zones.local(text, found.zone),
    ("timestamp", "date"): lambda text, found, to: text,
    ("boolean", "whole"): lambda text, found, to: text,
    ("whole", "boolean"): lambda text, found, to: f"{text} <> 0",
}
