"""On S3, too: a profile that changes at any request of the worker that has a partner's file, which may die there."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from duff_orders.documents import Decision, LedgerRow
from duff_orders.ingest.publish import publish
from duff_orders.ingest.transform import transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import layout, partners
from duff_orders.lake.events import record
from duff_orders.lake.lake import Lake
from duff_orders.local import run
from tests.effort import every
from tests.faults.cloud import NOON, Cloud, Killed, Requests
from tests.faults.test_profiles import AFTER, BEFORE, DATA, VALUES

pytestmark = [pytest.mark.aws, pytest.mark.faults, pytest.mark.slow, pytest.mark.xdist_group("aws-store")]


@pytest.fixture
def cloud(aws: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return Cloud(monkeypatch)


class Changing(Requests):
    """Requests, at one of which something is done first."""

    def __init__(self, at: int, then: Callable[[], None]) -> None:
        super().__init__()
        self.at, self.then = at, then

    def point(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.at:
            self.then()


def of_one_reading(lake: Lake, row: LedgerRow, folder: Path) -> str:
    """The decimal mark by which a file was read; its values are of that reading, which its row names."""
    reading = partners.reading(lake.store, str(row.reading))
    assert (row.error, row.profile, row.decimal_mark) == (None, "acme", reading.decimal_mark)
    (name,) = layout.data_objects("tbl_duff_orders", row)
    stored = lake.store.read(name)
    assert stored
    (folder / "orders.parquet").write_bytes(stored.data)
    with duckdb.connect() as connection:
        values = connection.execute(
            f"select cast(product_price as varchar), status from '{folder / 'orders.parquet'}'"
        ).fetchall()
    assert values == [VALUES[str(reading.decimal_mark)]]
    return str(reading.decimal_mark)


def put(cloud: Cloud, text: str) -> None:
    """Let a profile hold."""
    partners.put(cloud.worker("engineer").store, "acme", text, NOON)


def test_a_profile_that_changes_at_any_request(cloud: Cloud, tmp_path: Path) -> None:
    put(cloud, BEFORE)
    counted = cloud.requests()
    lake = cloud.worker("first", max_reject_share=Decimal(1))
    event = cloud.put("acme/0.csv", DATA)
    run.attempt(lake, record(lake.store, event))
    points = len(counted.passed)
    assert points > 20
    read_by = []
    for at in range(1, points + 1, every(4)):
        cloud.well()
        put(cloud, BEFORE)

        def change() -> None:
            cloud.well()
            put(cloud, AFTER)

        event = cloud.put(f"acme/{at}.csv", DATA + f"{at}\n".encode())
        requests = Changing(at, change)
        cloud.requests(kind=lambda _, requests=requests: requests)  # type: ignore[arg-type]
        lake = cloud.worker(f"worker-{at}", max_reject_share=Decimal(1))
        row = run.attempt(lake, record(lake.store, event))
        cloud.well()
        read_by.append(of_one_reading(lake, row, tmp_path))
    assert {*read_by} == {",", "."}
    assert read_by == sorted(read_by, reverse=True)  # after the decision no change is seen


def test_a_worker_that_dies_leaves_a_decision_that_is_carried_out_as_it_was_made(cloud: Cloud, tmp_path: Path) -> None:
    """As the state machine does: the decision is kept by it, whatever becomes of the worker and the profile."""
    put(cloud, BEFORE)
    lake = cloud.worker("validator", max_reject_share=Decimal(1))
    event = cloud.put("acme/a.csv", DATA)
    decision = validate(lake, record(lake.store, event)).to_json()
    put(cloud, AFTER)

    def carried_out(holder: str) -> LedgerRow:
        worker = cloud.worker(holder, max_reject_share=Decimal(1))
        with transform(worker, Decision.from_json(decision)) as staged:
            return publish(worker, staged)

    for dies_at in (5, 12, 20):
        cloud.requests(dies_at)
        with cloud.later(timedelta(hours=dies_at)), pytest.raises(Killed):
            carried_out(f"dies-{dies_at}")
        cloud.well()
    with cloud.later(timedelta(hours=48)):
        row = carried_out("lives")
    assert of_one_reading(lake, row, tmp_path) == ","
