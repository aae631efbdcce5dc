"""A query's result as text: a table, JSON or CSV, row by row; or as a Parquet file.

Numbers keep their digits: a decimal is written as it is stored (`15.0000`), never by way of a float.
"""

import base64
import csv
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO, get_args
from uuid import UUID

import duckdb

from duff_orders.engines.dialect import sql_name, sql_text
from duff_orders.errors import InputError
from duff_orders.printable import printable
from duff_orders.query.answer import time_text

Format = Literal["table", "json", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: Rows fetched at a time, and rows from which a table's column widths are taken.
BATCH = 1000
_HUGE = "HUGEINT"


class Result(Protocol):
    """The result of a statement: a connection has that of its last one."""

    @property
    def description(self) -> list[Any] | None:
        """Its columns, the names first."""

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Its next rows, none at the end."""


def write(result: Result, stream: TextIO, format: Format) -> int:
    """Write a result; gives the number of rows.

    A stream for CSV should be opened with `newline=""`. Raises InputError for an unknown format.
    """
    writer = _WRITERS.get(format)
    if writer is None:
        raise InputError(f"no format {format!r}; formats: {', '.join(FORMATS)}")
    return writer(column_names(result), _rows(result), stream)


def write_parquet(connection: duckdb.DuckDBPyConnection, sql: str, path: Path | str) -> int:
    """Run a checked query into a Parquet file; gives the number of rows. Raises duckdb.Error."""
    # the query is on lines of its own, so that a comment at its end cannot swallow the rest
    connection.execute(f"describe (\n{sql}\n)")
    columns = [(name, kind) for name, kind, *_ in connection.fetchall()]
    if any(_HUGE in kind for _, kind in columns):
        # Parquet has no such integer: DuckDB would write a double; a sum of integers is Athena's bigint
        inner = ", ".join(f"c{place}" for place in range(len(columns)))
        outer = ", ".join(
            f"cast(c{place} as {kind.replace(_HUGE, 'BIGINT')}) as {sql_name(name)}"
            for place, (name, kind) in enumerate(columns)
        )
        sql = f"select {outer} from (\n{sql}\n) as answer ({inner})"
    statement = f"copy (\n{sql}\n) to {sql_text(path)} (format parquet, compression zstd)"
    row = connection.execute(statement).fetchone()
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


def column_names(result: Result) -> list[str]:
    """The columns' names, a repeated one with `_1`, `_2`, … as DuckDB names it in a Parquet file."""
    given = [column[0] for column in result.description or ()]
    taken: set[str] = set()
    names = []
    for name in given:
        unique, number = name, 0
        while unique in taken or (number and unique in given):
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        names.append(unique)
    return names


def _rows(result: Result) -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(BATCH):
        yield from rows


def json_value(value: object) -> object:
    """A value as it goes into JSON as part of a document: numbers, booleans and null as they are, the rest as text."""
    return value if value is None or isinstance(value, bool | int) else _text(value)


def _json(value: object) -> str:
    """One value as JSON. `json` itself cannot write a decimal's digits, hence by hand."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "null"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, dict):
        pairs = (f"{_string(_text(key))}: {_json(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_json, value)) + "]"
    return _string(_text(value))


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _text(value: object) -> str:
    """One value as it stands in a CSV field or a table's cell; null is the empty text."""
    if value is None:
        return ""
    for kinds, text in _TEXTS:
        if isinstance(value, kinds):
            return text(value)
    raise TypeError(f"a query's result holds a {type(value).__name__}, which has no text form")


#: The first that fits, so a bool before the numbers and a datetime before the date it also is.
_TEXTS: tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...] = (
    ((str,), str),
    ((bool,), lambda value: "true" if value else "false"),
    ((int, float, UUID, timedelta), str),
    ((Decimal,), lambda value: format(value, "f")),
    ((datetime,), time_text),
    ((date, time), lambda value: value.isoformat()),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(value).decode()),
    ((dict, list, tuple), _json),
)


def _write_json(names: list[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> int:
    keys = [_string(name) for name in names]
    count = 0
    stream.write("[")
    for row in rows:
        pairs = (f"{key}: {_json(value)}" for key, value in zip(keys, row, strict=True))
        stream.write((",\n" if count else "\n") + "{" + ", ".join(pairs) + "}")
        count += 1
    stream.write("\n]\n" if count else "]\n")
    return count


def _write_csv(names: list[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> int:
    # RFC 4180: lines end in CRLF
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(names)
    count = 0
    for row in rows:
        writer.writerow([_text(value) for value in row])
        count += 1
    return count


def _write_table(names: list[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> int:
    """A Rich table on a terminal where all rows fit one batch; else lines aligned by the first batch."""
    head = list(islice(rows, BATCH))
    numeric = [
        any(_is_number(row[i]) for row in head) and all(row[i] is None or _is_number(row[i]) for row in head)
        for i in range(len(names))
    ]
    if stream.isatty() and len(head) < BATCH:
        _rich_table(names, head, numeric, stream)
        return len(head)
    cells = [[_cell(value) for value in row] for row in head]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    stream.write(_aligned(names, widths, numeric))
    stream.write(_aligned(["-" * width for width in widths], widths, numeric))
    count = 0
    for line in chain(cells, ([_cell(value) for value in row] for row in rows)):
        stream.write(_aligned(line, widths, numeric))
        count += 1
    return count


def _rich_table(names: list[str], rows: list[tuple[Any, ...]], numeric: list[bool], stream: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name, right in zip(names, numeric, strict=True):
        table.add_column(Text(name), justify="right" if right else "left")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    Console(file=stream).print(table)


def _aligned(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    parts = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return "  ".join(parts).rstrip() + "\n"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _cell(value: object) -> str:
    return printable(_text(value))


_Writer = Callable[[list[str], Iterator[tuple[Any, ...]], TextIO], int]
_WRITERS: dict[str, _Writer] = {"table": _write_table, "json": _write_json, "csv": _write_csv}
