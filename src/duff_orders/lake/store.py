"""What the pipeline asks of an object store: read, write once, replace if unchanged, list.

Names are relative, with `/`. Every write is atomic (a reader sees the old object, or the new one, or none) and durable
before it returns.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from duff_orders.messages import Event

#: A staged file: on this machine, or the name of an object in the store.
Staged = Path | str


class Listed(NamedTuple):
    """An object of a listing: its name, its bytes, and when it was written."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RawObject:
    """An object version on this machine.

    `content` is the first 32 hexadecimal digits of its SHA-256. `open` gives the path of its bytes, `check` tells
    after reading whether they held still: both raise SourceChanged.
    """

    content: str
    open: Callable[[], Path]
    check: Callable[[], None]


class Store(Protocol):
    """What the pipeline asks of an object store."""

    def read(self, name: str) -> bytes | None:
        """The object's bytes, or None where there is no such object."""

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names of all objects below a folder, in order."""

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All objects below a folder, in order."""

    def put_new(self, name: str, data: bytes) -> bool:
        """Write an object that must not exist yet; False (and nothing written) where it does."""

    def replace(self, name: str, data: bytes, expected: bytes | None) -> bool:
        """Write an object if it still holds `expected` (None: does not exist); False where it does not."""

    def put_file(self, name: str, path: Path) -> None:
        """Move a finished local file into the store, over an object of the same name."""

    def copy(self, source: str, target: str) -> None:
        """Copy an object to another name, over one that is there."""

    def address(self, name: str) -> str:
        """Where an engine reads or writes an object or folder: a path, or `s3://...`."""

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""

    def raw(self, event: Event) -> AbstractContextManager[RawObject]:
        """The object version of an event."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock on a name. Disk waits for it; S3 raises Busy where somebody else has it."""

    def check_locks(self) -> None:
        """Raises Busy where a lock that is held may have been lost: asked before what cannot be taken back."""

    def scratch(self) -> AbstractContextManager[Path]:
        """A local folder of one's own, gone at the end."""

    def sweep_scratch(self) -> None:
        """Remove what processes that no longer live left in scratch."""

    @property
    def listed_by_readers(self) -> bool:
        """Whether readers list objects themselves (Athena), so that only those may lie there which count."""


def place(store: Store, name: str, staged: Staged) -> None:
    """Make a staged file the object of a name, over one that is there."""
    if isinstance(staged, Path):
        store.put_file(name, staged)
    else:
        store.copy(staged, name)
