"""The same on S3: every kind of document and object, every kind of fault, found, told and repaired."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from duff_orders.documents import Event, LedgerRow
from duff_orders.lake.events import record
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.base import names
from duff_orders.lake.survey import survey
from duff_orders.local import run
from duff_orders.local.repair import mend
from duff_orders.settings import Settings
from tests.buckets import NOON, Buckets
from tests.faults.test_repair import FAULTS, orders
from tests.lakes import rewritten

pytestmark = pytest.mark.faults
KINDS = ("orders/", "rejected_rows/", "files/", "events/", "content/")


@pytest.fixture
def buckets() -> Buckets:
    return Buckets()


def open_lake(buckets: Buckets) -> Lake:
    return Lake(Settings(retries=0), buckets.store())


def take(lake: Lake, event: Event, *, replay: bool = False) -> LedgerRow:
    return run.attempt(lake, record(lake.store, event), replay=replay)


@pytest.fixture
def lake(buckets: Buckets) -> Lake:
    lake = open_lake(buckets)
    contents = {"a.csv": orders(1), "copy.csv": orders(1), "b.csv": orders(2)}
    for number, (key, data) in enumerate(contents.items()):
        take(lake, buckets.put(key, data, NOON + timedelta(hours=number)))
    assert survey(lake).faults == []
    return lake


def state(lake: Lake) -> list[tuple[object, ...]]:
    """What the ledger says, but for what a replay changes."""
    return [
        (row.file_id, row.verdict, row.rows_published, row.rows_rejected, row.content, row.event_time)
        for row in lake.ledger.rows()
    ]


def repaired(lake: Lake) -> list[str]:
    done = mend(lake, survey(lake), lambda events, again: [take(lake, event, replay=again) for event in events])
    return [*done.lost]


def harm(lake: Lake, folder: str, fault: Callable[[bytes], bytes] | None) -> None:
    name = names(lake.store, f"processed/{folder}")[0]
    found = lake.store.read(name)
    assert found is not None
    if fault is None:
        lake.store.delete(name)
    else:
        assert fault(found.data) != found.data
        assert lake.store.replace(name, fault(found.data), found.token)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_found_and_mended(lake: Lake, kind: str, fault: str) -> None:
    before = state(lake)
    harm(lake, kind, FAULTS[fault])
    assert survey(lake).faults
    assert repaired(lake) == []
    assert survey(lake).faults == []
    assert state(lake) == before


@pytest.mark.parametrize("kind", ["events/", "files/"])
def test_a_file_that_was_never_processed(lake: Lake, buckets: Buckets, kind: str) -> None:
    """What announced it is made again from the version that lies there."""
    event = record(lake.store, buckets.put("late.csv", orders(9), NOON))
    name = f"processed/events/{event.file_id}.json"
    found = lake.store.read(name)
    assert found is not None
    if kind == "events/":
        assert lake.store.replace(name, b"{", found.token)
    else:
        assert lake.store.replace(name, rewritten(found.data), found.token)
    assert repaired(lake) == []
    assert survey(lake).faults == []
    assert [row.verdict for row in lake.ledger.rows() if row.source_file == "late.csv"] == ["valid_with_rejects"]


def test_without_the_raw_object_the_loss_is_told(lake: Lake, buckets: Buckets) -> None:
    (row,) = [row for row in lake.ledger.rows() if row.source_file == "b.csv"]
    assert row.version is not None
    del buckets.versions[row.version]
    lake.store.delete(f"processed/orders/pa_date={row.pa_date}/{row.file_id}-0.parquet")
    (told,) = repaired(lake)
    assert "b.csv" in told
    assert "2 rows read, 1 published, 1 rejected" in told
    again = lake.ledger.of(row.file_id)
    assert again is not None
    assert (again.verdict, again.revision) == ("failed", 1)
    assert survey(lake).faults == []
    assert repaired(lake) == []
