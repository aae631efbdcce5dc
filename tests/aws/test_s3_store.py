"""What the store on S3 has beside the behaviour of every store: leases, raw object versions, odd keys."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from duff_orders.documents import Event
from duff_orders.errors import Busy, InputError, SourceChanged
from duff_orders.lake.stores.base import names
from duff_orders.lake.stores.objects import MARGIN
from duff_orders.lake.stores.s3 import S3Store
from tests.aws.emulator import new_buckets
from tests.effort import PATIENCE

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws-store")]


@pytest.fixture
def buckets(aws: str) -> tuple[str, str]:
    return new_buckets()


@pytest.fixture
def store(buckets: tuple[str, str]) -> S3Store:
    return S3Store(*buckets, holder="one")


def other(store: S3Store, holder: str = "other", **more: Any) -> S3Store:
    return S3Store(store.raw_bucket, store.processed_bucket, holder=holder, **more)


def put_raw(store: S3Store, key: str, data: bytes) -> Event:
    done = boto3.client("s3").put_object(Bucket=store.raw_bucket, Key=key, Body=data)
    when = datetime(2026, 3, 1, tzinfo=UTC)
    etag = done["ETag"].strip('"')
    return Event(bucket=store.raw_bucket, key=key, size=len(data), etag=etag, version=done.get("VersionId"), time=when)


def test_what_stands_as_it_was_to_be_is_written(store: S3Store) -> None:
    """A request whose answer was lost is repeated."""
    assert store.put_new("processed/a", b"1")
    assert store.put_new("processed/a", b"1")
    assert not store.put_new("processed/a", b"2")


@pytest.mark.parametrize("name", ["processed/a//b", "processed/../b", "processed/a/./b", "scratch/a", "processed/a\nb"])
def test_names_that_lead_elsewhere_are_refused(store: S3Store, name: str) -> None:
    with pytest.raises(InputError):
        store.put_new(name, b"")


def test_a_lease_keeps_others_out_and_ends_with_its_holder(store: S3Store) -> None:
    rival = other(store)
    with store.lock("file-1"):
        with pytest.raises(Busy) as raised, rival.lock("file-1"):
            pass
        assert raised.value.until == pytest.approx(store.deadline + MARGIN)
        with rival.lock("file-2"):
            pass
        with other(store, "one").lock("file-1"):  # another attempt of the same execution
            pass
    with rival.lock("file-1"):
        pass
    assert list(names(store, "processed/locks/")) == []


def test_a_lease_that_is_over_is_taken_up(store: S3Store) -> None:
    dead = other(store, "dead", deadline=time.time() - MARGIN - 1)
    with dead.lock("file-1"):
        with store.lock("file-1"):
            with pytest.raises(Busy):
                dead.check_locks()
            store.check_locks()
        with pytest.raises(Busy):
            dead.check_locks()
    assert list(names(store, "processed/locks/")) == []


def test_only_one_of_many_holds_a_lease(store: S3Store) -> None:
    refused = threading.Semaphore(0)

    def enter(number: int) -> str:
        try:
            with other(store, f"{number}").lock("file-1"):
                assert all(refused.acquire(timeout=PATIENCE) for _ in range(7))  # until all others have tried
            return "in"
        except Busy:
            refused.release()
            return "busy"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(enter, range(8))) == [*["busy"] * 7, "in"]


@pytest.mark.parametrize("key", ["a.csv", "a//b.csv", "./a.csv", "x/../a.csv", "año {1} [x] #%20 '&+.csv"])
def test_a_raw_object_is_the_version_that_was_announced(store: S3Store, key: str) -> None:
    first = put_raw(store, key, b"first" * 30_000)
    second = put_raw(store, key, b"second")
    assert store.head(first, 10).data == b"firstfirst"
    assert store.head(second, 64 * 1024).data == b"second"
    contents = []
    for event, data in ((first, b"first" * 30_000), (second, b"second")):
        with store.raw(event) as raw:
            assert raw.open().read_bytes() == data
            contents.append(raw.digest)
    assert len(set(contents)) == 2


def test_what_a_key_held_is_told_by_its_versions(store: S3Store) -> None:
    """In their order, without those of longer keys; what was removed in between does not count."""
    put = [put_raw(store, "a.csv", data) for data in (b"first", b"second")]
    boto3.client("s3").delete_object(Bucket=store.raw_bucket, Key="a.csv")
    put += [put_raw(store, key, b"first") for key in ("a.csv.gz", "a.csv", "a.cs")]
    of_key = [event for event in put if event.key == "a.csv"]
    found = store.held("a.csv")
    assert [(each.file_id, each.etag, each.number) for each in found] == [
        (event.file_id, event.etag, number) for number, event in enumerate(of_key)
    ]
    assert [each.file_id for each in store.held("a.csv.gz")] == [put[2].file_id]
    assert store.held("b.csv") == []


def test_a_raw_object_that_is_gone_is_told(store: S3Store) -> None:
    event = put_raw(store, "a.csv", b"data")
    boto3.client("s3").delete_object(Bucket=store.raw_bucket, Key="a.csv", VersionId=event.version)
    with pytest.raises(SourceChanged), store.raw(event):
        pass
    empty = put_raw(store, "empty.csv", b"")
    assert store.head(empty, 10).data == b""
    with store.raw(empty) as raw:
        assert raw.open().read_bytes() == b""
