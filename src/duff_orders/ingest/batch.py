"""Many small files at once: those whose records are all canonical lines share statements, and waits for the disk.

A file is taken only where nothing about it is in doubt: it is new, its content is, and each of its records is good as
it stands and no order line comes twice. Any other is left to go alone, by `validate`, `transform` and `publish`; both
ways end in the same ledger row. The order of writes is theirs, a step at a time for all files: the data, who published
which content, the ledger rows last.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from duff_orders.contract import ORDERS, REQUIRED_NAMES
from duff_orders.documents import ContentNote, Dialect, Event, LedgerRow, Staged
from duff_orders.errors import DamagedObject, InvalidFile
from duff_orders.ingest import canonical, text
from duff_orders.ingest.blocks import first_long
from duff_orders.ingest.content import as_it_lies, note_of
from duff_orders.ingest.header import HEAD, read_header
from duff_orders.ingest.publish import row_of
from duff_orders.ingest.remarks import remarks
from duff_orders.ingest.staged import CanonicalFile, WrittenOrders
from duff_orders.ingest.verdict import Records, judge
from duff_orders.lake import layout, partners
from duff_orders.lake.cleanup import make_way
from duff_orders.lake.documents import CONTENTS, LEDGER_ROWS
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.base import digest_of
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.registry import engine
from duff_orders.settings import MIB, Settings

#: Bytes of a file that may go with others, and of all of them.
SMALL, ALL_BYTES = MIB, 16 * MIB
#: Files that go together, and records of one piece of them, which an engine writes by one thread.
FILES, RECORDS = 250, 100_000


def in_batches(settings: Settings, events: Iterable[Event]) -> list[list[Event]]:
    """The files that may go together, as far as their announcements tell: so many at once as memory has room for."""
    batches, size = list[list[Event]](), ALL_BYTES
    for event in filter(partial(_may_go_together, settings), events):
        if size + event.size > ALL_BYTES or len(batches[-1]) == FILES:
            batches.append([])
            size = 0
        batches[-1].append(event)
        size += event.size
    return [batch for batch in batches if len(batch) > 1]


def _may_go_together(settings: Settings, event: Event) -> bool:
    plain = layout.is_orders_file(event.key) and not text.is_compressed(event.key)
    return plain and event.size <= SMALL and bool(engine(settings.engine_for(event.size)).takes_batches)


def process_batch(lake: Lake, events: Iterable[Event], *, memory_fraction: float) -> dict[str, LedgerRow]:
    """Take files to their ledger rows, which are returned by `file_id`; the others are to go alone.

    Raises what the store and the engine raise. No file has a ledger row then that is not whole, and those without one
    can be tried again.
    """
    read = (file for event in events if (file := _read(lake, event)))
    by_content = {as_it_lies(file.event.etag, file.event): file for file in read}
    with ExitStack() as stack:
        stack.enter_context(lake.disk.locks(f"file-{file.event.file_id}" for file in by_content.values()))
        stack.enter_context(lake.disk.locks(map(layout.content_lock, by_content)))
        new = [file for content, file in by_content.items() if _is_new(lake.disk, file.event, content)]
        for reading in {file.reading.name: file.reading for file in new}.values():
            partners.record(lake.store, reading)
        staged = []
        for name, files in _pieces(lake.settings, new):
            transformed = engine(name).transform_batch(lake, files, memory_fraction=memory_fraction)
            made = stack.enter_context(transformed)
            staged += [_staged(name, file, made[file.event.file_id]) for file in files if file.event.file_id in made]
        return _publish(lake, staged)


def _read(lake: Lake, event: Event) -> CanonicalFile | None:
    """The canonical lines of a file that holds nothing else; None where anything about it is in doubt."""
    data, store = b"", lake.disk
    with suppress(OSError):  # its turn tells of it
        data = store.path(f"{layout.RAW}/{event.key}").read_bytes()
    # what is read here is what was announced, whatever happens to the file meanwhile
    if len(data) != event.size or hashlib.sha256(data).hexdigest()[:32] != event.etag:
        return None
    try:
        data.decode()
        reading = partners.reading_of(store, event.key, lake.settings.max_reject_share)
        header = read_header(data[:HEAD], text.UTF8, reading, final=len(data) < HEAD)
    except (UnicodeDecodeError, InvalidFile, DamagedObject):
        return None
    lines = data[header.end :]
    automaton = canonical.choose(header.dialect, reading, lines, lenient=False)
    if automaton is None or first_long(lines) is not None:
        return None
    end = automaton.form.line_end.encode()
    if not lines.endswith(end):
        lines += end
    records = lines.count(b"\n")
    if records > RECORDS or not records or automaton.end(lines) != len(lines):
        return None
    return CanonicalFile(event=event, reading=reading, header=header, form=automaton.form, lines=lines, records=records)


def _is_new(store: DiskStore, event: Event, content: str) -> bool:
    """Whether nothing is known of a file, of its content, or of what it replaces. The caller holds both locks."""
    names = (
        layout.ledger_object(event.pa_date, event.file_id),
        layout.content_object(content),
        layout.replaces_object(event.key, event.etag),
    )
    return event.replaces is None and not any(map(store.exists, names))


def _pieces(settings: Settings, files: Iterable[CanonicalFile]) -> Iterator[tuple[str, list[CanonicalFile]]]:
    """The files that an engine takes at once, with its name: of one reading, dialect and form, and not too many."""
    alike: dict[tuple[str, str, Dialect, canonical.Form], list[CanonicalFile]] = {}
    for file in files:
        name = settings.engine_for(file.event.size)
        alike.setdefault((name, file.reading.name, file.header.dialect, file.form), []).append(file)
    for (name, *_), those in alike.items():
        piece, records = list[CanonicalFile](), 0
        for file in those:
            if len(piece) == FILES or records + file.records > RECORDS:
                yield name, piece
                piece, records = [], 0
            piece.append(file)
            records += file.records
        yield name, piece


def _staged(name: str, file: CanonicalFile, orders: WrittenOrders) -> Staged:
    """What an engine wrote of a file; raises CountMismatch where these are other records than were counted."""
    records = Records(split=file.records, unsplit=0, unclosed=False, fields=file.header.dialect.fields)
    outcome = judge(
        records,
        good=orders.rows,
        unique=orders.rows,
        rejected=0,
        nulls=dict.fromkeys(REQUIRED_NAMES, 0),
        max_reject_share=file.reading.share,
    )
    return Staged(
        event=file.event,
        outcome=replace(outcome, remarks=remarks({})),
        started=file.started,
        content=as_it_lies(file.event.etag, file.event),
        reading=file.reading.name,
        profile=file.reading.profile,
        engine=name,
        dialect=file.header.dialect,
        extra_columns=file.header.extra_columns,
        orders=(str(orders.path.absolute()),),
    )


def _publish(lake: Lake, staged: Sequence[Staged]) -> dict[str, LedgerRow]:
    """Publish what was staged of new files, as `publish` does each."""
    store = lake.disk
    rows, data, notes = list[LedgerRow](), dict[str, Path](), list[ContentNote]()
    for each in staged:
        event, (path,) = each.event, map(Path, each.orders)
        data[layout.data_object(ORDERS.name, event.pa_date, event.file_id)] = path
        rows.append(row_of(each, orders=[digest_of(path)]))
        notes.append(note_of(each.content, event))
    store.publish_all(data)
    store.put_all_new({CONTENTS.name(note): note.stored() for note in notes})
    for row in rows:
        make_way(lake, row, None)
    known = store.put_all_new({LEDGER_ROWS.name(row): row.stored() for row in rows})
    return {row.file_id: row for row in rows if LEDGER_ROWS.name(row) not in known}
