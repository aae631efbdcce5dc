"""Objects in a cloud, through obstore: conditional writes arbitrate between workers, leases separate them.

What differs from cloud to cloud (how a bucket is opened, the versions of raw objects) is the store's that builds on it.
Names are those of the lake directory: `raw/KEY` is KEY in the raw bucket, `processed/...` lies in the processed bucket.
"""

import hashlib
import json
import secrets
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore as Bucket

from duff_orders.documents import Event, Held
from duff_orders.errors import Busy, InputError, PipelineError, SourceChanged
from duff_orders.lake.layout import PROCESSED, RAW
from duff_orders.lake.stores.base import (
    Head,
    Listed,
    Part,
    Place,
    RawObject,
    Stage,
    StagedFile,
    Stored,
    digest_of,
    names,
)
from duff_orders.lake.stores.ranges import PART, in_parts

#: What to do about credentials that are over.
EXPIRED = "the credentials for AWS have expired; sign in again, e.g. `aws sso login`"
#: Seconds that a lease outlives its worker, and that must be left of it for what cannot be taken back.
MARGIN = 60.0
#: What asking again for a part does not mend.
FINAL = (FileNotFoundError, PermissionDeniedError, PreconditionError, SourceChanged, UnauthenticatedError)
# How often a conditional write is tried that was refused although the object is as it should be.
_TRIES = 5


def key_is_odd(key: str) -> bool:
    """Whether obstore would take a key for another one, or refuse it."""
    return any(part in ("", ".", "..") for part in key.split("/")) or any(ord(character) < 32 for character in key)


