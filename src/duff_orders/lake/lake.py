"""One lake: its objects, its ledger, and an engine with the memory that the settings allow."""

import errno
import glob
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.errors import SettingsError
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.store import DiskStore, Store
from duff_orders.settings import Settings

if TYPE_CHECKING:
    import duckdb

# DuckDB overshoots its memory_limit by up to 30 %, and the process needs some for itself.
ENGINE_SHARE = 0.6
#: Open files that a process asks for, where its soft limit is lower and its hard limit allows them.
OPEN_FILES = 2**16
#: What the system answers where a lake cannot be written: no permission, a read-only or a full file system.
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Lake:
    """A lake, opened: a directory, or the two buckets of a deployment."""

    settings: Settings
    store: Store

    @classmethod
    def open(cls, settings: Settings) -> "Lake":
        """Open the lake at `settings.lake`; where there is none, what is first written makes it."""
        return cls(settings, DiskStore(settings.lake))

    @cached_property
    def ledger(self) -> Ledger:
        """The verdicts on its files."""
        return Ledger(self.store)

    @property
    def disk(self) -> DiskStore:
        """The lake's folder, for what only one machine does; raises SettingsError for a lake on S3."""
        if not isinstance(self.store, DiskStore):
            raise SettingsError("this works on a lake in a folder only; this one lies on S3")
        return self.store

    def engine_memory(self, share: float = 1.0) -> int:
        """The bytes that DuckDB may take, of which `share` is for one of several users."""
        return int(self.settings.memory * ENGINE_SHARE * share)

    @contextmanager
    def engine(
        self, *, share: float = 1.0, only_reads: bool = False
    ) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
        """A DuckDB connection and a scratch folder, both gone at the end.

        `share` is the part of the memory that this user of the engine may take. One that `only_reads` works in a
        lake that cannot be written, too: its scratch folder then lies where the system keeps temporary files.
        """
        import duckdb  # heavy: only who asks the engine pays for it

        _allow_open_files()
        with self._scratch_to_read() if only_reads else self.store.scratch() as scratch:
            settings = self.settings
            config: dict[str, str | bool | int | float | list[str]] = {
                "memory_limit": f"{self.engine_memory(share)}B",
                "temp_directory": str(scratch / "spill"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
            if settings.threads:
                config["threads"] = settings.threads
            connection = duckdb.connect(":memory:", config=config)
            try:
                connection.execute("set timezone = 'UTC'")
                # Progress is kept for those who ask for it, never printed.
                connection.execute("set enable_progress_bar = true; set enable_progress_bar_print = false")
                yield connection, scratch
            finally:
                connection.close()

    @contextmanager
    def _scratch_to_read(self) -> Iterator[Path]:
        with ExitStack() as stack:
            try:
                self.store.sweep_scratch()  # of queries that were ended; who only asks has no other moment for it
                scratch = stack.enter_context(self.store.scratch())
            except OSError as error:
                if error.errno not in NOT_WRITABLE:
                    raise
                scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duff-")))
            yield scratch


def _allow_open_files() -> None:
    """Take as many open files as the system lets this process have: DuckDB opens all the objects of a table."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_lake(folder: str | Path, **options: object) -> Lake:
    """Open the lake in a folder; where there is none, the first file that is run makes it.

    `options` are those of `Settings` (`memory="2GB"`, `workers=4`, ...); `DUFF_*` variables hold for the others.
    Raises SettingsError.
    """
    return Lake.open(Settings.load(os.environ, lake=folder, **options))


def sql_text(value: object) -> str:
    """A SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def path_text(path: object) -> str:
    """A SQL string literal for DuckDB's readers of files: no letter of the path is a wild card."""
    return sql_text(glob.escape(str(path)))


def read_parquet(*paths: object) -> str:
    """DuckDB's relation of Parquet files; a virtual column `filename` tells where a row lies.

    DuckDB takes folders called `name=value` anywhere in a path for columns, which win over the files' own: no reader
    may do that.
    """
    listed = ", ".join(map(path_text, paths))
    return f"read_parquet([{listed}], hive_partitioning = false)"
