"""What each key of the raw folder held, noted when it was announced: a folder keeps no versions, and clocks err."""

from contextlib import suppress

from duff_orders.errors import DamagedObject
from duff_orders.lake import layout
from duff_orders.lake.store import Store, decoded, names
from duff_orders.messages import Held


def by(store: Store, key: str) -> list[Held]:
    """All that a key held, in order. Raises DamagedObject where a note cannot be read."""
    found = (_read(store, name) for name in names(store, layout.held_object(key)))
    return sorted((each for each in found if each), key=lambda each: each.number)


def last(store: Store) -> dict[str, Held]:
    """What each key held when it was last announced."""
    found: dict[str, Held] = {}
    for name in names(store, f"{layout.PROCESSED}/keys/"):
        with suppress(DamagedObject):  # `announce` tells of it
            one = _read(store, name)
            if one is not None and (one.key not in found or found[one.key].number < one.number):
                found[one.key] = one
    return found


def note(store: Store, held: Held) -> None:
    """Note what a key holds, before it is announced: who comes after a crash finds it again."""
    name = layout.held_object(held.key, held.file_id)
    found = store.read(name)
    if found is None or Held.from_json(found.data) != held:
        store.replace(name, held.stored(), found.token if found else None)


def _read(store: Store, name: str) -> Held | None:
    found = store.read(name)
    return None if found is None else decoded(Held, name, found)
