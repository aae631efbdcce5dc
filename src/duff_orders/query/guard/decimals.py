"""Division of decimals, as integers of the last digit rounded half away from zero; money never passes a double.

As few bits as hold the digits: bigints where 18 do, hugeints beyond; by multiplying where the product has room, by text
where it has none.
"""

from duff_orders.query.guard.pieces import piece
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import MAX_DIGITS, Type, as_decimal, decimal, unit

#: Digits that a bigint always holds.
SMALL = 18


def divided(left: Typed, right: Typed) -> Typed | None:
    """The quotient of two decimals, or of one and an integer; None for others."""
    if "decimal" not in (left.type.name, right.type.name) or not (_is_exact(left.type) and _is_exact(right.type)):
        return None
    dividend, divisor = as_decimal(left.type), as_decimal(right.type)
    digits = dividend.size or 0
    scale = max(dividend.scale, divisor.scale)
    kind = decimal(digits + divisor.scale + max(0, divisor.scale - dividend.scale), scale)
    shift = scale + divisor.scale - dividend.scale
    small = digits + shift <= SMALL and ((divisor.size or 0) <= SMALL or right.type.is_integer)
    whole = "bigint" if small else "hugeint"
    numerator, denominator = (_unscaled(*each, whole) for each in ((left.text, dividend), (right.text, divisor)))
    if shift:
        numerator = f"{numerator} * cast(1{'0' * shift} as {whole})"
    quotient = piece("duff_quotient", numerator, denominator)
    room = max(scale, 1)
    one = f"cast('{unit(scale)}' as decimal({room},{scale}))"
    return Typed(kind, f"cast(cast({quotient} as decimal({MAX_DIGITS - room},0)) * {one} as {kind.duckdb})")


def _is_exact(kind: Type) -> bool:
    return kind.is_integer or kind.name == "decimal"


def _unscaled(text: str, kind: Type, whole: str) -> str:
    """A decimal as a whole number of its last digit."""
    digits, scale = kind.size or 0, kind.scale
    if scale == 0:
        return f"cast({text} as {whole})"
    if digits + scale + 1 > MAX_DIGITS:
        return f"cast({piece('duff_unscaled', text)} as {whole})"
    return f"cast({text} * cast(1{'0' * scale} as decimal({scale + 1},0)) as {whole})"
