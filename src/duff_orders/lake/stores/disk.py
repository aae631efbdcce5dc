"""Objects in a local folder: renames and links make writes atomic, the system's locks separate workers.

The standard library does this in a page; obstore's local store has no conditional replace and does not sync.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar

from duff_orders.documents import Event, Held
from duff_orders.errors import DamagedObject, InputError, SourceChanged
from duff_orders.lake import held
from duff_orders.lake.documents import HELD, REPLACEMENTS
from duff_orders.lake.layout import LOCKS, RAW, RAW_BUCKET, SCRATCH, held_object, replaces_object
from duff_orders.lake.stores.base import Head, Listed, Part, Place, RawObject, Stage, StagedFile, Stored, digest_of
from duff_orders.lake.stores.durable import make_folders, sync_all, sync_folders
from duff_orders.lake.stores.raw_file import fingerprint, on_disk

T = TypeVar("T")
#: Files that are open at once to be written.
AT_ONCE = 64


def opened(address: str) -> "DiskStore":
    """The store in a folder."""
    return DiskStore(Path(address))


class DiskStore:
    """A lake directory as an object store. What is first written to a folder makes it; reading makes none."""

    listed_by_readers = False
    keeps_notes = True
    raw_bucket = RAW_BUCKET
    clocks_differ = timedelta(minutes=1)  # one clock, which may be put right
    reads_at_once = 1

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: dict[str, str] = {}  # the identities of raw files whose content was told by their hashes

    def path(self, name: str) -> Path:
        """Where an object lies; raises InputError for a name that leads out of the lake."""
        if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
            raise InputError(f"{name!r} is not a name inside the lake")
        return self.root / name

    def read(self, name: str) -> Stored | None:
        """The object, or None where there is no such object; the token is a hash of its bytes."""
        try:
            data = self.path(name).read_bytes()
        except FileNotFoundError:
            return None
        return Stored(data, hashlib.sha256(data).hexdigest())

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        return self.path(name).is_file()

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All objects whose names begin with a text, in the order of their names."""
        base, _, _ = prefix.rpartition("/")
        found = dict(_files_below(str(self.path(base)), f"{base}/", prefix))
        for name in sorted(found):
            status = os.stat(found[name])  # noqa: PTH116 – of thousands a path object each costs more than the call
            # what is written anew is another file, whatever the clock says
            stamp = f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"
            yield Listed(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), stamp)

    def put_new(self, name: str, data: bytes) -> bool:
        """Write an object that must not exist yet; False (and nothing written) where it does."""
        return not self.put_all_new({name: data})

    def put_all_new(self, objects: Mapping[str, bytes]) -> set[str]:
        """Write objects that must not exist yet; the names of those that did, where nothing was written.

        The disk is waited for once for many of them. They become visible in their order, each on the disk as a whole.
        """
        known = set[str]()
        for some in _slices(list(objects.items()), AT_ONCE):
            folders = dict.fromkeys(self.path(name).parent for name, _ in some)
            make_folders(*folders)
            with contextlib.ExitStack() as stack:
                written = []
                for name, data in some:
                    target = self.path(name)
                    written.append((name, target, *stack.enter_context(self._temporary(target, data))))
                sync_all([descriptor for *_, descriptor in written])
                for name, target, temporary, _ in written:
                    try:
                        self._link(temporary, target)
                    except FileExistsError:
                        known.add(name)
            sync_folders(*folders)
        return known

    def replace(self, name: str, data: bytes, token: str | None) -> bool:
        """Write an object that is as it was read, by its token (None: there was none); False where it is not."""
        if token is None:
            return self.put_new(name, data)
        target = self.path(name)
        with self.lock(name):
            stored = self.read(name)
            if stored is None or stored.token != token:
                return False
            named = self.root / SCRATCH / secrets.token_hex(8)
            with self._temporary(target, data) as (temporary, descriptor):
                os.fsync(descriptor)
                with self.lock("scratch"):  # no sweeper sees the name
                    named.parent.mkdir(exist_ok=True)
                    self._link(temporary, named)
                    named.replace(target)
        sync_folders(target.parent)
        return True

    def put_new_file(self, name: str, path: Path) -> bool:
        """Link a local file in as an object that must not exist; False where something has the name.

        In a folder of another file system than the file's it becomes a copy.
        """
        target = self.path(name)
        make_folders(target.parent)
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        try:
            try:
                os.link(path, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with _copied_beside(path, target) as copy:
                    os.link(copy, target)
        except FileExistsError:
            return False
        sync_folders(target.parent)
        return True

    def holds(self, name: str, size: int, etag: str) -> bool:
        """Whether an object is a regular file of that size and entity tag; if so, it is on the disk by then."""
        path = self.path(name)
        try:
            if not stat.S_ISREG(path.stat().st_mode) or fingerprint(path) != (size, etag):
                return False
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        except (OSError, SourceChanged):
            return False
        sync_folders(path.parent)
        return True

    def publish(self, name: str, path: Path) -> None:
        """Make a finished local file (of the lake's file system) an object, over one of the same name."""
        self.publish_all({name: path})

    def publish_all(self, files: Mapping[str, Path]) -> None:
        """The same for several files, in their order; the disk is waited for once for many of them."""
        for some in _slices(list(files.items()), AT_ONCE):
            targets = {self.path(name): path for name, path in some}
            folders = dict.fromkeys(target.parent for target in targets)
            make_folders(*folders)
            with contextlib.ExitStack() as stack:
                sync_all([stack.enter_context(path.open("rb")).fileno() for path in targets.values()])
            for target, path in targets.items():
                self._move(path, target)
            sync_folders(*folders)

    def copy(self, source: str, target: str) -> None:
        """Copy an object to another name, over one that is there."""
        with self.scratch() as folder:
            shutil.copyfile(self.path(source), folder / "object")
            self.publish(target, folder / "object")

    def copy_raw(self, event: Event, target: str) -> None:
        """Copy the object of an event, out of the raw folder, to another name."""
        with self.scratch() as folder, self.raw(event) as raw:
            shutil.copyfile(raw.open(), folder / "object")
            raw.check()
            self.publish(target, folder / "object")

    def address(self, name: str) -> str:
        """The object's path."""
        return str(self.path(name))

    def head(self, event: Event, size: int) -> Head:
        """The first bytes of the object of an event. Raises SourceChanged where it is another by now."""
        with self.raw(event) as raw, raw.open().open("rb") as handle:
            data = handle.read(size)
            raw.check()
        note = REPLACEMENTS.read(self, replaces_object(event.key, event.etag))
        return Head(data, note.replaces if note else None)

    def held(self, key: str) -> list[Held]:
        """All that a key of the raw folder held, as far as it was announced."""
        return held.by(self, key)

    def raw(self, event: Event) -> AbstractContextManager[RawObject]:
        """The object of an event, in the raw folder."""
        if event.file_id not in self._seen:
            with contextlib.suppress(DamagedObject):  # the hash takes its place
                note = HELD.read(self, held_object(event.key, event.file_id))
                self._seen[event.file_id] = note.seen if note else ""
        return on_disk(self.path(f"{RAW}/{event.key}"), event, self._seen)

    def lying(self) -> Iterator[Event]:
        """Every file of the raw folder that can be read, as it would be announced, at its modification time."""
        for each in self.listed(f"{RAW}/"):
            with contextlib.suppress(OSError, SourceChanged):
                size, etag = fingerprint(self.path(each.name))
                key = each.name.removeprefix(f"{RAW}/")
                yield Event(bucket=RAW_BUCKET, key=key, size=size, etag=etag, version=None, time=each.modified)

    def lying_from(self, place: Place | None) -> Iterator[tuple[list[Event], Place | None]]:
        """All of them at once: a folder is quickly listed."""
        yield [*self.lying()], None

    def check_locks(self) -> None:
        """A lock of the system is held for as long as its holder lives."""

    def release(self) -> None:
        """A lock of the system dies with its holder."""

    def local(self, name: str, scratch: Path) -> Path:
        """The object itself; whoever reads it is told if it is missing."""
        return self.path(name)

    def digest(self, name: StagedFile) -> str | None:
        """What tells an object's bytes from others: `DIGEST-SIZE`; None where it is gone."""
        try:
            return digest_of(self.path(name) if isinstance(name, str) and not name.startswith("/") else Path(name))
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        self.path(name).unlink(missing_ok=True)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock on a name against every other thread and process; it dies with its holder."""
        return _locked(self._lock_of(name))

    @contextlib.contextmanager
    def locks(self, names: Iterable[str]) -> Iterator[None]:
        """Hold the locks on several names of one kind, as `lock` does on one."""
        with contextlib.ExitStack() as stack:
            for path in sorted({*map(self._lock_of, names)}):
                stack.enter_context(_locked(path))
            yield

    def _lock_of(self, name: str) -> Path:
        # A stripe of 256 lock files: a holder takes the locks of a stripe set in their order, so none can deadlock.
        kind = "objects" if "/" in name else name.split("-", 1)[0]
        stripe = sum(name.encode("utf-8")) % 256
        return self.root / LOCKS / f"{kind}-{stripe:02x}"

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

    @contextlib.contextmanager
    def stage(self) -> Iterator[Stage]:
        """A folder in scratch: workers are on this machine, or have its file system."""
        with self.scratch() as folder:
            yield FolderStage(folder)

    def sweep_scratch(self) -> None:
        """Remove what processes that no longer live left in scratch."""
        scratch = self.root / SCRATCH
        for left in scratch.iterdir() if scratch.is_dir() else ():
            with self.lock("scratch"), contextlib.suppress(OSError):
                if left.is_file():  # a document that was to replace another
                    left.unlink()
                    continue
                with (left / ".lock").open("a") as handle:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)

    @contextlib.contextmanager
    def _temporary(self, target: Path, data: bytes) -> Iterator[tuple[Path, int]]:
        """A file with these bytes, of the target's file system, that is gone at the end; its path and a descriptor.

        It has no name, so that no crash leaves it behind; where the file system knows no such files it lies in scratch.
        """
        with contextlib.ExitStack() as stack:
            try:
                descriptor = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
                temporary = Path(f"/proc/self/fd/{descriptor}")
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                    raise
                temporary = stack.enter_context(self.scratch()) / "object"
                descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o666)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(data)
                handle.flush()
                yield temporary, handle.fileno()

    def _link(self, temporary: Path, target: Path) -> None:
        """Give a temporary file a name that nothing has."""
        # with a folder, which is not looked at, the link of /proc is followed
        os.link(temporary, target, src_dir_fd=0)

    def _move(self, path: Path, target: Path) -> None:
        """Give a finished file the name of an object."""
        path.replace(target)


@dataclass(frozen=True, slots=True)
class FolderStage:
    """What a job stages in a folder; see `base.Stage`."""

    local: Path

    def address(self, name: str) -> str:
        """The path of a folder."""
        return str((self.local / name).absolute())

    def parts(self, name: str) -> Iterator[Part]:
        """What workers wrote to a folder."""
        return (Part(path, path.stat().st_size) for path in sorted((self.local / name).glob("*")) if path.is_file())

    def share(self, path: Path, name: str) -> str:
        """Link a file to a name of its own."""
        link = self.local / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
        return str(link.absolute())

    def share_raw(self, event: Event, path: Path, name: str) -> str:
        """The same: the raw object is a file."""
        return self.share(path, name)


@contextlib.contextmanager
def _copied_beside(path: Path, target: Path) -> Iterator[Path]:
    """A copy of a file on the file system of another, under a name that is left alone."""
    copy = target.parent / f".duff-{secrets.token_hex(8)}"
    try:
        shutil.copyfile(path, copy)
        with copy.open("rb") as handle:
            os.fsync(handle.fileno())
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _files_below(folder: str, name: str, prefix: str) -> Iterator[tuple[str, str]]:
    """The names that begin with a prefix, and the paths, of all files below a folder that is called `name`.

    Raises OSError for a folder that cannot be listed: what is missing from a listing counts as gone. In the raw folder,
    where anybody may put anything, one that may not be read is passed over.
    """
    unread = (PermissionError,) if name.startswith(f"{RAW}/") else ()
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, *unread), os.scandir(folder) as entries:
        for entry in entries:
            here = f"{name}{entry.name}"
            if not entry.is_dir():
                if here.startswith(prefix):
                    yield here, entry.path
            elif not entry.is_symlink() and (here.startswith(prefix) or prefix.startswith(f"{here}/")):
                yield from _files_below(entry.path, f"{here}/", prefix)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _opened_to_lock(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _opened_to_lock(path: Path) -> IO[str]:
    try:
        return path.open("a")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")


def _slices(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[begin : begin + size] for begin in range(0, len(values), size))
