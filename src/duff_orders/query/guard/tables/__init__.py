"""What a query may call, in tables that one can read: signatures, DuckDB's text, and the macros that it speaks of."""

import re
from collections.abc import Iterator

from duff_orders.query.guard import conversions
from duff_orders.query.guard.signatures import Functions
from duff_orders.query.guard.tables import aggregates, arrays, numbers, text, times, windows

_TABLES = (numbers, text, times, arrays, aggregates, windows)
FUNCTIONS = Functions(
    [table.TABLE for table in _TABLES], {old: new for table in _TABLES for old, new in table.ALIASES.items()}
)
_MACROS = {name: body for table in (*_TABLES, conversions) for name, body in table.MACROS.items()}
_SPOKEN_OF = re.compile(r"\bduff_\w+(?=\()")


def macros(sql: str) -> Iterator[str]:
    """The statements that define what a query's text speaks of, each before those that use it."""
    defined: set[str] = set()

    def define(text: str) -> Iterator[str]:
        for name in _SPOKEN_OF.findall(text):
            if name not in defined:
                defined.add(name)
                yield from define(_MACROS[name])
                yield f"create or replace temp macro {name}{_MACROS[name]}"

    yield from define(sql)
