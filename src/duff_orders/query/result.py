"""The result of a query on either engine, in the values that JSON is made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from duff_orders.clock import format_time


@dataclass(frozen=True, slots=True)
class Result:
    """The whole result of a short statement.

    `columns` are pairs of name and type as Athena spells it; `rows` hold the values as they go to JSON: integers and
    booleans as such, everything else as text (decimals with all their digits, times as ISO 8601 in UTC), None for null.
    `version` is the build of the star schema that it was made of, where that is known.
    """

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    bytes_scanned: int = 0
    version: str | None = None

    def dictionaries(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        names = [name for name, _ in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def plain(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The rows of DuckDB as values that go to JSON."""
    return [[_PLAIN.get(type(value), _same)(value) for value in row] for row in rows]


def _same(value: Any) -> Any:
    return value


def time_text(value: datetime) -> str:
    """A time of DuckDB's as ISO 8601 in UTC."""
    # DuckDB's timestamps without a zone are UTC throughout the lake
    return format_time(value if value.tzinfo else value.replace(tzinfo=UTC))


_PLAIN: dict[type, Callable[[Any], Any]] = {
    Decimal: "{:f}".format,
    datetime: time_text,
    date: date.isoformat,
    float: str,
}
