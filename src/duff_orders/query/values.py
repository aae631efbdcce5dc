"""Values of an answer as Athena writes them, by type: in a CSV field, in a table's cell, in JSON.

Numbers keep their digits: a decimal is written as it is stored (`15.0000`), never by way of a float; a time has the
digits of its type, and no zone where it has none. What is a text already, as Athena's own answers are, stays as it is.
"""

import json
import math
import struct
from datetime import datetime
from decimal import Decimal
from typing import Any

from duff_orders.query.guard.types import Type

_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7


def text(value: Any, kind: Type) -> str:
    """One value as text; null, which only an array or a row holds here, is `null`."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return _floating(value, kind)
    if isinstance(value, datetime):
        whole = value.isoformat(" ", "seconds")
        return f"{whole}.{value.microsecond:06d}"[: 20 + kind.size] if kind.size else whole
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(text(each, _element(kind)) for each in value)}]"
    if isinstance(value, dict):
        fields = dict(kind.fields)
        return "{" + ", ".join(f"{name}={text(each, fields.get(name, _OTHER))}" for name, each in value.items()) + "}"
    return str(value)


def told(value: Any, kind: Type) -> Any:
    """One value as it goes into a document: whole numbers, booleans and null as they are, the rest as text."""
    return value if value is None or isinstance(value, bool | int) else text(value, kind)


def as_json(value: Any, kind: Type) -> str:
    """One value as JSON, in which numbers are numbers with all their digits; what is no number there is null."""
    if value is None:
        return "null"
    if kind.is_number and not isinstance(value, bool):
        written = text(value, kind)
        return "null" if written.strip("-") in ("NaN", "Infinity") else written
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(as_json(each, _element(kind)) for each in value)}]"
    if isinstance(value, dict):
        fields = dict(kind.fields)
        pairs = (f"{quoted(name)}: {as_json(each, fields.get(name, _OTHER))}" for name, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    return quoted(text(value, kind))


def quoted(written: str) -> str:
    """A text in JSON."""
    return json.dumps(written, ensure_ascii=False)


_OTHER = Type("varchar")


def _element(kind: Type) -> Type:
    return kind.element or _OTHER


def _floating(value: float, kind: Type) -> str:
    """As Java writes it, in the fewest digits that give the same number."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    digits = repr(value) if kind.name != "real" else _real(value)
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        plain = f"{Decimal(digits):f}"
        return plain if "." in plain else f"{plain}.0"
    sign, figures, exponent = Decimal(digits).normalize().as_tuple()
    first, *rest = map(str, figures)
    power = len(figures) - 1 + int(exponent)
    return f"{'-' * sign}{first}.{''.join(rest) or '0'}E{power}"


def _real(value: float) -> str:
    """The fewest digits that give the same number of 32 bits."""
    written = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next((each for each in written if struct.pack("f", float(each)) == struct.pack("f", value)), repr(value))
