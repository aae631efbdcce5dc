"""Date and time patterns, MySQL's and Joda's, where DuckDB formats and parses them alike; and ISO 8601.

https://trino.io/docs/current/functions/datetime.html#mysql-date-functions
"""

import re

from sqlglot import exp

from duff_orders.drivers.dialect import sql_text
from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.conversions import coerced
from duff_orders.query.guard.excerpt import excerpt, quoted
from duff_orders.query.guard.pieces import piece
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import MAX_FRACTION, VARCHAR, instant, timestamp
from duff_orders.query.guard.ways import milliseconds

#: DuckDB's code for each.
CODES = {
    **{code: code for code in ("%Y", "%y", "%m", "%d", "%H", "%I", "%S", "%f", "%b", "%a", "%p", "%j", "%%")},
    **{"%c": "%-m", "%e": "%-d", "%k": "%-H", "%h": "%I", "%l": "%-I", "%i": "%M", "%s": "%S"},
    **{"%T": "%H:%M:%S", "%M": "%B", "%W": "%A"},
}


def written(expressions: Values, node: exp.Expr) -> Typed:
    """date_format(time, format)."""
    value, code = expressions.typed(node.expressions[0]), _code(node)
    if not value.type.is_time:
        raise QueryRefused(f"date_format takes a date or a time, not a {value.type}: {excerpt(node)}")
    return Typed(VARCHAR, f"strftime({_clock(value, 3)}, {code})")


def parsed(expressions: Values, node: exp.Expr) -> Typed:
    """date_parse(text, format)."""
    text = coerced(expressions.typed(node.expressions[0]), VARCHAR)
    return Typed(timestamp(3), milliseconds(f"strptime({text}, {_code(node)})"))


def _code(node: exp.Expr) -> str:
    """The format, which is a literal, as a text of SQL."""
    pattern = _given(node)
    for code in re.findall(r"%.?", pattern, re.DOTALL):
        if code not in CODES:
            raise QueryRefused(f"the format {code!r} is not on offer; these are: {' '.join(sorted(CODES))}")
    return sql_text(re.sub(r"%.", lambda found: CODES[found[0]], pattern))


#: Of the patterns of format_datetime and parse_datetime the codes of DuckDB's: https://www.joda.org/joda-time/key_format.html
JODA = {
    **{"yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H"},
    **{"hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "a": "%p"},
    **{
        "MMM": "%b",
        "MMMM": "%B",
        "E": "%a",
        "EEE": "%a",
        "EEEE": "%A",
        "DDD": "%j",
        "xxxx": "%G",
        "ww": "%V",
        "e": "%u",
    },
}
_READ = ("yyyy", "MM", "dd", "HH", "mm", "ss", "SSS")
_TOKENS = re.compile(r"([A-Za-z])\1*|'(?:[^']|'')*'|[^A-Za-z']+")


def written_as(expressions: Values, node: exp.Expr) -> Typed:
    """format_datetime(time, pattern)."""
    value, code = expressions.typed(node.expressions[0]), _joda(node, tuple(JODA))
    if not value.type.is_time:
        raise QueryRefused(f"format_datetime takes a date or a time, not a {value.type}: {excerpt(node)}")
    return Typed(VARCHAR, f"strftime({_clock(value, 3)}, {code})")


def parsed_as(expressions: Values, node: exp.Expr) -> Typed:
    """parse_datetime(text, pattern): a time in UTC."""
    code = _joda(node, _READ)
    return Typed(instant(3), f"strptime({coerced(expressions.typed(node.expressions[0]), VARCHAR)}, {code})")


def _joda(node: exp.Expr, allowed: tuple[str, ...]) -> str:
    """The pattern, which is a literal, as a text of SQL."""
    pattern = _given(node)
    parts, position = list[str](), 0
    while position < len(pattern):
        match = _TOKENS.match(pattern, position)
        token = match[0] if match else ""
        if not match or (token[0].isalpha() and token not in allowed):
            what = token or pattern[position:]
            raise QueryRefused(f"the pattern {what[:40]!r} is not on offer; these are: {' '.join(allowed)}")
        plain = token[1:-1].replace("''", "'") or "'" if token[0] == "'" else token
        parts.append(JODA[token] if token[0].isalpha() else plain.replace("%", "%%"))
        position = match.end()
    return sql_text("".join(parts))


def iso(expressions: Values, node: exp.Expr) -> Typed:
    """to_iso8601(date or time)."""
    value = expressions.typed(node.expressions[0]) if len(node.expressions) == 1 else None
    if value is None or not value.type.is_time:
        raise QueryRefused(f"to_iso8601 takes a date or a time: {excerpt(node)}")
    if value.type.name == "date":
        return Typed(VARCHAR, f"strftime({value.text}, '%Y-%m-%d')")
    size = value.type.size or 0
    text = f"left(strftime({_clock(value)}, '%Y-%m-%dT%H:%M:%S.%f'), {20 + size if size else 19})"
    if not value.type.zone:
        return Typed(VARCHAR, text)
    offset = "'Z'" if value.type.zone == "UTC" else piece("duff_zone_text", _clock(value), value.text)
    return Typed(VARCHAR, f"({text} || {offset})")


def _given(node: exp.Expr) -> str:
    """The format or pattern, which is a literal behind the value."""
    pattern = quoted(node.expressions[1]) if len(node.expressions) == 2 else None
    if pattern is None:
        raise QueryRefused(f"{node.name} takes a value, and a pattern between quotes: {excerpt(node)}")
    return pattern


def _clock(value: Typed, digits: int = MAX_FRACTION) -> str:
    """A time as the clock of its zone shows it, with no more digits of its second than that; three are milliseconds."""
    text = zones.local(value.text, value.type.zone) if value.type.zone else value.text
    return milliseconds(text) if (value.type.size or 0) > digits else text


FUNCTIONS = {
    "date_format": written,
    "date_parse": parsed,
    "format_datetime": written_as,
    "parse_datetime": parsed_as,
    "to_iso8601": iso,
}
