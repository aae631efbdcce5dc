"""How a value is converted between two types in DuckDB's SQL: the implementations of `cast`, by pairs of kinds.

https://trino.io/docs/current/functions/conversion.html
"""

import re
from collections.abc import Callable

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.pieces import NO_VALUE, piece
from duff_orders.query.guard.types import MAX_FRACTION, Type

# Texts that Trino casts to a type; DuckDB takes more: '1_000', '0x10', ' 12', '1.5' for an integer.
_WHOLE = "[+-]?[0-9]+"
_DECIMAL = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_FLOATING = rf"\s*({_DECIMAL}|[+-]?(NaN|Infinity))\s*"
_DATE = r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*"
_TRUTH = "(?i:t|true|f|false|1|0)"
TIME = rf"{_DATE}( [0-9]{{1,2}}:[0-9]{{1,2}}(:[0-9]{{1,2}}([.][0-9]{{1,12}})?)?)?\s*"
#: Behind a time, a zone, of which a time without one knows nothing; and behind a double, a letter of Java's.
_ZONE = r"\s*(Z|UTC|GMT|[+-][0-9]{1,2}:[0-9]{2}|[A-Za-z_]+/[A-Za-z_/+-]+)\s*"
_SUFFIX = "[dDfF]\\s*"

MILLISECONDS = 3
_LITERAL = re.compile("'([^']*)'")

_Way = Callable[[str, Type, Type], str]


def _rounded(text: str, digits: int, to: Type) -> str:
    """A time with fewer digits of its second: halves go up."""
    size = to.size or 0
    if size >= digits:
        return text
    return milliseconds(text) if size == MILLISECONDS else piece("duff_rounded", text, str(10 ** (MAX_FRACTION - size)))


def milliseconds(text: str) -> str:
    """A time rounded to three digits of its second."""
    return piece("duff_milliseconds", text)


def _matched(text: str, pattern: str, behind: str = "") -> str:
    """A text that is one of the type, without what may stand behind, or does not cast; of a literal that is known."""
    literal, whole = _LITERAL.fullmatch(text), f"{pattern}({behind})?" if behind else pattern
    if literal is None:
        value = f"regexp_replace({text}, '{behind}$', '')" if behind else text
        return piece("duff_text", text, value, f"'{whole}'")
    value = re.sub(f"{behind}$", "", literal[1]) if behind else literal[1]
    return f"'{value.strip()}'" if re.fullmatch(whole, literal[1], re.ASCII) else f"'{NO_VALUE}{literal[1]}'"


def is_literal(text: str) -> bool:
    """Whether a text of SQL is that of a literal."""
    return _LITERAL.fullmatch(text) is not None


def has_zone(text: str) -> bool:
    """Whether a zone stands behind the time of a text."""
    return re.search(f"{_ZONE}$", text) is not None


def _fraction(text: str) -> int:
    """The digits of the second of a text, at most."""
    literal = _LITERAL.fullmatch(text)
    match = re.search("[.]([0-9]+)", literal[1]) if literal else None
    return len(match[1]) if match else 0 if literal else 2 * MAX_FRACTION


def _clock(text: str, actual: Type, to: Type) -> str:
    """A text as a time; of digits beyond six DuckDB knows nothing, so they may not be the last that count."""
    digits, pattern = _fraction(text), TIME
    if to.size == MAX_FRACTION and digits > MAX_FRACTION:
        if is_literal(text):
            raise QueryRefused(f"a time has at most {MAX_FRACTION} digits of its second here: {text[:60]}")
        pattern = TIME.replace("{1,12}", f"{{1,{MAX_FRACTION}}}")
    return _rounded(f"cast({_matched(text, pattern, _ZONE)} as timestamp)", digits, to)


def _cut(text: str, actual: Type, to: Type) -> str:
    """A text is cut to its length."""
    return (
        text if to.size is None or (actual.size is not None and actual.size <= to.size) else f"left({text}, {to.size})"
    )


def _fits(text: str, to: Type) -> str:
    """What is written of a number must have room; it is not cut."""
    if to.size is None:
        return text
    short = f"cast(cast('{to} is too short for ' || {text} as bigint) as varchar)"
    return f"case when length({text}) <= {to.size} then {text} else {short} end"


def _written(text: str, digits: int) -> str:
    """A time with so many digits of its second."""
    return f"left(strftime({text}, '%Y-%m-%d %H:%M:%S.%f'), {20 + digits if digits else 19})"


#: By the kinds of both types, as `kind_of` names them.
WAYS: dict[tuple[str, str], _Way] = {
    ("varchar", "varchar"): _cut,
    ("varchar", "whole"): lambda text, found, to: _matched(text, _WHOLE),
    ("varchar", "decimal"): lambda text, found, to: f"cast({_matched(text, _DECIMAL)} as decimal(38,{to.scale}))",
    ("varchar", "floating"): lambda text, found, to: _matched(text, _FLOATING, _SUFFIX),
    ("varchar", "boolean"): lambda text, found, to: _matched(text, _TRUTH),
    ("varchar", "date"): lambda text, found, to: _matched(text, _DATE),
    **{
        (found, "varchar"): lambda text, found, to: _fits(f"cast({text} as varchar)", to)
        for found in ("whole", "boolean", "date")
    },
    ("decimal", "varchar"): lambda text, found, to: _fits(piece("duff_plain", text), to),
    ("date", "timestamp"): lambda text, found, to: text,
    ("varchar", "timestamp"): _clock,
    ("timestamp", "timestamp"): lambda text, found, to: _rounded(text, found.size or 0, to),
    ("timestamp", "varchar"): lambda text, found, to: _fits(_written(text, found.size or 0), to),
    ("timestamp", "timestamp with time zone"): lambda text, found, to: _rounded(text, found.size or 0, to),
    ("date", "timestamp with time zone"): lambda text, found, to: text,
    ("timestamp with time zone", "timestamp with time zone"): lambda text, found, to: _rounded(
        text, found.size or 0, to
    ),
    ("timestamp with time zone", "varchar"): lambda text, found, to: _fits(
        f"{_written(zones.local(text, found.zone), found.size or 0)} || ' {found.zone}'", to
    ),
    ("interval day to second", "varchar"): lambda text, found, to: _fits(piece("duff_days_text", text), to),
    ("interval year to month", "varchar"): lambda text, found, to: _fits(piece("duff_years_text", text), to),
    ("timestamp with time zone", "timestamp"): lambda text, found, to: _rounded(
        zones.local(text, found.zone), found.size or 0, to
    ),
    ("timestamp with time zone", "date"): lambda text, found, to: zones.local(text, found.zone),
    ("timestamp", "date"): lambda text, found, to: text,
    **{("boolean", to): lambda text, found, to: f"cast({text} as tinyint)" for to in ("whole", "decimal", "floating")},
    **{(found, "boolean"): lambda text, found, to: f"{text} <> 0" for found in ("whole", "decimal", "floating")},
}


def kind_of(kind: Type) -> str:
    """What stands for a type among the pairs."""
    return "whole" if kind.is_integer else "floating" if kind.name in ("real", "double") else kind.name
