"""A query's result as text: a table, JSON or CSV, row by row; or as a Parquet file.

Values are written as Athena writes them: `values`.
"""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO, get_args

import duckdb

from duff_orders.drivers.dialect import sql_name, sql_text
from duff_orders.errors import InputError
from duff_orders.printable import printable
from duff_orders.query.guard.types import Column, Type, named
from duff_orders.query.values import as_json, quoted, text

Format = Literal["table", "json", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: Rows fetched at a time, and rows from which a table's column widths are taken.
BATCH = 1000


class Result(Protocol):
    """The result of a query."""

    @property
    def columns(self) -> Sequence[Column]:
        """Its columns, with Trino's types."""

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Its next rows, none at the end."""


class Pages:
    """The result of another engine: columns with Athena's types, and pages of values as they go to JSON."""

    def __init__(self, columns: Sequence[tuple[str, str]], pages: Iterable[Sequence[Sequence[Any]]]) -> None:
        self.columns = [Column(name, named(kind)) for name, kind in columns]
        self._rows = chain.from_iterable(pages)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """The next rows."""
        return [*islice(self._rows, size)]


def write(result: Result, stream: TextIO, format: Format) -> int:
    """Write a result; gives the number of rows.

    A stream for CSV should be opened with `newline=""`. Raises InputError for an unknown format.
    """
    writer = _WRITERS.get(format)
    if writer is None:
        raise InputError(f"no format {format!r}; formats: {', '.join(FORMATS)}")
    return writer(
        unique([each.name for each in result.columns]), [each.type for each in result.columns], result, stream
    )


def write_parquet(connection: duckdb.DuckDBPyConnection, sql: str, path: Path | str) -> int:
    """Run a query into a Parquet file; gives the number of rows. Raises duckdb.Error."""
    # the query is on lines of its own, so that a comment at its end cannot swallow the rest
    row = connection.execute(f"copy (\n{sql}\n) to {sql_text(path)} (format parquet, compression zstd)").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def taken(
    columns: Sequence[tuple[str, str]], pages: Iterable[Sequence[Sequence[Any]]]
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """The answer of another engine: columns with Athena's types, and pages of values as they go to JSON.

    Gives a connection and the statement that selects the answer, for `write` and `write_parquet`. The rows wait in a
    file, so that memory does not grow with them.
    """
    places = [f"c{place}" for place in range(len(columns))]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(Path(folder, "answer.duckdb")) as connection:
        connection.execute("set timezone = 'UTC'")
        kinds = [kind if kind in ("boolean", "bigint", "integer") else "varchar" for _, kind in columns]
        connection.execute(f"create table answer ({', '.join(map(' '.join, zip(places, kinds, strict=True)))})")
        unnested = ", ".join(f"unnest(cast(? as {kind}[]))" for kind in kinds)
        for page in pages:
            if page:
                connection.execute(
                    f"insert into answer select {unnested}", [list(column) for column in zip(*page, strict=True)]
                )
        digits = ", ".join(f"coalesce(max(length(split_part({place}::varchar, '.', 2))), 0)" for place in places)
        scales = connection.execute(f"select {digits} from answer").fetchone() or ()
        typed = [_kind(kind, scale) for (_, kind), scale in zip(columns, scales, strict=True)]
        named = ", ".join(
            f"cast({place} as {kind}) as {sql_name(name)}"
            for place, kind, (name, _) in zip(places, typed, columns, strict=True)
        )
        yield connection, f"select {named} from answer"


def _kind(athena: str, scale: int) -> str:
    """A type of Athena in DuckDB's words; what has parts is left as the text that Athena gives."""
    if athena.startswith("decimal("):
        # No digit is lost, whatever the engine says of its type.
        return f"decimal(38,{max(scale, int(athena.rstrip(')').rpartition(',')[2]))})"
    known = ("boolean", "tinyint", "smallint", "integer", "bigint", "double", "date", "timestamp")
    return athena if athena in known else "varchar"


def unique(wanted: Sequence[str]) -> list[str]:
    """Columns' names, a repeated one with `_1`, `_2`, … as DuckDB names it in a Parquet file."""
    taken: set[str] = set()
    names = []
    for name in wanted:
        unique, number = name, 0
        while unique in taken or (number and unique in wanted):
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        names.append(unique)
    return names


def _rows(result: Result) -> Iterator[Sequence[Any]]:
    while rows := result.fetchmany(BATCH):
        yield from rows


def _text(value: Any, kind: Type) -> str:
    """One value as it stands in a CSV field or a table's cell; null is the empty text."""
    return "" if value is None else text(value, kind)


def _write_json(names: list[str], kinds: list[Type], result: Result, stream: TextIO) -> int:
    keys = [quoted(name) for name in names]
    count = 0
    stream.write("[")
    for row in _rows(result):
        pairs = (f"{key}: {as_json(value, kind)}" for key, value, kind in zip(keys, row, kinds, strict=True))
        stream.write((",\n" if count else "\n") + "{" + ", ".join(pairs) + "}")
        count += 1
    stream.write("\n]\n" if count else "]\n")
    return count


def _write_csv(names: list[str], kinds: list[Type], result: Result, stream: TextIO) -> int:
    # RFC 4180: lines end in CRLF
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(names)
    count = 0
    for row in _rows(result):
        writer.writerow(map(_text, row, kinds))
        count += 1
    return count


def _write_table(names: list[str], kinds: list[Type], result: Result, stream: TextIO) -> int:
    """A Rich table on a terminal where all rows fit one batch; else lines aligned by the first batch."""
    rows = ([printable(_text(value, kind)) for value, kind in zip(row, kinds, strict=True)] for row in _rows(result))
    head = list(islice(rows, BATCH))
    numeric = [kind.is_number for kind in kinds]
    if stream.isatty() and len(head) < BATCH:
        _rich_table(names, head, numeric, stream)
        return len(head)
    widths = [max(map(len, column)) for column in zip(names, *head, strict=True)]
    stream.write(_aligned(names, widths, numeric))
    stream.write(_aligned(["-" * width for width in widths], widths, numeric))
    count = 0
    for line in chain(head, rows):
        stream.write(_aligned(line, widths, numeric))
        count += 1
    return count


def _rich_table(names: list[str], rows: list[list[str]], numeric: list[bool], stream: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name, right in zip(names, numeric, strict=True):
        table.add_column(Text(name), justify="right" if right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(file=stream).print(table)


def _aligned(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    parts = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return "  ".join(parts).rstrip() + "\n"


_Writer = Callable[[list[str], list[Type], Result, TextIO], int]
_WRITERS: dict[str, _Writer] = {"table": _write_table, "json": _write_json, "csv": _write_csv}
