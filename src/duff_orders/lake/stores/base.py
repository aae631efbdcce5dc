"""What the pipeline needs from an object store: read, write once, replace if unchanged, list.

Names are relative, with `/`. Every write is atomic (a reader sees the old object, or the new one, or none) and durable
before it returns.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from duff_orders.documents import Event, Held

#: A staged file: on this machine (an absolute path), or the name of an object in the store.
StagedFile = Path | str


class Listed(NamedTuple):
    """An object of a listing: its name, its bytes, when it was written, and a stamp that changes whenever it does."""

    name: str
    size: int
    modified: datetime
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawObject:
    """An object version on this machine.

    `digest` is the first 32 hexadecimal digits of its SHA-256. `open` gives the path of its bytes, `check` tells
    after reading whether they held still: both raise SourceChanged.
    """

    digest: str
    open: Callable[[], Path]
    check: Callable[[], None]


class Head(NamedTuple):
    """The first bytes of a raw object, and the `file_id` of the file that whoever put it there says it replaces."""

    data: bytes
    replaces: str | None = None


class Place(NamedTuple):
    """How far a listing of raw objects has come: behind this version of this key."""

    key: str
    version: str


class Part(NamedTuple):
    """A file that a worker wrote, and its size in bytes."""

    staged: StagedFile
    size: int


class Stage(Protocol):
    """Where a job stages its results: a place that all its workers reach, gone at the end.

    `local` is a folder of the driver's own. Addresses are paths, or `scheme://...`.
    """

    @property
    def local(self) -> Path:
        """A folder of this machine."""

    def address(self, name: str) -> str:
        """Where workers write a folder."""

    def parts(self, name: str) -> Iterator[Part]:
        """The files that were written to a folder, in the order of their names."""

    def share(self, path: Path, name: str) -> str:
        """Let every worker read a file of the driver's, under a name of its own; its address."""

    def share_raw(self, event: Event, path: Path, name: str) -> str:
        """Let every worker read a raw object, of which `path` is the driver's own copy; its address."""


class Stored(NamedTuple):
    """An object that was read: its bytes, and the token that says which version of it this is."""

    data: bytes
    token: str


class Store(Protocol):
    """What the pipeline asks of an object store."""

    def read(self, name: str) -> Stored | None:
        """The object, or None where there is no such object."""

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All objects whose names begin with a text (`a/b` begins `a/bc` too), in the order of their names."""

    def put_new(self, name: str, data: bytes) -> bool:
        """Write an object that must not exist yet; False (and nothing written) where it does."""

    def replace(self, name: str, data: bytes, token: str | None) -> bool:
        """Write an object that is as it was read, by its token (None: there was none); False where it is not."""

    def publish(self, name: str, path: Path) -> None:
        """Make a finished local file an object, over one of the same name; the file is used up."""

    def copy(self, source: str, target: str) -> None:
        """Copy an object to another name, over one that is there."""

    def copy_raw(self, event: Event, target: str) -> None:
        """Copy the object version of an event to another name, over one that is there."""

    def address(self, name: str) -> str:
        """Where an engine reads or writes an object or folder: a path, or `s3://...`."""

    def local(self, name: str, scratch: Path) -> Path:
        """The object as a file of this machine: its own, or a copy in `scratch` (FileNotFoundError if missing)."""

    def digest(self, name: StagedFile) -> str | None:
        """What tells the bytes of an object, or of a staged file, from others: `DIGEST-SIZE`; None where it is gone."""

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""

    def head(self, event: Event, size: int) -> Head:
        """The first bytes of the object version of an event, and what is said of it.

        Raises SourceChanged where it is another by now.
        """

    def held(self, key: str) -> list[Held]:
        """All that a key of the raw folder held, in order. Raises DamagedObject where it cannot be told."""

    def raw(self, event: Event) -> AbstractContextManager[RawObject]:
        """The object version of an event."""

    def lying(self) -> Iterator[Event]:
        """Every raw object (version) that is there, as it would be announced, at the time at which it was written."""

    def lying_from(self, place: Place | None) -> Iterator[tuple[list[Event], Place | None]]:
        """The same from a place on, by pages of up to 1,000, each with the place behind it: None is the end."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock on a name. Disk waits for it; S3 raises Busy where somebody else has it."""

    def check_locks(self) -> None:
        """Raises Busy where a lock that is held may have been lost: asked before what cannot be taken back."""

    def release(self) -> None:
        """Give back every lock of this holder that outlived its worker; the caller knows that none is at work."""

    def stage(self) -> AbstractContextManager[Stage]:
        """A place of one's own that every worker of a cluster reaches, gone at the end."""

    def scratch(self) -> AbstractContextManager[Path]:
        """A local folder of one's own, gone at the end."""

    def sweep_scratch(self) -> None:
        """Remove what processes that no longer live left in scratch."""

    @property
    def clocks_differ(self) -> timedelta:
        """By how much the clock that dates objects and those of who works with them may differ."""

    @property
    def reads_at_once(self) -> int:
        """How many objects are best read at once: many where each has to be waited for."""

    @property
    def keeps_notes(self) -> bool:
        """Whether notes tell what keys held and what files replace: a folder has neither versions nor metadata."""

    @property
    def raw_bucket(self) -> str:
        """The bucket of raw objects, as their events name it."""

    @property
    def listed_by_readers(self) -> bool:
        """Whether readers list objects themselves (Athena), so that only those may lie there which count."""


def names(store: Store, prefix: str) -> list[str]:
    """The names of all objects that begin with a text, in order."""
    return [each.name for each in store.listed(prefix)]


def place(store: Store, name: str, staged: StagedFile) -> None:
    """Make a staged file the object of a name, over one that is there."""
    if isinstance(staged, Path) or staged.startswith("/"):
        store.publish(name, Path(staged))
    else:
        store.copy(staged, name)


def digest_of(path: Path) -> str:
    """What tells a file's bytes from others: the first 32 hexadecimal digits of SHA-256 and the size, `DIGEST-SIZE`."""
    with path.open("rb", buffering=0) as handle:
        return f"{hashlib.file_digest(handle, 'sha256').hexdigest()[:32]}-{handle.tell()}"
