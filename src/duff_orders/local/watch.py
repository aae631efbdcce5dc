"""The watcher: whatever arrives in the raw folder is processed, several files at once, until it is stopped.

A file counts as whole when it has not changed for `settings.settle` seconds and nobody holds it open for writing.
What arrived while nobody watched, or was cut off by a crash, is taken up at the start.
"""

import contextlib
import fcntl
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any

from watchfiles import Change
from watchfiles import watch as watch_folder
from watchfiles._rust_notify import WatchfilesRustInternalError
from watchfiles.main import FileChange

from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject, DuffError, SourceChanged
from duff_orders.ingest.batch import FILES, SMALL, in_batches
from duff_orders.ingest.transform import check_engines
from duff_orders.lake import held, layout
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.engines import engines_kept
from duff_orders.lake.lake import Lake
from duff_orders.lake.landing import announce_all, moments
from duff_orders.lake.raw import announce, in_turn
from duff_orders.lake.stores.raw_file import identity
from duff_orders.local import raw_folder
from duff_orders.local.condition import Condition
from duff_orders.local.run import process, process_together
from duff_orders.models.build import build
from duff_orders.printable import printable
from duff_orders.progress import OnPhase, ignore_phase

log = logging.getLogger(__name__)

#: Seconds after which the star schema is brought up to date though more files are coming.
BATCH = 30.0
#: Seconds after which a file is tried again that could not be processed: at first, and at most, as they double.
AGAIN, AGAIN_AT_MOST = 2.0, 60.0
#: Seconds after which the raw folder is looked through again, should a change not have been told.
LOOK_THROUGH = 60.0
#: Seconds after which the raw folder is looked through again where it cannot be watched.
PAUSE = 2.0


def watch(
    lake: Lake,
    stop: threading.Event,
    *,
    done: Callable[[LedgerRow], None],
    ready: Callable[[], None] = lambda: None,
    phase: OnPhase = ignore_phase,
    condition: Condition | None = None,
) -> None:
    """Process files as they land, and bring the star schema up to date once a batch, until `stop` is set.

    `done` is told of every file, `phase` of how far one is, `ready` once the folder is being watched, `condition` of
    what is amiss. Files in work when `stop` is set are finished.
    """
    _Watcher(lake, stop, done, phase, condition or Condition()).run(ready)


def look_after(lake: Lake, stop: threading.Event, condition: Condition, **options: Any) -> None:
    """Watch as `watch` does, and where that ends by an error, say so and begin again after a pause."""
    pause = AGAIN
    while not stop.is_set():
        began = time.monotonic()
        try:
            watch(lake, stop, condition=condition, **options)
        except Exception as error:
            log.exception("the watcher ended, and is started again in %g s", pause)
            condition.tell("watcher", f"the watcher ended, and is started again: {error}")
            stop.wait(pause)
            pause = AGAIN if time.monotonic() - began > AGAIN_AT_MOST else min(2 * pause, AGAIN_AT_MOST)


class _PassedOver:
    """What could not be done: why, and after which pause it is tried again, twice as long as `before`."""

    def __init__(self, error: Exception, before: "_PassedOver | None") -> None:
        self.why = str(error)
        self.is_news = before is None or before.why != self.why
        self.pause: float = min(2 * before.pause, AGAIN_AT_MOST) if before else AGAIN
        self._due = time.monotonic() + self.pause

    def is_due(self) -> bool:
        """Whether the pause is over, told once."""
        due, now = self._due, time.monotonic()
        if due <= now:
            self._due = math.inf
        return due <= now


