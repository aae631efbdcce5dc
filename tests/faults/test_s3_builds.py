"""Builds on S3, killed after any write: readers of the catalog see no fact without its rows, the next build mends.

The builds run in this process on emulated S3 and Glue; what they may read from the buckets lies on this disk.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from duff_orders.contract import PARTITION, STAR
from duff_orders.documents import Event
from duff_orders.lake import snapshot
from duff_orders.lake.events import record
from duff_orders.lake.glue_catalog import behind, columns, follow, shown, storage
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.local import run
from duff_orders.models.build import BuildReport, build
from duff_orders.query.athena import Athena
from tests.aws.emulator import Mounted
from tests.effort import every
from tests.faults.cloud import Cloud, Killed, Requests
from tests.faults.scenario import lines

pytestmark = [pytest.mark.aws, pytest.mark.faults, pytest.mark.xdist_group("aws-store")]

MOE = "1,Moe,{order},1,Duff,2.50,6,0.33,Retail,created"
BARNEY = "2,Barney,{order},2,Duff Dry,2.50,6,0.33,Kiosk,{status}"
BAD = "3,Lenny,{order},x,Duff,2.50,6,0.33,Retail,created"
#: Names, and what is in them; the rejected third of `first` lets a stricter replay withdraw it, and Moe with it.
FILES = {
    "first.csv": lines(MOE.format(order=1), BARNEY.format(order=2, status="created"), BAD.format(order=3)),
    "second.csv": lines(BARNEY.format(order=2, status="delivered"), BARNEY.format(order=4, status="created")),
}


class Writes(Requests):
    """Before a request the state is that after the last write: these alone are points."""

    def point(self, name: str) -> None:
        if name.startswith("after "):
            super().point(name)


class Calls:
    """Glue's client; what changes the catalog are points, too."""

    def __init__(self, requests: Requests) -> None:
        self.requests = requests
        self.real = boto3.client("glue")

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.real, name)
        if not name.startswith(("update_", "batch_")):
            return real

        def call(**arguments: Any) -> Any:
            answer = real(**arguments)
            self.requests.point(f"after {name} {arguments.get('TableInput', arguments.get('TableName', ''))}")
            return answer

        return call


