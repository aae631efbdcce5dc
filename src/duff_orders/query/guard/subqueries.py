"""Subqueries within expressions: `in`, `exists`, and scalar ones."""

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import same
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.scope import Query, Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import BOOLEAN, Column


def value(expressions: Values, node: exp.Expr) -> Typed:
    """The one value of a query; of more rows than one there is none, which the engine tells."""
    relation, column = _one_column(expressions, node)
    return Typed(column.type, f"({relation.text})")


def among(expressions: Values, node: exp.Expr) -> Typed:
    """Whether a value is one of those that a query gives."""
    left = expressions.typed(node.this)
    relation, column = _one_column(expressions, node.args["query"])
    kind, (text, inner) = same([left, Typed(column.type, "found")], "in")
    if not kind.equals_as_duckdb:
        raise QueryRefused(f"in with a query of {kind} is not on offer: {excerpt(node)}")
    return Typed(BOOLEAN, f"({text} in (select {inner} from ({relation.text}) as t (found)))")


_COMPARED: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}


def quantified(expressions: Values, node: exp.Expr) -> Typed:
    """Whether a value compares so with any, or with all, that a query gives."""
    word, operator = type(node.expression).__name__.lower(), _COMPARED.get(type(node))
    left = expressions.typed(node.this)
    relation, column = _one_column(expressions, node.expression.this)
    kind, (text, inner) = same([left, Typed(column.type, "found")], word)
    if operator is None or not kind.equals_as_duckdb:
        raise QueryRefused(f"{word} of {kind} is not on offer here: {excerpt(node)}")
    return Typed(BOOLEAN, f"({text} {operator} {word} (select {inner} from ({relation.text}) as t (found)))")


def exists(expressions: Values, node: exp.Expr) -> Typed:
    """Whether a query gives a row."""
    return Typed(BOOLEAN, f"exists ({expressions.inner(node.this).text})")


def _one_column(expressions: Values, node: exp.Expr) -> tuple[Query, Column]:
    relation = expressions.inner(node.this if isinstance(node, exp.Subquery) else node)
    if len(relation.columns) != 1:
        raise QueryRefused(f"a query in an expression has one column, not {len(relation.columns)}: {excerpt(node)}")
    return relation, relation.columns[0]
