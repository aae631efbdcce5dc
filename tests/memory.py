"""A store in memory: for tests of what lies above it, fast and without a folder."""

import hashlib
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from duff_orders.documents import Event, Held
from duff_orders.errors import InputError, SourceChanged
from duff_orders.lake import held
from duff_orders.lake.layout import RAW, RAW_BUCKET
from duff_orders.lake.stores.base import Head, Listed, Place, RawObject, Stage, StagedFile, Stored, digest_of
from duff_orders.lake.stores.disk import FolderStage


def opened(name: str) -> "MemoryStore":
    """The store of a name, of which there is one in this process."""
    return STORES.setdefault(name, MemoryStore())


class MemoryStore:
    """Objects by name; a lock waits, as on disk."""

    listed_by_readers = False
    keeps_notes = True
    raw_bucket = RAW_BUCKET
    clocks_differ = timedelta(minutes=1)
    reads_at_once = 1

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self._one_at_a_time = threading.RLock()
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def read(self, name: str) -> Stored | None:
        found = self.objects.get(name)
        return None if found is None else Stored(found[0], hashlib.sha256(found[0]).hexdigest())

    def exists(self, name: str) -> bool:
        return name in self.objects

    def listed(self, prefix: str) -> Iterator[Listed]:
        for name, (data, modified) in sorted(self.objects.items()):
            if name.startswith(prefix):
                yield Listed(name, len(data), modified, hashlib.sha256(data).hexdigest())

    def put_new(self, name: str, data: bytes) -> bool:
        return self.replace(name, data, None)

    def replace(self, name: str, data: bytes, token: str | None) -> bool:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise InputError(f"{name!r} is not a name inside the lake")
        with self._one_at_a_time:
            found = self.read(name)
            if (found and found.token) != token:
                return False
            self.objects[name] = data, datetime.now(UTC)
        return True

    def publish(self, name: str, path: Path) -> None:
        self.objects[name] = path.read_bytes(), datetime.now(UTC)
        path.unlink()

    def copy(self, source: str, target: str) -> None:
        self.objects[target] = self.objects[source][0], datetime.now(UTC)

    def copy_raw(self, event: Event, target: str) -> None:
        self.objects[target] = self._announced(event), datetime.now(UTC)

    def address(self, name: str) -> str:
        return f"memory:{name}"

    def local(self, name: str, scratch: Path) -> Path:
        found = self.read(name)
        if found is None:
            raise FileNotFoundError(name)
        copy = scratch / name.replace("/", "-")
        copy.write_bytes(found.data)
        return copy

    def digest(self, name: StagedFile) -> str | None:
        if isinstance(name, Path) or name.startswith("/"):
            return digest_of(Path(name))
        found = self.read(name)
        return found and f"{hashlib.sha256(found.data).hexdigest()[:32]}-{len(found.data)}"

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)

    def head(self, event: Event, size: int) -> Head:
        return Head(self._announced(event)[:size])

    def held(self, key: str) -> list[Held]:
        return held.by(self, key)

    @contextmanager
    def raw(self, event: Event) -> Iterator[RawObject]:
        data = self._announced(event)
        with self.scratch() as folder:
            path = folder / "object"
            path.write_bytes(data)
            yield RawObject(digest=event.etag, open=lambda: path, check=lambda: None)

    def _announced(self, event: Event) -> bytes:
        found = self.objects.get(f"{RAW}/{event.key}")
        if found is None or hashlib.sha256(found[0]).hexdigest()[:32] != event.etag:
            raise SourceChanged(f"{event.key} is not what was announced")
        return found[0]

    def lying(self) -> Iterator[Event]:
        for name, (data, modified) in self.objects.items():
            if name.startswith(f"{RAW}/"):
                etag = hashlib.sha256(data).hexdigest()[:32]
                key = name.removeprefix(f"{RAW}/")
                yield Event(bucket=RAW_BUCKET, key=key, size=len(data), etag=etag, version=None, time=modified)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with self._locks[name]:
            yield

    def lying_from(self, place: Place | None) -> Iterator[tuple[list[Event], Place | None]]:
        yield [*self.lying()], None

    def check_locks(self) -> None:
        """They cannot be lost."""

    def release(self) -> None:
        """They die with the process."""

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        with self.scratch() as folder:
            yield FolderStage(folder)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)

    def sweep_scratch(self) -> None:
        """Nothing outlives the process."""


STORES: dict[str, MemoryStore] = {}