class _Watcher:
    def __init__(
        self,
        lake: Lake,
        stop: threading.Event,
        done: Callable[[LedgerRow], None],
        phase: OnPhase,
        condition: Condition,
    ) -> None:
        self.lake = lake
        self.condition = condition
        self.stop = stop
        self.done = done
        self.phase = phase
        self.raw = lake.disk.path(layout.RAW).resolve()
        self.waiting: set[str] = set()
        self.still: dict[str, tuple[tuple[int, int], float]] = {}
        self.passed_over: dict[str, _PassedOver] = {}
        self.running: dict[Future[dict[str, LedgerRow]], dict[str, datetime]] = {}
        self.left: set[raw_folder.Found] = set()
        self.published = False
        self.unbuilt: _PassedOver | None = None
        self.unlooked: _PassedOver | None = None
        self.build_by = time.monotonic() + BATCH
        self.memory_fraction = 1 / lake.settings.workers

    def run(self, ready: Callable[[], None]) -> None:
        settings = self.lake.settings
        check_engines(settings, [settings.threshold])
        self.lake.store.sweep_scratch()
        self.published = True  # a build may have been cut off
        with engines_kept(), ThreadPoolExecutor(self.lake.settings.workers, thread_name_prefix="file") as pool:
            for batch in self._batches():
                if batch is None:
                    self._look_through()
                    ready()
                    ready = _nothing
                else:
                    self.waiting.update(key for change, path in batch for key in self._keys(change, Path(path)))
                self._collect(pool)
                self.waiting.update(key for key, over in self.passed_over.items() if over.is_due())
                self._start(pool)
                overdue = time.monotonic() > self.build_by  # a slow upload, or a steady stream, is no batch to wait for
                self.published |= self.unbuilt is not None and self.unbuilt.is_due()
                if self.published and (overdue or not (self.running or self.waiting)):
                    self._build()
            while self.running:
                wait(self.running)
                self._collect(pool)
            if self.published:
                self._build()

    def _batches(self) -> Iterator[set[FileChange] | None]:
        """What changed; None where all that lies there is to be looked through.

        That is at the start, once the folder is being watched; from time to time, should a change not have been told;
        where the folder is another than the one that is watched; and where watchfiles gives up, which it does at every
        change of a file whose name is not UTF-8.
        """
        step = max(20, min(200, int(self.lake.settings.settle * 250)))
        while not self.stop.is_set():
            is_new = True
            self.raw.mkdir(parents=True, exist_ok=True)
            watched, look_by = _which(self.raw), time.monotonic() + LOOK_THROUGH
            try:
                for batch in watch_folder(
                    self.raw,
                    watch_filter=None,
                    stop_event=self.stop,
                    step=50,
                    rust_timeout=step,
                    yield_on_timeout=True,
                    debounce=200,
                    ignore_permission_denied=True,
                ):
                    again = self.unlooked is not None and self.unlooked.is_due()
                    if is_new or again or time.monotonic() > look_by:
                        yield None
                        look_by = time.monotonic() + LOOK_THROUGH
                    is_new = False
                    yield batch
                    if _which(self.raw) != watched:
                        break  # it was moved away or replaced: what is told of is no more where files land
            except WatchfilesRustInternalError:
                yield None
                self.stop.wait(PAUSE)

    def _look_through(self) -> None:
        """Take up what lies in the raw folder; where that cannot be told for now, it is tried again soon."""
        try:
            self.waiting.update(self._unprocessed())
        except OSError as error:
            self.unlooked = _PassedOver(error, self.unlooked)
            why = f"the raw folder could not be looked through, which is tried again: {error}"
            self.condition.tell("watcher", why)
            if self.unlooked.is_news:
                log.warning("%s", why)
        else:
            self.unlooked = None
            self.condition.tell("watcher", None)

    def _unprocessed(self) -> list[str]:
        """Keys in the raw folder whose object is not known to be that of a ledger row."""
        decided = {row.file_id for row in self.lake.ledger.rows(damaged=_tell)}
        known = {key: each.seen for key, each in held.last(self.lake.store).items() if each.file_id in decided}
        keys = []
        for file in raw_folder.everything(self.raw):
            if file.status is None:
                self._leave(file)
                continue
            with contextlib.suppress(SourceChanged):  # it is gone
                seen = identity(self.raw / file.key)
                if not seen or known.get(file.key) != seen:
                    keys.append(file.key)
        return keys

    def _start(self, pool: ThreadPoolExecutor) -> None:
        running = {key for keys in self.running.values() for key in keys}
        whole, small = [], set[str]()
        for key in sorted(self.waiting):
            file = raw_folder.look(self.raw, key)
            if file is None or file.status is None:
                self.waiting.discard(key)
                self.still.pop(key, None)
                self._forget(key)
                self._leave(file)
            elif key not in running and self._is_whole(key):
                whole.append((in_turn(key, file.status.st_mtime), key))
                if file.status.st_size <= SMALL:
                    small.add(key)
        # their times are when they were seen whole, not when a worker comes to them
        times = moments(key for _, key in sorted(whole))
        for key in times:
            self.waiting.discard(key)
            self.still.pop(key, None)
        together = [key for key in times if key in small]
        for begin in range(0, len(together) - 1, FILES):  # the last one of all goes alone
            some = {key: times.pop(key) for key in together[begin : begin + FILES]}
            self.running[pool.submit(self._several, some)] = some
        for key, when in times.items():
            self._start_one(pool, key, when)

    def _start_one(self, pool: ThreadPoolExecutor, key: str, when: datetime) -> None:
        self.running[pool.submit(self._one, key, when)] = {key: when}

    def _is_whole(self, key: str) -> bool:
        """Whether a file has not changed for `settle` seconds and is not open for writing, as far as can be told.

        How long that is, the file system's clock tells at the first look; from then on one that nobody sets. A file of
        the future was written by a clock that has been put back.
        """
        try:
            status = (self.raw / key).stat()
            # st_ctime moves with every write and rename, and nobody can set it, as they can st_mtime
            looks = (status.st_ctime_ns, status.st_size)
            before, since = self.still.get(key, (None, 0.0))
            if before != looks:
                since = time.monotonic() - max(time.time() - status.st_ctime, 0)
                self.still[key] = looks, since
            return time.monotonic() - since >= self.lake.settings.settle and not _open_for_writing(self.raw / key)
        except OSError:
            return False

    def _leave(self, file: raw_folder.Found | None) -> None:
        """Say, once, what is left alone and why, but for what the contract leaves alone."""
        if file is not None and not file.as_agreed and file not in self.left:
            self.left.add(file)
            log.warning("%s is left alone: %s", printable(file.key), file.why)

    def _one(self, key: str, when: datetime) -> dict[str, LedgerRow]:
        event = announce(self.lake.disk, key, when=when)
        return {key: process(self.lake, event, memory_fraction=self.memory_fraction, phase=self.phase)}

    def _several(self, times: dict[str, datetime]) -> dict[str, LedgerRow]:
        """The outcomes of those that go together, of files that came at these times."""
        events = announce_all(self.lake.disk, times)
        rows = dict[str, LedgerRow]()
        for batch in in_batches(self.lake.settings, events.values()):
            rows |= process_together(self.lake, batch, memory_fraction=self.memory_fraction)
        return {key: rows[event.file_id] for key, event in events.items() if event.file_id in rows}

    def _collect(self, pool: ThreadPoolExecutor) -> None:
        for future in wait(self.running, timeout=0, return_when=FIRST_COMPLETED).done:
            times = self.running.pop(future)
            if len(times) == 1:
                (key,) = times
                self._end(key, future)
                continue
            rows = {} if future.exception() else future.result()
            for key, when in times.items():
                if key in rows:
                    self._finish(key, rows[key])
                else:
                    self._start_one(pool, key, when)

    def _end(self, key: str, future: Future[dict[str, LedgerRow]]) -> None:
        """Tell of a file that went alone, or try it again later."""
        try:
            row = future.result()[key]
        except SourceChanged:
            self.waiting.add(key)  # it will be whole later, or is gone
        except Exception as error:
            self._pass_over(key, error)
        else:
            self._finish(key, row)

    def _finish(self, key: str, row: LedgerRow) -> None:
        self._forget(key)
        if row.published and not self.published:
            self.published = True
            self.build_by = time.monotonic() + BATCH
        self.done(row)

    def _pass_over(self, key: str, error: Exception) -> None:
        """Try a file again later, and say why, once for each reason: of a disk that is full, that ends by itself."""
        over = self.passed_over[key] = _PassedOver(error, self.passed_over.get(key))
        why = f"{printable(key)} could not be processed, and is tried again: {error}"
        self.condition.tell("file", why, key)
        if over.is_news:
            tell = log.warning if isinstance(error, OSError | DuffError) else log.exception
            tell("%s could not be processed, and is tried again: %s", printable(key), error)

    def _forget(self, key: str) -> None:
        self.passed_over.pop(key, None)
        self.condition.tell("file", None, key)

    def _keys(self, change: Change, path: Path) -> Iterator[str]:
        """The keys of what changed: of a new folder, which may have come with its files, all that are in it."""
        if change is not Change.added or not path.is_dir():
            yield path.relative_to(self.raw).as_posix()
        elif path.is_symlink():
            self._leave(raw_folder.linked(path.relative_to(self.raw).as_posix()))
        else:
            for below in (path, *path.rglob("*")):
                yield below.relative_to(self.raw).as_posix()

    def _build(self) -> None:
        self.published = False
        try:
            left_out = build(self.lake).left_out
            for each in left_out:
                log.warning("left out of the star schema: %s", each)
            self.condition.tell("document", " ".join(left_out) or None)
            sweep(self.lake)
        except Exception as error:
            self.unbuilt = _PassedOver(error, self.unbuilt)
            why = f"the star schema could not be brought up to date, which is tried again: {error}"
            self.condition.tell("star schema", why)
            if self.unbuilt.is_news:
                log.exception("the star schema could not be brought up to date, which is tried again")
        else:
            self.unbuilt = None
            self.condition.tell("star schema", None)


def _which(folder: Path) -> tuple[int, int] | None:
    """Which folder this is, whatever its name; None where there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _tell(error: DamagedObject) -> None:
    """The files it names are examined; what is to be done follows from each file's state."""
    log.warning("%s", error)


def _nothing() -> None:
    """There is nothing to tell any more."""


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
