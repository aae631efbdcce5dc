"""Trino's types, and how DuckDB spells the same values.

https://trino.io/docs/current/language/types.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

#: The most digits of a decimal.
MAX_DIGITS = 38
#: Digits of a decimal that holds every value of an integer type.
INTEGERS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
#: Types of numbers, each of which goes into those after it.
NUMBERS = (*INTEGERS, "decimal", "real", "double")
_TIMES = ("date", "timestamp", "timestamp with time zone")
#: Digits of a second that DuckDB keeps.
MAX_FRACTION = 6


@dataclass(frozen=True, slots=True)
class Type:
    """A type of Trino's.

    `size` is the digits of a decimal, the length of a varchar (None: any) or the digits of a second; `scale` that of a
    decimal; `element` that of an array; `fields` those of a row; `zone` that of a time, which every value has.
    """

    name: str
    size: int | None = None
    scale: int = 0
    element: "Type | None" = None
    fields: tuple[tuple[str, "Type"], ...] = ()
    zone: str = ""

    def __str__(self) -> str:
        """As Athena writes it."""
        match self.name:
            case "decimal":
                return f"decimal({self.size},{self.scale})"
            case "varchar":
                return "varchar" if self.size is None else f"varchar({self.size})"
            case "timestamp":
                return f"timestamp({self.size})"
            case "timestamp with time zone":
                return f"timestamp({self.size}) with time zone"
            case "array":
                return f"array({self.element})"
            case "row":
                return f"row({', '.join(f'{name} {kind}' for name, kind in self.fields)})"
        return self.name

    @property
    def told(self) -> str:
        """As Athena names it of an answer's columns, with the digits of decimals alone."""
        return str(self) if self.name == "decimal" else self.name

    @property
    def is_number(self) -> bool:
        """Whether it can be computed with."""
        return self.name in NUMBERS

    @property
    def is_integer(self) -> bool:
        """Whether it has no fraction, and is no decimal."""
        return self.name in INTEGERS

    @property
    def is_time(self) -> bool:
        """Whether it is a date, or one with a time."""
        return self.name in _TIMES

    @property
    def duckdb(self) -> str:
        """DuckDB's type of the same values: a time with a zone is the instant in UTC, an interval a whole number."""
        match self.name:
            case "decimal":
                return f"decimal({self.size},{self.scale})"
            case "timestamp" | "timestamp with time zone":
                return "timestamp"
            case "array":
                return f"{self.element.duckdb}[]" if self.element else "integer[]"
            case "row":
                return f"struct({', '.join(f'{name} {kind.duckdb}' for name, kind in self.fields)})"
        return _DUCKDB.get(self.name, self.name)

    @property
    def answered(self) -> "Type":
        """The type as which it stands in an answer: what DuckDB has no values of is text there."""
        if self.element:
            return replace(self, element=self.element.answered)
        return Type("varchar") if self.zone or self.name.startswith("interval") else self

    @property
    def equals_as_duckdb(self) -> bool:
        """Whether two values are equal in DuckDB where they are in Trino: NaN is not, and nulls within are not."""
        return self.name not in ("real", "double", "array", "row")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source or an answer: its name, and its type."""

    name: str
    type: Type


_DUCKDB = {
    "real": "float",
    "unknown": "integer",
    "interval day to second": "bigint",
    "interval year to month": "integer",
}

BOOLEAN, BIGINT, INTEGER, DOUBLE = (Type(name) for name in ("boolean", "bigint", "integer", "double"))
VARCHAR, UNKNOWN = Type("varchar"), Type("unknown")
DAY_INTERVAL, YEAR_INTERVAL = Type("interval day to second"), Type("interval year to month")


def decimal(digits: int, scale: int) -> Type:
    """A decimal of at most 38 digits."""
    return Type("decimal", min(digits, MAX_DIGITS), scale)


def unit(scale: int) -> str:
    """One at a scale, such as 0.01."""
    return f"{Decimal(1).scaleb(-scale):f}"


def varchar(length: int | None = None) -> Type:
    """A text of at most so many characters."""
    return Type("varchar", length)


def timestamp(digits: int = 3) -> Type:
    """A wall clock's time, with so many digits of a second."""
    return Type("timestamp", digits)


def instant(digits: int = 3, zone: str = "UTC") -> Type:
    """A time whose values all have one zone."""
    return Type("timestamp with time zone", digits, zone=zone)


def array(element: Type) -> Type:
    """An array."""
    return Type("array", element=element)


def row(kinds: Iterable[Type]) -> Type:
    """Values beside each other, without names."""
    return Type("row", fields=tuple(("", kind) for kind in kinds))


def as_decimal(kind: Type) -> Type:
    """The decimal that holds every value of an integer type; a decimal is one itself."""
    return kind if kind.name == "decimal" else decimal(INTEGERS[kind.name], 0)


_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")


def named(text: str) -> Type:
    """The type that Athena names of an answer's column, as far as it does."""
    if match := _DECIMAL.fullmatch(text):
        return decimal(int(match[1]), int(match[2]))
    return timestamp(3) if text == "timestamp" else Type(text)