class Warehouse:
    """Two buckets and a database of its own, which can be put back to what they were."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.cloud = Cloud(patch)
        self.database = f"db_{self.cloud.buckets[1].replace('-', '_')}"
        self.glue = boto3.client("glue")
        self.glue.create_database(DatabaseInput={"Name": self.database})
        for table in STAR:
            self.glue.create_table(
                DatabaseName=self.database,
                TableInput={
                    "Name": table.name,
                    "TableType": "EXTERNAL_TABLE",
                    "PartitionKeys": [{"Name": PARTITION.name, "Type": PARTITION.type}] if table.partitioned else [],
                    "StorageDescriptor": {
                        **storage(f"s3://{self.cloud.buckets[1]}/star/{table.name}/none/", "parquet"),
                        "Columns": [{"Name": name, "Type": kind} for name, kind in columns(table)],
                    },
                },
            )
        self.workgroup = self.database
        results = {"OutputLocation": f"s3://{self.cloud.buckets[0]}/results/"}
        boto3.client("athena").create_work_group(Name=self.workgroup, Configuration={"ResultConfiguration": results})
        self.kept: dict[str, bytes] = {}
        self.events: dict[str, Event] = {}

    def lake(self, holder: str, **settings: Any) -> Lake:
        return self.cloud.worker(holder, Mounted, **settings)

    @property
    def store(self) -> S3Store:
        return S3Store(*self.cloud.buckets)

    def job(self, holder: str, requests: Requests | None = None) -> BuildReport:
        """What the Glue job does."""
        glue = Calls(requests or Requests())
        lake = self.lake(holder)
        follow(self.store, glue, self.database, snapshot.current(lake.store))
        report = build(lake)
        follow(self.store, glue, self.database, snapshot.current(lake.store))
        return report

    def take(self, key: str, *, replay: bool = False, share: str = "0.5") -> None:
        event = self.events[key] = self.events.get(key) or self.cloud.put(key, FILES[key])
        lake = self.lake("ingest", max_reject_share=Decimal(share))
        run.attempt(lake, record(lake.store, event), replay=replay)

    def keep(self) -> None:
        """This is what `put_back` comes back to."""
        bucket = self.cloud.buckets[1]
        listed = self.cloud.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        self.kept = {
            each["Key"]: self.cloud.client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed
        }

    def put_back(self) -> None:
        """The bucket and the catalog as they were when they were kept."""
        client, bucket = self.cloud.client, self.cloud.buckets[1]
        for each in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=each["Key"])
        for key, data in self.kept.items():
            client.put_object(Bucket=bucket, Key=key, Body=data)
        follow(self.store, self.glue, self.database, snapshot.current(self.store))
        assert self.lagging() == []

    def lagging(self) -> list[str]:
        return list(behind(self.store, self.glue, self.database, snapshot.current(self.store)))

    def ask(self, sql: str) -> list[dict[str, Any]]:
        return Athena(boto3.client("athena"), self.workgroup, self.database).ask(sql).dictionaries()

    def orphans(self) -> int:
        """Facts that the catalog shows without their client or product."""
        (row,) = self.ask(
            "select count(*) as n from fact_orders f left join dim_clients c on c.client_id = f.client_id"
            " left join dim_products p on p.product_id = f.product_id"
            " where c.client_id is null or p.product_id is null"
        )
        return int(row["n"])

    def tables(self) -> dict[str, Counter[str]]:
        return {table.name: Counter(map(repr, self.ask(f"select * from {table.name}"))) for table in STAR}


@pytest.fixture
def warehouse(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    made = Warehouse(monkeypatch)
    made.take("first.csv")
    yield made
    made.glue.delete_database(Name=made.database)


def swept(warehouse: Warehouse, step: str) -> Counter[str]:
    """Kill the job after each write, and take it up again; the cases by what the killed job left."""
    warehouse.keep()
    assert warehouse.job("undisturbed").kind == step
    expected = warehouse.tables()
    cases = Counter[str]()
    wrong = []
    for dies_at in range(1, 200, every(4)):
        warehouse.put_back()
        before = snapshot.current(warehouse.store)
        requests = warehouse.cloud.requests(dies_at, Writes)
        ended = False
        try:
            warehouse.job("dying", requests)
            ended = True
        except Killed:
            pass
        warehouse.cloud.well()
        point = requests.passed[-1]
        if (lost := warehouse.orphans()) != 0:
            wrong.append(f"{point}: {lost} facts without their rows")
        current = snapshot.current(warehouse.store)
        switched = current.build_id != before.build_id
        if (said := shown(warehouse.store)) is not None:
            there = next(each for each in (before, current) if each.build_id == said)
            if lagging := list(behind(warehouse.store, warehouse.glue, warehouse.database, there)):
                wrong.append(f"{point}: said to show {said}, and does not: {lagging}")
        elif not switched or ended:
            wrong.append(f"{point}: not said to show a build, and does")
        cases["ended" if ended else "catalog" if switched else "tables"] += 1
        with warehouse.cloud.later(timedelta(seconds=8000)):
            warehouse.job("next")
        if warehouse.tables() != expected or warehouse.lagging() or shown(warehouse.store) is None:
            wrong.append(f"{point}: other tables, or a catalog behind: {warehouse.lagging()}")
        if ended:
            break
    assert wrong == []
    print(f"{step}: {cases}")
    assert cases["ended"] == 1
    return cases


def test_an_incremental_build_killed_after_any_write(warehouse: Warehouse) -> None:
    warehouse.job("first")
    warehouse.take("second.csv")
    cases = swept(warehouse, "incremental")
    assert cases["tables"] > 3 // every(4)
    assert cases["catalog"] > 3 // every(4)


def test_a_rebuild_that_drops_rows_killed_after_any_write(warehouse: Warehouse) -> None:
    warehouse.take("second.csv")
    warehouse.job("first")
    clients = warehouse.ask("select client_name from dim_clients order by 1")
    assert [row["client_name"] for row in clients] == ["Barney", "Moe"]
    warehouse.take("first.csv", replay=True, share="0.1")
    cases = swept(warehouse, "rebuild")
    assert [row["client_name"] for row in warehouse.ask("select client_name from dim_clients")] == ["Barney"]
    assert cases["catalog"] > 5 // every(4)
