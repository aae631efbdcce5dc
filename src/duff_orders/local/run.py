"""The local orchestration: files are put into the raw folder, and each is taken to its ledger row.

    attempt    event -> validate -> transform -> publish -> ledger row, once
    process    the same, tried again where that may help, and closed as `failed` in the end
    run        put files into the raw folder and process them

The watcher is in `watch`, the star schema in `models`; both work on what the ledger says.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from duff_orders.clock import utc_now
from duff_orders.documents import Event, LedgerRow, Outcome, Staged
from duff_orders.errors import DamagedObject, DuffError, MissingPackage, NoRoom, SettingsError, can_pass
from duff_orders.ingest import text
from duff_orders.ingest.batch import in_batches, process_batch
from duff_orders.ingest.publish import close, publish, row_of
from duff_orders.ingest.transform import check_engines, transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import partners
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.engines import engines_kept
from duff_orders.lake.lake import Lake
from duff_orders.lake.landing import announce_all, moments, put_all
from duff_orders.lake.layout import RAW, RAW_BUCKET
from duff_orders.lake.raw import announce, check_name, in_turn, put, replaceable
from duff_orders.lake.stores.raw_file import fingerprint
from duff_orders.progress import OnPhase, ignore_phase
from duff_orders.reasons import reason
from duff_orders.room import room_errors

log = logging.getLogger(__name__)


def attempt(
    lake: Lake,
    event: Event,
    *,
    replay: bool = False,
    memory_fraction: float = 1.0,
    phase: OnPhase = ignore_phase,
) -> LedgerRow:
    """Take one object version through all stages to its ledger row, once.

    An event that was processed before gives the outcome of then, unless it is replayed; a failed file gets another
    try. Raises as `validate`, `transform` and `publish` do; nothing is published then, and all can be repeated.
    """
    decision = validate(lake, event, replay=replay)
    if decision.row is not None:
        return decision.row
    with transform(lake, decision, memory_fraction=memory_fraction, phase=phase) as staged:
        return publish(lake, staged)


def process(
    lake: Lake, event: Event, *, replay: bool = False, memory_fraction: float = 1.0, phase: OnPhase = ignore_phase
) -> LedgerRow:
    """Take one object version through all stages to its ledger row; see `attempt`.

    Failures that may pass are tried again; all end in the verdict `failed`. Only a wrong set-up (SettingsError) and a
    full disk (NoRoom) raise, and a store that cannot even take that row. Where a replay fails, the ledger keeps the
    outcome of before, and the row returned tells of the failure.
    """
    for number in range(lake.settings.retries + 1):
        try:
            with room_errors():
                return attempt(lake, event, replay=replay, memory_fraction=memory_fraction, phase=phase)
        except (SettingsError, NoRoom):
            raise  # the set-up is wrong, not the file: nothing is to be noted, and trying again would not help
        except ModuleNotFoundError as error:
            raise MissingPackage(error.name or str(error)) from error
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            if not can_pass(error) or number == lake.settings.retries:
                break
            log.warning("%s: attempt %d failed, trying again: %s", event.key, number + 1, error)
            time.sleep(random.uniform(0.5, 1.0) * 0.1 * 4**number)
    with room_errors():
        return close(lake, event, failure, replay=replay)


def run(
    lake: Lake,
    files: Iterable[str | Path],
    *,
    partner: str | None = None,
    replaces: str | None = None,
    phase: OnPhase = ignore_phase,
    known: Callable[[str], None] = lambda file_id: None,
) -> Iterator[LedgerRow]:
    """Put files into the raw folder, then process them; yields the ledger rows in the order of the files.

    They are announced in the order of their modification times, then of their names.
    `partner` names a profile, under whose prefix they are put. `replaces` are the first characters of the id of an
    invalid or failed file whose place the one that is given takes.

    `known` is told the id of each file whose outcome stands already: it is not processed again. At the end what nothing
    names any more, and no reader can want, is removed. Raises InputError, with nothing processed, where one of them is
    not an orders file, and SettingsError where an engine that is needed is missing.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        check_name(path)
    check_engines(lake.settings, (path.stat().st_size for path in paths))
    replaced = None if replaces is None else replaceable(lake.ledger, replaces)
    prefix = partners.prefix_of(lake.store, partner)
    turn = sorted(paths, key=lambda path: in_turn(path.name, path.stat().st_mtime))
    if replaced is None:
        keys = put_all(lake.disk, turn, prefix=prefix)
    else:
        keys = [put(lake.disk, path, prefix=prefix, replaces=replaced) for path in turn]
    times = moments(keys)
    new = announce_all(lake.disk, times)
    events = {
        path: new[key] if key in new else _announced(lake, key, times[key])
        for path, key in zip(turn, keys, strict=True)
    }
    announced = [events[path] for path in paths]
    for event in announced:
        if isinstance(event, LedgerRow) or event.key in new:
            continue
        row = lake.ledger.get(event.pa_date, event.file_id, lenient=True)  # its turn tells of a damaged one
        if row is not None and row.stands:
            known(event.file_id)
    rows = process_all(lake, [event for event in announced if isinstance(event, Event)], phase=phase)
    yield from (event if isinstance(event, LedgerRow) else next(rows) for event in announced)
    sweep(lake)


