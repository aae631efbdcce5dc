"""Tools for rewriting a query's tree from Athena's meaning to DuckDB's.

Types decide much of it, and sqlglot does not know them. DuckDB does: `cast_to_type(value, sample)` gives
the value the type of the sample, whose own value is not used.
"""

from collections.abc import Iterable

from sqlglot import exp
from sqlglot.errors import ErrorLevel

_EXCERPT_DEPTH = 4


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a DuckDB function that sqlglot has no class for."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def paren(node: exp.Expr) -> exp.Expr:
    """The node, in parentheses where an operator beside it could tear it apart."""
    is_loose = isinstance(node, (exp.Binary, exp.Unary, exp.Between, exp.In, exp.Case))
    return exp.Paren(this=node) if is_loose and not isinstance(node, exp.Paren) else node


def swap(node: exp.Expr, new: exp.Expr) -> exp.Expr:
    """Put `new` in the node's place and hand it back."""
    node.replace(new)
    return new


def wrap(node: exp.Expr, outer: exp.Expr, hole: exp.Expr) -> exp.Expr:
    """Put `outer` in the node's place and the node into `outer`, where the `hole` is."""
    node.replace(outer)
    hole.replace(node)
    return outer


def like_type_of(node: exp.Expr, sample: exp.Expr) -> exp.Expr:
    """Give the node, in place, the type of the sample."""
    hole = exp.Null()
    return wrap(node, call("cast_to_type", hole, sample), hole)


def sample_of(node: exp.Expr) -> exp.Expr:
    """An expression of the same type, without the values that earlier rewrites put in."""
    copy = node.copy()
    if _is_typed(copy):
        sample: exp.Expr = copy.expressions[1].copy()
        return sample
    for inner in list(copy.find_all(exp.Anonymous)):  # outermost first
        if _is_typed(inner) and inner.root() is copy:
            inner.replace(paren(inner.expressions[1].copy()))
    return copy


def _is_typed(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name == "cast_to_type"


def listing(names: Iterable[str]) -> str:
    """The names for a message: sorted, in lower case."""
    return ", ".join(sorted(name.lower() for name in names))


def excerpt(node: exp.Expr) -> str:
    """The beginning of the node's text for a message, cut off four levels down: to write out more may take minutes."""
    try:
        copy = node.copy()
        for inner in list(copy.walk()):
            if inner.depth - copy.depth == _EXCERPT_DEPTH:
                inner.replace(exp.var("…"))
        text = copy.sql("trino", comments=False, unsupported_level=ErrorLevel.IGNORE)
    except Exception:  # a message must not fail on the tree it is about
        return "…"
    return text[:80]
