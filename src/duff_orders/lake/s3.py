"""Objects on S3, through obstore: conditional writes decide between workers, leases keep them apart.

Names are those of the lake directory: `raw/KEY` is KEY in the raw bucket, `processed/...` lies in the processed bucket.
"""

import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from obstore.store import S3Store as Bucket

from duff_orders.errors import Busy, InputError, PipelineError, SourceChanged
from duff_orders.lake import raw_bucket
from duff_orders.lake.layout import PROCESSED, RAW, REPLACES, SUFFIXES
from duff_orders.lake.ranges import PART, in_parts
from duff_orders.lake.raw_bucket import Place
from duff_orders.lake.store import Head, Listed, RawObject, StagedFile, Stored, digest_of
from duff_orders.messages import Event, Held
from duff_orders.settings import MIB

# Bytes that the server copies in one request; larger objects in parts of this size, ten at a time.
_COPIED_AT_ONCE = 256 * MIB
#: What to do about credentials that are over.
EXPIRED = "the credentials for AWS have expired; sign in again, e.g. `aws sso login`"
#: Seconds that a lease outlives its worker, and that must be left of it for what cannot be taken back.
MARGIN = 60.0
#: Seconds until a connection stands, for which no byte may come, and for a whole request: of a part, or a small object.
TIMEOUTS = {"connect_timeout": 10, "read_timeout": 30, "timeout": 300}
#: Seconds for which the client asks again by itself.
RETRIED = 180
# What asking again for a part does not mend.
_FINAL = (FileNotFoundError, PermissionDeniedError, PreconditionError, SourceChanged, UnauthenticatedError)
# How often a conditional write is tried that was refused although the object is as it should be.
_TRIES = 5


def _key_is_odd(key: str) -> bool:
    """Whether obstore would take a key for another one, or refuse it."""
    return any(part in ("", ".", "..") for part in key.split("/")) or any(ord(character) < 32 for character in key)


