"""The typed translation: a query in Athena's dialect as DuckDB's text, with what it reads, gives and needs.

Names, types and functions are Trino's; whatever has no entry in a table is refused. `check` does not use it yet: it is
to take its place once it refuses no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from duff_orders.query.guard.parse import parse
from duff_orders.query.guard.scope import Column, Scope
from duff_orders.query.guard.select import query
from duff_orders.query.guard.tables import macros


@dataclass(frozen=True, slots=True)
class Translated:
    """A query that may run: DuckDB's text, the contract's tables it reads, its columns, and macros to define before."""

    sql: str
    tables: frozenset[str]
    columns: Sequence[Column]
    macros: Sequence[str]


def translated(sql: str) -> Translated:
    """Translate a query. Raises QueryRefused for what is not on offer, and RecursionError."""
    scope = Scope()
    found = query(parse(sql, plain=True), scope)
    return Translated(found.text, frozenset(scope.tables), found.columns, [*macros(found.text)])
