"""Predicates: what is true, false or null of values."""

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import subqueries
from duff_orders.query.guard.conversions import same
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import BOOLEAN


def is_null(expressions: Values, node: exp.Expr) -> Typed:
    """Whether there is no value."""
    if isinstance(node.expression, exp.Null):
        return Typed(BOOLEAN, f"({expressions.typed(node.this).text} is null)")
    raise QueryRefused(f"is takes null, or is [not] distinct from: {excerpt(node)}")


def distinct_from(expressions: Values, node: exp.Expr) -> Typed:
    """Whether two values differ, where null is one."""
    pair = [expressions.typed(node.this), expressions.typed(node.expression)]
    zoned = all(each.type.zone for each in pair)  # instants, whatever their zones
    left, right = [each.text for each in pair] if zoned else same(pair, "is distinct from")[1]
    word = "not distinct" if isinstance(node, exp.NullSafeEQ) else "distinct"
    return Typed(BOOLEAN, f"({left} is {word} from {right})")


def between(expressions: Values, node: exp.Expr) -> Typed:
    """Whether a value lies between two, which belong to it."""
    value, low, high = (expressions.typed(node.args[part]) for part in ("this", "low", "high"))
    pair = expressions.call("at_most", [low, value]), expressions.call("at_most", [value, high])
    return Typed(BOOLEAN, f"({pair[0].text} and {pair[1].text})")


def rows_equal(expressions: Values, node: exp.Expr) -> Typed:
    """Whether two rows have equal values, or not: false where two differ, else null where one is null."""
    left, right = node.this, node.expression
    if not isinstance(right, exp.Tuple) or len(left.expressions) != len(right.expressions):
        raise QueryRefused(f"a row is compared with one of as many values: {excerpt(node)}")
    pairs = zip(left.expressions, right.expressions, strict=True)
    equal = [expressions.call("equal", [*map(expressions.typed, pair)]).text for pair in pairs]
    return Typed(BOOLEAN, f"({'not ' * isinstance(node, exp.NEQ)}({' and '.join(equal)}))")


def one_of(expressions: Values, node: exp.Expr) -> Typed:
    """Whether a value is one of several."""
    if node.args.get("query"):
        return subqueries.among(expressions, node)
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Values):
        return subqueries.among(expressions, exp.In(this=node.this, query=node.expressions[0]))
    if isinstance(node.this, exp.Tuple):
        rows = [exp.EQ(this=node.this, expression=each) for each in node.expressions]
        return Typed(BOOLEAN, f"({' or '.join(rows_equal(expressions, each).text for each in rows)})")
    if not node.expressions:
        raise QueryRefused(f"in takes at least one value: {excerpt(node)}")
    value, *others = (expressions.typed(each) for each in (node.this, *node.expressions))
    kind, texts = same([value, *others], "in")
    if kind.equals_as_duckdb:
        return Typed(BOOLEAN, f"({texts[0]} in ({', '.join(texts[1:])}))")
    return Typed(BOOLEAN, f"({' or '.join(expressions.call('equal', [value, each]).text for each in others)})")


def like(expressions: Values, node: exp.Expr) -> Typed:
    """Whether a text looks like a pattern."""
    escape = [expressions.typed(node.expression)] if isinstance(node, exp.Escape) else []
    like = node.this if isinstance(node, exp.Escape) else node
    if not isinstance(like, exp.Like):
        raise QueryRefused(f"escape belongs to like: {excerpt(node)}")
    pattern = expressions.call("like", [expressions.typed(like.this), expressions.typed(like.expression), *escape])
    return Typed(BOOLEAN, f"(not {pattern.text})") if like.args.get("negate") else pattern