def _announced(lake: Lake, key: str, began: datetime) -> Event | LedgerRow:
    """The event of a file; what is told of it where what was announced cannot be read."""
    try:
        return announce(lake.disk, key, when=began)
    except DamagedObject as error:
        size, etag = fingerprint(lake.disk.path(f"{RAW}/{key}"))
        event = Event(bucket=RAW_BUCKET, key=key, size=size, etag=etag, version=None, time=began)
        return _failure(event, error, began)


def process_all(
    lake: Lake, waiting: list[Event], *, replay: bool = False, phase: OnPhase = ignore_phase
) -> Iterator[LedgerRow]:
    """Process several events, `settings.workers` at once; yields the rows in the order of the events.

    Of events with the same content the first is processed first: which of them is the duplicate is no accident. Many
    small new files go together, as far as nothing about them is in doubt.
    """
    lake.store.sweep_scratch()
    by_content: dict[str, list[Event]] = {}
    contents = _contents(lake, waiting)
    for event, content in zip(waiting, contents, strict=True):
        by_content.setdefault(content, []).append(event)
    workers = min(lake.settings.workers, len(by_content)) or 1
    once = (same[0] for same in by_content.values() if len(same) == 1)
    batches = [] if replay else in_batches(lake.settings, once)
    memory_fraction = 1 / (workers + bool(batches))

    def one_content(same: list[Event]) -> dict[str, LedgerRow]:
        return {event.file_id: one(event) for event in same}

    def one(event: Event) -> LedgerRow:
        began = utc_now()
        try:
            return process(lake, event, replay=replay, memory_fraction=memory_fraction, phase=phase)
        except (DamagedObject, NoRoom) as error:  # it keeps no other file waiting
            return _failure(event, error, began)

    def together(events: list[Event]) -> dict[str, LedgerRow | Future[LedgerRow]]:
        rows = process_together(lake, events, memory_fraction=memory_fraction)
        return {event.file_id: rows.get(event.file_id) or pool.submit(one, event) for event in events}

    with (
        engines_kept(),
        ThreadPoolExecutor(workers, thread_name_prefix="file") as pool,
        ThreadPoolExecutor(1, thread_name_prefix="files") as worker,
    ):
        outcomes: dict[str, Future[Any]] = {}
        for batch in batches:
            outcomes |= dict.fromkeys((event.file_id for event in batch), worker.submit(together, batch))
        for same in by_content.values():
            if same[0].file_id not in outcomes:
                outcomes |= dict.fromkeys((event.file_id for event in same), pool.submit(one_content, same))
        for event in waiting:
            row = outcomes[event.file_id].result()[event.file_id]
            yield row.result() if isinstance(row, Future) else row


def process_together(lake: Lake, events: list[Event], *, memory_fraction: float) -> dict[str, LedgerRow]:
    """Process many files at once; returns their rows by `file_id`. Those that are left out are to be tried alone."""
    try:
        with room_errors():
            return process_batch(lake, events, memory_fraction=memory_fraction)
    except Exception as error:
        log.info("%d files go one by one: %s", len(events), error)
        return {}


def _failure(event: Event, error: DuffError, began: datetime) -> LedgerRow:
    """What is told of a file that has no verdict for now; the ledger keeps what stands there."""
    why = reason("failed", error=error)
    outcome = Outcome(verdict="failed", reason=why)
    return row_of(Staged(event=event, outcome=outcome, started=began, error=f"{type(error).__name__}: {error}"))


def _contents(lake: Lake, waiting: list[Event]) -> list[str]:
    """What is equal for events of one content, without unpacking any: by the size that a gzip file tells."""
    packed = {
        event.file_id: text.told_size(lake.disk.path(f"{RAW}/{event.key}"))
        for event in waiting
        if text.is_compressed(event.key)
    }
    sizes = {*packed.values()}
    contents = (packed.get(event.file_id, event.size) for event in waiting)
    return [f"of {size} bytes" if size in sizes else event.etag for event, size in zip(waiting, contents, strict=True)]
