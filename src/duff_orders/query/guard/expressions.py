"""Expressions: from sqlglot's nodes to values with Trino's types, one method per kind of node.

What has no method, and no signature in a table, is refused.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from duff_orders.drivers.dialect import sql_text
from duff_orders.errors import QueryRefused
from duff_orders.query.guard import calls, choices, decimals, predicates, subqueries
from duff_orders.query.guard.calls import called, filtered
from duff_orders.query.guard.conversions import cast, coerced, same, written_type, zoned_literal
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.scope import Query
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.special import dates, intervals
from duff_orders.query.guard.tables import FUNCTIONS
from duff_orders.query.guard.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, UNKNOWN, array, decimal, row, varchar
from duff_orders.query.guard.windows import windowed

#: What a name without a value before it stands for: a column of the tables in sight.
Resolve = Callable[[exp.Column], Typed]
#: Writes a query that stands within an expression.
Inner = Callable[[exp.Expr], Query]

_BINARY: dict[type[exp.Expr], tuple[str, bool]] = {
    exp.Add: ("add", False),
    exp.Sub: ("subtract", False),
    exp.Mul: ("multiply", False),
    exp.Div: ("divide", False),
    exp.Mod: ("modulo", False),
    exp.EQ: ("equal", False),
    exp.NEQ: ("differs", False),
    exp.LT: ("less", False),
    exp.LTE: ("at_most", False),
    exp.GT: ("less", True),
    exp.GTE: ("at_most", True),
    exp.DPipe: ("join", False),
}
_INTEGER_LIMIT, _BIGINT_LIMIT = 2**31, 2**63


class Expressions:
    """Expressions over the columns in sight."""

    def __init__(self, resolve: Resolve, inner: Inner, known: Mapping[str, Typed] | None = None) -> None:
        self._resolve = resolve
        self.inner = inner
        self._known = known or {}

    def knowing(self, name: str, value: Typed) -> "Expressions":
        """Such that a name stands for a value, as in a function's own text."""
        return Expressions(self._resolve, self.inner, {**self._known, name: value})

    def typed(self, node: exp.Expr) -> Typed:
        """The value of an expression. Raises QueryRefused for what is not on offer."""
        if type(node) in _BINARY:
            if isinstance(node.expression, (exp.Any, exp.All)):
                return subqueries.quantified(self, node)
            if isinstance(node.this, exp.Tuple) and isinstance(node, (exp.EQ, exp.NEQ)):
                return predicates.rows_equal(self, node)
            name, turned = _BINARY[type(node)]
            pair = [self.typed(node.this), self.typed(node.expression)]
            if name in ("add", "subtract") and (moved := intervals.moved(*pair, back=name == "subtract")):
                return moved
            if name == "divide" and (quotient := decimals.divided(*pair)):
                return quotient
            return self.call(name, pair[::-1] if turned else pair)
        method = _METHODS.get(type(node))
        if method is None:
            raise QueryRefused(f"{type(node).__name__.lower()} is not on offer: {excerpt(node)}")
        return method(self, node)

    def call(self, name: str, values: Sequence[Typed]) -> Typed:
        """A call of a function of the tables."""
        return FUNCTIONS.call(name, values, coerced)

    def condition(self, node: exp.Expr) -> str:
        """What is true, false or null: a number is no condition."""
        value = self.typed(node)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise QueryRefused(f"a condition is a boolean, not {value.type}: {excerpt(node)}")
        return coerced(value, BOOLEAN)

    def _literal(self, node: exp.Expr) -> Typed:
        text = node.name
        if node.args["is_string"]:
            return Typed(varchar(len(text)), sql_text(text))
        if re.fullmatch("[0-9]+", text):
            kind = INTEGER if int(text) < _INTEGER_LIMIT else BIGINT
            if int(text) >= _BIGINT_LIMIT:
                raise QueryRefused(f"{text[:40]} is too large for a bigint; write decimal '{text[:40]}'")
            return Typed(kind, f"cast({text} as {kind.duckdb})")
        if re.fullmatch("[0-9]*[.][0-9]*", text):
            whole, _, fraction = text.partition(".")
            kind = decimal(max(len(whole.lstrip("0")) + len(fraction), 1), len(fraction))
            return Typed(kind, f"cast('{text}' as {kind.duckdb})")
        return Typed(DOUBLE, f"cast('{text}' as double)")

    def _null(self, node: exp.Expr) -> Typed:
        return Typed(UNKNOWN, "cast(null as integer)")

    def _boolean(self, node: exp.Expr) -> Typed:
        return Typed(BOOLEAN, str(bool(node.this)).lower())

    def _column(self, node: exp.Expr) -> Typed:
        assert isinstance(node, exp.Column)
        return self._resolve(node)

    def _name(self, node: exp.Expr) -> Typed:
        """What stands for an element in a function: the parser has taken its name for that."""
        if node.name.lower() in self._known:
            return self._known[node.name.lower()]
        raise QueryRefused(f"there is no value called {excerpt(node)}")

    def _paren(self, node: exp.Expr) -> Typed:
        return self.typed(node.this)

    def _and_or(self, node: exp.Expr) -> Typed:
        # A chain is walked, not descended: it may be long.
        kind, word, parts, rest = type(node), "and" if isinstance(node, exp.And) else "or", list[str](), node
        while isinstance(rest, kind):
            parts.append(self.condition(rest.expression))
            rest = rest.this
        parts.append(self.condition(rest))
        return Typed(BOOLEAN, "(" + f" {word} ".join(reversed(parts)) + ")")

    def _not(self, node: exp.Expr) -> Typed:
        return Typed(BOOLEAN, f"(not {self.condition(node.this)})")

    def _negative(self, node: exp.Expr) -> Typed:
        literal = node.this
        if isinstance(literal, exp.Literal) and literal.name == str(_BIGINT_LIMIT):
            return Typed(BIGINT, f"cast('-{literal.name}' as bigint)")
        return self.call("negate", [self.typed(literal)])

    def _array(self, node: exp.Expr) -> Typed:
        kind, texts = same([self.typed(each) for each in node.expressions], "array")
        return Typed(array(kind), f"cast([{', '.join(texts)}] as {array(kind).duckdb})")

    def _row(self, node: exp.Expr) -> Typed:
        values = [self.typed(each) for each in node.expressions]
        return Typed(row(each.type for each in values), f"row({', '.join(each.text for each in values)})")

    def _bracket(self, node: exp.Expr) -> Typed:
        (place,) = node.expressions
        if isinstance(place, exp.Literal) and place.is_int:  # of which the parser makes the first 0
            place = exp.Literal.number(int(place.name) + 1)
        return self.call("subscript", [self.typed(node.this), self.typed(place)])

    def _cast(self, node: exp.Expr) -> Typed:
        if literal := zoned_literal(node):
            return literal
        value, to = self.typed(node.this), written_type(node.args["to"])
        return cast(value, to, safe=isinstance(node, exp.TryCast))


