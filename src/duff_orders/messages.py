"""What the stages hand each other: small typed JSON documents, equal on one machine and on AWS."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, Self, get_args

from duff_orders.document import Document

# What a ledger row says of a file that it corrects.
_ENTRY = re.compile("([0-9a-f]{32})(?::([0-9,-]+))?")

#: Which way a file takes: to an engine in the process, to a job, or nothing is left to do.
Route = Literal["small", "large", "done"]
Verdict = Literal["valid", "valid_with_rejects", "invalid", "duplicate", "failed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
#: The verdicts whose good rows stand in tbl_duff_orders.
PUBLISHED: tuple[Verdict, ...] = ("valid", "valid_with_rejects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Document):
    """The announcement of one object version: what EventBridge sends, or the watcher saw.

    `time` decides pa_date and the order of states, `sequencer` that of events of one time; `size` is in bytes.
    `replaces` is the id of the file whose place it takes, where whoever put it there said so. `changes` is how often
    the key's content had changed before, where this content returns to a key without versions; else 0.
    """

    bucket: str
    key: str
    size: int
    etag: str
    version: str | None
    time: datetime
    sequencer: str | None = None
    replaces: str | None = None
    changes: int = 0

    @property
    def file_id(self) -> str:
        """The identity of the object version: 32 hexadecimal digits from bucket, key and version (or etag).

        A content that returns to a key without versions has an identity of its own, by the number of changes.
        """
        text = "\n".join((self.bucket, self.key, self.version or self.etag))
        if self.changes:
            text += f"\n{self.changes}"
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]

    @property
    def pa_date(self) -> date:
        """The processing date: the date (UTC) of the event."""
        return self.time.astimezone(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Document):
    """What a key of the raw folder held when it was announced, as the `number`-th content of that key, from 0.

    `seen` is what the file system told of the file (`DiskStore.identity`) once it had been read: while that is the
    same, so is the content. Empty: it was too new to be sure.
    """

    key: str
    number: int
    etag: str
    size: int
    file_id: str
    seen: str = ""

    @classmethod
    def by(cls, event: Event, number: int) -> Self:
        """What an event announced, as the content of that number."""
        return cls(key=event.key, number=number, etag=event.etag, size=event.size, file_id=event.file_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentNote(Document):
    """Which files published a content (`LedgerRow.content`): the processing date of each by its id, the first first."""

    content: str
    published: dict[str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement(Document):
    """That an object of the raw folder, by its key and entity tag, takes the place of the file `replaces`."""

    key: str
    etag: str
    replaces: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(Document):
    """How a file is written; as large as it is, however wide the header: states hand it on, which are limited.

    The header has `fields` fields, and the contract's columns, in its order, stand at `places` among them, from 0;
    None: an optional one is absent. A document of an earlier version says nothing of later columns.
    `encoding` may turn out as another once the whole file has been read. `corrects` and `changes` are the places of
    the columns of a file that corrects others; without the former it is none.
    """

    encoding: str
    delimiter: str
    decimal_mark: str
    fields: int
    places: tuple[int | None, ...]
    corrects: int | None = None
    changes: int | None = None

    @property
    def ties(self) -> bool:
        """Whether records may correct others."""
        return self.corrects is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow(Document):
    """One file's outcome: a row of tbl_duff_files, whose fields these are.

    `content` tells its unpacked bytes from all others: the first 32 hexadecimal digits of their SHA-256, and how many
    there are, as `DIGEST-SIZE`. None: they were not read as a whole, or by a release before. `object_digests` tell the
    same of the Parquet objects, those of the orders first; None: a release before wrote them, or there are none.
    """

    file_id: str
    source_file: str
    size: int
    etag: str
    version: str | None
    event_time: datetime
    engine: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal_mark: str | None = None
    extra_columns: tuple[str, ...] | None = None
    verdict: Verdict
    reason: str | None = None
    rows_read: int = 0
    rows_published: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_withheld: int = 0
    nulls: dict[str, int] | None = None
    orders_objects: int = 0
    rejected_objects: int = 0
    revision: int = 0
    started: datetime
    finished: datetime
    error: str | None = None
    remarks: tuple[str, ...] | None = None
    contract: int = 1
    sequencer: str | None = None
    corrects: tuple[str, ...] | None = None
    attempts: tuple[str, ...] | None = None
    content: str | None = None
    object_digests: tuple[str, ...] | None = None
    pa_date: date

    @property
    def stands(self) -> bool:
        """Whether this is the file's outcome; one that failed gets another try."""
        return self.verdict != "failed"

    @property
    def published(self) -> bool:
        """Whether the file's good rows stand in tbl_duff_orders."""
        return self.verdict in PUBLISHED

    @property
    def content_key(self) -> str:
        """The content by which the file is known; of one that a release before published, its bytes as they lie."""
        return self.content or f"{self.etag}-{self.size}"

    @property
    def replaces(self) -> str | None:
        """The id of the file whose place this one takes as a whole, or was to take."""
        told = map(Entry.of, (*(self.corrects or ()), *(self.attempts or ())))
        return next((entry.file_id for entry in told if not entry.lines), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Document):
    """What became of a file's records: the verdict, its reason in words, the counts, and remarks (`CODE:COUNT`).

    `corrects` and `attempts` are what published, and rejected, rows take the place of: `FILE_ID:LINES`.
    """

    verdict: Verdict
    reason: str | None = None
    rows_read: int = 0
    rows_published: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_withheld: int = 0
    nulls: dict[str, int] | None = None
    remarks: tuple[str, ...] | None = None
    corrects: tuple[str, ...] | None = None
    attempts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Document):
    """What a file's first bytes and the ledger say: its way and its dialect, or the `row` that it has already.

    `replay`: the outcome of before is to be replaced. `engine` is the name of the one that takes it; None: a release
    before has not decided that yet.
    """

    route: Route
    event: Event
    replay: bool = False
    dialect: Dialect | None = None
    row: LedgerRow | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged(Document):
    """What a transform made of a file and nobody sees yet, or the `row` that the file has already.

    `orders` and `rejected` name the staged Parquet: paths on this machine (they begin with `/`), or objects of the
    lake. `extra_columns` are the names of the header's further columns, `replaces` is the file whose place all its rows
    take. `content` is that of the ledger row, where the object was read. `contract` is the version under which the
    Parquet was written; None: today's.
    """

    event: Event
    outcome: Outcome
    started: datetime
    replay: bool = False
    content: str = ""
    contract: int | None = None
    engine: str | None = None
    dialect: Dialect | None = None
    extra_columns: tuple[str, ...] | None = None
    replaces: str | None = None
    orders: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    error: str | None = None
    row: LedgerRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp(Document):
    """That somebody gave up what a file did not bring in, and why; `undo`: that it was taken back.

    `lines` are those of rejected rows as `ranges` writes them; None: all of the file. `by` names whose key was used.
    """

    lines: str | None
    why: str
    at: datetime
    undo: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp(Document):
    """All that was said of giving up a file, in its order: the later word counts."""

    file_id: str
    said: tuple[GiveUp, ...]

    @property
    def whole(self) -> bool:
        """Whether the file was given up as a whole."""
        whole = False
        for each in self.said:
            whole = not each.undo if each.lines is None else whole
        return whole

    @property
    def lines(self) -> frozenset[int]:
        """The lines that were given up one by one."""
        lines = set[int]()
        for each in self.said:
            if each.lines is not None:
                lines = lines - {*each_line(each.lines)} if each.undo else lines | {*each_line(each.lines)}
            elif each.undo:
                lines.clear()
        return frozenset(lines)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ledger row says of a file that it corrects: the lines, as often as they are named; none: all of it."""

    file_id: str
    lines: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Entry":
        """The entry that `__str__` wrote; raises ValueError for any other text."""
        found = _ENTRY.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:100]!r} names no file, and no lines of one")
        return cls(found[1], tuple(each_line(found[2] or "")))

    def __str__(self) -> str:
        return f"{self.file_id}:{ranges(self.lines)}" if self.lines else self.file_id


def each_line(ranges: str) -> Iterator[int]:
    """The lines of a text that `ranges` wrote: `3,7-9`; raises ValueError for any other."""
    for part in ranges.split(",") if ranges else ():
        first, between, last = part.strip().partition("-")
        yield from range(int(first), int(last if between else first) + 1)


def ranges(lines: Iterable[int]) -> str:
    """Lines in their order, those that follow each other as `3-9`."""
    parts: list[list[int]] = []
    for line in sorted(lines):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def tied(text: str | None) -> tuple[str, int] | None:
    """The file and the line that `FILE_ID:LINE` names; None for what names a file as a whole, or nothing."""
    file_id, _, line = (text or "").partition(":")
    return (file_id, int(line)) if line else None


def entries(named: Iterable[str]) -> tuple[str, ...] | None:
    """The ledger's entries of rows, each `FILE_ID:LINE`, and of files, `FILE_ID`; None where there are none."""
    by_file: dict[str, list[int]] = defaultdict(list)
    for each in named:
        file_id, _, line = each.partition(":")
        by_file[file_id] += [int(line)] if line else []
    return tuple(str(Entry(file_id, tuple(lines))) for file_id, lines in sorted(by_file.items())) or None
