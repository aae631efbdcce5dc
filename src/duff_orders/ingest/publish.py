"""From staged to published: the data under names made from file_id, the ledger row last.

Everything before the ledger row can be repeated. A replay writes beside the old outcome and switches with the
ledger row; what is then superseded stays for readers that still use it, until `sweep` takes it.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from duff_orders.clock import utc_now
from duff_orders.contract import ORDERS, REJECTED_ROWS, VERSION
from duff_orders.documents import Dialect, Event, LedgerRow, Outcome, Staged
from duff_orders.errors import PipelineError
from duff_orders.ingest.content import claim
from duff_orders.ingest.corrections import replaced
from duff_orders.lake.cleanup import make_way, tidy
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import OBJECT_COUNTS, data_object, parse_data_object, partition
from duff_orders.lake.stores.base import names, place
from duff_orders.profiles.reading import Reading
from duff_orders.reasons import reason


def publish(lake: Lake, staged: Staged) -> LedgerRow:
    """Publish what was staged of a file; returns its ledger row.

    The caller holds the locks of the file and of its content, as `transform` does for as long as it is open. Where
    somebody else was faster with the same event, theirs is the outcome.

    Raises PipelineError where the row that a replay was to replace was replaced meanwhile, Busy where the locks may
    have been lost.
    """
    if staged.row is not None:
        tidy(lake, staged.row)
        return staged.row
    event, outcome = staged.event, staged.outcome
    previous, token = lake.ledger.read(event.pa_date, event.file_id, lenient=staged.replay)
    if previous is not None and previous.stands and not staged.replay:
        return previous  # somebody else was faster with the same event: theirs is the outcome
    revision = _next_revision(lake, event, previous, token, replay=staged.replay)
    rejected = _put(lake, REJECTED_ROWS.name, event, revision, staged.rejected if outcome.rows_rejected else ())
    orders = _put(lake, ORDERS.name, event, revision, staged.orders if outcome.rows_published else ())
    row = row_of(staged, revision=revision, orders=orders, rejected=rejected)
    if row.published:
        claim(lake, staged.content, event)
    return _commit(lake, row, previous, token)


def row_of(staged: Staged, *, revision: int = 0, orders: Sequence[str] = (), rejected: Sequence[str] = ()) -> LedgerRow:
    """The ledger row of what was staged; `orders` and `rejected` are the digests of its objects."""
    event, outcome, dialect = staged.event, staged.outcome, staged.dialect
    corrects, attempts = outcome.corrects, outcome.attempts
    if staged.replaces:
        corrects = (staged.replaces,) if outcome.rows_published else None
        attempts = (staged.replaces,) if outcome.rows_rejected or not outcome.rows_published else None
    shared = _shared(event) | _shared(outcome) | (_shared(dialect) if dialect else {})
    return LedgerRow(
        **shared | {"corrects": corrects, "attempts": attempts},
        file_id=event.file_id,
        source_file=event.key,
        event_time=event.time,
        engine=staged.engine,
        extra_columns=staged.extra_columns,
        orders_objects=len(orders),
        rejected_objects=len(rejected),
        revision=revision,
        started=staged.started,
        finished=utc_now(),
        error=staged.error,
        contract=staged.contract or VERSION,
        content=staged.content or None,
        profile=staged.profile,
        reading=staged.reading,
        object_digests=(*orders, *rejected) or None,
        pa_date=event.pa_date,
    )


def _shared(document: Event | Outcome | Dialect) -> dict[str, Any]:
    """What of a document stands in the ledger under the same name."""
    names = {each.name for each in fields(LedgerRow)} - {"corrects", "attempts"}
    return {each.name: getattr(document, each.name) for each in fields(document) if each.name in names}


def conclude(
    lake: Lake, event: Event, outcome: Outcome, *, reading: Reading | None = None, replay: bool = False
) -> LedgerRow:
    """Give a file a verdict without rows, by the reading; where it has an outcome and is not replayed, that stays.

    Raises Busy where another worker has the file.
    """
    with lake.store.lock(f"file-{event.file_id}"):
        row = lake.ledger.get(event.pa_date, event.file_id, lenient=replay)
        if row is not None and row.stands and not replay:
            tidy(lake, row)
            return row
        whole = replaced(lake.ledger, event)
        staged = Staged(
            event=event,
            outcome=outcome,
            started=utc_now(),
            replay=replay,
            reading=reading.name if reading else None,
            profile=reading.profile if reading else None,
            replaces=whole.file_id if whole else None,
        )
        return publish(lake, staged)


def close(lake: Lake, event: Event, error: str, *, replay: bool = False) -> LedgerRow:
    """Publish the verdict `failed`; `error` is what failed, its kind first.

    A replay that fails takes nothing away: the outcome of before stays in the ledger, and the row returned tells of
    the failure. A file that was published meanwhile stays so, too.
    """
    first_line = (error.partition(": ")[2].splitlines() or [error])[0] or error
    why = reason("failed", error=first_line)
    with lake.store.lock(f"file-{event.file_id}"):
        row = lake.ledger.get(event.pa_date, event.file_id)
        if row is None or not row.stands:
            outcome = Outcome(verdict="failed", reason=why)
            return publish(lake, Staged(event=event, outcome=outcome, started=utc_now(), error=error))
        tidy(lake, row)  # of what the attempt left that failed
        if not replay:
            return row
        why += "; the outcome of before still stands"
        return replace(row, verdict="failed", reason=why, error=error)


def _next_revision(lake: Lake, event: Event, previous: LedgerRow | None, token: str | None, *, replay: bool) -> int:
    """The revision after that of the row in the ledger; where that cannot be read or is gone, after all objects'."""
    if previous is not None:
        return previous.revision + 1
    if token is None and not replay:
        return 0
    beginnings = (f"{partition(table, event.pa_date)}/{event.file_id}" for table in OBJECT_COUNTS)
    objects = (parse_data_object(name) for each in beginnings for name in names(lake.store, each))
    return 1 + max((each.revision for each in objects if each), default=0 if token else -1)


def _put(lake: Lake, table: str, event: Event, revision: int, staged: tuple[str, ...]) -> list[str]:
    """Make staged files the parts of a revision in a table; returns their digests."""
    digests = []
    for part, file in enumerate(staged):
        digests.append(lake.store.digest(file) or "")
        place(lake.store, data_object(table, event.pa_date, event.file_id, revision=revision, part=part), file)
    return digests


def _commit(lake: Lake, row: LedgerRow, previous: LedgerRow | None, token: str | None) -> LedgerRow:
    make_way(lake, row, previous)
    lake.store.check_locks()
    if lake.ledger.write(row, token):
        if previous is not None:
            tidy(lake, row)
        return row
    if previous is not None and previous.stands:
        raise PipelineError(f"the ledger row of {row.source_file} was replaced meanwhile; replay the file again")
    # Somebody else was faster with the same event: theirs is the outcome.
    standing = lake.ledger.get(row.pa_date, row.file_id)
    if standing is None:
        raise PipelineError(f"the ledger row of {row.source_file} could not be written, and there is none")
    return standing
