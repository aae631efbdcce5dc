"""The answer's columns: what DuckDB has no type for, times with a zone and intervals, becomes Trino's text."""

from dataclasses import replace

from duff_orders.drivers.dialect import sql_name
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import cast
from duff_orders.query.guard.scope import Query
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import Column, Type


def as_answered(query: Query) -> Query:
    """A query whose columns have values that can be shown; their types stay those of Trino."""
    if nameless := [each.name for each in query.columns if _is_nameless(each.type)]:
        raise QueryRefused(f"the column {nameless[0]!r} is a row without names; write its values beside each other")
    if all(each.type == each.type.answered for each in query.columns):
        return query
    names = [f"c{place}" for place in range(len(query.columns))]
    texts = ", ".join(map(_shown, names, query.columns))
    return replace(query, text=f"select {texts} from ({query.text}) as answer ({', '.join(names)})")


def _is_nameless(kind: Type) -> bool:
    return _is_nameless(kind.element) if kind.element else any(not name for name, _ in kind.fields)


def _shown(name: str, column: Column) -> str:
    return f"{cast(Typed(column.type, name), column.type.answered).text} as {sql_name(column.name)}"
