"""The raw bucket through boto3: the versions of its objects, and keys that obstore cannot name."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from duff_orders.documents import Event, Held
from duff_orders.lake.layout import RAW
from duff_orders.lake.stores.base import Listed, Place

#: Versions of a page: as many as S3 lists in one request.
PAGE = 1000
#: The version of an object that was put while the bucket kept none: neither its event nor who reads it names one.
_UNVERSIONED = "null"


def listed(bucket: str, prefix: str) -> Iterator[Listed]:
    """The newest versions of the keys that begin with a text."""
    for each in (each for page in _pages("list_objects_v2", bucket, prefix) for each in page.get("Contents", [])):
        yield Listed(f"{RAW}/{each['Key']}", each["Size"], each["LastModified"], each["ETag"])


def held(bucket: str, key: str) -> list[Held]:
    """The versions of a key, the oldest first: a listing gives the newest first. Delete markers are none."""
    of_key = [*takewhile(lambda each: each.key == key, versions(bucket, key))]  # longer keys come behind it
    return [Held.by(each, number) for number, each in enumerate(reversed(of_key))]


def versions(bucket: str, prefix: str) -> Iterator[Event]:
    """What the versions of the keys that begin with a text were announced as; times as in `pages`."""
    for page in _pages("list_object_versions", bucket, prefix):
        yield from (_event(bucket, each) for each in page.get("Versions", ()))


def pages(bucket: str, place: Place | None) -> Iterator[tuple[list[Event], Place | None]]:
    """What all versions were announced as, from a place on, by pages, each with the place behind it: None is the end.

    Their times are those at which they were put there, by S3's clock, in whole seconds as those of its announcements.
    Of an object that was put in parts it is that of the first part.
    """
    import boto3

    client = boto3.client("s3")
    while True:
        marks = {"KeyMarker": place.key, "VersionIdMarker": place.version} if place else {}
        page = client.list_object_versions(Bucket=bucket, MaxKeys=PAGE, **marks)
        more = page.get("IsTruncated")
        place = Place(page["NextKeyMarker"], page.get("NextVersionIdMarker", "")) if more else None
        yield [_event(bucket, each) for each in page.get("Versions", ())], place
        if place is None:
            return


def read(bucket: str, event: Event, start: int, end: int) -> tuple[bytes, int, Mapping[str, str]]:
    """Bytes of an object whose key obstore cannot name (`a//b.csv`, `./a.csv`), its size, and its metadata.

    Raises FileNotFoundError where it is gone.
    """
    import boto3
    from botocore.exceptions import ClientError

    wanted: dict[str, Any] = {"Bucket": bucket, "Key": event.key}
    wanted |= {"VersionId": event.version} if event.version else {"IfMatch": event.etag}
    try:
        response = boto3.client("s3").get_object(**wanted, Range=f"bytes={start}-{end - 1}")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
            raise FileNotFoundError(event.key) from None
        raise
    size = int(response["ContentRange"].rpartition("/")[2]) if "ContentRange" in response else response["ContentLength"]
    return response["Body"].read(), size, response["Metadata"]


def _pages(operation: str, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    import boto3

    paginator: Any = boto3.client("s3").get_paginator(operation)
    yield from paginator.paginate(Bucket=bucket, Prefix=prefix)


def _event(bucket: str, version: Mapping[str, Any]) -> Event:
    """What a version was announced as, but for the sequencer."""
    return Event(
        bucket=bucket,
        key=version["Key"],
        size=version["Size"],
        etag=version["ETag"].strip('"'),
        version=None if version["VersionId"] == _UNVERSIONED else version["VersionId"],
        time=version["LastModified"].replace(microsecond=0),
    )
