"""Every kind of file through the deployed state machine: the verdict and the counts are the oracle's."""

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from duff_orders.aws.remote import Remote
from duff_orders.clock import format_time
from duff_orders.contract import COLUMN_NAMES, COUNTS
from duff_orders.documents import LedgerRow
from duff_orders.settings import Settings
from tests.aws.deployed import Deployed
from tests.effort import PATIENCE
from tests.oracle import judge

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]

HEADER = ",".join(COLUMN_NAMES)
GOOD = "1,{name},{order},1,Duff,2.50,6,0.33,Retail,created"


def orders(name: str, *more: str, number: int = 3) -> str:
    """A file of good records that no other file has, and further records."""
    return "\n".join([HEADER, *(GOOD.format(name=name, order=order + 1) for order in range(number)), *more, ""])


KINDS: dict[str, bytes] = {
    "valid.csv": orders("Moe").encode(),
    "shouting.CSV": orders("MOE").encode(),
    "packed.csv.gz": gzip.compress(orders("Moe's").encode(), mtime=0),
    "packed-and-shouting.CSV.GZ": gzip.compress(orders("MOE'S").encode(), mtime=0),
    "utf-16.csv": orders("Müller").encode("utf-16"),
    "windows-1252.csv": orders("Peña").encode("cp1252"),
    "semicolons.csv": orders("Kwik").replace(",", ";").replace("2.50", "2,50").encode(),
    "rejects.csv": orders("Ned", "x,Ned,9,1,Duff,2.50,6,0.33,Retail,created", "too,few").encode(),
    "repeats.csv": orders("Rod", GOOD.format(name="Rod", order=1), GOOD.format(name="Rod", order=1)).encode(),
    "quoted.csv": orders('"Krusty, the ""Clown""\nand friends"').encode(),
    # invalid, each in its own way
    "empty.csv": b"",
    "header-only.csv": f"{HEADER}\n".encode(),
    "no-such-columns.csv": b"a,b,c\n1,2,3\n",
    "a-column-twice.csv": f"{HEADER},status\n{GOOD.format(name='x', order=1)},created\n".encode(),
    "more-than-half-rejected.csv": orders("Todd", *["x"] * 9).encode(),
    "nul.csv": orders("a\0b").encode(),
    "not-text.csv": bytes(range(256)) * 40,
    "not-gzip.csv.gz": b"no gzip at all",
    "cut-off.csv.gz": gzip.compress(orders("cut").encode(), mtime=0)[:-20],
    "unclosed.csv": orders("Lou", '1,"never closed').encode(),
}


@pytest.fixture(scope="module")
def rows(deployed: Deployed) -> dict[str, LedgerRow]:
    others = {"orders.txt": b"not ours", "orders.csv.zip": b"PK\x05\x06", ".half/orders.csv": b"client_"}
    for key, data in {**KINDS, **others}.items():
        deployed.put(f"kinds/{key}", data)
    found = {key: deployed.row(f"kinds/{key}", timeout=PATIENCE) for key in KINDS}
    deployed.settled()
    return found


@pytest.mark.parametrize("key", KINDS)
def test_the_verdict_is_the_oracle_s(rows: dict[str, LedgerRow], key: str) -> None:
    row, expected = rows[key], judge(KINDS[key], compressed=key.lower().endswith(".gz"))
    assert (row.verdict, row.error) == (expected.verdict, None)
    assert {name: getattr(row, name) for name in COUNTS} == {name: getattr(expected, name) for name in COUNTS}
    assert row.nulls == expected.nulls
    assert bool(row.reason) == (row.verdict != "valid")


def test_each_execution_ended_well(deployed: Deployed, rows: dict[str, LedgerRow]) -> None:
    for key in (*KINDS, "orders.txt", ".half/orders.csv"):
        assert deployed.execution_of(f"kinds/{key}")["status"] == "SUCCEEDED"


