"""The store on S3, on emulated AWS: conditional writes, listing by text, leases, raw object versions."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from duff_orders.errors import Busy, InputError, SourceChanged
from duff_orders.lake.s3 import MARGIN, S3Store
from duff_orders.messages import Event

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]


@pytest.fixture
def buckets(aws: str) -> tuple[str, str]:
    client, names = boto3.client("s3"), (f"raw-{uuid.uuid4()}", f"processed-{uuid.uuid4()}")
    for name in names:
        client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=names[0], VersioningConfiguration={"Status": "Enabled"})
    return names


@pytest.fixture
def store(buckets: tuple[str, str]) -> S3Store:
    return S3Store(*buckets, holder="one")


def other(store: S3Store, holder: str = "other", **more: float) -> S3Store:
    return S3Store(store.raw_bucket, store.processed_bucket, holder=holder, **more)


def put_raw(store: S3Store, key: str, data: bytes) -> Event:
    done = boto3.client("s3").put_object(Bucket=store.raw_bucket, Key=key, Body=data)
    when = datetime(2026, 3, 1, tzinfo=UTC)
    etag = done["ETag"].strip('"')
    return Event(bucket=store.raw_bucket, key=key, size=len(data), etag=etag, version=done.get("VersionId"), time=when)


def test_a_new_object_is_written_once(store: S3Store) -> None:
    assert store.read("processed/a") is None
    assert not store.exists("processed/a")
    assert store.put_new("processed/a", b"1")
    assert not store.put_new("processed/a", b"2")
    assert store.put_new("processed/a", b"1")  # as it is: a request whose answer was lost
    assert store.read("processed/a") == b"1"
    assert store.exists("processed/a")


def test_an_object_is_replaced_only_by_who_knows_it(store: S3Store) -> None:
    assert store.replace("processed/a", b"1", None)
    assert not store.replace("processed/a", b"2", None)
    assert not store.replace("processed/a", b"2", b"0")
    assert store.replace("processed/a", b"2", b"1")
    assert not store.replace("processed/b", b"2", b"1")
    assert store.read("processed/a") == b"2"


def test_one_of_many_wins(store: S3Store) -> None:
    store.put_new("processed/a", b"start")
    with ThreadPoolExecutor(8) as pool:
        stores = [other(store) for _ in range(8)]
        won = list(pool.map(lambda n: stores[n].replace("processed/a", f"{n}".encode(), b"start"), range(8)))
    assert won.count(True) == 1
    assert store.read("processed/a") == f"{won.index(True)}".encode()


def test_listing_goes_by_text(store: S3Store) -> None:
    names = [
        "processed/x/ab-0",
        "processed/x/ab-1",
        "processed/x/abc",
        "processed/x/b",
        "processed/x1/ab",
        "processed/y",
    ]
    for name in names:
        store.put_new(name, name.encode())
    assert list(store.names("processed/x/ab")) == names[:3]
    assert list(store.names("processed/x/ab-")) == names[:2]
    assert list(store.names("processed/x/")) == names[:4]
    assert list(store.names("processed/x")) == names[:5]
    assert list(store.names("processed/nothing/")) == []
    assert [each.size for each in store.listed("processed/y")] == [len("processed/y")]


def test_files_are_moved_in_copied_and_deleted(store: S3Store, tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = bytes(range(256)) * 60_000  # 15 MB: in several parts
    path.write_bytes(data)
    store.put_file("processed/a/large", path)
    assert not path.exists()
    store.copy("processed/a/large", "processed/b/copy")
    store.delete("processed/a/large")
    store.delete("processed/a/large")
    assert store.read("processed/a/large") is None
    assert store.read("processed/b/copy") == data


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
    assert list(store.names("processed/locks/")) == []


def test_a_lease_that_is_over_is_taken_up(store: S3Store) -> None:
    dead = other(store, "dead", deadline=time.time() - MARGIN - 1)
    with dead.lock("file-1"):
        with store.lock("file-1"):
            with pytest.raises(Busy):
                dead.check_locks()
            store.check_locks()
        with pytest.raises(Busy):
            dead.check_locks()
    assert list(store.names("processed/locks/")) == []


def test_only_one_of_many_holds_a_lease(store: S3Store) -> None:
    inside: list[int] = []

    def enter(number: int) -> str:
        try:
            with other(store, f"{number}").lock("file-1"):
                inside.append(number)
                time.sleep(0.5)
            return "in"
        except Busy:
            return "busy"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(enter, range(8)))
    assert (outcomes.count("in"), len(inside)) == (1, 1)


@pytest.mark.parametrize("key", ["a.csv", "a//b.csv", "./a.csv", "x/../a.csv", "año {1} [x] #%20 '&+.csv"])
def test_a_raw_object_is_the_version_that_was_announced(store: S3Store, key: str) -> None:
    first = put_raw(store, key, b"first" * 30_000)
    second = put_raw(store, key, b"second")
    assert store.head(first, 10) == b"firstfirst"
    assert store.head(second, 64 * 1024) == b"second"
    contents = []
    for event, data in ((first, b"first" * 30_000), (second, b"second")):
        with store.raw(event) as raw:
            assert raw.open().read_bytes() == data
            contents.append(raw.content)
    assert len(set(contents)) == 2


def test_a_raw_object_that_is_gone_is_told(store: S3Store) -> None:
    event = put_raw(store, "a.csv", b"data")
    boto3.client("s3").delete_object(Bucket=store.raw_bucket, Key="a.csv", VersionId=event.version)
    with pytest.raises(SourceChanged), store.raw(event):
        pass
    empty = put_raw(store, "empty.csv", b"")
    assert store.head(empty, 10) == b""
    with store.raw(empty) as raw:
        assert raw.open().read_bytes() == b""
