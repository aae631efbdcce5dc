"""What was announced: an object version, what its key held, which file it replaces, who published its content."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from duff_orders.documents.document import Document


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
