"""Pages: a cursor names the last row shown. It is not trusted, so it is not signed: each part is parsed again."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from duff_orders.api.problems import Problem

VERSION = 1
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,200}")
Key = Callable[[Any], Any]


def cursor(scope: str, sort: str, keys: Sequence[Any]) -> str:
    """A cursor: base64url of JSON, without padding. `scope` is what the page was filtered by."""
    position = {"v": VERSION, "s": sort, "f": _hash(scope), "k": list(keys)}
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def read(text: str | None, scope: str, sort: str, keys: Sequence[Key]) -> list[Any] | None:
    """The keys in a cursor, each as its function reads it; None without a cursor.

    Raises Problem where it is none, or of another list, sort or filter.
    """
    if text is None:
        return None
    try:
        if not _CURSOR.fullmatch(text):
            raise ValueError
        position = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        if (position["v"], position["s"], position["f"], len(position["k"])) != (
            VERSION,
            sort,
            _hash(scope),
            len(keys),
        ):
            raise ValueError
        return [key(value) for key, value in zip(keys, position["k"], strict=True)]
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError, binascii.Error):
        raise Problem(
            "invalid-cursor", "take `next_cursor` of the page before, as it is, with the same filters and sort"
        ) from None


def integer(value: Any) -> int:
    """An id in a cursor."""
    if type(value) is not int or not 0 <= value < 10**18:
        raise ValueError
    return value


def text(value: Any) -> str:
    """A text in a cursor."""
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        raise ValueError
    return value


def _hash(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:8]
