"""Dates and times: from Athena's meaning to DuckDB's.

Every instant is a timestamp in UTC without a zone, as the lake stores them.
"""

import re

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.grammar import EXTRACTS, FORMATS, UNITS
from duff_orders.query.guard.rewrite import call, like_type_of, listing, paren, sample_of, swap, wrap


def keep_type(node: exp.Expr) -> exp.Expr:
    """A date stays a date; DuckDB would make it a timestamp."""
    _unit(node)
    return like_type_of(node, sample_of(node.this))


def date_trunc(node: exp.Expr) -> exp.Expr:
    """What sqlglot knows to be a date it parses into a class of its own, with the unit as a text."""
    unit = node.args["unit"]
    plain = exp.TimestampTrunc(this=node.this, unit=exp.var(unit.name.upper()) if unit.is_string else unit)
    return keep_type(swap(node, plain))


def add_interval(node: exp.Expr) -> exp.Expr | None:
    """A date plus or minus an interval stays a date."""
    left, right = node.this.unnest(), node.expression.unnest()
    if isinstance(left, exp.Interval) == isinstance(right, exp.Interval):
        return None
    return like_type_of(node, sample_of(right if isinstance(left, exp.Interval) else left))


def date_diff(node: exp.Expr) -> exp.Expr:
    """Athena counts whole units; DuckDB's date_diff counts borders crossed, its datesub whole units."""
    unit = exp.Literal.string(_unit(node).lower())
    return swap(node, call("datesub", unit, node.expression, node.this))


def extract(node: exp.Expr) -> None:
    """Athena's `dow` counts from Monday = 1, DuckDB's from Sunday = 0."""
    name = node.this.name.upper()
    if name not in EXTRACTS:
        raise QueryRefused(f"extract({name.lower()} …) is not allowed; allowed: {listing(EXTRACTS)}")
    node.set("this", exp.var(EXTRACTS[name]))


def interval(node: exp.Expr) -> None:
    """Only whole numbers of one unit."""
    _unit(node)
    if not isinstance(node.this, exp.Literal) or not re.fullmatch(r"[+-]?\d{1,9}", node.this.name):
        raise QueryRefused("an interval is a whole number and a unit, e.g. interval '7' day")


def in_utc(node: exp.Expr) -> exp.Expr:
    """An instant with a zone becomes the timestamp in UTC."""
    hole = exp.Null()
    zoned = exp.AtTimeZone(this=hole, zone=exp.Literal.string("UTC"))
    return wrap(node, exp.Paren(this=zoned), hole)


def now(node: exp.Expr) -> exp.Expr:
    """The time in UTC, whatever the zone of the connection."""
    return in_utc(swap(node, exp.CurrentTimestamp()))


def today(node: exp.Expr) -> exp.Expr:
    """The date in UTC, whatever the zone of the connection."""
    holder = swap(node, exp.cast(exp.CurrentTimestamp(), "date"))
    in_utc(holder.this)
    return holder


def at_time_zone(node: exp.Expr) -> exp.Expr:
    """Times are in UTC already; another zone is not on offer."""
    if node.args["zone"].name.upper() not in ("UTC", "Z"):
        raise QueryRefused("times are in UTC; at time zone takes 'UTC' only")
    return swap(node, paren(node.this))


def date_format(node: exp.Expr) -> None:
    """Only the codes that mean the same in DuckDB."""
    text = node.args.get("format")
    if not (isinstance(text, exp.Literal) and text.is_string):
        raise QueryRefused("date_format and date_parse: write the format between single quotes")
    for code in re.findall(r"%-?.?", text.name, re.DOTALL):
        if code not in FORMATS:
            raise QueryRefused(
                f"date_format: {code!r} is not translated; allowed: "
                "%Y %y %m %c %d %e %H %k %h %l %i %s %S %f %T %M %b %W %a %p %j %%"
            )


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    name = unit.name.upper() if isinstance(unit, exp.Var) else ""
    if name not in UNITS:
        found = name.lower() or "an expression"
        raise QueryRefused(f"{found} is not a unit of time; allowed: {listing(UNITS)}")
    return name
