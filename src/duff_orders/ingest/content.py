"""One content is published once, however it is compressed, unless a key returned to it after another."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from duff_orders.documents import ContentNote, Event, LedgerRow
from duff_orders.errors import InvalidFile
from duff_orders.ingest import text
from duff_orders.lake.documents import CONTENTS
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import content_object
from duff_orders.lake.stores.base import RawObject


def content_of(raw: RawObject, event: Event) -> str:
    """What tells an object's unpacked bytes from all others, as `LedgerRow.content` has it.

    Of one that cannot be unpacked, its own bytes. Raises SourceChanged where it is not what was announced.
    """
    if not text.is_compressed(event.key):
        return as_it_lies(raw.digest, event)
    digest, size = hashlib.sha256(), 0
    try:
        for block in text.raw_blocks(raw.open(), compressed=True):
            digest.update(block)
            size += len(block)
    except InvalidFile:
        return as_it_lies(raw.digest, event)
    return f"{digest.hexdigest()[:32]}-{size}"


def as_it_lies(digest: str, event: Event) -> str:
    """The same of an object's own bytes, packed or not, by their digest: releases before knew contents by them."""
    return f"{digest}-{event.size}"


def twin_of(lake: Lake, event: Event, raw: RawObject, content: str) -> LedgerRow | None:
    """The file that published an object's content already, unless it counts again."""
    for pa_date, file_id in _claims(lake, dict.fromkeys((content, as_it_lies(raw.digest, event)))):
        is_own = file_id == event.file_id
        row, token = lake.ledger.read(pa_date, file_id, lenient=is_own)
        if is_own and token and (row is None or row.published):
            return None
        if row is not None and row.published and not _is_news(lake, event, content, row):
            return row
    return None


def claim(lake: Lake, content: str, event: Event) -> None:
    """Note that a file published a content, beside those that did. The caller holds the content's lock."""
    note = note_of(content, event)
    name = CONTENTS.name(note)
    if not lake.store.put_new(name, note.stored()):
        current = lake.store.read(name)
        if current is not None:
            before = CONTENTS.decode(name, current).published
            if not note.published.items() <= before.items():
                lake.store.replace(name, replace(note, published=before | note.published).stored(), current.token)


def note_of(content: str, event: Event) -> ContentNote:
    """That a file published a content, as the first."""
    return ContentNote(content=content, published={event.file_id: event.pa_date})


def _claims(lake: Lake, contents: Iterable[str]) -> Iterator[tuple[date, str]]:
    """The day and the id of each file that published a content, and may still stand so."""
    for content in contents:
        note = CONTENTS.read(lake.store, content_object(content))
        for file_id, pa_date in note.published.items() if note else ():
            yield pa_date, file_id


def _is_news(lake: Lake, event: Event, content: str, twin: LedgerRow) -> bool:
    """Whether a content that `twin` published counts again: another was published under its own key since.

    Under one key, by the order of what it held; what was not processed yet counts by its bytes. A twin under another
    key has no place in that order: the times of their events must tell.
    """
    held = lake.store.held(event.key)
    places = {each.file_id: place for place, each in enumerate(held)}
    here = places.get(event.file_id, len(held))
    there = places.get(twin.file_id)
    if there is None:
        rows = map(lake.ledger.of, (each.file_id for each in held[:here]))
        return any(row and _is_other(row, content) and row.event_time > twin.event_time for row in rows)
    for each in held[min(here, there) + 1 : max(here, there)]:
        row = lake.ledger.of(each.file_id)
        if _is_other(row, content) if row and row.stands else each.etag not in (event.etag, twin.etag):
            return True
    return False


def came_back(row: LedgerRow, twin: LedgerRow, rows: Iterable[LedgerRow]) -> bool:
    """Whether one of two files of one content may have counted again after the other, by the ledger alone."""
    since = {row.source_file: twin.event_time, twin.source_file: row.event_time}
    return len(since) == 1 or any(
        each.source_file in since and each.event_time > since[each.source_file]
        for each in rows
        if _is_other(each, row.content_key)
    )


def _is_other(row: LedgerRow, content: str) -> bool:
    return row.published and row.content_key != content
