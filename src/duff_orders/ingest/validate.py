"""`Validate_csv`: an event becomes a decision, from the object's first 64 KiB and the ledger."""

from dataclasses import replace

from duff_orders.documents import Decision, Event, Outcome
from duff_orders.errors import InvalidFile
from duff_orders.ingest.corrections import check_replaced
from duff_orders.ingest.header import HEAD, dialect_of
from duff_orders.ingest.publish import conclude
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.registry import engine


def validate(lake: Lake, event: Event, *, replay: bool = False) -> Decision:
    """Which way a file takes, whose event was recorded (`lake.events.record`), and how it is read.

    A file that has its outcome already is done, and so is one whose header is no good.

    By that reading, which is kept, it is read from here on, whatever becomes of the partner's profile.

    Raises SourceChanged where the object is not what was announced, Busy where another worker has the file,
    DamagedObject where the profile of the file's partner cannot be read.
    """
    row = lake.ledger.get(event.pa_date, event.file_id, lenient=replay)
    if row is not None and row.stands and not replay:
        return Decision(route="done", event=event, row=row)
    head, replaces = lake.store.head(event, HEAD)
    event = replace(event, replaces=replaces)
    reading = partners.reading_of(lake.store, event.key, lake.settings.max_reject_share)
    partners.record(lake.store, reading)
    try:
        check_replaced(lake.ledger, event)
        dialect = dialect_of(head, event.key, reading, whole=len(head) == event.size)
    except InvalidFile as invalid:
        row = conclude(lake, event, Outcome(verdict="invalid", reason=str(invalid)), reading=reading, replay=replay)
        return Decision(route="done", event=event, row=row)
    name = lake.settings.engine_for(event.size)
    return Decision(
        route=engine(name).route,
        event=event,
        replay=replay,
        dialect=dialect,
        engine=name,
        reading=reading.name,
        profile=reading.profile,
    )
