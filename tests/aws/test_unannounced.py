"""Files that nothing announced: found by walks through the raw bucket, each once, and none of those that were."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import boto3
import pytest

from duff_orders.clock import utc_now
from duff_orders.documents import Event
from duff_orders.lake import layout
from duff_orders.lake.events import record
from duff_orders.lake.stores import raw_bucket
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.lake.unannounced import Walk, keep, unannounced, walk
from tests.aws.emulator import new_buckets

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws-store")]
NOW = timedelta(seconds=-1)  # whatever lies there is old enough
Put = Callable[[str], str]


@pytest.fixture
def store(aws: str) -> S3Store:
    return S3Store(*new_buckets())


@pytest.fixture
def put(store: S3Store) -> Put:
    """Puts other bytes under a key each time; gives the id that the version has."""
    numbers = count()

    def put_it(key: str) -> str:
        body = f"{next(numbers)}".encode()
        done = boto3.client("s3").put_object(Bucket=store.raw_bucket, Key=key, Body=body)
        etag, version = done["ETag"].strip('"'), done["VersionId"]
        event = Event(bucket=store.raw_bucket, key=key, size=len(body), etag=etag, version=version, time=utc_now())
        return event.file_id

    return put_it


def found(store: S3Store, *, seconds: float = 60, begin: bool = False) -> set[str]:
    """What a walk finds, which is taken care of then."""
    events, walked = walk(store, older_than=NOW, seconds=seconds, begin=begin)
    for event in events:
        record(store, event)
    keep(store, walked)
    assert len({event.file_id for event in events}) == len(events)
    return {event.file_id for event in events}


def test_what_was_announced_is_not_found(store: S3Store, put: Put) -> None:
    ids = [put("a.csv"), put("a.csv"), put("a//odd.csv"), put("señal 🍺.csv"), put("b.csv.zip")]
    for left_alone in (".hidden.csv", "half.csv.part", "folder/"):
        put(left_alone)
    by_id = {event.file_id: event for event in store.lying()}
    record(store, by_id[ids[0]])
    assert found(store) == set(ids[1:])
    assert found(store) == set()
    late = put("a.csv")
    assert found(store) == {late}
    assert found(store, begin=True) == set()


def test_a_walk_goes_on_where_it_stood(store: S3Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_bucket, "PAGE", 3)
    ids = {put(f"{number % 5}.csv") for number in range(13)}
    seen: list[set[str]] = []
    for _ in range(5):
        seen.append(found(store, seconds=-1))  # one page each
    assert [len(each) for each in seen] == [3, 3, 3, 3, 1]
    assert set.union(*seen) == ids
    # the next one begins anew, and compares what was put there since
    early = put("0.csv")
    assert set.union(*(found(store, seconds=-1) for _ in range(5))) == {early}


def test_what_is_not_taken_care_of_is_found_again(store: S3Store, put: Put) -> None:
    lost = put("a.csv")
    for _ in range(2):
        events, _ = walk(store, older_than=NOW, seconds=60)
        assert [event.file_id for event in events] == [lost]


def test_an_announcement_has_a_while_to_come(store: S3Store, put: Put) -> None:
    put("a.csv")
    events, walked = walk(store, older_than=timedelta(minutes=15), seconds=60)
    keep(store, walked)
    assert events == []
    assert len(found(store)) == 1


def test_a_file_that_has_its_ledger_row_is_known_without_its_event(store: S3Store, put: Put) -> None:
    known, _ = put("a.csv"), put("b.csv")
    store.put_new(layout.ledger_object(utc_now().date(), known), b"{}")
    assert len(found(store)) == 1
    assert [event.key for event in unannounced(store, {known}, utc_now() + timedelta(1))] == ["b.csv"]


@pytest.mark.parametrize("damaged", [b"", b"{", b"[1]"])
def test_a_damaged_note_costs_a_walk_from_the_beginning(store: S3Store, put: Put, damaged: bytes) -> None:
    put("a.csv")
    found(store)
    kept = store.read(layout.WALK)
    assert kept is not None
    assert Walk.from_json(kept.data).is_done
    assert store.replace(layout.WALK, damaged, kept.token)
    lost = put("b.csv")
    assert found(store) == {lost}


def test_what_was_put_before_versions_were_kept_has_none(aws: str) -> None:
    client, store = boto3.client("s3"), S3Store(*new_buckets(versions=False))
    client.put_object(Bucket=store.raw_bucket, Key="old.csv", Body=b"old")
    client.put_bucket_versioning(Bucket=store.raw_bucket, VersioningConfiguration={"Status": "Enabled"})
    (event,) = store.lying()
    assert (event.key, event.version) == ("old.csv", None)
    assert store.head(event, 10).data == b"old"
