"""Functions whose rule takes more than one line of a table."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.special import dates, formats, lists, regexps

#: By their names: what writes a call of one.
SPECIAL: Mapping[str, Callable[[Values, exp.Expr], Typed]] = {
    **dates.FUNCTIONS,
    **formats.FUNCTIONS,
    **lists.FUNCTIONS,
    **regexps.FUNCTIONS,
}
