"""Trino's implicit coercions: which type converts to which, and the common type of two.

https://trino.io/docs/current/language/types.html
"""

from dataclasses import replace
from functools import cache

from duff_orders.query.guard.types import NUMBERS, Type, array, as_decimal, decimal, varchar

#: Each goes into those after it.
_TIMES = ("date", "timestamp", "timestamp with time zone")


def common(left: Type, right: Type) -> Type | None:
    """The type to which both are coerced where they meet; None where there is none."""
    if left == right or right.name == "unknown":
        return left
    if left.name == "unknown":
        return right
    if left.is_number and right.is_number:
        return _common_number(left, right)
    if left.is_time and right.is_time:
        return _common_time(left, right)
    if left.name != right.name:
        return None
    match left.name:
        case "varchar":
            return varchar(None if left.size is None or right.size is None else max(left.size, right.size))
        case "array" if left.element and right.element:
            element = common(left.element, right.element)
            return element and array(element)
    return None


def _common_number(left: Type, right: Type) -> Type:
    low, high = sorted((left, right), key=lambda each: NUMBERS.index(each.name))
    if high.name != "decimal":
        return high
    one, other = as_decimal(low), as_decimal(high)
    scale = max(one.scale, other.scale)
    whole = max((one.size or 0) - one.scale, (other.size or 0) - other.scale)
    return decimal(whole + scale, scale)


def _common_time(left: Type, right: Type) -> Type | None:
    low, high = sorted((left, right), key=lambda each: _TIMES.index(each.name))
    if high.zone and (low.zone or "UTC") != high.zone:
        return None  # which of the zones a value has would differ from row to row; without one it is in UTC
    digits = max(low.size or 0, high.size or 0)
    return high if low.name == "date" else replace(high, size=digits)


@cache
def steps(actual: Type, wanted: Type) -> int | None:
    """How far a type is from one that it is coerced to by itself: 0 where they are one; None where it is not."""
    if actual == wanted:
        return 0
    if common(actual, wanted) != wanted:
        return None
    if actual.name == "unknown":
        return 1
    order = NUMBERS if actual.is_number else _TIMES if actual.is_time else ()
    return 1 + (order.index(wanted.name) - order.index(actual.name) if order else 0)
