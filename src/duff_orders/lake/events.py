"""What was announced, and when: one event a file, kept from the moment it was first seen."""

from collections.abc import Iterator

from duff_orders.lake.documents import EVENTS, OnDamage
from duff_orders.lake.layout import event_object
from duff_orders.lake.store import Store
from duff_orders.messages import Event


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
