"""What is stored or passed on as one JSON object: typed, of a declared form, and with a digest where stored."""

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from datetime import date, datetime
from functools import cache
from types import UnionType
from typing import Any, Literal, Self, cast, get_args, get_origin

from duff_orders.clock import format_time, parse_time

#: The form of the documents that this release writes.
FORM = 5
#: The first form whose documents say, last, what the digest of all before is.
_DIGESTED = 4
_DIGEST = b', "digest": "'
#: What stored documents say of themselves, beside their fields.
_OWN, _OWN_DIGESTED = frozenset({"v"}), frozenset({"v", "digest"})


class Document:
    """A dataclass that goes to JSON and back; times are written as ISO 8601 in UTC, dates as YYYY-MM-DD.

    What is stored says in `v` the version of its form, and in `digest` what proves every byte before. A release reads
    all forms up to its own: fields that an older one did not have take their defaults.
    """

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(cast(Any, self)), default=_plain, ensure_ascii=False)

    def stored(self) -> bytes:
        """The same as an object of the lake: with the version of its form, its digest, and a line's end."""
        values = asdict(cast(Any, self)) | {"v": FORM}
        text = json.dumps(values, default=_plain, ensure_ascii=False).encode("utf-8")[:-1]
        return text + _proof(text)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The document that `to_json` wrote, of this release or an older one.

        Raises ValueError for anything else: a newer form, a field that is missing, unknown, or of another type, and
        one that is stored and not as it was written.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"not a {cls.__name__}: expected a JSON object")
        document = cls.of(values)
        if values.get("v", 1) >= _DIGESTED:
            stored = text if isinstance(text, bytes) else text.encode("utf-8")
            body, mark, digest = stored.rpartition(_DIGEST)
            if mark + digest != _proof(body):
                raise ValueError(f"a {cls.__name__} that is not as it was written: its digest is another")
        return document

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The document of a JSON object that was read already; raises ValueError as `from_json`."""
        form = values.get("v", 1)
        if not isinstance(form, int) or form > FORM:
            raise ValueError(f"a {cls.__name__} of form {form!r}; this release reads up to {FORM}: take a newer one")
        kinds, needed = _fields_of(cast(Any, cls))
        own = _OWN if form < _DIGESTED else _OWN_DIGESTED
        if unknown := values.keys() - kinds.keys() - own:
            raise ValueError(f"a {cls.__name__} has no {', '.join(sorted(unknown))}")
        if missing := [name for name in needed if name not in values]:
            raise ValueError(f"a {cls.__name__} without {', '.join(missing)}")
        return cls(**{name: _typed(name, value, kinds[name]) for name, value in values.items() if name in kinds})


@cache
def _fields_of(document: type[Document]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The types of a document's fields by their names, and the names of those without a default."""
    known = fields(cast(Any, document))
    needed = (each.name for each in known if each.default is MISSING and each.default_factory is MISSING)
    return {each.name: each.type for each in known}, tuple(needed)


@cache
def _parts_of(kind: Any) -> tuple[bool, Any, tuple[Any, ...]]:
    """Whether a field of this type may be null; the type of its values, without what these hold; and the latter."""
    arms = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    arm = next(each for each in arms if each is not type(None))
    return type(None) in arms, get_origin(arm) or arm, get_args(arm)


def _typed(name: str, value: Any, kind: Any) -> Any:
    """A value of JSON as the type of its field; raises ValueError where it is none."""
    may_be_null, origin, inner = _parts_of(kind)
    if value is None and may_be_null:
        return None
    if origin in (int, str, bool) and type(value) is origin:
        return value
    if origin is datetime and isinstance(value, str):
        return parse_time(value)
    if origin is date and isinstance(value, str):
        return date.fromisoformat(value)
    if origin in (tuple, list) and isinstance(value, list):
        return origin(_typed(name, each, inner[0]) for each in value)
    if origin is dict and isinstance(value, dict):
        return {key: _typed(name, each, inner[1]) for key, each in value.items()}
    if isinstance(origin, type) and issubclass(origin, Document) and isinstance(value, dict):
        return origin.of(value)
    if origin is Literal and value in inner:
        return value
    if origin is int and type(value) is float and value.is_integer():  # a state machine may write 100000000 as 1.0E8
        return int(value)
    raise ValueError(f"{name} is {json.dumps(value, default=str)[:100]}; expected {getattr(kind, '__name__', kind)}")


def _proof(text: bytes) -> bytes:
    """How a stored document ends, after the `text` of it."""
    return _DIGEST + hashlib.sha256(text).hexdigest()[:32].encode() + b'"}\n'


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a document")
