"""The guard: one SELECT, in Athena's dialect, over the contract's tables; checked, and translated to DuckDB.

Four walls, one behind the other, before what DuckDB can reach (files, settings, the environment):

1. the text: its length, its first word, one statement, no deep nesting (`parse`);
2. the tree: node classes and parts that `grammar` lists;
3. the names: the contract's tables and columns, and those of the query's own (`scope`);
4. DuckDB's text, which is written anew from the `tables` of functions and from nothing else: of what was given, names
   and literals alone are in it, quoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.answers import as_answered
from duff_orders.query.guard.grammar import check_parts
from duff_orders.query.guard.parse import one_line, parse
from duff_orders.query.guard.scope import Scope
from duff_orders.query.guard.select import query
from duff_orders.query.guard.signatures import check_length
from duff_orders.query.guard.types import Column


@dataclass(frozen=True, slots=True)
class Checked:
    """A query that may run: DuckDB's text, the contract's tables it reads and its columns."""

    sql: str
    tables: frozenset[str]
    #: Names and Trino's types; those of which DuckDB has no values are texts in the answer.
    columns: Sequence[Column]

    def check_types(self, described: Sequence[str]) -> None:
        """Compare DuckDB's types of the answer's columns with those promised. Raises QueryRefused where they differ."""
        for column, actual in zip(self.columns, described, strict=True):
            promised = column.type.answered.duckdb
            if actual.lower() != promised:
                raise QueryRefused(
                    f"the column {column.name!r} is {column.type} in Athena, and {actual} here: its values could "
                    f"differ, so they are not shown; a cast(… as {column.type}) may help"
                )


def check(sql: str) -> Checked:
    """Check a query in Athena's dialect and translate it. Raises QueryRefused, and nothing else."""
    try:
        return _check(sql)
    except QueryRefused:
        raise
    except RecursionError:
        raise QueryRefused("the query is nested too deeply or has too long a chain of operators") from None
    except Exception as error:  # sqlglot raises more than its own errors on odd trees
        raise QueryRefused(f"the query cannot be translated: {one_line(error)}") from error


def _check(sql: str) -> Checked:
    tree = parse(sql)
    check_parts(tree)
    scope = Scope()
    relation = as_answered(query(tree, scope))
    check_length(relation.text)
    return Checked(relation.text, frozenset(scope.tables), relation.columns)
