"""Hostile files through the functions' handlers on emulated S3 and through the oracle: the same, to the last digit."""

import json
import tempfile
import uuid
from collections import Counter
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from duff_orders.aws.handlers import transform_data, validate_csv
from duff_orders.contract import COLUMN_NAMES, FILES, ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.glue_catalog import columns
from duff_orders.lake.stores.base import names
from duff_orders.lake.stores.s3 import S3Store
from tests.agreement import assert_agrees
from tests.aws.emulator import new_buckets
from tests.effort import examples, thinned
from tests.hostile import HostileFile, orders_files
from tests.ingest import test_spark_parity as by_hand
from tests.oracle import judge

pytestmark = [pytest.mark.aws, pytest.mark.slow, pytest.mark.xdist_group("aws-store")]

DATABASE = "hostile"
TABLES = {
    ORDERS.name: (*COLUMN_NAMES, "total_price"),
    REJECTED_ROWS.name: (*COLUMN_NAMES, "reasons", "record", "line"),
}
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)


class Functions:
    """The two functions that take a small file, as the state machine calls them."""

    def __init__(self) -> None:
        self.client = boto3.client("s3")
        self.buckets = new_buckets()
        glue = boto3.client("glue")
        glue.create_database(DatabaseInput={"Name": DATABASE})
        for table in (ORDERS, REJECTED_ROWS, FILES):
            glue.create_table(DatabaseName=DATABASE, TableInput={"Name": table.name})
        self.published: set[bytes] = set()
        self.columns = [{"Name": name, "Type": kind} for name, kind in columns(ORDERS)]

    def take(self, data: bytes, *, compressed: bool) -> LedgerRow:
        """Put a file under a new key, and take it to its ledger row."""
        key = f"{uuid.uuid4()}.csv{'.gz' * compressed}"
        put = self.client.put_object(Bucket=self.buckets[0], Key=key, Body=data)
        found = {"key": key, "size": len(data), "etag": put["ETag"].strip('"'), "version-id": put["VersionId"]}
        event = {"time": "2026-03-01T12:00:00Z", "detail": {"bucket": {"name": self.buckets[0]}, "object": found}}
        told = validate_csv({"event": event, "execution": key}, CONTEXT)
        if told["route"] != "done":
            # What a state hands on is JSON.
            decision = json.loads(json.dumps(told))
            told = transform_data({"decision": decision, "columns": self.columns, "execution": key}, CONTEXT)
        stored = self.store.read(layout.ledger_object(date(2026, 3, 1), told["file_id"]))
        assert stored is not None
        return LedgerRow.from_json(stored.data)

    @property
    def store(self) -> S3Store:
        return S3Store(*self.buckets)

    def rows(self, row: LedgerRow, table: str) -> Counter[tuple[Any, ...]]:
        """A file's rows in a table, from the objects that lie where Athena looks for them."""
        there = [each for each in names(self.store, layout.partition(table, row.pa_date)) if row.file_id in each]
        assert sorted(there) == sorted(layout.data_objects(table, row))
        found: Counter[tuple[Any, ...]] = Counter()
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            for name in there:
                path = Path(folder, "object.parquet")
                stored = self.store.read(name)
                assert stored is not None
                path.write_bytes(stored.data)
                found.update(connection.execute(f"select {', '.join(TABLES[table])} from '{path}'").fetchall())
        return found


@pytest.fixture(scope="module")
def functions(aws: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        made = Functions()
        patch.setenv("RAW_BUCKET", made.buckets[0])
        patch.setenv("PROCESSED_BUCKET", made.buckets[1])
        patch.setenv("DATABASE", DATABASE)
        yield made


def agrees(functions: Functions, data: bytes, *, compressed: bool) -> None:
    """A file ends on S3 as the oracle says; a content that was published before is a duplicate."""
    expected = judge(data, compressed=compressed)
    row = functions.take(data, compressed=compressed)
    if data in functions.published:
        assert row.verdict == "duplicate"
        return
    assert_agrees(row, functions.rows(row, ORDERS.name), functions.rows(row, REJECTED_ROWS.name), expected)
    if row.published:
        functions.published.add(data)


@pytest.mark.parametrize("name", thinned(3, [*by_hand.FILES, *by_hand.GZIPPED]))
def test_files_by_hand_end_as_the_oracle_says(functions: Functions, name: str) -> None:
    compressed = name in by_hand.GZIPPED
    agrees(functions, (by_hand.GZIPPED if compressed else by_hand.FILES)[name], compressed=compressed)


@pytest.mark.property
@given(file=orders_files())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_files_end_as_the_oracle_says(functions: Functions, file: HostileFile) -> None:
    agrees(functions, file.data, compressed=file.compressed)
