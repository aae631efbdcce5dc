"""One behaviour, whatever the store: a folder, S3 on emulated AWS, memory."""

import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from duff_orders.documents import Event
from duff_orders.errors import Busy, InputError, SourceChanged
from duff_orders.lake.stores.base import Store, names
from duff_orders.lake.stores.disk import DiskStore
from tests.memory import MemoryStore

ON_S3 = pytest.param("s3", marks=[pytest.mark.aws, pytest.mark.xdist_group("aws")])


def on_s3(request: pytest.FixtureRequest) -> Store:
    request.getfixturevalue("aws")
    import boto3

    from duff_orders.lake.stores.s3 import S3Store

    buckets = (f"raw-{uuid.uuid4()}", f"processed-{uuid.uuid4()}")
    for name in buckets:
        boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("s3").put_bucket_versioning(Bucket=buckets[0], VersioningConfiguration={"Status": "Enabled"})
    return S3Store(*buckets)


@pytest.fixture(params=["disk", "memory", ON_S3])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: dict[str, Callable[[], Store]] = {
        "disk": lambda: DiskStore(tmp_path / "lake"),
        "memory": MemoryStore,
        "s3": lambda: on_s3(request),
    }
    return made[request.param]()


def put_raw(store: Store, key: str, data: bytes) -> Event:
    """An object in the raw folder or bucket, and its announcement."""
    given: dict[str, Any] = {"key": key, "size": len(data), "time": datetime.now(UTC)}
    if isinstance(store, DiskStore):
        path = store.path(f"raw/{key}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    elif isinstance(store, MemoryStore):
        store.objects[f"raw/{key}"] = data, datetime.now(UTC)
    else:
        import boto3

        bucket = store.raw_bucket
        done = boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
        return Event(bucket=bucket, etag=done["ETag"].strip('"'), version=done["VersionId"], **given)
    return Event(bucket="raw", etag=hashlib.sha256(data).hexdigest()[:32], version=None, **given)


def read(store: Store, name: str) -> bytes | None:
    found = store.read(name)
    return found and found.data


def test_a_new_object_is_written_once(store: Store) -> None:
    assert read(store, "processed/a") is None
    assert not store.exists("processed/a")
    assert store.put_new("processed/a", b"1")
    assert not store.put_new("processed/a", b"2")
    assert read(store, "processed/a") == b"1"
    assert store.exists("processed/a")


def test_an_object_is_replaced_only_by_who_has_read_it(store: Store) -> None:
    assert store.replace("processed/a", b"1", None)
    assert not store.replace("processed/a", b"2", None)
    first = store.read("processed/a")
    assert first is not None
    assert store.replace("processed/a", b"2", first.token)
    assert not store.replace("processed/a", b"3", first.token)
    assert not store.replace("processed/b", b"2", first.token)
    assert read(store, "processed/a") == b"2"
    assert read(store, "processed/b") is None
    second = store.read("processed/a")
    assert second is not None
    store.delete("processed/a")
    assert not store.replace("processed/a", b"3", second.token)


def test_one_of_many_wins(store: Store) -> None:
    store.put_new("processed/a", b"start")
    start = store.read("processed/a")
    assert start is not None
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.replace("processed/a", f"{n}".encode(), start.token), range(8)))
        new = list(pool.map(lambda n: store.put_new("processed/b", f"{n}".encode()), range(8)))
    assert (won.count(True), new.count(True)) == (1, 1)
    assert read(store, "processed/a") == f"{won.index(True)}".encode()
    assert read(store, "processed/b") == f"{new.index(True)}".encode()


