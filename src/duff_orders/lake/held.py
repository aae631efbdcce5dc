"""What each key of the raw folder held, noted on announcement: a folder keeps no versions, and clocks are wrong."""

from duff_orders.documents import Held
from duff_orders.lake import layout
from duff_orders.lake.documents import HELD
from duff_orders.lake.stores.base import Store, names


def by(store: Store, key: str) -> list[Held]:
    """All that a key held, in order. Raises DamagedObject where a note cannot be read."""
    return sorted(HELD.each(store, names(store, layout.held_object(key))), key=lambda each: each.number)


def last(store: Store) -> dict[str, Held]:
    """What each key held when it was last announced."""
    latest: dict[str, Held] = {}
    for one in HELD.every(store, damaged=lambda _: None):  # `announce` tells of it
        if one.key not in latest or latest[one.key].number < one.number:
            latest[one.key] = one
    return latest


def note(store: Store, held: Held) -> None:
    """Note what a key holds, before it is announced: who comes after a crash finds it again."""
    name = layout.held_object(held.key, held.file_id)
    stored = store.read(name)
    if stored is None or HELD.decode(name, stored) != held:
        store.replace(name, held.stored(), stored.token if stored else None)
