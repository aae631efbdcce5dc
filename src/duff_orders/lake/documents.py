"""The kinds of documents that a lake keeps: where each is stored, under what name, and how it is read and verified."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from duff_orders.contract import FILES
from duff_orders.documents import (
    ContentNote,
    Corrections,
    Draft,
    Event,
    GivenUp,
    Held,
    LedgerRow,
    Partners,
    Replacement,
    Settled,
)
from duff_orders.documents.document import Document
from duff_orders.errors import DamagedObject, PipelineError
from duff_orders.lake import layout
from duff_orders.lake.stores.base import Store, Stored, names
from duff_orders.profiles.reading import Reading

# How often a document that somebody else writes, too, is read and written again.
_ATTEMPTS = 20
D = TypeVar("D", bound=Document)
#: Who is told of a document that is left out since it cannot be read.
OnDamage = Callable[[DamagedObject], None]


@dataclass(frozen=True, slots=True)
class Kind(Generic[D]):
    """One kind: the documents below `folder`, each under the name that it has by what it says.

    `as_before` reads the form of releases that did not write it as JSON, from the name and the bytes.
    """

    document: type[D]
    folder: str
    name: Callable[[D], str]
    as_before: Callable[[str, bytes], D] | None = None

    def decode(self, name: str, stored: Stored) -> D:
        """The document that an object holds.

        Raises DamagedObject where it is none of the kind, not as it was written, or another than its name says.
        """
        try:
            if self.as_before and not stored.data.startswith(b"{"):
                document = self.as_before(name, stored.data)
            else:
                document = self.document.from_json(stored.data)
            due = self.name(document)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise DamagedObject(name, error) from None
        if due != name:
            raise DamagedObject(name, f"it is {due}")
        return document

    def read(self, store: Store, name: str) -> D | None:
        """The document of a name, or None where there is none; raises as `decode`."""
        stored = store.read(name)
        return None if stored is None else self.decode(name, stored)

    def change(self, store: Store, name: str, change: Callable[[D | None], D | None]) -> None:
        """Write what `change` makes of the document of a name, or of none; nothing where that is None.

        Somebody else may write it, too: then it is read and changed again. Raises as `decode`, and PipelineError where
        that never ends.
        """
        for _ in range(_ATTEMPTS):
            stored = store.read(name)
            document = change(None if stored is None else self.decode(name, stored))
            if document is None or store.replace(name, document.stored(), stored.token if stored else None):
                return
        raise PipelineError(f"{name} is written by others all the time; try again")

    def each(self, store: Store, listed: Sequence[str], damaged: OnDamage | None = None) -> Iterator[D]:
        """The documents of some names, in their order, without those that are gone.

        Raises DamagedObject for one that cannot be read, or tells `damaged` of it and goes on.
        """
        for name, stored in zip(listed, _read(store, listed), strict=True):
            try:
                if stored is not None:
                    yield self.decode(name, stored)
            except DamagedObject as error:
                if damaged is None:
                    raise
                damaged(error)

    def every(self, store: Store, damaged: OnDamage | None = None) -> Iterator[D]:
        """All documents of the kind, in the order of their names; raises as `each`."""
        return self.each(store, names(store, self.folder), damaged)


def _read(store: Store, listed: Sequence[str]) -> Iterator[Stored | None]:
    if store.reads_at_once == 1:
        yield from map(store.read, listed)
        return
    with ThreadPoolExecutor(store.reads_at_once, thread_name_prefix="documents") as pool:
        yield from pool.map(store.read, listed)


def _content_as_text(name: str, data: bytes) -> ContentNote:
    """`DATE FILE_ID` a line."""
    lines = [line.split() for line in data.decode().splitlines()]
    published = {file_id: date.fromisoformat(day) for day, file_id in lines}
    if not published:
        raise ValueError("it names no file")
    return ContentNote(content=name.rpartition("/")[2], published=published)


EVENTS = Kind(Event, layout.EVENTS, lambda event: layout.event_object(event.file_id))
LEDGER_ROWS = Kind(
    LedgerRow,
    f"{layout.PROCESSED}/{layout.FOLDERS[FILES.name]}/",
    lambda row: layout.ledger_object(row.pa_date, row.file_id),
)
HELD = Kind(Held, layout.KEYS, lambda held: layout.held_object(held.key, held.file_id))
CONTENTS = Kind(ContentNote, layout.CONTENTS, lambda note: layout.content_object(note.content), _content_as_text)
REPLACEMENTS = Kind(Replacement, layout.REPLACEMENTS, lambda each: layout.replaces_object(each.key, each.etag))
DRAFTS = Kind(Draft, f"{layout.DRAFTS}/", lambda draft: layout.draft_object(draft.file_id))
CORRECTIONS = Kind(
    Corrections, f"{layout.CORRECTIONS}/", lambda corrections: layout.corrections_object(corrections.file_id)
)
SETTLED = Kind(Settled, f"{layout.SETTLED}/", lambda settled: layout.settled_object(settled.partner, settled.day))
GIVEN_UP = Kind(GivenUp, f"{layout.GIVEN_UP}/", lambda given: layout.given_up_object(given.file_id))
READINGS = Kind(Reading, layout.READINGS, lambda reading: layout.reading_object(reading.name))
PARTNERS = Kind(Partners, layout.PARTNERS_INDEX, lambda _: layout.PARTNERS_INDEX)

#: What only people can say again, where it is damaged: the kind, and what is known no more.
SAID: tuple[tuple[Kind[Any], str], ...] = (
    (GIVEN_UP, "what was given up is known no more; `duff give-up` says it again"),
    (SETTLED, "what was said of this day is known no more; the partner's page takes it again"),
    (DRAFTS, "a draft of corrections is gone; nothing of it was published"),
    (CORRECTIONS, "who corrected what on the file's page is known no more; the corrections themselves stand"),
)