def test_listing_goes_by_text(store: Store) -> None:
    all_names = [
        "processed/x/ab-0",
        "processed/x/ab-1",
        "processed/x/abc",
        "processed/x/b",
        "processed/x1/ab",
        "processed/y",
    ]
    began = datetime.now(UTC)
    for name in all_names:
        store.put_new(name, name.encode())
    assert names(store, "processed/x/ab") == all_names[:3]
    assert names(store, "processed/x/ab-") == all_names[:2]
    assert names(store, "processed/x/") == all_names[:4]
    assert names(store, "processed/x") == all_names[:5]
    assert names(store, "processed/nothing/") == []
    (listed,) = store.listed("processed/y")
    assert (listed.name, listed.size) == ("processed/y", len("processed/y"))
    found = store.read("processed/y")
    assert found is not None
    (again,) = store.listed("processed/y")
    assert again.stamp == listed.stamp != ""
    assert store.replace("processed/y", b"processed/z", found.token)  # as large, in the same moment
    (other,) = store.listed("processed/y")
    assert other.stamp != listed.stamp
    assert abs((listed.modified - began).total_seconds()) < 60


def test_files_are_published_copied_and_deleted(store: Store, tmp_path: Path) -> None:
    data = bytes(range(256)) * 60_000  # 15 MB: in several parts
    with store.scratch() as folder:
        for content in (b"before", data):
            path = folder / "large"
            path.write_bytes(content)
            store.publish("processed/a/large", path)
            assert not path.exists()
    assert not folder.exists()
    store.put_new("processed/b/copy", b"before")
    store.copy("processed/a/large", "processed/b/copy")
    store.delete("processed/a/large")
    store.delete("processed/a/large")
    assert read(store, "processed/a/large") is None
    assert read(store, "processed/b/copy") == data


@pytest.mark.parametrize("name", ["processed/a//b", "processed/../b", "processed/a/./b", "/processed/a"])
def test_names_that_lead_elsewhere_are_refused(store: Store, name: str) -> None:
    with pytest.raises(InputError):
        store.put_new(name, b"")


def test_only_one_at_a_time_holds_a_lock(store: Store) -> None:
    inside, at_once = threading.Semaphore(0), []

    def enter(number: int) -> bool:
        try:
            with store.lock("file-1"):
                at_once.append(inside.acquire(blocking=False))
                store.check_locks()
                inside.release()
                threading.Event().wait(0.01)
                assert inside.acquire(blocking=False)
                return True
        except Busy:
            return False

    if isinstance(store, DiskStore | MemoryStore):
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(enter, range(8)))
    else:  # another attempt of the same execution enters at once, so one after the other
        assert all(map(enter, range(3)))
    assert not any(at_once)


@pytest.mark.parametrize("key", ["a.csv", "b=1/año {1} [x] #%20 '&+.csv"])
def test_a_raw_object_is_what_was_announced(store: Store, key: str) -> None:
    event = put_raw(store, key, b"first" * 30_000)
    assert store.head(event, 10).data == b"firstfirst"
    assert len(store.head(event, 10**6).data) == 150_000
    with store.raw(event) as raw:
        assert raw.open().read_bytes() == b"first" * 30_000
        raw.check()
        digest = raw.digest
    store.copy_raw(event, "processed/staging/copy")
    assert read(store, "processed/staging/copy") == b"first" * 30_000
    other = put_raw(store, "other.csv", b"first" * 30_000)
    with store.raw(other) as raw:
        assert raw.digest == digest
    empty = put_raw(store, "empty.csv", b"")
    assert store.head(empty, 10).data == b""
    with store.raw(empty) as raw:
        assert raw.open().read_bytes() == b""


def test_a_raw_object_that_is_another_by_now_is_told(store: Store) -> None:
    first = put_raw(store, "a.csv", b"first")
    put_raw(store, "a.csv", b"later")
    if isinstance(store, DiskStore | MemoryStore):  # they keep no versions
        with pytest.raises(SourceChanged):
            store.head(first, 10)
        with pytest.raises(SourceChanged), store.raw(first) as raw:
            raw.open()
    else:
        assert store.head(first, 10).data == b"first"


def test_a_folder_that_cannot_be_listed_is_no_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing without it would let files count as gone, and tables be built without them."""
    store = DiskStore(tmp_path)
    store.put_new("processed/files/a.json", b"{}")

    def failing(folder: str) -> object:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), folder)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(OSError, match="Too many open files"):
        list(store.listed("processed/files/"))