_METHODS: dict[type[exp.Expr], Callable[[Expressions, exp.Expr], Typed]] = {
    exp.Literal: Expressions._literal,
    exp.Null: Expressions._null,
    exp.Boolean: Expressions._boolean,
    exp.Column: Expressions._column,
    exp.Identifier: Expressions._name,
    exp.Paren: Expressions._paren,
    exp.And: Expressions._and_or,
    exp.Or: Expressions._and_or,
    exp.Not: Expressions._not,
    exp.Neg: Expressions._negative,
    exp.Is: predicates.is_null,
    exp.NullSafeEQ: predicates.distinct_from,
    exp.NullSafeNEQ: predicates.distinct_from,
    exp.Between: predicates.between,
    exp.In: predicates.one_of,
    exp.Like: predicates.like,
    exp.Escape: predicates.like,
    exp.Array: Expressions._array,
    exp.Tuple: Expressions._row,
    exp.Bracket: Expressions._bracket,
    exp.Case: choices.case,
    exp.If: choices.condition,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Anonymous: called,
    exp.Filter: filtered,
    exp.WithinGroup: calls.within_group,
    exp.Window: windowed,
    exp.AtTimeZone: dates.in_zone,
    exp.CurrentTimestamp: lambda self, node: self.call("now", []),
    exp.Trim: calls.trimmed,
    exp.StrPosition: lambda self, node: self.call("strpos", [self.typed(node.this), self.typed(node.args["substr"])]),
    exp.Extract: dates.part,
    exp.Interval: intervals.literal,
    exp.CurrentDate: lambda self, node: self.call("current_date", []),
    exp.Localtimestamp: lambda self, node: self.call("localtimestamp", []),
    exp.Subquery: subqueries.value,
    exp.Exists: subqueries.exists,
}
