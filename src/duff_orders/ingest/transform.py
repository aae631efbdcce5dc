"""`Transform-data`: a decision becomes staged Parquet, by the chosen engine."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from duff_orders.clock import utc_now
from duff_orders.documents import Decision, LedgerRow, Outcome, Staged
from duff_orders.errors import InvalidFile
from duff_orders.ingest.content import content_of, twin_of
from duff_orders.ingest.corrections import replaced
from duff_orders.ingest.header import HEAD, dialect_of
from duff_orders.ingest.staged import Source, Transform
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import content_lock
from duff_orders.lake.stores.base import StagedFile
from duff_orders.profiles.reading import Reading, resolve
from duff_orders.progress import OnPhase, ignore_phase
from duff_orders.reasons import reason
from duff_orders.registry import engine
from duff_orders.settings import Settings


def check_engines(settings: Settings, sizes: Iterable[int]) -> None:
    """Raises SettingsError, before anything is written, where the engine for one of these files is not installed."""
    for name in sorted({settings.engine_for(size) for size in sizes}):
        engine(name).check_installed()


@contextmanager
def transform(
    lake: Lake, decision: Decision, *, memory_fraction: float = 1.0, phase: OnPhase = ignore_phase
) -> Iterator[Staged]:
    """Transform a file, and hold it and its content against others until it is published; what is staged is gone then.

    A file whose outcome stands already, and is not replayed, is handed on as it is. `memory_fraction` is the part of
    the memory that this file may take.

    Raises Busy where another worker has the file or its content, SourceChanged where the object is not what was
    announced, CountMismatch where the engine read other records than were counted, and whatever the engine or the
    store raises; nothing is published then, and all can be repeated.
    """
    event, started = decision.event, utc_now()
    with ExitStack() as stack:
        stack.enter_context(lake.store.lock(f"file-{event.file_id}"))
        row = lake.ledger.get(event.pa_date, event.file_id, lenient=decision.replay)
        if row is not None and row.stands and not decision.replay:
            yield Staged(event=event, outcome=Outcome(verdict=row.verdict), started=started, row=row)
            return
        raw = stack.enter_context(lake.store.raw(event))
        content = content_of(raw, event)
        stack.enter_context(lake.store.lock(content_lock(content)))
        twin = twin_of(lake, event, raw, content)
        if twin is not None:
            outcome = Outcome(verdict="duplicate", reason=_known(twin, decision))
            yield _without_rows(lake, decision, outcome, started, content)
            return
        name = decision.engine or lake.settings.engine_for(event.size)  # a release before did not decide it
        on_engine: Transform = engine(name).transform
        path = raw.open()
        dialect = decision.dialect
        reading = reading_of(lake, decision)
        try:
            if dialect is None:
                with path.open("rb") as handle:
                    head = handle.read(HEAD)
                dialect = dialect_of(head, event.key, reading, whole=len(head) == event.size)
            # a file with ties says itself what each of its rows corrects
            whole = None if dialect.ties else replaced(lake.ledger, event)
            source = Source(path=path, event=event, dialect=dialect, reading=reading, replaced=whole)
            made = stack.enter_context(
                on_engine(
                    lake,
                    source,
                    memory_fraction=memory_fraction,
                    phase=lambda step, done_fraction: phase(event.key, step, done_fraction),
                )
            )
        except InvalidFile as invalid:  # what the head did not show
            outcome = Outcome(verdict="invalid", reason=str(invalid))
            yield _without_rows(lake, decision, outcome, started, content)
            return
        raw.check()
        yield Staged(
            event=event,
            outcome=made.outcome,
            started=started,
            replay=decision.replay,
            content=content,
            reading=decision.reading,
            profile=decision.profile,
            engine=name,
            dialect=made.dialect,
            extra_columns=made.extra_columns,
            replaces=whole.file_id if whole else None,
            orders=tuple(map(_named, made.orders)),
            rejected=tuple(map(_named, made.rejected)),
        )


def reading_of(lake: Lake, decision: Decision) -> Reading:
    """How a file is read: as was decided; by the contract alone where a release before did not know of readings."""
    if decision.reading is None:
        return resolve(None, None, lake.settings.max_reject_share)
    return partners.reading(lake.store, decision.reading)


def _known(twin: LedgerRow, decision: Decision) -> str:
    """Why a file is a duplicate; where the one before was read in another way, that, too."""
    if twin.profile == decision.profile:
        return reason("known_content", file=twin.source_file)
    if twin.profile is None:
        return reason("known_content_alone", file=twin.source_file)
    return reason("known_content_as", file=twin.source_file, profile=twin.profile)


def _without_rows(lake: Lake, decision: Decision, outcome: Outcome, started: datetime, content: str) -> Staged:
    whole = replaced(lake.ledger, decision.event)
    return Staged(
        event=decision.event,
        outcome=outcome,
        started=started,
        replay=decision.replay,
        content=content,
        reading=decision.reading,
        profile=decision.profile,
        replaces=whole.file_id if whole else None,
    )


def _named(staged: StagedFile) -> str:
    return str(staged.absolute() if isinstance(staged, Path) else staged)
