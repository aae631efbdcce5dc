"""Calls: functions as they are written, those that choose, and aggregates."""

import difflib

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import coerced, same
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Around, Typed
from duff_orders.query.guard.special import SPECIAL
from duff_orders.query.guard.tables import FUNCTIONS, OPERATORS
from duff_orders.query.guard.tables.aggregates import NAMES as AGGREGATES
from duff_orders.query.guard.tables.instead import INSTEAD
from duff_orders.query.guard.tables.windows import NAMES as OF_WINDOWS
from duff_orders.query.guard.types import BIGINT

#: What is written like a call, or otherwise, and has no line in a table.
_SYNTAX = ("case", "cast", "coalesce", "exists", "extract", "if", "nullif", "position", "try", "try_cast", "unnest")
#: Every function on offer, in order.
CALLABLE = dict.fromkeys(sorted({*FUNCTIONS.by_name, *FUNCTIONS.aliases, *SPECIAL, *_SYNTAX} - OPERATORS))
#: Where no aggregate may stand: there is nothing yet to take together.
_BEFORE = (exp.Where, exp.Join, exp.Group)


def called(expressions: Values, node: exp.Expr) -> Typed:
    """A call as it is written."""
    name = node.name.lower()
    if name not in CALLABLE:
        raise _unknown(name)
    if name in AGGREGATES:
        return aggregate(expressions, node)
    if name in OF_WINDOWS:
        raise QueryRefused(f"{name} needs a window: {name}(…) over (…)")
    if name == "try" and len(node.expressions) == 1:
        tried = expressions.typed(node.expressions[0])
        return Typed(tried.type, f"try({tried.text})")
    if special := SPECIAL.get(name):
        return special(expressions, node)
    arguments = [expressions.typed(each) for each in node.expressions]
    if name == "coalesce" and arguments:
        kind, texts = same(arguments, name)
        return Typed(kind, f"cast(coalesce({', '.join(texts)}) as {kind.duckdb})")
    if name == "nullif" and len(arguments) == 2:
        equal = expressions.call("equal", arguments).text
        return Typed(arguments[0].type, f"case when {equal} then null else {arguments[0].text} end")
    return expressions.call(name, arguments)


def _unknown(name: str) -> QueryRefused:
    """What is said of a function that is not on offer."""
    near = difflib.get_close_matches(name, CALLABLE, n=1)
    hint = INSTEAD.get(name) or (f"did you mean {near[0]}?" if near else "")
    advice = f"the function {name[:80]!r} is not on offer{'; ' * bool(hint)}{hint}"
    return QueryRefused(advice if name in INSTEAD else f"{advice}{'' if hint else '.'} Allowed: {', '.join(CALLABLE)}")


def trimmed(expressions: Values, node: exp.Expr) -> Typed:
    """trim([leading | trailing | both] [characters] from text), and trim(text)."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get((node.args.get("position") or "").upper(), "trim")
    characters = [expressions.typed(each) for each in (node.args.get("expression"),) if each]
    return expressions.call(name, [expressions.typed(node.this), *characters])


def filtered(expressions: Values, node: exp.Expr) -> Typed:
    """An aggregate of some of the rows."""
    if not _is_aggregate(node.this):
        raise QueryRefused(f"filter belongs to an aggregate: {excerpt(node)}")
    return aggregate(expressions, node.this, f" filter (where {expressions.condition(node.expression.this)})")


def within_group(expressions: Values, node: exp.Expr) -> Typed:
    """listagg(text, separator) within group (order by …)."""
    order = node.expression
    if not isinstance(order, exp.Order) or node.this.name.lower() != "listagg":
        raise QueryRefused(f"within group belongs to listagg: {excerpt(node)}")
    keys = ", ".join(ordered(expressions, each) for each in order.expressions)
    return aggregate(expressions, node.this, order=f" order by {keys}")


def aggregate(expressions: Values, node: exp.Expr, after: str = "", order: str = "") -> Typed:
    """An aggregate; `after` it stands the filter or window, within it the `order`, as text."""
    if isinstance(node.find_ancestor(exp.Select, *_BEFORE), _BEFORE):
        raise QueryRefused(f"an aggregate belongs to the columns, having or order by: {excerpt(node)}")
    arguments, distinct, ordering = node.expressions, False, None
    if node.name.lower() == "array_agg" and arguments and isinstance(arguments[-1], exp.Order):
        ordering, arguments = arguments[-1], [arguments[-1].this]
        order = f" order by {', '.join(ordered(expressions, each) for each in ordering.expressions)}"
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        arguments, distinct = arguments[0].expressions, True
    if len(arguments) == 1 and isinstance(arguments[0], exp.Star):
        arguments = []
    windowed = " over (" in after  # which comes after aggregates, and may take them together
    if not windowed and any(_is_aggregate(inner) for each in arguments for inner in each.find_all(exp.Anonymous)):
        raise QueryRefused(f"an aggregate inside an aggregate: {excerpt(node)}")
    if node.name.lower() == "listagg" and not order:
        raise QueryRefused(f"listagg needs within group (order by …): {excerpt(node)}")
    values = [expressions.typed(each) for each in arguments]
    if node.name.lower() == "grouping" and values:
        return Typed(BIGINT, f"cast(grouping({', '.join(each.text for each in values)}) as bigint)")
    return FUNCTIONS.call(node.name.lower(), values, coerced, Around(distinct, after, order))


def ordered(expressions: Values, node: exp.Expr) -> str:
    """One key of an order within an aggregate or a window."""
    if isinstance(node.this, exp.Literal):
        raise QueryRefused(f"this is not ordered by the number of a column: {excerpt(node)}")
    return f"{expressions.typed(node.this).text} {direction(node)}"


def direction(node: exp.Expr) -> str:
    """The direction of a key, and where its nulls are: at the end, whichever it is."""
    return f"{'desc' if node.args.get('desc') else 'asc'} nulls {'first' if node.args.get('nulls_first') else 'last'}"


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES
