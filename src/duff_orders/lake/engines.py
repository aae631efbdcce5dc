"""DuckDB engines that are kept open between files: opening one takes ten times as long as a small file does."""

import atexit
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.lake.stores.base import Store

if TYPE_CHECKING:
    import duckdb

#: What tells engines apart: the bytes and the threads that one may take, and the folder of its scratch folder.
_Kind = tuple[int, int, Path]


@dataclass(slots=True)
class _Engine:
    """A database that is open, and what ends with it."""

    database: "duckdb.DuckDBPyConnection"
    spill: Path
    until_closed: ExitStack


@dataclass(slots=True)
class _Idle:
    """The engines of this process that nobody uses at the moment."""

    keepers: int = 0
    for_life: bool = False
    engines: dict[_Kind, list[_Engine]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, kind: _Kind) -> _Engine | None:
        with self.lock:
            waiting = self.engines.get(kind)
            return waiting.pop() if waiting else None

    def put(self, kind: _Kind, engine: _Engine) -> bool:
        with self.lock:
            if self.keepers:
                self.engines.setdefault(kind, []).append(engine)
            return bool(self.keepers)

    def keep(self) -> None:
        with self.lock:
            self.keepers += 1

    def leave(self) -> None:
        with self.lock:
            self.keepers -= 1
            closing = [] if self.keepers else [each for waiting in self.engines.values() for each in waiting]
            if closing:
                self.engines.clear()
        for engine in closing:
            engine.until_closed.close()


_IDLE = _Idle()


def keep_engines() -> None:
    """Keep engines open for as long as this process lives."""
    if not _IDLE.for_life:
        _IDLE.for_life = True
        _IDLE.keep()
        atexit.register(_IDLE.leave)


@contextmanager
def engines_kept() -> Iterator[None]:
    """Keep engines open meanwhile, for the next file; several may ask for that at once."""
    _IDLE.keep()
    try:
        yield
    finally:
        _IDLE.leave()


@contextmanager
def session(store: Store, scratch: Path, *, memory: int, threads: int) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection to an engine that may take `memory` bytes; nothing that it makes outlives it.

    The engine is one that is kept, or a new one. One of which something was raised is not used again.
    """
    from duff_orders.drivers.duckdb import open_database, open_session  # heavy: only who asks the engine pays for it

    kind = (memory, threads, scratch.parent)
    engine = _IDLE.take(kind)
    if engine and not engine.spill.is_dir():  # the lake is another by now, in the same place
        engine.until_closed.close()
        engine = None
    if engine is None:
        with ExitStack() as stack:
            spill = stack.enter_context(store.scratch())
            database = stack.enter_context(open_database(spill, memory=memory, threads=threads))
            engine = _Engine(database, spill, stack.pop_all())
    try:
        with open_session(engine.database, engine.spill) as connection:
            yield connection
    except BaseException:
        engine.until_closed.close()
        raise
    if not _IDLE.put(kind, engine):
        engine.until_closed.close()
