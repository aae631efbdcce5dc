"""Engines that answer SQL from outside. Here: DuckDB over the embedded lake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from duff_orders.engines.dialect import sql_text
from duff_orders.engines.duckdb import ERRORS, is_damage, message, path_text
from duff_orders.errors import QueryRefused
from duff_orders.lake.lake import Lake
from duff_orders.lake.tables import create_views
from duff_orders.query import formats
from duff_orders.query.guard.check import check


@contextmanager
def answer(lake: Lake, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Run one read-only SELECT in Athena's dialect; the connection holds its result.

    Raises QueryRefused for anything else, and where the engine refuses the query; EngineError where an object cannot be
    read.
    """
    with prepared(lake, sql) as (connection, query):
        with _refusals():
            connection.execute(query)
        yield connection


def sql(lake: Lake, query: str) -> list[dict[str, Any]]:
    """The answer to one SELECT in Athena's dialect: a dictionary a row, decimals as `Decimal`, times in UTC.

    Of columns with one name, the second is `name_1`, and so on. Raises QueryRefused as `answer` does.
    `answer` gives the rows one by one.
    """
    with answer(lake, query) as connection:
        names = formats.column_names(connection)
        return [dict(zip(names, values, strict=True)) for values in connection.fetchall()]


@contextmanager
def prepared(lake: Lake, sql: str, *, writable: Path | None = None) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection that sees only the tables a checked query names, and that query in DuckDB's dialect.

    `writable` is a folder that the caller wants to write a result to.
    """
    checked = check(sql)
    with lake.engine(only_reads=True) as (connection, scratch):
        create_views(lake, connection, checked.tables)
        folders = [lake.disk.root.resolve(), lake.disk.root, scratch, *([writable] if writable else [])]
        # a reader's path is compared as it is written, a writer's as it is
        allowed = ", ".join(spelled(folder) for folder in folders for spelled in (sql_text, path_text))
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        yield connection, checked.sql


def write_parquet(lake: Lake, sql: str, out: Path) -> int:
    """Write the answer to a query as a Parquet file; returns its rows. Raises QueryRefused as `answer` does."""
    with prepared(lake, sql, writable=out.resolve().parent) as (connection, query), _refusals():
        return formats.write_parquet(connection, query, out.resolve())


@contextmanager
def _refusals() -> Iterator[None]:
    """What DuckDB says of the query becomes a QueryRefused; what it says of an object does not."""
    try:
        yield
    except ERRORS as error:
        if is_damage(error):
            raise
        raise QueryRefused(f"the query cannot be answered: {message(error)}") from None
