"""Damaged or missing documents, recreated from what others still prove; the damaged ones are kept aside."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TypeVar

from duff_orders.documents import ContentNote, Event, Held, LedgerRow, Replacement
from duff_orders.documents.document import Document
from duff_orders.errors import DamagedObject
from duff_orders.lake import layout, partners
from duff_orders.lake.cleanup import set_aside
from duff_orders.lake.documents import (
    CONTENTS,
    EVENTS,
    HELD,
    LEDGER_ROWS,
    PARTNERS,
    READINGS,
    REPLACEMENTS,
    SAID,
    Kind,
)
from duff_orders.lake.events import of_row
from duff_orders.lake.stores.base import Store, names
from duff_orders.lake.survey import Survey

D = TypeVar("D", bound=Document)
# How often contents may have changed under a key, beyond what its notes tell: tried to find a file's id again.
_MORE_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair at work: the store, what was found there, and when it began, by which names it keeps things aside.

    `share` of rejected rows is what the settings allow, `ingested` reads from Parquet objects when their file was
    announced. `made` and `aside` are the names of objects, `lost` a sentence for each thing that nothing can mend,
    `events` the announcements of all files as they are now; those of the files `dated_anew` have perhaps another time
    than before.
    """

    store: Store
    survey: Survey
    began: datetime
    share: Decimal = Decimal("0.5")
    ingested: Callable[[Sequence[str]], datetime | None] = lambda _: None
    made: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    events: dict[str, Event] = field(default_factory=dict)
    dated_anew: set[str] = field(default_factory=set)

    def documents(self) -> None:
        """Make anew the documents that others prove.

        Each replaces the very bytes that were found, and nothing that somebody wrote meanwhile: it can be cut off at
        any point, and run again.
        """
        self.events.update(self.survey.events)
        self._events()
        if self.store.keeps_notes:
            self._held()
            self._replacements()
        self._contents()
        self._profiles()
        self._readings()
        for fault in self.survey.of("aside"):
            for kind, lost in SAID:
                if fault.name.startswith(kind.folder):
                    self.put_aside(fault.name)
                    self.lost.append(f"{fault.name}: {lost}")

    def keep(self, name: str) -> None:
        """Keep a copy of an object aside."""
        if aside := set_aside(self.store, name, self.began):
            self.aside.append(aside)

    def put_aside(self, name: str) -> None:
        """Move an object aside."""
        self.keep(name)
        self.store.delete(name)

    def _named(self, kind: Kind[D]) -> list[str]:
        """The documents of a kind that are to be made anew."""
        faults = (*self.survey.of("document"), *self.survey.of("orphan"))
        return sorted({fault.name for fault in faults if fault.name.startswith(kind.folder)})

    def _make(self, kind: Kind[D], document: D, seen: D | None) -> None:
        """Write a document in the place of what cannot be read, of what was `seen`, or where there is none."""
        name = kind.name(document)
        before = self.store.read(name)
        if before is not None:
            with suppress(DamagedObject):
                if (now := kind.decode(name, before)) == document or now != seen:
                    return  # somebody else wrote it since
            self.keep(name)
        if self.store.replace(name, document.stored(), before.token if before else None):
            self.made.append(name)

    def _events(self) -> None:
        """Of a file that has its ledger row, from that; of another from what lies there, at the time of its note."""
        to_make = {PurePosixPath(name).stem: name for name in self._named(EVENTS)}
        rows = {file_id: self.survey.rows[file_id] for file_id in to_make if file_id in self.survey.rows}
        events = {file_id: event for file_id, row in rows.items() if (event := of_row(self.store, row))}
        if to_make.keys() - events.keys():
            lying = {each.file_id: self._dated(each) for each in self._lying() if each.file_id in to_make}
            self.dated_anew.update(lying.keys() - events.keys())
            events = lying | events
        for file_id, name in to_make.items():
            if event := events.get(file_id):
                self._make(EVENTS, event, self.survey.events.get(file_id))
                self.events[file_id] = event
            else:
                for each in (name, *(each for each in self.survey.sizes if file_id in each)):
                    self.put_aside(each)
                self.events.pop(file_id, None)
                self.lost.append(f"{name}: nothing tells any more which file it announced")

    def _lying(self) -> Iterator[Event]:
        """What keys held, and the raw objects that are there, may have been announced as."""
        notes = (each for of_key in self.survey.held.values() for each in of_key)
        for event in (*map(self._of_note, notes), *self.store.lying()):
            changed = len(self.survey.held.get(event.key, ())) if self.store.keeps_notes else 0
            yield from (replace(event, changes=changes) for changes in range(changed + _MORE_CHANGES))

    def _of_note(self, note: Held) -> Event:
        bucket, time = self.store.raw_bucket, self.began
        return Event(bucket=bucket, key=note.key, size=note.size, etag=note.etag, version=None, time=time)

    def _dated(self, event: Event) -> Event:
        """An event at its time, which the rows of its file tell; else that at which it was written down.

        Where its ledger row lies under another day, that is the beginning of that one.
        """
        objects = [name for name in self.survey.sizes if event.file_id in name]
        if (event_time := self.ingested(objects)) is not None:
            return replace(event, time=event_time)
        written = [layout.held_object(event.key, event.file_id), layout.event_object(event.file_id)]
        noted = [each.modified for name in written for each in self.store.listed(name)]
        time = min(noted, default=event.time)
        listed = (*self.survey.sizes, *names(self.store, LEDGER_ROWS.folder))
        days = {layout.pa_date_of(name) for name in listed if event.file_id in name}
        if day := min((day for day in days if day), default=None):
            time = time if time.date() == day else datetime(day.year, day.month, day.day, tzinfo=UTC)
        return replace(event, time=time)

    def _held(self) -> None:
        """Of each key of which a note is wrong, all: those that are right keep their order, others fill the gaps."""
        known = {each.file_id: each for of_key in self.survey.held.values() for each in of_key}
        announced: dict[str, list[Event]] = {}
        for event in sorted(self.events.values(), key=lambda event: (event.time, event.changes)):
            announced.setdefault(layout.held_object(event.key), []).append(event)
        for folder in sorted({name.rpartition("/")[0] + "/" for name in self._named(HELD)}):
            of_key = announced.get(folder, [])
            if of_key:
                with self.store.lock(layout.key_lock(of_key[0].key)):
                    for number, note in enumerate(_numbered(of_key, known)):
                        self._make(HELD, replace(note, number=number), known.get(note.file_id))
            due = {layout.held_object(event.key, event.file_id) for event in of_key}
            for name in self._named(HELD):
                if name.startswith(folder) and name != folder and name not in due:
                    self.put_aside(name)

    def _replacements(self) -> None:
        by_name = {
            layout.replaces_object(row.source_file, row.etag): row for row in self.survey.rows.values() if row.replaces
        }
        for name in self._named(REPLACEMENTS):
            row = by_name.get(name)
            if row is None or row.replaces is None:
                self.put_aside(name)
                self.lost.append(f"{name}: nothing tells any more which file was to replace which")
            else:
                note = Replacement(key=row.source_file, etag=row.etag, replaces=row.replaces)
                self._make(REPLACEMENTS, note, self.survey.replacements.get(name))

    def _contents(self) -> None:
        """Each content's note from the ledger: who published it, in the order of their times."""
        published: dict[str, list[LedgerRow]] = {}
        for row in sorted(self.survey.rows.values(), key=lambda row: (row.event_time, row.file_id)):
            if row.published:
                published.setdefault(layout.content_object(row.content_key), []).append(row)
        for name in self._named(CONTENTS):
            content = name.removeprefix(CONTENTS.folder)
            with self.store.lock(layout.content_lock(content)):
                seen = None
                with suppress(DamagedObject):  # which is why it is made anew
                    seen = CONTENTS.read(self.store, name)
                by = {row.file_id: row.pa_date for row in published.get(name, ())} | (seen.published if seen else {})
                if by:
                    self._make(CONTENTS, ContentNote(content=content, published=by), seen)
                else:  # nobody published it; who was about to, does so once more
                    self.put_aside(name)

    def _profiles(self) -> None:
        """Which profiles hold, from the newest text of each partner."""
        if not self._named(PARTNERS):
            return
        seen = None
        with suppress(DamagedObject):
            seen = partners.partners(self.store)
        self._make(PARTNERS, partners.by_texts(self.store), seen)
        self.lost.append(
            f"{layout.PARTNERS_INDEX}: made anew of the newest text of each partner; of one that was removed, "
            "`duff profile rm` says it again"
        )

    def _readings(self) -> None:
        """Readings, from the profiles that they were made of."""
        missing = {PurePosixPath(name).stem for name in self._named(READINGS)}
        shares = {each.share for each in self.survey.readings.values()} | {self.share}
        for reading in partners.possible(self.store, shares) if missing else ():
            if reading.name in missing:
                missing.remove(reading.name)
                self._make(READINGS, reading, None)
        for name in sorted(missing):
            self.put_aside(layout.reading_object(name))
            lost = "nothing tells any more how its files were read; `duff replay` reads them anew"
            self.lost.append(f"{layout.reading_object(name)}: {lost}")


def _numbered(announced: Iterable[Event], known: dict[str, Held]) -> list[Held]:
    """What a key held, in order: by the numbers of the notes that are right, and by time where there is none."""
    right: list[Held] = []
    gaps: list[Held] = []
    for event in announced:
        note = known.get(event.file_id)
        is_right = note is not None and (note.etag, note.size) == (event.etag, event.size)
        (right if is_right else gaps).append(note if note and is_right else Held.by(event, 0))
    right.sort(key=lambda note: note.number)
    for number in range(len(right) + len(gaps)):
        if gaps and (number >= len(right) or right[number].number > number):
            right.insert(number, gaps.pop(0))
    return right
