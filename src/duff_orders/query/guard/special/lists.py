"""Arrays: functions of a function, texts made of arrays, and arrays as JSON.

https://trino.io/docs/current/functions/array.html, https://trino.io/docs/current/functions/lambda.html
"""

from collections.abc import Callable

from sqlglot import exp

from duff_orders.drivers.dialect import sql_name
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import cast, coerced
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.pieces import piece
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import BOOLEAN, UNKNOWN, VARCHAR, Type, array

#: Elements that are the same text in Athena's JSON and in DuckDB's.
_OF_JSON = ("varchar", "boolean", "date", "tinyint", "smallint", "integer", "bigint")


def joined(expressions: Values, node: exp.Expr) -> Typed:
    """array_join(array, separator[, what stands for null]): any element that can be cast to varchar."""
    if len(node.expressions) not in (2, 3):
        raise QueryRefused(f"array_join takes an array, a separator, and what stands for null: {excerpt(node)}")
    values, *more = (expressions.typed(each) for each in node.expressions)
    _element(values, node)
    texts = cast(values, array(VARCHAR))
    return expressions.call("joined", [texts, *more])


def transformed(expressions: Values, node: exp.Expr) -> Typed:
    """transform(array, x -> …)."""
    source, name, value = _function(expressions, node)
    return Typed(array(value.type), f"list_transform({source.text}, lambda {name}: {value.text})")


def filtered(expressions: Values, node: exp.Expr) -> Typed:
    """filter(array, x -> …)."""
    source, name, value = _function(expressions, node)
    return Typed(source.type, f"list_filter({source.text}, lambda {name}: {_condition(value, node)})")


def matched(word: str, other: str) -> Callable[[Values, exp.Expr], Typed]:
    """any_match, all_match: the one truth `word` decides; else null where there is one among them; else the `other`."""

    def write(expressions: Values, node: exp.Expr) -> Typed:
        source, name, value = _function(expressions, node)
        result = f"list_transform({source.text}, lambda {name}: {_condition(value, node)})"
        return Typed(BOOLEAN, f"cast({piece('duff_matched', result, word, other)} as boolean)")

    return write


def none(expressions: Values, node: exp.Expr) -> Typed:
    """none_match: not any_match."""
    result = matched("true", "false")(expressions, node)
    return Typed(BOOLEAN, f"(not {result.text})")


def zipped(expressions: Values, node: exp.Expr) -> Typed:
    """zip_with(array, array, (x, y) -> …): side by side, where one is longer with nulls."""
    *operands, function = node.expressions if len(node.expressions) == 3 else (None, None, None)
    if not isinstance(function, exp.Lambda) or len(function.expressions) != 2:
        raise QueryRefused(f"zip_with takes two arrays and a function of two elements: {excerpt(node)}")
    arrays = [expressions.typed(each) for each in operands if each]
    name = sql_name(f"pair of {node.depth}")
    known = expressions
    for place, (each, written) in enumerate(zip(arrays, function.expressions, strict=True), 1):
        known = known.knowing(written.name.lower(), Typed(_element(each, node), f"{name}[{place}]"))
    value = known.typed(function.this)
    pairs = f"list_zip({arrays[0].text}, {arrays[1].text})"
    both = " and ".join(f"{each.text} is not null" for each in arrays)
    return Typed(array(value.type), f"case when {both} then list_transform({pairs}, lambda {name}: {value.text}) end")


def reduced(expressions: Values, node: exp.Expr) -> Typed:
    """reduce(array, first state, (state, x) -> state, state -> result)."""
    source, first, *functions = node.expressions if len(node.expressions) == 4 else (None,) * 4
    counts = [len(each.expressions) if isinstance(each, exp.Lambda) else 0 for each in functions]
    if not source or not first or counts != [2, 1]:
        raise QueryRefused(f"reduce takes an array, a state, (s, x) -> … and s -> …: {excerpt(node)}")
    elements, state = expressions.typed(source), expressions.typed(first)
    element = _element(elements, node)
    step, end = (each for each in functions if each)
    names = [each.name.lower() for each in step.expressions]
    texts = [sql_name(f"{each} of {node.depth}") for each in names]
    known = expressions.knowing(names[0], Typed(state.type, texts[0]))
    value = known.knowing(names[1], Typed(element, texts[1])).typed(step.this)
    if value.type not in (state.type, UNKNOWN):
        raise QueryRefused(f"the function of reduce gives {value.type}, the state is {state.type}: cast the first one")
    folded = f"list_reduce({elements.text}, lambda {', '.join(texts)}: {coerced(value, state.type)}, {state.text})"
    return expressions.knowing(end.expressions[0].name.lower(), Typed(state.type, folded)).typed(end.this)


def _function(expressions: Values, node: exp.Expr) -> tuple[Typed, str, Typed]:
    """The array, DuckDB's name of an element, and the value of a function of it."""
    function = node.expressions[1] if len(node.expressions) == 2 else None
    if not isinstance(function, exp.Lambda) or len(function.expressions) != 1:
        raise QueryRefused(f"{node.name} takes an array and a function, such as x -> x + 1: {excerpt(node)}")
    source = expressions.typed(node.expressions[0])
    written = function.expressions[0].name.lower()
    name = sql_name(f"{written} of {node.depth}")
    value = expressions.knowing(written, Typed(_element(source, node), name)).typed(function.this)
    return source, name, value


def _element(source: Typed, node: exp.Expr) -> Type:
    """The type of an array's elements. Raises QueryRefused where a value is no array."""
    if source.type.element is None:
        raise QueryRefused(f"{node.name} takes an array, not {source.type}: {excerpt(node)}")
    return source.type.element


def _condition(value: Typed, node: exp.Expr) -> str:
    if value.type not in (BOOLEAN, UNKNOWN):
        raise QueryRefused(f"the function of {node.name} gives a boolean, not {value.type}: {excerpt(node)}")
    return coerced(value, BOOLEAN)


def json(expressions: Values, node: exp.Expr) -> Typed:
    """json_format(cast(array as json)): the one way to write JSON."""
    inner = node.expressions[0].unnest() if len(node.expressions) == 1 else None
    if not isinstance(inner, exp.Cast) or inner.to.this != exp.DataType.Type.JSON:
        raise QueryRefused(f"json_format takes cast(… as json): {excerpt(node)}")
    value = expressions.typed(inner.this)
    kind: Type | None = value.type
    while kind and kind.element:
        kind = kind.element
    if not value.type.element or not kind or kind.name not in _OF_JSON:
        raise QueryRefused(f"json_format of {value.type} is not on offer; it takes arrays of {', '.join(_OF_JSON)}")
    return Typed(VARCHAR, f"cast(to_json({value.text}) as varchar)")


FUNCTIONS = {
    "array_join": joined,
    "transform": transformed,
    "filter": filtered,
    "any_match": matched("true", "false"),
    "all_match": matched("false", "true"),
    "none_match": none,
    "zip_with": zipped,
    "reduce": reduced,
    "json_format": json,
}
