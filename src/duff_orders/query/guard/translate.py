"""From a checked query in Athena's dialect to DuckDB's: what sqlglot alone would give other results."""

import re
from collections.abc import Callable

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import times
from duff_orders.query.guard.casts import cast
from duff_orders.query.guard.rewrite import call, like_type_of, paren, sample_of, swap

_T = exp.DataType.Type
#: Some rewrites write an operand twice; beyond this many nodes the query is refused.
MAX_NODES = 8_000


def translate(tree: exp.Expr) -> exp.Expr:
    """Rewrite the query in place and hand it back. Raises QueryRefused where no equal query exists."""
    budget = MAX_NODES
    for node in reversed(list(tree.walk(bfs=False))):
        rewrite = _REWRITES.get(type(node))
        new = rewrite(node) if rewrite else None
        if new is not None:
            budget -= sum(1 for _ in new.walk())
            if budget < 0:
                raise QueryRefused("too many nested divisions or date sums: use a with clause")
    return tree


def _divide(node: exp.Expr) -> exp.Expr | None:
    """Integers give an integer, cut off; decimals the finer scale, rounded; doubles a double.

    DuckDB divides decimals as doubles, so some 15 digits of the quotient are right.
    """
    left, right = paren(node.this), paren(node.expression)
    if _is_double(left) or _is_double(right):
        return None
    # the bigint makes room for a quotient with more digits than its operands
    zero = exp.cast(exp.Literal.number(0), "bigint")
    pair = exp.Add(this=paren(sample_of(left)), expression=paren(sample_of(right)))
    sample = exp.Add(this=pair, expression=zero)
    # each branch is given the type by itself: a CASE over both would compute with doubles
    whole = exp.IntDiv(this=left.copy(), expression=right.copy())
    ratio = exp.Div(this=left.copy(), expression=right.copy())
    is_whole = exp.Like(this=call("typeof", sample.copy()), expression=exp.Literal.string("%INT%"))
    value = exp.Case(
        ifs=[exp.If(this=is_whole, true=call("cast_to_type", whole, sample.copy()))],
        default=call("cast_to_type", ratio, sample.copy()),
    )
    return swap(node, call("cast_to_type", value, sample))


def _is_double(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return node.to.this in (_T.DOUBLE, _T.FLOAT)
    return isinstance(node, exp.Literal) and not node.is_string and "e" in node.name.lower()


def _average(node: exp.Expr) -> exp.Expr:
    """The average of decimals keeps their scale, as DuckDB's median does; others give a double."""
    top = node
    while isinstance(top.parent, (exp.Filter, exp.Window)) and top.arg_key == "this":
        top = top.parent
    sample = top.copy()
    average = sample
    while not isinstance(average, exp.Avg):
        average = average.this
    median = call("median", sample_of(average.this))
    if average is sample:
        sample = median
    else:
        average.replace(median)
    return like_type_of(top, sample)


def _extreme(node: exp.Expr) -> exp.Expr:
    """Null where any argument is; DuckDB leaves nulls out."""
    empty = [exp.Is(this=paren(value.copy()), expression=exp.Null()) for value in (node.this, *node.expressions)]
    plain = node.copy()
    plain.set("ignore_nulls", True)
    branch = exp.If(this=exp.or_(*empty, copy=False), true=exp.Null())
    return swap(node, exp.Case(ifs=[branch], default=plain))


def _regexp_extract(node: exp.Expr) -> exp.Expr:
    """Null where nothing matches; DuckDB gives the empty text."""
    matches = exp.RegexpLike(this=node.this.copy(), expression=node.expression.copy())
    return swap(node, exp.Case(ifs=[exp.If(this=matches, true=node.copy())]))


def _regexp_replace(node: exp.Expr) -> None:
    r"""A group is `$1` in Athena, `\1` in DuckDB."""
    replacement = node.args.get("replacement")
    if replacement is None:
        return
    if not (isinstance(replacement, exp.Literal) and replacement.is_string):
        raise QueryRefused("regexp_replace: write the replacement between single quotes")
    if re.search(r"\$(?!\d)|\\", replacement.name):
        raise QueryRefused("regexp_replace: a replacement may use $1 to $9, no named group and no backslash")
    text = re.sub(r"\$(\d)", r"\\\1", replacement.name)
    node.set("replacement", exp.Literal.string(text))


def _split_part(node: exp.Expr) -> exp.Expr:
    """Null beyond the last part; DuckDB's split_part gives the empty text."""
    parts = exp.Split(this=node.this, expression=node.args["delimiter"])
    return swap(node, call("list_extract", parts, node.args["part_index"]))


_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr | None]] = {
    exp.Div: _divide,
    exp.Avg: _average,
    exp.Greatest: _extreme,
    exp.Least: _extreme,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.SplitPart: _split_part,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.Add: times.add_interval,
    exp.Sub: times.add_interval,
    exp.DateAdd: times.keep_type,
    exp.TimestampTrunc: times.keep_type,
    exp.DateTrunc: times.date_trunc,
    exp.DateDiff: times.date_diff,
    exp.Extract: times.extract,
    exp.Interval: times.interval,
    exp.CurrentTimestamp: times.now,
    exp.Localtimestamp: times.now,
    exp.CurrentDate: times.today,
    exp.UnixToTime: times.in_utc,
    exp.FromISO8601Timestamp: times.in_utc,
    exp.AtTimeZone: times.at_time_zone,
    exp.TimeToStr: times.date_format,
    exp.StrToTime: times.date_format,
}
