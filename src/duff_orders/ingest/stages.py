"""One file's way in one go, without retries: what the embedded pipeline, a Lambda function and a Glue job all call.

    attempt   event -> validate -> scan -> transform -> publish -> ledger row
    close     a file that could not be processed gets the verdict `failed`

Who calls them tries again: the embedded pipeline in process, AWS by its state machine.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from duff_orders.errors import InvalidFile
from duff_orders.ingest.publish import Publication, publisher_of
from duff_orders.ingest.staged import Source
from duff_orders.ingest.transform import transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import layout
from duff_orders.lake.cleanup import tidy
from duff_orders.lake.lake import Lake
from duff_orders.lake.store import RawObject
from duff_orders.messages import Event, LedgerRow, utc_now

#: Told at the start of a stage: the object's key, the stage, and a function that gives the share done (0 to 1).
OnStage = Callable[[str, str, Callable[[], float]], None]


def ignore_stage(key: str, stage: str, share_done: Callable[[], float]) -> None:
    """For callers that do not show progress."""


def attempt(
    lake: Lake, event: Event, *, again: bool = False, share: float = 1.0, stage: OnStage = ignore_stage
) -> LedgerRow:
    """Take one object version through all stages to its ledger row.

    An event that was processed before gives the outcome of then, unless `again`; a failed file gets another try.
    `share` is the part of the memory that this file may take.

    Raises Busy where another worker has the file or its content, SourceChanged where the object is not what was
    announced, and whatever the engine or the store raises; nothing is published then, and all can be repeated.
    """
    with _taken(lake, event) as publication:
        if publication.standing is not None and not again:
            tidy(lake, publication.standing)
            return publication.standing
        # A content is published by one worker at a time.
        with lake.store.raw(event) as raw, lake.store.lock(f"content-{raw.content}"):
            try:
                return _stages(lake, replace(publication, content=raw.content), raw, share, stage)
            except InvalidFile as invalid:
                return publication.without_rows("invalid", str(invalid))


def invalid(lake: Lake, event: Event, reason: str) -> LedgerRow:
    """Publish the verdict `invalid` for an object whose head told it; the outcome of before where there is one."""
    with _taken(lake, event) as publication:
        return publication.standing or publication.without_rows("invalid", reason)


def close(lake: Lake, event: Event, error: str, *, again: bool = False) -> LedgerRow:
    """Publish the verdict `failed`; `error` is what failed, its kind first.

    A replay that fails takes nothing away: the outcome of before stays in the ledger, and the row returned tells of
    the failure. A file that was published meanwhile stays so, too.
    """
    first_line = (error.partition(": ")[2].splitlines() or [error])[0] or error
    reason = f"the pipeline failed: {first_line}"
    with _taken(lake, event) as publication:
        standing = publication.standing
        if standing is None:
            return publication.without_rows("failed", reason, error=error)
        if not again:
            return standing
        reason += "; the outcome of before still stands"
        return replace(standing, verdict="failed", reason=reason, error=error)


@contextmanager
def _taken(lake: Lake, event: Event) -> Iterator[Publication]:
    """A file on its way into the ledger: its objects are written and deleted by one worker at a time."""
    file_id = layout.file_id(event)
    with lake.store.lock(f"file-{file_id}"):
        previous = lake.ledger.get(event.pa_date, file_id)
        yield Publication(lake=lake, event=event, file_id=file_id, started=utc_now(), previous=previous)


def _stages(lake: Lake, publication: Publication, raw: RawObject, share: float, stage: OnStage) -> LedgerRow:
    event = publication.event
    twin = publisher_of(lake, raw.content, event.size)
    if twin is not None and twin.file_id != publication.file_id:
        return publication.without_rows("duplicate", f"its content was already published from {twin.source_file}")
    path = raw.open()
    dialect = validate(path, event.key)
    source = Source(path=path, event=event, file_id=publication.file_id, dialect=dialect)
    with transform(lake, source, share=share, stage=partial(stage, event.key)) as transformed:
        raw.check()
        return publication.transformed(
            transformed.outcome, transformed.dialect, transformed.engine, transformed.orders, transformed.rejected
        )
