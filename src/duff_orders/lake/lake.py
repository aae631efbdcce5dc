"""One lake: its objects, its ledger, and an engine with the memory that the settings allow."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.errors import SettingsError
from duff_orders.lake.engines import session
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.stores import open_store
from duff_orders.lake.stores.base import Store
from duff_orders.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from duff_orders.lake.stores.disk import DiskStore

# DuckDB overshoots its memory_limit by up to 30 %, and the process needs some for itself.
ENGINE_SHARE = 0.6
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
        return cls(settings, open_store(str(settings.lake)))

    @cached_property
    def ledger(self) -> Ledger:
        """The verdicts on its files."""
        return Ledger(self.store)

    @property
    def disk(self) -> "DiskStore":
        """The lake's folder, for what only one machine does; raises SettingsError for a lake on S3."""
        from duff_orders.lake.stores.disk import DiskStore

        if not isinstance(self.store, DiskStore):
            raise SettingsError("this works on a lake in a folder only; this one lies on S3")
        return self.store

    def engine_memory(self, memory_fraction: float = 1.0) -> int:
        """The bytes that DuckDB may take, of which `memory_fraction` is for one of several users."""
        return int(self.settings.memory * ENGINE_SHARE * memory_fraction)

    @contextmanager
    def engine(self, *, only_reads: bool = False) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
        """A DuckDB connection and a scratch folder, both gone at the end.

        One that `only_reads` works in a lake that cannot be written, too: its scratch folder then lies where the system
        keeps temporary files.
        """
        from duff_orders.drivers.duckdb import connect  # heavy: only who asks the engine pays for it

        with (
            self._scratch_to_read() if only_reads else self.store.scratch() as scratch,
            connect(scratch, memory=self.engine_memory(), threads=self.settings.threads) as connection,
        ):
            yield connection, scratch

    @contextmanager
    def shared_engine(self, scratch: Path, *, memory_fraction: float) -> Iterator["duckdb.DuckDBPyConnection"]:
        """A DuckDB connection for one file, which may take `memory_fraction` of the memory.

        Where engines are kept (`lake.engines`), the next file uses the same one; what this one made on it is gone.
        """
        memory = self.engine_memory(memory_fraction)
        with session(self.store, scratch, memory=memory, threads=self.settings.threads) as connection:
            yield connection

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


def open_lake(folder: str | Path, **options: object) -> Lake:
    """Open the lake in a folder; where there is none, the first file that is run makes it.

    `options` are those of `Settings` (`memory="2GB"`, `workers=4`, ...); `DUFF_*` variables hold for the others.
    Raises SettingsError.
    """
    return Lake.open(Settings.load(os.environ, lake=folder, **options))
