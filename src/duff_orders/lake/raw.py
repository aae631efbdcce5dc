"""Raw objects: put into the raw folder, and announced; the announcement is kept, with its time."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath

from duff_orders.clock import utc_now
from duff_orders.documents import Event, Held, Replacement
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import held, layout, partners
from duff_orders.lake.documents import REPLACEMENTS, OnDamage
from duff_orders.lake.events import events, record
from duff_orders.lake.ledger import Ledger, the_one
from duff_orders.lake.stores.base import Store
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.lake.stores.raw_file import await_certainty, fingerprint, identity


def check_name(path: Path) -> None:
    """Raises InputError for what is not a file named *.csv or *.csv.gz, or has a name that is left alone."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if why := layout.left_alone(path.name):
        raise InputError(f"{path!s:.200}: {why}; rename it")
    if not layout.is_orders_file(path.name) or not path.name.isprintable():
        raise InputError(f"{path!s:.200}: an orders file is named {' or '.join('*' + s for s in layout.SUFFIXES)}")


def put(store: DiskStore, path: Path, *, prefix: str = "", replaces: str | None = None) -> str:
    """Copy a file into the raw folder, never over another; returns its key there.

    The key is the file's name behind `prefix`, a partner's; where another content has it, the first digits of the
    content's hash are added. A file that lies in the raw folder already keeps its key.
    `replaces` is the file whose place it takes (`replaceable`); raises InputError where it lies there as another.
    """
    raw = store.path(layout.RAW).resolve()
    if path.resolve().is_relative_to(raw):
        if replaces is not None:
            raise InputError(f"{path}: lies in the raw folder already; a replacement comes from elsewhere")
        key = path.resolve().relative_to(raw).as_posix()
        if why := layout.left_alone(key):
            raise InputError(f"{key}: left alone in the raw folder, {why}")
        return key
    with store.scratch() as scratch:
        copy = scratch / path.name
        shutil.copyfile(path, copy)
        return land(store, copy, prefix=prefix, replaces=replaces)


def land(store: DiskStore, path: Path, *, prefix: str = "", replaces: str | None = None) -> str:
    """Link a file that nobody else has into the raw folder, under its name or a free one; returns its key there.

    It is on the disk by then, and so is one of this very content that lies there already; see `put`.
    """
    if replaces is None and store.put_new_file(f"{layout.RAW}/{prefix}{path.name}", path):
        return f"{prefix}{path.name}"  # whoever announces it reads it once more: once is enough
    size, etag = fingerprint(path)
    for key in free_names(path.name, etag, prefix=prefix):
        name = f"{layout.RAW}/{key}"
        if replaces is not None and not store.exists(name):
            _note_replaced(store, key, etag, replaces)  # first: whoever sees the file sees what it replaces
        if store.put_new_file(name, path) or store.holds(name, size, etag):
            if replaces is not None:
                _check_replaces(store, key, etag, replaces)
            return key
    raise InputError(f"{path.name}: the raw folder holds something else of this name; rename it")


def replaceable(ledger: Ledger, prefix: str) -> str:
    """The id of a file that another may replace, by its first characters: one that could not be taken in.

    Raises UnknownFile, and InputError for a file of any other verdict.
    """
    row = ledger.find(prefix)
    if row.verdict not in ("invalid", "failed"):
        raise InputError(
            f"{row.source_file} ({row.file_id}) is {row.verdict}: only a file that is invalid or failed is replaced;"
            f" rejected rows are corrected one by one, `duff rejects {row.file_id[:12]} --csv OUT` hands them out"
        )
    return row.file_id


def already_there(key: str, replaced: str) -> InputError:
    """That a replacement lies where files land, but not as one."""
    return InputError(
        f"{key}: this very file came before, and not to replace {replaced}; where its orders are in, "
        f'`duff give-up {replaced[:12]} --why "came as {key}"` says so'
    )


def _note_replaced(store: DiskStore, key: str, etag: str, replaces: str) -> None:
    note = Replacement(key=key, etag=etag, replaces=replaces)
    name = REPLACEMENTS.name(note)
    stored = store.read(name)
    store.replace(name, note.stored(), stored.token if stored else None)


def _check_replaces(store: DiskStore, key: str, etag: str, replaces: str) -> None:
    note = REPLACEMENTS.read(store, layout.replaces_object(key, etag))
    if note is None or note.replaces != replaces:
        raise already_there(key, replaces)


