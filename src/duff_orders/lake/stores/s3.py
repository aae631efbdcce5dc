"""The two buckets of a deployment on S3: what differs from other clouds, above all the versions of raw objects."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import obstore
from obstore.exceptions import PreconditionError
from obstore.store import S3Store as Bucket

from duff_orders.documents import Event, Held
from duff_orders.errors import InputError, SourceChanged
from duff_orders.lake.layout import RAW, REPLACES, SUFFIXES
from duff_orders.lake.stores import raw_bucket
from duff_orders.lake.stores.base import Head, Listed, Place, RawObject
from duff_orders.lake.stores.objects import FINAL, ObjectStore, key_is_odd
from duff_orders.lake.stores.ranges import in_parts
from duff_orders.settings import MIB

# Bytes that the server copies in one request; larger objects in parts of this size, ten at a time.
_COPIED_AT_ONCE = 256 * MIB
#: Seconds until a connection stands, for which no byte may come, and for a whole request: of a part, or a small object.
TIMEOUTS = {"connect_timeout": 10, "read_timeout": 30, "timeout": 300}
#: Seconds for which the client asks again by itself.
RETRIED = 180


def opened(address: str, **options: Any) -> "S3Store":
    """The store of `RAW_BUCKET,PROCESSED_BUCKET`, of which the first may be empty; raises InputError for other text."""
    raw, comma, processed = address.partition(",")
    if not comma or not processed:
        raise InputError(f"s3://{address:.100} names no two buckets; write s3://RAW_BUCKET,PROCESSED_BUCKET")
    return S3Store(raw, processed, **options)


@dataclass
class S3Store(ObjectStore):
    """The two buckets of a deployment as one store."""

    def bucket(self, name: str) -> Bucket:
        """A bucket; region and credentials are the environment's, `AWS_ENDPOINT_URL` names another S3."""
        return bucket(name)

    def address(self, name: str) -> str:
        """The object's `s3://` address, for Spark."""
        folder, _, key = name.partition("/")
        return f"s3://{self.raw_bucket if folder == RAW else self.processed_bucket}/{key}"

    def raw_listed(self, key: str) -> Iterator[Listed]:
        """All objects of the raw bucket whose keys begin with a text, in order."""
        return raw_bucket.listed(self.raw_bucket, key)

    def head(self, event: Event, size: int) -> Head:
        """The first bytes of a raw object version, and its metadata."""
        if not event.size:
            return Head(b"")
        data, metadata = self._read(event, 0, min(size, event.size))
        return Head(data, metadata.get(REPLACES))

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

    def held(self, key: str) -> list[Held]:
        """All versions of a key of the raw bucket."""
        return raw_bucket.held(self.raw_bucket, key)

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
                for block in in_parts(lambda *span: self._read(event, *span)[0], event.size, final=FINAL):
                    digest.update(block)
                    target.write(block)
            yield RawObject(digest=digest.hexdigest()[:32], open=lambda: path, check=lambda: None)

    def _read(self, event: Event, start: int, end: int) -> tuple[bytes, Mapping[str, str]]:
        """Bytes of a raw object version, and its metadata.

        Raises SourceChanged where it is gone, or is not what was announced.
        """
        try:
            if key_is_odd(event.key):
                data, size, metadata = raw_bucket.read(self.raw_bucket, event, start, end)
            else:
                options: Any = {"version": event.version} if event.version else {"if_match": f'"{event.etag}"'}
                response = obstore.get(self._buckets[RAW], event.key, options=options | {"range": (start, end)})
                data, size = bytes(response.bytes()), response.meta["size"]
                metadata = cast(Mapping[str, str], response.attributes)
        except FileNotFoundError:
            raise SourceChanged(f"{event.key} is gone from the raw bucket") from None
        except PreconditionError:
            raise SourceChanged(f"{event.key} was overwritten in the raw bucket since it was announced") from None
        if size != event.size:
            raise SourceChanged(f"{event.key} holds {size} bytes, and {event.size} were announced")
        return data, metadata


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
