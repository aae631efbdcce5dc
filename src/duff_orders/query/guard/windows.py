"""Windows: the rows over which a function or an aggregate is computed."""

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
    windows = [each for each in (select.args.get("windows") or () if select else ()) if each.name.lower() == name]
    if len(windows) != 1 or any(map(node.args.get, ("partition_by", "order", "spec"))) or windows[0].text("alias"):
        raise QueryRefused(f"over takes the name of one window of this query, or (…): {excerpt(node)}")
    (window,) = windows
    return cast(exp.Expr, window)


def _window(expressions: Values, node: exp.Expr) -> str:
    parts = []
    if by := node.args.get("partition_by"):
        parts.append(f"partition by {', '.join(expressions.typed(each).text for each in by)}")
    if order := node.args.get("order"):
        parts.append(f"order by {', '.join(ordered(expressions, each) for each in order.expressions)}")
    if spec := node.args.get("spec"):
        parts.append(_frame(expressions, node, spec))
    return " ".join(parts)


def _frame(expressions: Values, node: exp.Expr, spec: exp.Expr) -> str:
    """Rows and groups by their number; ranges by how far the one key of their order is away."""
    kind = spec.text("kind").lower()
    if kind not in ("rows", "range", "groups"):
        raise QueryRefused(f"this frame is not on offer: {excerpt(spec)}")

    def bound(which: str) -> str:
        value, side = spec.args.get(which), spec.text(f"{which}_side").lower()
        if isinstance(value, str):
            return f"{_BOUNDS[value]} {side}".strip()
        return f"{_distance(expressions, node, value, kind)} {side}"

    return f"{kind} between {bound('start')} and {bound('end') if spec.args.get('end') else 'current row'}"


def _distance(expressions: Values, node: exp.Expr, value: exp.Expr | None, kind: str) -> str:
    """How far a frame reaches: a whole number; of a range over dates and times an interval."""
    while isinstance(value, (exp.Paren, exp.Cast)):  # a literal with its type
        value = value.this
    if isinstance(value, exp.Literal) and value.is_int and kind != "range":
        return str(int(value.name))
    order = node.args.get("order")
    if kind == "range" and value is not None and order and len(order.expressions) == 1:
        key = expressions.typed(order.expressions[0].this).type
        if isinstance(value, exp.Literal) and not value.is_string and (key.is_integer or key.name == "decimal"):
            return coerced(expressions.typed(value), key)
        if isinstance(value, exp.Interval) and key.is_time:
            moved = expressions.typed(value)
            word = "to_months" if moved.type.name == "interval year to month" else "to_milliseconds"
            return f"{word}({moved.text})"
    raise QueryRefused(
        "a frame's rows are a number, such as rows between 2 preceding and current row, and a range's distance is of "
        f"the kind of its one key, such as range between interval '6' day preceding and current row: {excerpt(node)}"
    )
