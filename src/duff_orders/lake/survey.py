"""A lake's documents and objects compared with each other: whatever does not hold, and its remedy.

Nothing rests on one document alone. Each proves its own bytes; what it says is compared with what the others say.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

from duff_orders.contract import COUNTS
from duff_orders.documents import ContentNote, Event, GivenUp, Held, LedgerRow, Replacement
from duff_orders.errors import DamagedObject
from duff_orders.lake import layout, partners
from duff_orders.lake.documents import CONTENTS, EVENTS, GIVEN_UP, HELD, LEDGER_ROWS, READINGS, REPLACEMENTS, SAID
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import Snapshot, current
from duff_orders.lake.stores.base import Store
from duff_orders.lake.unannounced import unannounced
from duff_orders.profiles.reading import Reading

#: What puts a fault right: the document is made anew from others, the file is processed again, the star schema is
#: built from nothing, the object is put aside, its file is announced again if it lies there, or nothing can.
Remedy = Literal["document", "replay", "announce", "rebuild", "aside", "orphan", "none"]
# Objects whose bytes are read at once: to hash them takes the processor as long as to read them.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that does not hold: the object, in words what, whose file, and what puts it right."""

    name: str
    words: str
    remedy: Remedy
    file_id: str = ""

    def __str__(self) -> str:
        return f"{self.words}; {_ADVICE[self.remedy].format(file_id=self.file_id)}".removesuffix("; ")


