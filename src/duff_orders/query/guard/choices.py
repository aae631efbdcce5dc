"""Choices: `case` and `if`, whose results have one type."""

from collections.abc import Sequence

from sqlglot import exp

from duff_orders.query.guard.conversions import same
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import UNKNOWN

_NULL = Typed(UNKNOWN, "cast(null as integer)")


def case(expressions: Values, node: exp.Expr) -> Typed:
    """`case when … then …`, or `case x when …`."""
    subject = expressions.typed(node.this) if node.this else None
    conditions = [
        expressions.call("equal", [subject, expressions.typed(each.this)]).text
        if subject
        else expressions.condition(each.this)
        for each in node.args["ifs"]
    ]
    default = expressions.typed(node.args["default"]) if node.args.get("default") else _NULL
    results = [*(expressions.typed(each.args["true"]) for each in node.args["ifs"]), default]
    return _chosen(conditions, results, "case")


def condition(expressions: Values, node: exp.Expr) -> Typed:
    """`if(condition, value, otherwise)`."""
    otherwise = expressions.typed(node.args["false"]) if node.args.get("false") else _NULL
    return _chosen([expressions.condition(node.this)], [expressions.typed(node.args["true"]), otherwise], "if")


def _chosen(conditions: Sequence[str], results: Sequence[Typed], what: str) -> Typed:
    kind, (*texts, default) = same(results, what)
    branches = " ".join(f"when {when} then {then}" for when, then in zip(conditions, texts, strict=True))
    return Typed(kind, f"cast(case {branches} else {default} end as {kind.duckdb})")
