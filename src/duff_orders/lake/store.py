"""Objects on disk: read, write once, replace if unchanged, list.

Every write is atomic (a reader sees the old object, or the new one, or none) and durable before it returns. Names
are relative, with `/`. The standard library does this in a page; obstore's local store has no conditional replace
and does not sync.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from duff_orders.errors import InputError
from duff_orders.lake.layout import LOCKS, RAW, SCRATCH
from duff_orders.lake.raw import RawObject, on_disk
from duff_orders.messages import Event

#: A staged file: on this machine, or the name of an object in the store.
Staged = Path | str


class Listed(NamedTuple):
    """An object of a listing: its name, its bytes, and when it was written."""

    name: str
    size: int
    modified: datetime


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


class DiskStore:
    """A lake directory as an object store. What is first written to a folder makes it; reading makes none."""

    listed_by_readers = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Where an object lies; raises InputError for a name that leads out of the lake."""
        if name.startswith("/") or ".." in name.split("/"):
            raise InputError(f"{name!r} is not a name inside the lake")
        return self.root / name

    def read(self, name: str) -> bytes | None:
        """The object's bytes, or None where there is no such object."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        return self.path(name).is_file()

    def names(self, prefix: str) -> Iterator[str]:
        """The names of all objects below a folder, in order."""
        base = self.path(prefix)
        found = (f"{folder}/{name}" for folder, _, names in os.walk(base) for name in names)
        for full in sorted(found):
            yield Path(full).relative_to(self.root).as_posix()

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All objects below a folder, in order."""
        for name in self.names(prefix):
            status = self.path(name).stat()
            yield Listed(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def put_new(self, name: str, data: bytes) -> bool:
        """Write an object that must not exist yet; False (and nothing written) where it does."""
        target = self.path(name)
        with self._temporary(target, data) as temporary:
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
        _sync_folder(target.parent)
        return True

    def replace(self, name: str, data: bytes, expected: bytes | None) -> bool:
        """Write an object if it still holds `expected` (None: does not exist); False where it does not."""
        if expected is None:
            return self.put_new(name, data)
        target = self.path(name)
        with self.lock(name):
            if self.read(name) != expected:
                return False
            with self._temporary(target, data) as temporary:
                temporary.replace(target)
        _sync_folder(target.parent)
        return True

    def put_new_file(self, name: str, path: Path) -> bool:
        """Link a local file (of the lake's file system) in as an object that must not exist; False where it does."""
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        try:
            os.link(path, target)
        except FileExistsError:
            return False
        _sync_folder(target.parent)
        return True

    def put_file(self, name: str, path: Path) -> None:
        """Move a finished local file (of the lake's file system) into the store, over one of the same name."""
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        path.replace(target)
        _sync_folder(target.parent)

    def copy(self, source: str, target: str) -> None:
        """Copy an object to another name, over one that is there."""
        with self.scratch() as folder:
            shutil.copyfile(self.path(source), folder / "object")
            self.put_file(target, folder / "object")

    def address(self, name: str) -> str:
        """The object's path."""
        return str(self.path(name))

    def raw(self, event: Event) -> AbstractContextManager[RawObject]:
        """The object of an event, in the raw folder."""
        return on_disk(self.path(f"{RAW}/{event.key}"), event)

    def check_locks(self) -> None:
        """A lock of the system is held for as long as its holder lives."""

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        self.path(name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock on a name against every other thread and process; it dies with its holder."""
        # A stripe of 256 lock files: a holder never takes a second lock of the same stripe set, so none can deadlock.
        kind = "objects" if "/" in name else name.split("-", 1)[0]
        stripe = sum(name.encode("utf-8")) % 256
        path = self.root / LOCKS / f"{kind}-{stripe:02x}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder of one's own on the lake's file system, removed at the end; `sweep_scratch` takes a crash's."""
        folder = self.root / SCRATCH / secrets.token_hex(8)
        with self.lock("scratch"):  # a sweeper must not see it before it is locked
            folder.mkdir(parents=True)
            handle = (folder / ".lock").open("a")
            fcntl.flock(handle, fcntl.LOCK_EX)
        with handle:
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def sweep_scratch(self) -> None:
        """Remove what processes that no longer live left in scratch."""
        scratch = self.root / SCRATCH
        for folder in scratch.iterdir() if scratch.is_dir() else ():
            with self.lock("scratch"), contextlib.suppress(OSError), (folder / ".lock").open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _temporary(self, target: Path, data: bytes) -> Iterator[Path]:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as folder:
            temporary = folder / "object"
            with temporary.open("wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            yield temporary


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
