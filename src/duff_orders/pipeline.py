"""The embedded orchestration: the stages called in order, for one file, several, or again.

    announce   an object in the raw folder becomes an event, once: its time is kept over crashes
    process    event -> ledger row: `stages.attempt`, tried again, and closed as `failed` in the end
    run        put files into the raw folder and process them
    replay     process raw objects again under today's rules, in the place of the old outcome

The watcher is in `watcher`, the star schema in `models`; both work on what the ledger says.
"""

import logging
import random
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from duff_orders.errors import InputError, SettingsError, UnknownFile, can_pass
from duff_orders.ingest.publish import sweep
from duff_orders.ingest.transform import check_engines
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import fingerprint
from duff_orders.messages import Event, LedgerRow, utc_now
from duff_orders.stages import OnStage, attempt, close, ignore_stage, record

log = logging.getLogger(__name__)


def announce(lake: Lake, key: str, *, when: datetime | None = None) -> Event:
    """The event of an object in the raw folder: the one that was recorded, or a new one of this time.

    Raises SourceChanged where the object is gone or changes while it is read.
    """
    path = lake.disk.path(f"{layout.RAW}/{key}")
    size, etag = fingerprint(path)
    event = Event(bucket=layout.RAW_BUCKET, key=key, size=size, etag=etag, version=None, time=when or utc_now())
    return record(lake, event)


def process(
    lake: Lake, event: Event, *, again: bool = False, share: float = 1.0, stage: OnStage = ignore_stage
) -> LedgerRow:
    """Take one object version through all stages to its ledger row; see `stages.attempt`.

    Failures that may pass are tried again; all end in the verdict `failed`. Only a wrong set-up (SettingsError)
    raises, and a store that cannot even take that row. Where a replay fails, the ledger keeps the outcome of before,
    and the row returned tells of the failure.
    """
    for number in range(lake.settings.retries + 1):
        try:
            return attempt(lake, event, again=again, share=share, stage=stage)
        except SettingsError:
            raise  # the set-up is wrong, not the file: nothing is to be noted, and trying again would not help
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            if not can_pass(error) or number == lake.settings.retries:
                break
            log.warning("%s: attempt %d failed, trying again: %s", event.key, number + 1, error)
            time.sleep(random.uniform(0.5, 1.0) * 0.1 * 4**number)
    return close(lake, event, failure, again=again)


def check_name(path: Path) -> None:
    """Raises InputError for what is not a file named *.csv or *.csv.gz."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not layout.is_orders_file(path.name) or not path.name.isprintable():
        raise InputError(f"{path!s:.200}: an orders file is named {' or '.join('*' + s for s in layout.SUFFIXES)}")


def put(lake: Lake, path: Path) -> str:
    """Copy a file into the raw folder, never over another; returns its key there.

    The key is the file's name; where another content has that name, the first digits of the content's hash are added.
    """
    raw = lake.disk.path(layout.RAW).resolve()
    if path.resolve().is_relative_to(raw):
        return path.resolve().relative_to(raw).as_posix()
    with lake.store.scratch() as scratch:
        copy = scratch / "object"
        shutil.copyfile(path, copy)
        size, etag = fingerprint(copy)
        stem, dot, suffix = path.name.partition(".")
        for key in (path.name, f"{stem}-{etag[:8]}{dot}{suffix}"):
            name = f"{layout.RAW}/{key}"
            if lake.disk.put_new_file(name, copy) or fingerprint(lake.disk.path(name)) == (size, etag):
                return key
    raise InputError(f"{path}: the raw folder holds other files of this name; rename it")


def run(lake: Lake, files: Iterable[str | Path], *, stage: OnStage = ignore_stage) -> Iterator[LedgerRow]:
    """Put files into the raw folder, then process them; yields the ledger rows in the order of the files.

    At the end what nothing names any more, and no reader can want, is removed. Raises InputError, with nothing
    processed, where one of them is not an orders file, and SettingsError where an engine that is needed is missing.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        check_name(path)
    check_engines(lake.settings, (path.stat().st_size for path in paths))
    yield from process_all(lake, [announce(lake, put(lake, path)) for path in paths], stage=stage)
    sweep(lake)


def replay(
    lake: Lake,
    file_ids: Iterable[str] = (),
    *,
    failed: bool = False,
    everything: bool = False,
    stage: OnStage = ignore_stage,
) -> Iterator[LedgerRow]:
    """Process raw objects again under today's rules, in place of the old outcome; yields the new ledger rows.

    Takes the files named (the first characters of a file_id are enough), those with the verdict `failed`, or every
    one; files that were announced but never finished count as failed. At the end what nothing names any more, and no
    reader can want, is removed. Raises UnknownFile, and SettingsError as `run` does.
    """
    known = {layout.file_id(event): event for event in events(lake)}
    chosen = set()
    for prefix in file_ids:
        matches = [file_id for file_id in known if file_id.startswith(prefix)]
        if not prefix or len(matches) != 1:
            raise UnknownFile(prefix)
        chosen.update(matches)
    if failed or everything:
        for file_id, event in known.items():
            row = lake.ledger.get(event.pa_date, file_id)
            if everything or row is None or row.verdict == "failed":
                chosen.add(file_id)
    waiting = [event for file_id, event in known.items() if file_id in chosen]
    check_engines(lake.settings, (event.size for event in waiting))
    yield from process_all(lake, waiting, again=True, stage=stage)
    sweep(lake)


def process_all(
    lake: Lake, waiting: list[Event], *, again: bool = False, stage: OnStage = ignore_stage
) -> Iterator[LedgerRow]:
    """Process several events, `settings.workers` at once; yields the rows in the order of the events.

    Of events with the same content the first is processed first: which of them is the duplicate is no accident.
    """
    lake.store.sweep_scratch()
    by_content: dict[str, list[Event]] = {}
    for event in waiting:
        by_content.setdefault(event.etag, []).append(event)
    workers = min(lake.settings.workers, len(by_content)) or 1

    def one_content(same: list[Event]) -> dict[str, LedgerRow]:
        return {e.key: process(lake, e, again=again, share=1 / workers, stage=stage) for e in same}

    with ThreadPoolExecutor(workers, thread_name_prefix="file") as pool:
        outcomes = {etag: pool.submit(one_content, same) for etag, same in by_content.items()}
        for event in waiting:
            yield outcomes[event.etag].result()[event.key]


def events(lake: Lake) -> Iterator[Event]:
    """Every event that was announced, processed or not, in the order of time."""
    found = (lake.store.read(name) for name in lake.store.names(f"{layout.PROCESSED}/events"))
    yield from sorted((Event.from_json(data) for data in found if data), key=lambda event: (event.time, event.key))
