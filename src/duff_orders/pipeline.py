"""The embedded orchestration: the stages called in order, for one file, several, or again.

    announce   an object in the raw folder becomes an event, once: its time is kept over crashes
    process    event -> validate -> scan -> transform -> publish -> ledger row
    run        put files into the raw folder and process them
    replay     process raw objects again under today's rules, in the place of the old outcome

The watcher is in `watcher`, the star schema in `models`; both work on what the ledger says.
"""

import hashlib
import logging
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from duff_orders.errors import InputError, InvalidFile, SourceChanged, UnknownFile
from duff_orders.ingest.publish import Publication, publisher_of
from duff_orders.ingest.transform import Source, transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.messages import Event, LedgerRow, utc_now
from duff_orders.settings import MIB

log = logging.getLogger(__name__)

#: Told at the start of a stage: the object's key, the stage, and a function that gives the share done (0 to 1).
OnStage = Callable[[str, str, Callable[[], float]], None]


def ignore_stage(key: str, stage: str, share_done: Callable[[], float]) -> None:
    """For callers that do not show progress."""


def announce(lake: Lake, key: str, *, when: datetime | None = None) -> Event:
    """The event of an object in the raw folder: the one that was recorded, or a new one of this time.

    Raises SourceChanged where the object is gone or changes while it is read.
    """
    path = lake.store.path(f"{layout.RAW}/{key}")
    size, etag = _fingerprint(path)
    event = Event(bucket=layout.RAW_BUCKET, key=key, size=size, etag=etag, version=None, time=when or utc_now())
    name = layout.event_object(layout.file_id(event))
    if not lake.store.put_new(name, event.to_json().encode()):
        recorded = lake.store.read(name)
        if recorded is not None:
            return Event.from_json(recorded)
    return event


def process(
    lake: Lake, event: Event, *, again: bool = False, share: float = 1.0, stage: OnStage = ignore_stage
) -> LedgerRow:
    """Take one object version through all stages to its ledger row.

    An event that was processed before gives the outcome of then, unless `again`. Failures are tried again and end
    in the verdict `failed`; only a store that cannot even take that row raises. Where a replay fails, the ledger
    keeps the outcome of before, and the row returned tells of the failure. `share` is the part of the memory that
    this file may take.
    """
    file_id = layout.file_id(event)
    # One content at a time: the same event twice, or two objects with the same content, wait for each other.
    with lake.store.lock(f"content-{event.etag}"):
        previous = lake.ledger.get(event.pa_date, file_id)
        # Nothing of a failed file was published: who asks again gets another try.
        if previous is not None and not again and previous.verdict != "failed":
            return previous
        publication = Publication(lake=lake, event=event, file_id=file_id, started=utc_now(), previous=previous)
        try:
            return _with_retries(lake, publication, share, stage)
        except InvalidFile as invalid:
            return publication.without_rows("invalid", str(invalid))
        except Exception as error:
            reason, detail = f"the pipeline failed: {_first_line(error)}", f"{type(error).__name__}: {error}"
            if previous is not None and previous.verdict != "failed":
                # A replay that fails takes nothing away.
                reason += "; the outcome of before still stands"
                return replace(previous, verdict="failed", reason=reason, error=detail)
            return publication.without_rows("failed", reason, error=detail)


def _with_retries(lake: Lake, publication: Publication, share: float, stage: OnStage) -> LedgerRow:
    for attempt in range(lake.settings.retries):
        try:
            return _stages(lake, publication, share, stage)
        except (InvalidFile, SourceChanged):
            raise
        except Exception as error:
            log.warning("%s: attempt %d failed, trying again: %s", publication.event.key, attempt + 1, error)
            time.sleep(random.uniform(0.5, 1.0) * 0.1 * 4**attempt)
    return _stages(lake, publication, share, stage)


def _stages(lake: Lake, publication: Publication, share: float, stage: OnStage) -> LedgerRow:
    event = publication.event
    twin = publisher_of(lake, event)
    if twin is not None and twin.file_id != publication.file_id:
        return publication.without_rows("duplicate", f"its content was already published from {twin.source_file}")
    path = lake.store.path(f"{layout.RAW}/{event.key}")
    before = _identity(path)
    # A file that has not changed since its event holds what was announced; of any other the hash must tell. What a
    # file system takes for now may be some milliseconds ago.
    if _changed(path) > event.time.timestamp() - 0.05 and _fingerprint(path) != (event.size, event.etag):
        raise SourceChanged(f"{event.key} was overwritten in the raw folder since it was announced")
    dialect = validate(path, event.key)
    source = Source(path=path, event=event, file_id=publication.file_id, dialect=dialect)
    with transform(lake, source, share=share, stage=partial(stage, event.key)) as transformed:
        if _identity(path) != before:
            raise SourceChanged(f"{event.key} was overwritten while it was being read")
        return publication.transformed(
            transformed.outcome, transformed.dialect, transformed.engine, transformed.orders, transformed.rejected
        )


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
    raw = lake.store.path(layout.RAW).resolve()
    if path.resolve().is_relative_to(raw):
        return path.resolve().relative_to(raw).as_posix()
    with lake.store.scratch() as scratch:
        copy = scratch / "object"
        shutil.copyfile(path, copy)
        size, etag = _fingerprint(copy)
        stem, dot, suffix = path.name.partition(".")
        for key in (path.name, f"{stem}-{etag[:8]}{dot}{suffix}"):
            name = f"{layout.RAW}/{key}"
            if lake.store.put_new_file(name, copy) or _fingerprint(lake.store.path(name)) == (size, etag):
                return key
    raise InputError(f"{path}: the raw folder holds other files of this name; rename it")


def run(lake: Lake, files: Iterable[str | Path], *, stage: OnStage = ignore_stage) -> Iterator[LedgerRow]:
    """Put files into the raw folder, then process them; yields the ledger rows in the order of the files.

    Raises InputError, with nothing processed, where one of them is not an orders file.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        check_name(path)
    yield from process_all(lake, [announce(lake, put(lake, path)) for path in paths], stage=stage)


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
    one; files that were announced but never finished count as failed. Raises UnknownFile.
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
    yield from process_all(lake, waiting, again=True, stage=stage)


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


def _fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and entity tag (the first 32 hexadecimal digits of SHA-256) of a file that holds still."""
    before = _identity(path)
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as handle:
        while block := handle.read(MIB):
            digest.update(block)
    if _identity(path) != before:
        raise SourceChanged(f"{path.name} changed while it was being read")
    return before[0], digest.hexdigest()[:32]


def _identity(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise SourceChanged(f"{path.name} is gone from the raw folder") from None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _changed(path: Path) -> float:
    status = path.stat()
    return max(status.st_mtime, status.st_ctime)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
