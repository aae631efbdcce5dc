"""Many files put into the raw folder and announced at once: the disk is waited for once for all of them.

What is anything but new goes alone, as `raw` has it: a name that is taken, a key that held something before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from duff_orders.clock import utc_now
from duff_orders.documents import Event, Held
from duff_orders.errors import SourceChanged
from duff_orders.lake import layout
from duff_orders.lake.documents import EVENTS, HELD
from duff_orders.lake.raw import put
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.lake.stores.raw_file import await_certainty, fingerprint, identity
from duff_orders.settings import MIB

#: Bytes of a file that is held in memory, and of several.
SMALL, AT_ONCE = MIB, 64 * MIB


def put_all(store: DiskStore, paths: Sequence[Path], *, prefix: str = "") -> list[str]:
    """Copy files into the raw folder, each as `put` does; returns their keys there, in the order of the files."""
    folder = f"{layout.RAW}/{prefix}"
    raw = store.path(layout.RAW).resolve()
    first = {path.name: path for path in reversed(paths)}  # of several of one name the first has it
    small = (path for path in first.values() if path.stat().st_size <= SMALL)
    landed = set[Path]()
    for some in _read(path for path in small if not path.resolve().is_relative_to(raw)):
        taken = store.put_all_new({f"{folder}{path.name}": data for path, data in some.items()})
        landed.update(path for path in some if f"{folder}{path.name}" not in taken)
    return [f"{prefix}{path.name}" if path in landed else put(store, path, prefix=prefix) for path in paths]


def _read(paths: Iterable[Path]) -> Iterator[dict[Path, bytes]]:
    """The bytes of files, of as many at once as memory has room for."""
    some, size = dict[Path, bytes](), 0
    for path in paths:
        some[path] = path.read_bytes()
        size += len(some[path])
        if size > AT_ONCE:
            yield some
            some, size = {}, 0
    yield some


def moments(keys: Iterable[str]) -> dict[str, datetime]:
    """Times for announcing objects now: no two are equal, and they are in the order of the keys."""
    times, last = dict[str, datetime](), datetime.min.replace(tzinfo=UTC)
    for key in dict.fromkeys(keys):
        last = times[key] = max(utc_now(), last + timedelta(microseconds=1))
    return times


def announce_all(store: DiskStore, times: Mapping[str, datetime]) -> dict[str, Event]:
    """The events of the objects that are new, by their keys, as `announce` has them; `times` are theirs.

    Others are left out: what was announced before, what lies under a key that held something, what cannot be read.
    """
    events, seen = dict[str, Event](), dict[str, str]()
    for key, time in times.items():
        with suppress(OSError, SourceChanged):  # its turn tells of it
            path = store.path(f"{layout.RAW}/{key}")
            await_certainty(path)
            size, etag = fingerprint(path)
            seen[key] = identity(path)
            events[key] = Event(bucket=layout.RAW_BUCKET, key=key, size=size, etag=etag, version=None, time=time)
    with store.locks(map(layout.key_lock, events)):
        new = {key: event for key, event in events.items() if not _is_known(store, event)}
        held = (replace(Held.by(event, 0), seen=seen[key]) for key, event in new.items())
        store.put_all_new({HELD.name(each): each.stored() for each in held})
        known = store.put_all_new({EVENTS.name(event): event.stored() for event in new.values()})
    return {key: event for key, event in new.items() if EVENTS.name(event) not in known}


def _is_known(store: DiskStore, event: Event) -> bool:
    """Whether a file was announced, or its key held something, as far as anything tells."""
    return store.exists(EVENTS.name(event)) or any(store.listed(layout.held_object(event.key)))
