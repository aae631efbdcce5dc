"""What was announced, and when: one event per file, kept from the moment it was first seen."""

from collections.abc import Iterator
from dataclasses import replace

from duff_orders.documents import Event, LedgerRow
from duff_orders.lake.documents import EVENTS, OnDamage
from duff_orders.lake.layout import event_object
from duff_orders.lake.stores.base import Store

#: How often contents may have changed under a key: what is tried to find a file's id again.
_MOST_CHANGES = 10_000


def record(store: Store, event: Event) -> Event:
    """The event as it was first recorded: its time counts, however often and late the object is announced.

    Raises DamagedObject where what was recorded cannot be read.
    """
    name = event_object(event.file_id)
    recorded = EVENTS.read(store, name)
    if recorded is None and not store.put_new(name, event.stored()):
        recorded = EVENTS.read(store, name)
    return recorded or event


def events(store: Store, damaged: OnDamage | None = None) -> Iterator[Event]:
    """Every event that was announced, processed or not, in the order of time.

    Raises DamagedObject for one that cannot be read, or tells `damaged` of it and goes on.
    """
    yield from sorted(EVENTS.every(store, damaged), key=lambda event: (event.time, event.key))


def of_row(store: Store, row: LedgerRow) -> Event | None:
    """What a file was announced as, by its ledger row; None where its id does not come out."""
    event = Event(
        bucket=store.raw_bucket,
        key=row.source_file,
        size=row.size,
        etag=row.etag,
        version=row.version,
        time=row.event_time,
        sequencer=row.sequencer,
    )
    tried = (replace(event, changes=changes) for changes in range(_MOST_CHANGES))
    return next((each for each in tried if each.file_id == row.file_id), None)
