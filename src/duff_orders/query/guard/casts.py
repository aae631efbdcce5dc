"""Casts: from Athena's meaning to DuckDB's, which takes more texts for numbers, dates and truth values."""

import re

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import times
from duff_orders.query.guard.grammar import TYPES
from duff_orders.query.guard.rewrite import call, listing, paren, wrap

_T = exp.DataType.Type
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_INTEGER, _FLOATING = r"[+-]?[0-9]+", rf"\s*({_NUMBER}|[+-]?(NaN|Infinity))\s*"
#: The texts that Athena casts to a type: DuckDB rounds '1.5', and reads '0x10', '1_000', ' 12' and 'yes', too.
_TEXTS = {
    **dict.fromkeys((_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT), _INTEGER),
    **dict.fromkeys((_T.FLOAT, _T.DOUBLE), _FLOATING),
    _T.DECIMAL: _NUMBER,
    _T.BOOLEAN: "(?i:t|true|f|false|1|0)",
    _T.DATE: r"\s*[+-]?[0-9]+-[0-9]{1,2}-[0-9]{1,2}\s*",
}
#: Put before a text that Athena does not cast, so that DuckDB does not, either.
_NO_VALUE = "no value: "


def cast(node: exp.Expr) -> exp.Expr | None:
    """Rewrite a cast or try_cast. Raises QueryRefused for a type that is not on offer.

    DuckDB also ignores the length of a varchar and takes `decimal` for decimal(18,3).
    """
    target = node.args["to"]
    for part in target.find_all(exp.DataType):
        if part.this not in TYPES:
            raise QueryRefused(
                f"cast: the type {part.sql('trino').lower()[:80]} is not allowed; allowed: "
                + listing(kind.value for kind in TYPES)
            )
        if part.this == _T.DECIMAL and not part.expressions:
            raise QueryRefused("write a decimal's digits: cast(… as decimal(12,4))")
        if part.this in (_T.TIMESTAMP, _T.TIMESTAMPTZ, _T.TIME):
            part.set("expressions", None)
    if target.this == _T.TIMESTAMPTZ:
        return times.in_utc(node)
    if target.this in (_T.VARCHAR, _T.TEXT) and target.expressions:
        length = target.expressions[0].this.copy()
        target.set("expressions", None)
        hole = exp.Null()
        return wrap(node, exp.Left(this=hole, expression=length), hole)
    return _from_text(node, _TEXTS[target.this]) if target.this in _TEXTS else None


def _from_text(node: exp.Expr, pattern: str) -> exp.Expr | None:
    """Let the cast see a text only where it matches. What is no text is known when DuckDB plans, at no cost."""
    value = node.this
    known = value.unnest()
    if isinstance(known, exp.Literal):
        if known.is_string and not re.fullmatch(pattern, known.name, re.ASCII):
            known.replace(exp.Literal.string(_NO_VALUE + known.name))
        return None
    if isinstance(known, (exp.Cast, exp.TryCast)) and known.to.this not in (_T.VARCHAR, _T.TEXT):
        return None
    text = exp.cast(value.copy(), "varchar")
    is_text = exp.EQ(this=exp.Typeof(this=value.copy()), expression=exp.Literal.string("VARCHAR"))
    differs = exp.Not(this=call("regexp_full_match", text.copy(), exp.Literal.string(pattern)))
    refused = node.copy()
    refused.set("this", exp.DPipe(this=exp.Literal.string(_NO_VALUE), expression=paren(text)))
    hole = exp.Null()
    branch = exp.If(this=exp.And(this=is_text, expression=differs), true=refused)
    return wrap(node, exp.Case(ifs=[branch], default=hole), hole)
