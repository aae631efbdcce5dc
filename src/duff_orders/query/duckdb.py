"""Engines that answer SQL from outside. Here: DuckDB over the embedded lake."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from duff_orders.contract import STAR
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import ERRORS, is_damage, message, path_text
from duff_orders.errors import DamagedObject, EngineError, QueryRefused
from duff_orders.lake.documents import OnDamage
from duff_orders.lake.lake import Lake
from duff_orders.lake.survey import harmed
from duff_orders.lake.tables import create_views
from duff_orders.query import formats
from duff_orders.query.guard.check import Checked, check
from duff_orders.query.guard.pieces import NO_VALUE
from duff_orders.query.guard.types import Column

T = TypeVar("T")
#: Rows of an answer that are read before the first is handed out.
READ_FIRST = 10_000


class Answered:
    """A query's result: its first rows have been read, the others come as they are asked for.

    DuckDB hands rows out while it reads, so that what it cannot read shows late: an answer of few rows has been read as
    a whole before anybody sees the first.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> None:
        self.columns = columns
        self._connection = connection
        self._first: list[Any] = connection.fetchmany(READ_FIRST)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """The next rows; raises as `answer`."""
        if self._first:
            rows, self._first = self._first[:size], self._first[size:]
            return rows
        with _refusals():
            return self._connection.fetchmany(size)

    def fetchall(self) -> list[Any]:
        """All rows that are left; raises as `answer`."""
        with _refusals():
            rows, self._first = self._first + self._connection.fetchall(), []
        return rows


@contextmanager
def answer(lake: Lake, sql: str, *, left_out: list[DamagedObject] | None = None) -> Iterator[Answered]:
    """Run one read-only SELECT in Athena's dialect.

    Files whose ledger rows or objects cannot be read are left out where the caller has a list to be told of them; what
    shows only behind the first rows ends the answer. Raises QueryRefused for anything but a SELECT, and where the
    engine refuses the query; EngineError, or DamagedObject, where an object cannot be read.
    """
    with ExitStack() as stack:
        yield _without_harmed(
            lake, left_out, lambda without: stack.enter_context(_executed(lake, sql, left_out, without))
        )


@contextmanager
def _executed(
    lake: Lake, sql: str, left_out: list[DamagedObject] | None, without: Collection[str]
) -> Iterator[Answered]:
    with prepared(lake, sql, left_out=left_out, without=without) as (connection, query):
        with _refusals():
            answered = Answered(executed(connection, query), query.columns)
        yield answered


def _without_harmed(lake: Lake, left_out: list[DamagedObject] | None, ask: Callable[[Collection[str]], T]) -> T:
    """What `ask` gives; where the engine fails, once more without the files of which an object is gone or damaged.

    These are added to `left_out`; without a list nothing is left out.
    """
    try:
        return ask(())
    except EngineError:
        damaged = {} if left_out is None else harmed(lake.store, lake.ledger.rows(damaged=lambda _: None))
        if left_out is None or not damaged:
            raise
        left_out += damaged.values()
        return ask(damaged)


def sql(lake: Lake, query: str) -> list[dict[str, Any]]:
    """The answer to one SELECT in Athena's dialect: a dictionary a row, decimals as `Decimal`, times as `datetime`.

    Times with a zone, and intervals, are texts as Athena writes them: `2026-01-31 10:00:00.000 America/Santiago`. Of
    columns with one name, the second is `name_1`, and so on. Raises QueryRefused as `answer` does.
    `answer` gives the rows one by one.
    """
    with answer(lake, query) as answered:
        names = formats.unique([each.name for each in answered.columns])
        return [dict(zip(names, values, strict=True)) for values in answered.fetchall()]


@contextmanager
def prepared(
    lake: Lake,
    sql: str,
    *,
    writable: Path | None = None,
    left_out: list[DamagedObject] | None = None,
    without: Collection[str] = (),
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Checked]]:
    """A connection that sees only the tables a checked query names, and that query.

    `writable` is a folder that the caller wants to write a result to; `left_out`: see `answer`, and `without` are the
    ids of further files that are.
    """
    checked = check(sql)
    with lake.engine(only_reads=True) as (connection, scratch):
        if left_out is None or not {*checked.tables} - {table.name for table in STAR}:
            create_views(lake, connection, checked.tables)
        else:
            rows = [row for row in lake.ledger.rows(damaged=_once(left_out)) if row.file_id not in without]
            create_views(lake, connection, checked.tables, ledger=rows)
        folders = [lake.disk.root.resolve(), lake.disk.root, scratch, *([writable] if writable else [])]
        # a reader's path is compared as it is written, a writer's as it is
        allowed = ", ".join(spelled(folder) for folder in folders for spelled in (sql_text, path_text))
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        yield connection, checked


def executed(connection: duckdb.DuckDBPyConnection, query: Checked) -> duckdb.DuckDBPyConnection:
    """Run a checked query. Raises QueryRefused where DuckDB's types are not those promised, and what DuckDB raises."""
    cursor = connection.execute(query.sql)
    query.check_types([str(each[1]) for each in cursor.description or ()])
    return cursor


def write_parquet(lake: Lake, sql: str, out: Path, *, left_out: list[DamagedObject] | None = None) -> int:
    """Write the answer to a query as a Parquet file; returns its rows. `left_out`, and what it raises: as `answer`."""

    def write(without: Collection[str]) -> int:
        opened = prepared(lake, sql, writable=out.resolve().parent, left_out=left_out, without=without)
        with opened as (connection, query), _refusals():
            described = connection.execute(f"describe (\n{query.sql}\n)").fetchall()
            query.check_types([kind for _, kind, *_ in described])
            return formats.write_parquet(connection, query.sql, out.resolve())

    return _without_harmed(lake, left_out, write)


def _once(left_out: list[DamagedObject]) -> OnDamage:
    """Tells of each document once, however often the query is tried."""

    def tell(error: DamagedObject) -> None:
        if error.name not in {each.name for each in left_out}:
            left_out.append(error)

    return tell


@contextmanager
def _refusals() -> Iterator[None]:
    """What DuckDB says of the query becomes a QueryRefused; what it says of an object does not."""
    try:
        yield
    except ERRORS as error:
        if is_damage(error):
            raise
        raise QueryRefused(f"the query cannot be answered: {reason(error)}") from None


# What the translation makes a value of that must not be one: `guard.pieces`.
_RAISED = re.compile(r"Could not convert string '(.*)' to (?:INT\d+|DOUBLE)", re.DOTALL)


def reason(error: Exception) -> str:
    """What DuckDB says of a query, without that text of its own of which nobody outside knows."""
    text = message(error).partition("\n\n")[0].partition(". Use ")[0]
    raised = _RAISED.search(text)
    if raised is None:
        return text.replace(NO_VALUE, "")
    said = raised[1]
    return f"{said.removeprefix(NO_VALUE)!r} is no value of the type asked for" if said.startswith(NO_VALUE) else said
