"""DuckDB in process: a connection that stays within its memory, and how files are named to it."""

import errno
import glob
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from duff_orders.drivers.dialect import sql_text
from duff_orders.errors import EngineError, NoRoom
from duff_orders.room import room
from duff_orders.settings import MIB

#: What DuckDB raises. The second comes where its message quotes bytes of a damaged object that are no text.
ERRORS = (duckdb.Error, UnicodeDecodeError)
_TYPES = {"string": "varchar", "int": "integer"}
#: Bytes of a Parquet row group, which is held in memory: texts may be long.
ROW_GROUP_BYTES = 16 * MIB
#: Open files that a process asks for, where its soft limit is lower and its hard limit allows them.
OPEN_FILES = 2**16
# What DuckDB says where the disk has no room, or where it may take no more of it.
_FULL = ("max_temp_directory_size", os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
# An object of the lake, as DuckDB names it.
_OBJECT = re.compile(r"/processed/[^\n]*[.]parquet")
#: Bytes of a message that are shown where it is no text.
MESSAGE_BYTES = 2000


@contextmanager
def connect(scratch: Path, *, memory: int, threads: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database of its own; see `open_database` and `open_session`."""
    with (
        open_database(scratch, memory=memory, threads=threads) as database,
        open_session(database, scratch) as connection,
    ):
        yield connection


@contextmanager
def open_database(scratch: Path, *, memory: int, threads: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that takes `memory` bytes and spills to `scratch`; `threads` of 0: one per core."""
    _allow_open_files()
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory}B",
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads:
        config["threads"] = threads
    database = duckdb.connect(":memory:", config=config)
    try:
        database.execute("set global timezone = 'UTC'")
        yield database
    finally:
        database.close()


@contextmanager
def open_session(database: duckdb.DuckDBPyConnection, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database; its views and temporary tables are gone at the end.

    The database spills no more than half of what may be taken of the disk of `scratch`. What DuckDB raises while the
    connection is open, and nobody takes, becomes an EngineError, or NoRoom where the disk has none.
    """
    with database.cursor() as connection, engine_errors():
        connection.execute(f"set max_temp_directory_size = '{max(room(scratch) // 2, MIB)}B'")
        # Progress is kept for those who ask for it, never printed.
        connection.execute("set enable_progress_bar = true; set enable_progress_bar_print = false")
        yield connection


@contextmanager
def engine_errors() -> Iterator[None]:
    """What DuckDB raises within, and nobody takes, becomes an EngineError, or NoRoom where the disk has none."""
    try:
        yield
    except ERRORS as error:
        text = message(error)
        if any(sign in text for sign in _FULL):
            raise NoRoom(text.splitlines()[0]) from error
        raise EngineError(text) from error


def message(error: Exception) -> str:
    r"""What DuckDB says in one of its `ERRORS`, without its stack; bytes that are no text as `\x9b`."""
    if isinstance(error, UnicodeDecodeError):
        return error.object[:MESSAGE_BYTES].decode(errors="backslashreplace")
    return str(error).partition("\n\nStack Trace:")[0]


def is_damage(error: Exception) -> bool:
    """Whether DuckDB could not read an object, whatever the query: one of its `ERRORS` that only bytes can cause."""
    kinds = (duckdb.IOException, duckdb.InternalException, UnicodeDecodeError)
    # its Parquet reader's have no kind, or one of their own, and name the file, which no query can
    return isinstance(error, kinds) or type(error) is duckdb.Error or _OBJECT.search(str(error)) is not None


def _allow_open_files() -> None:
    """Take as many open files as the system lets this process have: DuckDB opens all the objects of a table."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def path_text(path: object) -> str:
    """A SQL string literal for DuckDB's readers of files: no character of the path is a wild card."""
    return sql_text(glob.escape(str(path)))


def read_parquet(*paths: object) -> str:
    """DuckDB's relation of Parquet files; a virtual column `filename` tells where a row lies.

    DuckDB takes folders called `name=value` anywhere in a path for columns, which win over the files' own: no reader
    may do that.
    """
    listed = ", ".join(map(path_text, paths))
    return f"read_parquet([{listed}], hive_partitioning = false)"


def type_of(catalog_type: str) -> str:
    """DuckDB's spelling of a Glue type; `struct<a:bigint>` and `array<string>` too."""
    if catalog_type.startswith("struct<"):
        fields = (field.split(":") for field in catalog_type[7:-1].split(","))
        return f"struct({', '.join(f'{name} {type_of(kind)}' for name, kind in fields)})"
    if catalog_type.startswith("array<"):
        return f"{type_of(catalog_type[6:-1])}[]"
    return _TYPES.get(catalog_type, catalog_type)