def test_every_object_has_a_verdict_but_what_tools_keep_for_themselves(
    deployed: Deployed, rows: dict[str, LedgerRow]
) -> None:
    for key, reason in (("orders.txt", "no orders file by its name"), ("orders.csv.zip", "a ZIP archive, and not CSV")):
        row = deployed.row(f"kinds/{key}")
        assert (row.verdict, row.rows_read, row.error) == ("invalid", 0, None)
        assert str(row.reason).startswith(reason)
    told = deployed.execution_of("kinds/.half/orders.csv")["output"]
    assert "tools keep such for themselves" in told
    assert "kinds/.half/orders.csv" not in {row.source_file for row in deployed.rows()}
    assert "kinds/.half/orders.csv" in Remote.of("duff-orders", Settings.load()).left_alone()


def test_athena_shows_the_good_and_the_rejected_rows(deployed: Deployed, rows: dict[str, LedgerRow]) -> None:
    for table, count in (("tbl_duff_orders", "rows_published"), ("tbl_duff_rejected_rows", "rows_rejected")):
        query = f"select source_file, count(*) as n from {table} where source_file like 'kinds/%' group by source_file"
        found = {each["source_file"].removeprefix("kinds/"): each["n"] for each in deployed.ask(query)}
        assert found == {key: getattr(row, count) for key, row in rows.items() if getattr(row, count)}


def test_a_new_version_of_a_key_is_a_file_of_its_own(deployed: Deployed) -> None:
    first = deployed.put("kinds/again.csv", orders("first").encode())
    second = deployed.put("kinds/again.csv", orders("second", number=4).encode())

    def both() -> dict[str | None, LedgerRow] | None:
        found = {row.version: row for row in deployed.rows() if row.source_file == "kinds/again.csv"}
        return found if len(found) == 2 else None

    found = deployed.until(both)
    assert {version: (row.verdict, row.rows_published) for version, row in found.items()} == {
        first: ("valid", 3),
        second: ("valid", 4),
    }


def test_the_later_event_wins_whichever_is_processed_first(deployed: Deployed, tmp_path: Path) -> None:
    def event(key: str, version: str, data: bytes, time: str) -> dict[str, Any]:
        head = boto3.client("s3").head_object(Bucket=deployed.outputs["RawBucket"], Key=key)
        found = {"key": key, "size": len(data), "etag": head["ETag"].strip('"'), "version-id": version}
        return {"time": time, "detail": {"bucket": {"name": deployed.outputs["RawBucket"]}, "object": found}}

    line = "7,Late,7000001,1,Duff,2.50,6,0.33,Retail,{status}"
    files = {status: f"{HEADER}\n{line.format(status=status)}\n".encode() for status in ("created", "delivered")}
    rules = boto3.client("events")
    # Until both have their rows: the bucket tells of an object some time after it was put, and so with that time.
    rules.disable_rule(Name="duff-orders-file-arrived")
    try:
        versions = {status: deployed.put(f"late/{status}.csv", data) for status, data in files.items()}
        latest = datetime.fromisoformat(deployed.ask("select max(event_time) as t from tbl_duff_files")[0]["t"])
        times = {status: format_time(latest.replace(microsecond=n)) for n, status in enumerate(files, 1)}
        for status in ("delivered", "created"):
            key = f"late/{status}.csv"
            deployed.announce(event(key, versions[status], files[status], times[status]))
            assert deployed.row(key).verdict == "valid"
    finally:
        rules.enable_rule(Name="duff-orders-file-arrived")
    sql = "select s.status from fact_orders f join dim_status s on s.status_id = f.status_id where f.order_id = 7000001"
    # A build may have taken the first alone; the one that takes both must not let the earlier event win.
    deployed.modelled()
    assert deployed.ask(sql) == [{"status": "delivered"}]
    assert json.loads(deployed.execution_of("late/created.csv")["input"])["time"] == times["created"]
