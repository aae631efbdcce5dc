"""date_format and date_parse: MySQL's codes, of those that DuckDB writes and reads alike.

https://trino.io/docs/current/functions/datetime.html#mysql-date-functions
"""

import re

from sqlglot import exp

from duff_orders.engines.dialect import sql_text
from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.conversions import coerced
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import VARCHAR, timestamp
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
    text = zones.local(value.text, value.type.zone) if value.type.zone else value.text
    if (value.type.size or 0) > 3:  # it knows no more than milliseconds
        text = milliseconds(text)
    return Typed(VARCHAR, f"strftime({text}, {code})")


def parsed(expressions: Values, node: exp.Expr) -> Typed:
    """date_parse(text, format)."""
    text = coerced(expressions.typed(node.expressions[0]), VARCHAR)
    return Typed(timestamp(3), milliseconds(f"strptime({text}, {_code(node)})"))


def _code(node: exp.Expr) -> str:
    """The format, which is a literal, as a text of SQL."""
    given = node.expressions[1] if len(node.expressions) == 2 else None
    if not (isinstance(given, exp.Literal) and given.is_string):
        raise QueryRefused(f"{node.name} takes a value, and a format between quotes: {excerpt(node)}")
    for code in re.findall(r"%.?", given.name, re.DOTALL):
        if code not in CODES:
            raise QueryRefused(f"the format {code!r} is not on offer; these are: {' '.join(sorted(CODES))}")
    return sql_text(re.sub(r"%.", lambda found: CODES[found[0]], given.name))


FUNCTIONS = {"date_format": written, "date_parse": parsed}
