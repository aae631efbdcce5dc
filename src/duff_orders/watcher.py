"""The watcher: whatever lands in the raw folder is processed, several files at once, until it is told to stop.

A file counts as whole when it has not changed for `settings.settle` seconds and nobody holds it open for writing.
What arrived while nobody watched, or was cut off by a crash, is taken up at the start.
"""

import fcntl
import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path

from watchfiles import Change
from watchfiles import watch as watch_folder

from duff_orders.errors import SourceChanged
from duff_orders.ingest.publish import sweep
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.messages import LedgerRow
from duff_orders.models.build import build
from duff_orders.pipeline import announce, process

log = logging.getLogger(__name__)

#: Seconds after which the star schema is brought up to date though more files are coming.
BATCH = 30.0


def watch(
    lake: Lake,
    stop: threading.Event,
    *,
    done: Callable[[LedgerRow], None],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Process files as they land, and bring the star schema up to date once a batch, until `stop` is set.

    `done` is told of every file, `ready` once the folder is being watched. Files in work when `stop` is set are
    finished.
    """
    _Watcher(lake, stop, done).run(ready)


class _Watcher:
    def __init__(self, lake: Lake, stop: threading.Event, done: Callable[[LedgerRow], None]) -> None:
        self.lake = lake
        self.stop = stop
        self.done = done
        self.raw = lake.disk.path(layout.RAW).resolve()
        self.waiting: set[str] = set()
        self.running: dict[Future[LedgerRow], str] = {}
        self.published = False
        self.build_by = time.monotonic() + BATCH

    def run(self, ready: Callable[[], None]) -> None:
        self.lake.store.sweep_scratch()
        step = max(20, min(200, int(self.lake.settings.settle * 250)))
        with ThreadPoolExecutor(self.lake.settings.workers, thread_name_prefix="file") as pool:
            changes = watch_folder(
                self.raw,
                watch_filter=None,
                stop_event=self.stop,
                step=50,
                rust_timeout=step,
                yield_on_timeout=True,
                debounce=200,
            )
            first = next(changes, set())  # from here on the folder is watched
            self.waiting.update(self._unprocessed())
            self.published = True  # a build may have been cut off
            ready()
            for batch in itertools.chain((first,), changes):
                self.waiting.update(key for change, path in batch for key in self._keys(change, Path(path)))
                self._collect()
                self._start(pool)
                overdue = time.monotonic() > self.build_by  # a slow upload, or a steady stream, is no batch to wait for
                if self.published and (overdue or not (self.running or self.waiting)):
                    self._build()
            wait(self.running)
            self._collect()
            if self.published:
                self._build()

    def _unprocessed(self) -> list[str]:
        """Keys in the raw folder whose object is not known to be that of a ledger row."""
        finished: dict[tuple[str, int], datetime] = {}
        for row in self.lake.ledger.rows():
            same = (row.source_file, row.size)
            finished[same] = max(row.event_time, finished.get(same, row.event_time))
        keys = []
        for name in self.lake.store.names(layout.RAW):
            key = name.removeprefix(f"{layout.RAW}/")
            try:
                status = self.lake.disk.path(name).stat()
            except FileNotFoundError:  # removed or renamed since it was listed
                continue
            known = finished.get((key, status.st_size))
            # An inode that has not changed since the event is what the event announced.
            if known is None or status.st_ctime > known.timestamp():
                keys.append(key)
        return keys

    def _start(self, pool: ThreadPoolExecutor) -> None:
        for key in sorted(self.waiting):
            path = self.raw / key
            if not layout.is_orders_file(key) or not path.is_file():
                self.waiting.discard(key)
            elif key not in self.running.values() and is_whole(path, self.lake.settings.settle):
                self.waiting.discard(key)
                self.running[pool.submit(self._one, key)] = key

    def _one(self, key: str) -> LedgerRow:
        return process(self.lake, announce(self.lake, key), share=1 / self.lake.settings.workers)

    def _collect(self) -> None:
        for future in wait(self.running, timeout=0, return_when=FIRST_COMPLETED).done:
            key = self.running.pop(future)
            try:
                row = future.result()
            except SourceChanged:
                self.waiting.add(key)  # it will be whole later, or is gone
            except Exception:
                log.exception("%s could not be processed; it is taken up again at the next start", key)
            else:
                if row.published and not self.published:
                    self.published = True
                    self.build_by = time.monotonic() + BATCH
                self.done(row)

    def _keys(self, change: Change, path: Path) -> Iterator[str]:
        """The keys of what changed: of a new folder, which may have come with its files, all that are in it."""
        for found in path.rglob("*") if change is Change.added and path.is_dir() else (path,):
            yield found.relative_to(self.raw).as_posix()

    def _build(self) -> None:
        self.published = False
        try:
            build(self.lake)
            sweep(self.lake)
        except Exception:
            log.exception("the star schema could not be brought up to date; the next batch tries again")


def is_whole(path: Path, settle: float) -> bool:
    """Whether a file has not changed for `settle` seconds and is not open for writing, as far as can be told."""
    try:
        status = path.stat()
        # st_ctime moves with every write and rename, and nobody can set it, as they can st_mtime
        return time.time() - status.st_ctime >= settle and not _open_for_writing(path)
    except OSError:
        return False


def _open_for_writing(path: Path) -> bool:
    """Linux grants a read lease only on a file that nobody has open for writing: fcntl(2), "Leases".

    Elsewhere, or where leases are not granted for other reasons, the answer is no: then the settling time decides.
    A writer that comes while the lease is held sends SIGIO, so leases are asked for only where that is ignored.
    """
    set_lease = getattr(fcntl, "F_SETLEASE", None)
    if set_lease is None or signal.getsignal(signal.SIGIO) is not signal.SIG_IGN:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(descriptor, set_lease, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, set_lease, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