def keys(store: Store) -> Iterator[str]:
    """The keys of the raw objects: one request for each 1,000."""
    return (each.name.removeprefix(f"{layout.RAW}/") for each in store.listed(f"{layout.RAW}/"))


def free_names(name: str, etag: str, *, prefix: str = "") -> tuple[str, str]:
    """The keys under which a file is put: its name, or where another content has that one, with digits of its own."""
    stem, dot, suffix = name.partition(".")
    return f"{prefix}{name}", f"{prefix}{stem}-{etag[:8]}{dot}{suffix}"


def in_turn(name: str, modified: float) -> tuple[float, list[tuple[str, int]]]:
    """What puts files that wait together in order: by modification time, then by name, numbers in it by their value."""
    parts = re.split("([0-9]+)", name)
    return modified, [(text, int(digits or -1)) for text, digits in zip(parts[::2], [*parts[1::2], ""], strict=True)]


def announce(store: DiskStore, key: str, *, when: datetime | None = None) -> Event:
    """The event of an object in the raw folder: the one that was recorded, or a new one of this time.

    What the key holds is told by its content and by what it held before, never by times: a content that returns after
    another is news, and the same one, however often it is announced, is not. Raises SourceChanged where the object is
    gone or changes while it is read, DamagedObject where what the key held cannot be read.
    """
    path = store.path(f"{layout.RAW}/{key}")
    with suppress(FileNotFoundError):  # told below
        await_certainty(path)
    size, etag = fingerprint(path)
    seen = identity(path)
    event = Event(bucket=layout.RAW_BUCKET, key=key, size=size, etag=etag, version=None, time=when or utc_now())
    with store.lock(layout.key_lock(key)):
        before = _before(store, event)
        last = before[-1] if before else None
        if last is None or (last.etag, last.size) != (etag, size):
            number = 0 if last is None else last.number + 1
            has_been = store.exists(layout.event_object(event.file_id))
            event = replace(event, changes=number if has_been else 0)
            last = Held.by(event, number)
        else:
            event = replace(event, changes=last.number if last.file_id != event.file_id else 0)
        held.note(store, replace(last, seen=seen))
        return record(store, event)


def _before(store: DiskStore, event: Event) -> list[Held]:
    """What a key held, in order. Where a release before noted nothing, what was announced tells, and is noted."""
    noted = store.held(event.key)
    if noted or not store.exists(layout.event_object(event.file_id)):
        return noted
    announced = [each for each in events(store) if each.key == event.key]
    noted = [Held.by(each, number) for number, each in enumerate(announced)]
    for each in reversed(noted):  # the last one first: it tells what is news, should we come no further
        held.note(store, each)
    return noted


def to_take_up_again(
    store: Store,
    file_ids: Iterable[str] = (),
    *,
    failed: bool = False,
    everything: bool = False,
    stale: Decimal | None = None,
    partner: str | None = None,
    damaged: OnDamage | None = None,
) -> list[Event]:
    """The events of files named by the first characters of their ids, of those that failed, or of all.

    Or of those that would be read in another way today, where `stale` is the share of rejected rows that the settings
    allow. With `partner` only of files that its profile is for.
    Files that were announced but never finished count as failed, and those whose ledger rows cannot be read. Raises
    UnknownFile, and DamagedObject for an event that cannot be read; of one that is not named `damaged` is told.
    """
    unreadable: dict[str, DamagedObject] = {}
    announced = events(store, lambda error: unreadable.update({PurePosixPath(error.name).stem: error}))
    known = {event.file_id: event for event in announced}
    chosen = {the_one(prefix, known.keys() | unreadable.keys()) for prefix in file_ids}
    for file_id, error in unreadable.items():
        if damaged is None or file_id in chosen:
            raise error
        if failed or everything:
            damaged(error)
    if everything:
        chosen |= known.keys()
    elif failed:
        chosen |= known.keys() - {row.file_id for row in Ledger(store).rows(damaged=lambda _: None) if row.stands}
    if stale is not None:
        rows = Ledger(store).rows(damaged=lambda _: None)  # those are taken up as failed ones
        chosen |= known.keys() & {row.file_id for row in partners.stale(store, rows, stale)}
    under = partners.under(store, partner) if partner is not None else None
    waiting = (event for file_id, event in known.items() if file_id in chosen)
    return [event for event in waiting if under is None or under.holds(event.key)]