@dataclass
class ObjectStore(ABC):
    """Two buckets as one store; the raw one may be left out (empty) by who does not need it.

    `holder` names the worker to the leases that it takes: another attempt of the same execution enters at once.
    `deadline` is the time (Unix, seconds) at which the platform ends this worker, on which the leases rely; `clock`
    tells the time.
    """

    raw_bucket: str
    processed_bucket: str
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    deadline: float = field(default_factory=lambda: time.time() + 900)
    clock: Callable[[], float] = time.time

    listed_by_readers = True
    keeps_notes = False
    clocks_differ = timedelta(hours=1)
    reads_at_once = 32

    def __post_init__(self) -> None:
        named = {RAW: self.raw_bucket, PROCESSED: self.processed_bucket}
        self._buckets = {folder: self.bucket(name) for folder, name in named.items() if name}
        self._held: list[str] = []

    @abstractmethod
    def bucket(self, name: str) -> Bucket:
        """A bucket of the cloud, opened with the environment's credentials."""

    @abstractmethod
    def address(self, name: str) -> str:
        """The object's address, for Spark."""

    @abstractmethod
    def raw_listed(self, key: str) -> Iterator[Listed]:
        """All objects of the raw bucket whose keys begin with a text, in order."""

    @abstractmethod
    def copy_raw(self, event: Event, target: str) -> None:
        """Copy a raw object version to an object of the processed bucket, on the server, whatever its size."""

    @abstractmethod
    def head(self, event: Event, size: int) -> Head:
        """The first bytes of a raw object version, and its metadata."""

    @abstractmethod
    def held(self, key: str) -> list[Held]:
        """All versions of a key of the raw bucket."""

    @abstractmethod
    def lying_from(self, place: Place | None) -> Iterator[tuple[list[Event], Place | None]]:
        """All versions of all keys of the raw bucket from a place on; see `base.Store`."""

    @abstractmethod
    def raw(self, event: Event) -> AbstractContextManager[RawObject]:
        """The object version of an event, fetched."""

    def _at(self, name: str) -> tuple[Bucket, str]:
        """The bucket of an object, and its key there."""
        folder, _, key = name.partition("/")
        if folder not in self._buckets or key_is_odd(key):
            raise InputError(f"{name!r} is not a name inside the lake")
        return self._buckets[folder], key

    def read(self, name: str) -> Stored | None:
        """The object, or None where there is no such object; the token is its entity tag."""
        try:
            response = obstore.get(*self._at(name))
        except FileNotFoundError:
            return None
        return Stored(bytes(response.bytes()), response.meta["e_tag"] or "")

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        try:
            obstore.head(*self._at(name))
        except FileNotFoundError:
            return False
        return True

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All objects whose names begin with a text, in order."""
        folder, _, key = prefix.partition("/")
        if folder == RAW:  # partners choose its keys, and obstore lists none like `a//b.csv`
            yield from self.raw_listed(key)
            return
        # obstore's prefix is whole folders: list the folder from just before the text on, and take what begins with it.
        parent, _, start = key.rpartition("/")
        for batch in obstore.list(self._buckets[folder], parent or None, offset=key[:-1] if len(start) > 1 else None):
            for each in batch:
                if not each["path"].startswith(key):
                    if each["path"] > key:
                        return
                    continue
                yield Listed(f"{folder}/{each['path']}", each["size"], each["last_modified"], each["e_tag"] or "")

    def put_new(self, name: str, data: bytes) -> bool:
        """Write an object that must not exist yet; False (and nothing written) where it does."""
        return self._put(name, data, "create")

    def replace(self, name: str, data: bytes, token: str | None) -> bool:
        """Write an object that is as it was read, by its token (None: there was none); False where it is not."""
        return self._put(name, data, "create" if token is None else {"e_tag": token})

    def _put(self, name: str, data: bytes, mode: Any) -> bool:
        """A conditional write. The client repeats a request whose answer was lost: a refusal may be its own doing."""
        for _ in range(_TRIES):
            try:
                obstore.put(*self._at(name), data, mode=mode, use_multipart=False)
                return True
            except (AlreadyExistsError, PreconditionError):
                stored = self.read(name)
                if stored is not None and stored.data == data:
                    return True
                if stored is not None or mode != "create":
                    return False
        raise PipelineError(f"{self.address(name)} could not be written: it is and is not there")

    def publish(self, name: str, path: Path) -> None:
        """Make a finished local file an object, over one of the same name; the file is used up."""
        obstore.put(*self._at(name), path, max_concurrency=4)
        path.unlink()

    def copy(self, source: str, target: str) -> None:
        """Copy an object of the processed bucket to another name, on the server."""
        store, key = self._at(target)
        obstore.copy(store, self._at(source)[1], key)

    def local(self, name: str, scratch: Path) -> Path:
        """The object as a file of this machine: a copy in `scratch`."""
        copy = scratch / hashlib.sha256(name.encode()).hexdigest()[:32]
        with copy.open("wb") as target:
            for block in _blocks(*self._at(name)):
                target.write(block)
        return copy

    def digest(self, name: StagedFile) -> str | None:
        """What tells the bytes of an object, or of a staged file, from others: `DIGEST-SIZE`; None where it is gone."""
        if isinstance(name, Path) or name.startswith("/"):
            return digest_of(Path(name))
        digest, size = hashlib.sha256(), 0
        try:
            for block in _blocks(*self._at(name)):
                digest.update(block)
                size += len(block)
        except FileNotFoundError:
            return None
        return f"{digest.hexdigest()[:32]}-{size}"

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        obstore.delete(*self._at(name))

    def lying(self) -> Iterator[Event]:
        """All versions of all keys of the raw bucket, at the times at which they were put there."""
        for events, _ in self.lying_from(None):
            yield from events

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lease: an object that says who has it, and until when. Raises Busy where somebody else has it."""
        lease = f"{PROCESSED}/locks/{name}"
        mine = json.dumps({"holder": self.holder, "until": self.deadline + MARGIN}).encode()
        while not self.put_new(lease, mine):
            stored = self.read(lease)
            if stored is None:
                continue
            theirs = json.loads(stored.data)
            if theirs["holder"] != self.holder and theirs["until"] > self.clock():
                raise Busy(name, theirs["until"])
            if self.replace(lease, mine, stored.token):
                break
        self._held.append(name)
        try:
            yield
        finally:
            self._held.remove(name)
            # Past the deadline it may be another's.
            if self.clock() < self.deadline + MARGIN and (stored := self.read(lease)) and stored.data == mine:
                self.delete(lease)

    def release(self) -> None:
        """Give back every lease of this holder: those that workers had which the platform ended.

        The caller knows that none of them is at work any more.
        """
        for each in self.listed(f"{PROCESSED}/locks/"):
            stored = self.read(each.name)
            if stored is not None and json.loads(stored.data)["holder"] == self.holder:
                self.delete(each.name)

    def check_locks(self) -> None:
        """Raises Busy where a lease that is held is about to end: somebody else may take it during a write."""
        if self._held and self.clock() > self.deadline:
            raise Busy(self._held[-1], self.deadline + MARGIN)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A local folder of one's own, gone at the end."""
        with tempfile.TemporaryDirectory(prefix="duff-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def sweep_scratch(self) -> None:  # noqa: B027 – there is nothing to do
        """The platform's affair."""

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """A place below `processed/staging` that every worker reaches, gone at the end."""
        with self.scratch() as local:
            try:
                yield ObjectStage(self, local)
            finally:
                for kind in (_STAGED, _INCOMING):
                    for name in names(self, f"{PROCESSED}/{kind}/{local.name}/"):
                        self.delete(name)


_STAGED, _INCOMING = "staging", "incoming"


@dataclass(frozen=True, slots=True)
class ObjectStage:
    """What a job stages as objects, under the name of its scratch folder; see `base.Stage`."""

    store: ObjectStore
    local: Path

    def address(self, name: str) -> str:
        """Where workers write a folder."""
        return self.store.address(self._name(_STAGED, name))

    def parts(self, name: str) -> Iterator[Part]:
        """What workers wrote to a folder."""
        return (Part(each.name, each.size) for each in self.store.listed(f"{self._name(_STAGED, name)}/"))

    def share(self, path: Path, name: str) -> str:
        """Upload a file of the driver's."""
        shared = self._name(_INCOMING, name)
        copy = self.local / f"shared-{name.rpartition('/')[2]}"
        copy.hardlink_to(path)
        self.store.publish(shared, copy)
        return self.store.address(shared)

    def share_raw(self, event: Event, path: Path, name: str) -> str:
        """Have the server copy a raw object: a key may hold any character, and the object may get another version."""
        shared = self._name(_INCOMING, name)
        self.store.copy_raw(event, shared)
        return self.store.address(shared)

    def _name(self, kind: str, name: str) -> str:
        return f"{PROCESSED}/{kind}/{self.local.name}/{name}"


def _blocks(bucket: Bucket, key: str) -> Iterator[bytes]:
    """The bytes of an object as it is now, in blocks: a small one in one request."""
    response = obstore.get(bucket, key)
    if response.meta["size"] <= PART:
        yield bytes(response.bytes())
        return
    same = {"if_match": response.meta["e_tag"]}

    def read(start: int, end: int) -> bytes:
        return bytes(obstore.get(bucket, key, options=cast(Any, same | {"range": (start, end)})).bytes())

    yield from in_parts(read, response.meta["size"], final=FINAL)


@contextmanager
def object_errors() -> Iterator[None]:
    """What S3 refuses, and that it cannot be reached, in our words; raises PipelineError."""
    try:
        yield
    except BaseError as error:
        if "ExpiredToken" in str(error):
            raise PipelineError(EXPIRED) from None
        if not isinstance(error, PermissionDeniedError | UnauthenticatedError):
            raise PipelineError(f"S3 cannot be asked: {_first_line(error)}") from error
        raise PipelineError(f"S3 refused to read or write an object: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