_ADVICE: Mapping[Remedy, str] = {
    "document": "`duff repair` makes it anew",
    "replay": "`duff repair` processes its file again",
    "announce": "`duff replay --unannounced` takes it up",
    "rebuild": "`duff repair` builds the star schema anew",
    "aside": "`duff repair` puts it aside",
    "orphan": "`duff repair` announces its file again, or puts it aside",
    "none": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found: all documents that can be read, by what they tell of, and the faults.

    `star` is None where it cannot be read. `sizes` are those of the Parquet objects of files, by their names.
    """

    rows: dict[str, LedgerRow] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    contents: dict[str, ContentNote] = field(default_factory=dict)
    held: dict[str, list[Held]] = field(default_factory=dict)
    replacements: dict[str, Replacement] = field(default_factory=dict)
    given_up: dict[str, GivenUp] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    unannounced: dict[str, Event] = field(default_factory=dict)
    star: Snapshot | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def intact(self) -> list[LedgerRow]:
        """The rows of the ledger of which every object is there and as it was written."""
        harmed = {fault.file_id for fault in self.faults if fault.remedy == "replay"}
        return [row for row in self.rows.values() if row.file_id not in harmed]

    def of(self, remedy: Remedy) -> list[Fault]:
        """The faults that one remedy puts right."""
        return [fault for fault in self.faults if fault.remedy == remedy]


def survey(lake: Lake, *, digests: bool = True, put_before: datetime | None = None) -> Survey:
    """Read all documents, and compare them with each other and with the objects that are there.

    With `digests` every byte of every object is read; without, their sizes are compared. With `put_before`, which is
    for S3, the raw objects that were put there before then are compared with what was announced.
    """
    store, faults = lake.store, list[Fault]()
    star = _star(store, faults)
    result = Survey(
        rows={row.file_id: row for row in LEDGER_ROWS.every(store, _told(faults, "replay"))},
        events={event.file_id: event for event in EVENTS.every(store, _told(faults, "document"))},
        contents={note.content: note for note in CONTENTS.every(store, _told(faults, "document"))},
        held=_by_key(HELD.every(store, _told(faults, "document"))),
        replacements={REPLACEMENTS.name(each): each for each in REPLACEMENTS.every(store, _told(faults, "document"))},
        given_up={each.file_id: each for each in GIVEN_UP.every(store, _told(faults, "aside"))},
        readings={each.name: each for each in READINGS.every(store, _told(faults, "document"))},
        star=star,
        sizes={
            each.name: each.size
            for table in layout.OBJECT_COUNTS
            for each in store.listed(f"{layout.PROCESSED}/{layout.FOLDERS[table]}/")
        },
        faults=faults,
    )
    for kind, _ in SAID:
        if kind is not GIVEN_UP:
            deque(kind.every(store, _told(faults, "aside")), maxlen=0)
    faults += [*_announced(result), *_counts(result), *_contents(result), *_read(result), *_profiles(store)]
    if put_before is not None:
        faults += [*_unannounced(store, result, put_before)]
    if store.keeps_notes:
        faults += [*_held(result), *_replaced(result)]
    faults += [*_objects(store, result, digests=digests), *_unnamed(result, listed_by_readers=store.listed_by_readers)]
    if star is not None:
        faults += _star_objects(store, star, digests=digests)
    return result


def named(row: LedgerRow) -> str:
    """A file as messages name it."""
    return f"{row.source_file} ({row.file_id})"


def harmed(store: Store, rows: Iterable[LedgerRow]) -> dict[str, DamagedObject]:
    """The files of which an object is gone or not as it was written, by their ids."""
    damaged = {}
    for row in rows:
        for name, expected in _digests(row).items():
            read = store.digest(name)
            if read is None or (expected and read != expected):
                damaged[row.file_id] = DamagedObject(name, "it is not as it was written" if read else "it is missing")
    return damaged


def _digests(row: LedgerRow) -> dict[str, str]:
    """The objects of a file, and the digest of each; empty where a release before wrote none."""
    names = layout.all_data_objects(row)
    return dict(zip(names, row.object_digests or [""] * len(names), strict=False))


def _told(faults: list[Fault], remedy: Remedy) -> Callable[[DamagedObject], None]:
    def tell(error: DamagedObject) -> None:
        file_id = PurePosixPath(error.name).stem
        faults.append(Fault(name=error.name, words=error.what, remedy=remedy, file_id=file_id))

    return tell


def _by_key(notes: Iterable[Held]) -> dict[str, list[Held]]:
    by_key: dict[str, list[Held]] = defaultdict(list)
    for each in sorted(notes, key=lambda each: each.number):
        by_key[each.key].append(each)
    return by_key


def _star(store: Store, faults: list[Fault]) -> Snapshot | None:
    try:
        return current(store)
    except DamagedObject as error:
        faults.append(Fault(name=error.name, words=error.what, remedy="rebuild"))
        return None


def _announced(survey: Survey) -> Iterator[Fault]:
    """Events and ledger rows, which tell the same of each file."""
    unreadable = {fault.name for fault in survey.faults}
    for number, fault in enumerate(survey.faults):
        if fault.remedy == "replay" and (event := survey.events.get(fault.file_id)):
            survey.faults[number] = replace(fault, words=f"{event.key} ({event.file_id}): {fault.words}")
    without_row = survey.events.keys() - survey.rows.keys() - {fault.file_id for fault in survey.of("replay")}
    for event in (survey.events[file_id] for file_id in sorted(without_row)):
        name = layout.ledger_object(event.pa_date, event.file_id)
        words = f"{event.key} ({event.file_id}): announced, but not processed"
        yield Fault(name=name, words=words, remedy="replay", file_id=event.file_id)
    for file_id, row in survey.rows.items():
        announced, name = survey.events.get(file_id), layout.event_object(file_id)
        if announced is None:
            if name not in unreadable:
                words = f"{named(row)}: its announcement is missing"
                yield Fault(name=name, words=words, remedy="document", file_id=file_id)
        elif differing := [field for field, (one, other) in _same(row, announced).items() if one != other]:
            words = f"{named(row)}: its announcement and its ledger row tell another {' and '.join(differing)}"
            # what makes up the id, the event proves; of anything else, what was published counts
            is_proven = row.etag != announced.etag or row.source_file != announced.key
            yield Fault(name=name, words=words, remedy="replay" if is_proven else "document", file_id=file_id)


def _unannounced(store: Store, survey: Survey, put_before: datetime) -> Iterator[Fault]:
    """Raw objects that nothing speaks of."""
    unreadable = {PurePosixPath(fault.name).stem for fault in survey.faults}
    known = survey.events.keys() | survey.rows.keys() | unreadable
    for event in unannounced(store, known, put_before):
        survey.unannounced[event.file_id] = event
        words = f"{event.key} ({event.file_id}): lies in the raw bucket, and nothing announced it"
        yield Fault(name=layout.event_object(event.file_id), words=words, remedy="announce", file_id=event.file_id)


def _same(row: LedgerRow, event: Event) -> dict[str, tuple[object, object]]:
    return {
        "key": (row.source_file, event.key),
        "size": (row.size, event.size),
        "entity tag": (row.etag, event.etag),
        "version": (row.version, event.version),
        "time": (row.event_time, event.time),
        "place in the sequence": (row.sequencer, event.sequencer),
    }


def _counts(survey: Survey) -> Iterator[Fault]:
    """The counts of each ledger row, which add up and go with its verdict."""
    for row in survey.rows.values():
        read, *parts = (getattr(row, name) for name in COUNTS)
        name = LEDGER_ROWS.name(row)
        if read != sum(parts):
            words = f"{named(row)}: {read} rows read, but the four counts add up to {sum(parts)}"
            yield Fault(name=name, words=words, remedy="replay", file_id=row.file_id)
        if row.rows_published and not row.published:
            words = f"{named(row)}: {row.rows_published} rows published with the verdict {row.verdict}"
            yield Fault(name=name, words=words, remedy="replay", file_id=row.file_id)


def _contents(survey: Survey) -> Iterator[Fault]:
    """The note of each content that a file published, which must name the file."""
    unreadable = {fault.name for fault in survey.faults}
    for row in survey.rows.values():
        content = row.content_key
        name = layout.content_object(content)
        # of what a release before published on S3, the ledger does not tell the content
        if not row.published or name in unreadable or not (row.content or not row.version):
            continue
        note = survey.contents.get(content)
        if note is None or note.published.get(row.file_id) != row.pa_date:
            words = f"{named(row)}: the note of its content {'does not name it' if note else 'is missing'}"
            yield Fault(name=name, words=words, remedy="document", file_id=row.file_id)


def _read(survey: Survey) -> Iterator[Fault]:
    """The readings that ledger rows name."""
    unreadable = {fault.name for fault in survey.faults}
    without: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in survey.rows.values():
        if row.reading and row.reading not in survey.readings:
            without[layout.reading_object(row.reading)].append(row)
    for name in sorted(without.keys() - unreadable):
        first, *others = without[name]
        more = f" and {len(others)} others" if others else ""
        yield Fault(name=name, words=f"{named(first)}{more}: what they were read by is missing", remedy="document")


def _profiles(store: Store) -> Iterator[Fault]:
    """Which profiles hold, and their texts."""
    try:
        entries = partners.partners(store).profiles
    except DamagedObject as error:
        yield Fault(name=error.name, words=error.what, remedy="document")
        return
    if not store.exists(layout.PARTNERS_INDEX) and any(store.listed(layout.PARTNERS)):
        words = "which profiles hold is told by nothing, and there are some"
        yield Fault(name=layout.PARTNERS_INDEX, words=words, remedy="document")
    for damaged in partners.damaged(store, entries):
        yield Fault(name=damaged.name, words=str(damaged), remedy="none")


def _held(survey: Survey) -> Iterator[Fault]:
    """What each key held, which is what was announced under it, each content with a number of its own."""
    announced: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in survey.events.values():
        announced[event.key][event.file_id] = event
    unreadable = {PurePosixPath(fault.name).parent for fault in survey.faults if fault.name.startswith(layout.KEYS)}
    for key, notes in survey.held.items():
        if PurePosixPath(layout.held_object(key)) in unreadable:
            continue  # all notes of the key are made anew
        of_key = announced.get(key, {})
        times = [of_key[each.file_id].time for each in notes if each.file_id in of_key]
        # of what a release before announced, there is no note
        since = {file_id for file_id, event in of_key.items() if times and event.time >= min(times)}
        is_missing = not since <= {each.file_id for each in notes}
        is_wrong = any(_differs(each, of_key[each.file_id]) for each in notes if each.file_id in of_key)
        if is_missing or is_wrong or [each.number for each in notes] != [*range(len(notes))]:
            words = f"{key}: the notes of what it held tell other than what was announced"
            yield Fault(name=layout.held_object(key), words=words, remedy="document")


def _differs(held: Held, event: Event) -> bool:
    return (held.etag, held.size) != (event.etag, event.size)


def _replaced(survey: Survey) -> Iterator[Fault]:
    """The note of each file that takes the place of another."""
    unreadable = {fault.name for fault in survey.faults}
    for row in survey.rows.values():
        if row.replaces:
            name = layout.replaces_object(row.source_file, row.etag)
            note = survey.replacements.get(name)
            before = (
                survey.rows.get(note.replaces) if note else None
            )  # could not be taken in either: it stands for that
            claims = {note and note.replaces, before and before.replaces}
            if name not in unreadable and row.replaces not in claims:
                words = f"{named(row)}: the note that it takes the place of {row.replaces} is missing, or another"
                yield Fault(name=name, words=words, remedy="document", file_id=row.file_id)


def _objects(store: Store, survey: Survey, *, digests: bool) -> Iterator[Fault]:
    """The Parquet objects of files: there, and as they were written."""
    due: dict[str, tuple[LedgerRow, str]] = {}
    for row in survey.rows.values():
        objects, written_digests = len(layout.all_data_objects(row)), row.object_digests
        if written_digests is not None and len(written_digests) != objects:
            words = f"{named(row)}: it has {objects} objects and the digests of {len(written_digests)}"
            yield Fault(name=LEDGER_ROWS.name(row), words=words, remedy="replay", file_id=row.file_id)
        due |= {name: (row, digest) for name, digest in _digests(row).items()}
    for name, why in _harmed(store, {name: digest for name, (_, digest) in due.items()}, survey.sizes, digests=digests):
        row = due[name][0]
        yield Fault(name=name, words=f"{named(row)}: the object {name} {why}", remedy="replay", file_id=row.file_id)


def _star_objects(store: Store, star: Snapshot, *, digests: bool) -> Iterator[Fault]:
    sizes = {each.name: each.size for each in store.listed(f"{layout.PROCESSED}/star/")}
    due = {name: star.digests.get(name, "") for name in sorted(star.all_objects())}
    for name, why in _harmed(store, due, sizes, digests=digests):
        yield Fault(name=name, words=f"the object {name} of the star schema {why}", remedy="rebuild")


def _harmed(
    store: Store, due: Mapping[str, str], sizes: Mapping[str, int], *, digests: bool
) -> Iterator[tuple[str, str]]:
    """The names of objects that are not as they were written, and what is the matter; `due` are their digests."""
    whole = []
    for name, digest in due.items():
        if name not in sizes:
            yield name, "is missing"
        elif digest and (size := int(digest.rpartition("-")[2])) != sizes[name]:
            yield name, f"is damaged: it has {sizes[name]} bytes, and {size} were written"
        elif digest:
            whole.append(name)
    if digests:
        with ThreadPoolExecutor(max(store.reads_at_once, _AT_ONCE), thread_name_prefix="digests") as pool:
            for name, read in zip(whole, pool.map(store.digest, whole), strict=True):
                if read != due[name]:
                    yield (
                        name,
                        "is missing" if read is None else "is damaged: its bytes are not those that were written",
                    )


def _unnamed(survey: Survey, *, listed_by_readers: bool) -> Iterator[Fault]:
    """Objects that no ledger row names. A superseded revision stays for a while, for readers that still use it."""
    expected = {name for row in survey.rows.values() for name in layout.all_data_objects(row)}
    harmed = {fault.file_id for fault in survey.faults if fault.remedy == "replay"}
    unreadable = {fault.name for fault in survey.faults}
    for name in sorted(survey.sizes.keys() - expected):
        parsed = layout.parse_data_object(name)
        row = survey.rows.get(parsed.file_id) if parsed else None
        is_superseded = parsed and row and parsed.revision < row.revision and not listed_by_readers
        if is_superseded or (parsed and parsed.file_id in harmed):
            continue
        words = f"{name}: an orphan, no ledger row speaks of it"
        if parsed and parsed.file_id not in survey.events and parsed.file_id not in survey.rows:
            event = layout.event_object(parsed.file_id)  # of which the file may tell that lies there
            if event not in unreadable:
                words += ", and nothing announces its file"
                yield Fault(name=event, words=words, remedy="orphan", file_id=parsed.file_id)
        else:
            yield Fault(name=name, words=words, remedy="aside", file_id=parsed.file_id if parsed else "")
