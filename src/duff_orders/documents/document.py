"""What is stored or passed on as one JSON object: typed, of a declared form, and with a digest where stored."""

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from datetime import date, datetime
from types import UnionType
from typing import Any, Literal, Self, cast, get_args, get_origin

from duff_orders.clock import format_time, parse_time

#: The form of the documents that this release writes.
FORM = 5
#: The first form whose documents say, last, what the digest of all before is.
_DIGESTED = 4
_DIGEST = b', "digest": "'


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
        known = {field.name: field for field in fields(cast(Any, cls))}
        own = {"v"} if form < _DIGESTED else {"v", "digest"}
        if unknown := values.keys() - known.keys() - own:
            raise ValueError(f"a {cls.__name__} has no {', '.join(sorted(unknown))}")
        missing = [
            name
            for name, field in known.items()
            if name not in values and field.default is MISSING and field.default_factory is MISSING
        ]
        if missing:
            raise ValueError(f"a {cls.__name__} without {', '.join(missing)}")
        return cls(**{name: _typed(name, value, known[name].type) for name, value in values.items() if name in known})


def _typed(name: str, value: Any, kind: Any) -> Any:
    """A value of JSON as the type of its field; raises ValueError where it is none."""
    arms = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    if value is None and type(None) in arms:
        return None
    arm = next(each for each in arms if each is not type(None))
    origin, inner = get_origin(arm) or arm, get_args(arm)
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
    if origin in (int, str, bool) and type(value) is origin:
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