@dataclass
class S3Store:
    """The two buckets of a deployment as one store; the raw one may be left out (empty) by who does not need it.

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
        self._buckets = {folder: bucket(name) for folder, name in named.items() if name}
        self._held: list[str] = []

    def _at(self, name: str) -> tuple[Bucket, str]:
        """The bucket of an object, and its key there."""
        folder, _, key = name.partition("/")
        if folder not in self._buckets or _key_is_odd(key):
            raise InputError(f"{name!r} is not a name inside the lake")
        return self._buckets[folder], key

    def address(self, name: str) -> str:
        """The object's `s3://` address, for Spark."""
        folder, _, key = name.partition("/")
        return f"s3://{self.raw_bucket if folder == RAW else self.processed_bucket}/{key}"

    def read(self, name: str) -> Stored | None:
        """The object, or None where there is no such object; the token is its entity tag."""
        try:
            found = obstore.get(*self._at(name))
        except FileNotFoundError:
            return None
        return Stored(bytes(found.bytes()), found.meta["e_tag"] or "")

    def head(self, event: Event, size: int) -> Head:
        """The first bytes of a raw object version, and its metadata."""
        if not event.size:
            return Head(b"")
        data, metadata = self._read(event, 0, min(size, event.size))
        return Head(data, metadata.get(REPLACES))

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
            yield from raw_bucket.listed(self.raw_bucket, key)
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
                found = self.read(name)
                if found is not None and found.data == data:
                    return True
                if found is not None or mode != "create":
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

    def copy_raw(self, event: Event, target: str) -> None:
        """Copy a raw object version to an object of the processed bucket, on the server, whatever its size."""
        import boto3
        from boto3.s3.transfer import TransferConfig

        key = self._at(target)[1]
        source = {"Bucket": self.raw_bucket, "Key": event.key}
        source |= {"VersionId": event.version} if event.version else {}
        boto3.client("s3").copy(
            source,
            self.processed_bucket,
            key,
            ExtraArgs={"TaggingDirective": "REPLACE"},  # reading the tags would be a right more
            Config=TransferConfig(multipart_threshold=_COPIED_AT_ONCE, multipart_chunksize=_COPIED_AT_ONCE),
        )

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

    def held(self, key: str) -> list[Held]:
        """All versions of a key of the raw bucket."""
        return raw_bucket.held(self.raw_bucket, key)

    def lying(self) -> Iterator[Event]:
        """All versions of all keys of the raw bucket, at the times at which they were put there."""
        for events, _ in self.lying_from(None):
            yield from events

    def lying_from(self, place: Place | None) -> Iterator[tuple[list[Event], Place | None]]:
        """The same from a place on, by pages of up to 1,000, each with the place behind it: None is the end."""
        return raw_bucket.pages(self.raw_bucket, place)

    @contextmanager
    def raw(self, event: Event) -> Iterator[RawObject]:
        """The object version of an event, fetched; the version pins the bytes, so they hold still."""
        with self.scratch() as folder:
            path = folder / f"object{SUFFIXES[1] if event.key.lower().endswith(SUFFIXES[1]) else SUFFIXES[0]}"
            digest = hashlib.sha256()
            with path.open("wb") as target:
                for block in in_parts(lambda *span: self._read(event, *span)[0], event.size, final=_FINAL):
                    digest.update(block)
                    target.write(block)
            yield RawObject(digest=digest.hexdigest()[:32], open=lambda: path, check=lambda: None)

    def _read(self, event: Event, start: int, end: int) -> tuple[bytes, Mapping[str, str]]:
        """Bytes of a raw object version, and its metadata.

        Raises SourceChanged where it is gone, or is not what was announced.
        """
        try:
            if _key_is_odd(event.key):
                data, size, metadata = raw_bucket.read(self.raw_bucket, event, start, end)
            else:
                options: Any = {"version": event.version} if event.version else {"if_match": f'"{event.etag}"'}
                found = obstore.get(self._buckets[RAW], event.key, options=options | {"range": (start, end)})
                data, size = bytes(found.bytes()), found.meta["size"]
                metadata = cast(Mapping[str, str], found.attributes)
        except FileNotFoundError:
            raise SourceChanged(f"{event.key} is gone from the raw bucket") from None
        except PreconditionError:
            raise SourceChanged(f"{event.key} was overwritten in the raw bucket since it was announced") from None
        if size != event.size:
            raise SourceChanged(f"{event.key} holds {size} bytes, and {event.size} were announced")
        return data, metadata

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lease: an object that says who has it, and until when. Raises Busy where somebody else has it."""
        lease = f"{PROCESSED}/locks/{name}"
        mine = json.dumps({"holder": self.holder, "until": self.deadline + MARGIN}).encode()
        while not self.put_new(lease, mine):
            found = self.read(lease)
            if found is None:
                continue
            theirs = json.loads(found.data)
            if theirs["holder"] != self.holder and theirs["until"] > self.clock():
                raise Busy(name, theirs["until"])
            if self.replace(lease, mine, found.token):
                break
        self._held.append(name)
        try:
            yield
        finally:
            self._held.remove(name)
            # Past the deadline it may be another's.
            if self.clock() < self.deadline + MARGIN and (found := self.read(lease)) and found.data == mine:
                self.delete(lease)

    def release(self) -> None:
        """Give back every lease of this holder: those that workers had which the platform ended.

        The caller knows that none of them is at work any more.
        """
        for each in self.listed(f"{PROCESSED}/locks/"):
            found = self.read(each.name)
            if found is not None and json.loads(found.data)["holder"] == self.holder:
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

    def sweep_scratch(self) -> None:
        """The platform's affair."""


def _blocks(bucket: Bucket, key: str) -> Iterator[bytes]:
    """The bytes of an object as it is now, in blocks: a small one in one request."""
    found = obstore.get(bucket, key)
    if found.meta["size"] <= PART:
        yield bytes(found.bytes())
        return
    same = {"if_match": found.meta["e_tag"]}

    def read(start: int, end: int) -> bytes:
        return bytes(obstore.get(bucket, key, options=cast(Any, same | {"range": (start, end)})).bytes())

    yield from in_parts(read, found.meta["size"], final=_FINAL)


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


def bucket(name: str) -> Bucket:
    """A bucket; region and credentials are the environment's, `AWS_ENDPOINT_URL` names another S3."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    client = {name: timedelta(seconds=seconds) for name, seconds in TIMEOUTS.items()}
    options: dict[str, Any] = {
        "region": region,
        "client_options": client,
        "retry_config": {"retry_timeout": timedelta(seconds=RETRIED)},
    }
    if endpoint:
        options |= {
            "endpoint": endpoint,
            "virtual_hosted_style_request": False,
            "client_options": client | {"allow_http": endpoint.startswith("http://")},
        }
    elif not os.environ.get("AWS_ACCESS_KEY_ID"):  # Glue gives its credentials to boto3 alone
        options["credential_provider"] = _boto3_credentials()
    return Bucket(name, **options)


def _boto3_credentials() -> Callable[[], Any] | None:
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return None
    return Boto3CredentialProvider()
