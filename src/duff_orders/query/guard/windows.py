"""Windows: over which rows a function or an aggregate is computed."""

from typing import cast

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.calls import aggregate, ordered
from duff_orders.query.guard.conversions import coerced
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Around, Typed
from duff_orders.query.guard.tables import FUNCTIONS
from duff_orders.query.guard.tables.aggregates import NAMES as AGGREGATES
from duff_orders.query.guard.tables.windows import NAMES, OF_VALUES

_BOUNDS = {"UNBOUNDED": "unbounded", "CURRENT ROW": "current row"}
_IN_PLACE = (exp.Where, exp.Group, exp.Having, exp.Join)


def windowed(expressions: Values, node: exp.Expr) -> Typed:
    """A function over a window. Raises QueryRefused where it stands in the wrong place, or is none of a window."""
    if isinstance(node.find_ancestor(exp.Select, *_IN_PLACE), _IN_PLACE):
        raise QueryRefused(f"a window belongs to the columns or order by: {excerpt(node)}")
    call, condition = node.this, ""
    nulls = ""
    if isinstance(call, (exp.IgnoreNulls, exp.RespectNulls)):
        nulls = " ignore nulls" if isinstance(call, exp.IgnoreNulls) else ""
        call = call.this
    if isinstance(call, exp.Filter):
        condition, call = f" filter (where {expressions.condition(call.expression.this)})", call.this
    name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
    window = _named(node)
    over = f"{condition} over ({_window(expressions, window)})"
    if name in AGGREGATES and not nulls:
        return aggregate(expressions, call, over)
    if name not in NAMES or condition or (nulls and name not in OF_VALUES):
        raise QueryRefused(f"this is no function of a window: {excerpt(node)}")
    if name not in ("row_number", *OF_VALUES) and not window.args.get("order"):
        raise QueryRefused(f"{name} needs an order by in its window: {excerpt(node)}")
    values = [expressions.typed(each) for each in call.expressions]
    return FUNCTIONS.call(name, values, coerced, Around(after=over, nulls=nulls))


def _named(node: exp.Expr) -> exp.Expr:
    """The window that is meant by `over w`; one that is written in its place is itself."""
    name, select = node.text("alias").lower(), node.find_ancestor(exp.Select)
    if not name:
        return node
    found = [each for each in (select.args.get("windows") or () if select else ()) if each.name.lower() == name]
    if len(found) != 1 or any(map(node.args.get, ("partition_by", "order", "spec"))) or found[0].text("alias"):
        raise QueryRefused(f"over takes the name of one window of this query, or (…): {excerpt(node)}")
    (window,) = found
    return cast(exp.Expr, window)


def _window(expressions: Values, node: exp.Expr) -> str:
    parts = []
    if by := node.args.get("partition_by"):
        parts.append(f"partition by {', '.join(expressions.typed(each).text for each in by)}")
    if order := node.args.get("order"):
        parts.append(f"order by {', '.join(ordered(expressions, each) for each in order.expressions)}")
    if spec := node.args.get("spec"):
        parts.append(_frame(spec))
    return " ".join(parts)


def _frame(spec: exp.Expr) -> str:
    """Rows by their number; ranges between the ends and the current row alone."""
    kind = spec.text("kind").lower()
    if kind not in ("rows", "range", "groups") or spec.args.get("exclude"):
        raise QueryRefused(f"this frame is not on offer: {excerpt(spec)}")
    start = _bound(spec, "start", kind)
    return f"{kind} between {start} and {_bound(spec, 'end', kind) if spec.args.get('end') else 'current row'}"


def _bound(spec: exp.Expr, which: str, kind: str) -> str:
    value, side = spec.args.get(which), spec.text(f"{which}_side").lower()
    if isinstance(value, str):
        return f"{_BOUNDS[value]} {side}".strip()
    if kind == "range" or not (isinstance(value, exp.Literal) and value.is_int):
        raise QueryRefused(
            f"a frame's rows are a number, such as rows between 2 preceding and current row: {excerpt(spec)}"
        )
    return f"{int(value.name)} {side}"
