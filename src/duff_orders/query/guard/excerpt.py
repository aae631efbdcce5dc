"""Quotes from a piece of SQL: its beginning, for messages, and the text of a literal."""

from sqlglot import exp
from sqlglot.errors import ErrorLevel

_DEPTH = 4


def excerpt(node: exp.Expr) -> str:
    """The beginning of the node's text for a message, cut off four levels down: to write out more may take minutes."""
    try:
        copy = node.copy()
        for inner in list(copy.walk()):
            if inner.depth - copy.depth == _DEPTH:
                inner.replace(exp.var("…"))
        text = copy.sql("trino", comments=False, unsupported_level=ErrorLevel.IGNORE)
    except Exception:  # a message must not fail on the tree it is about
        return "…"
    return text[:80]


def quoted(node: object) -> str | None:
    """The text of a literal between quotes; None for anything else."""
    return node.name if isinstance(node, exp.Literal) and node.is_string else None
