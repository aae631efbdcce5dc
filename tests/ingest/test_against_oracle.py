"""Hostile files through the pipeline and through the oracle: the same verdict, counts, values and reasons."""

import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, COUNTS, ORDERS, REJECTED_ROWS
from duff_orders.ingest import transform_duckdb
from tests.hostile import HostileFile, orders_files
from tests.lakes import ingest, open_lake, rows
from tests.oracle import judge

pytestmark = pytest.mark.property


@given(file=orders_files(), by_table=st.booleans())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_pipeline_agrees_with_the_oracle(file: HostileFile, by_table: bool) -> None:
    expected = judge(file.data, compressed=file.compressed)
    # A file with rejects or repeats is checked into a table, or read in passes where memory has no room for one.
    room = mock.patch.object(transform_duckdb, "TABLE_SHARE", 1.0 if by_table else 0.0)
    with tempfile.TemporaryDirectory() as folder, room:
        lake = open_lake(Path(folder))
        row = ingest(lake, "f.csv.gz" if file.compressed else "f.csv", file.data)
        assert (row.verdict, row.error) == (expected.verdict, None)
        assert {name: getattr(row, name) for name in COUNTS} == {n: getattr(expected, n) for n in COUNTS}
        assert row.nulls == expected.nulls
        assert Counter(rows(lake, row, ORDERS.name)) == Counter(map(tuple, expected.published))
        assert Counter(rows(lake, row, REJECTED_ROWS.name)) == Counter(map(tuple, expected.rejected))
        if row.nulls is not None:
            assert row.encoding == expected.encoding
            assert row.delimiter == expected.delimiter
            assert row.decimal_mark == expected.decimal_mark
            assert list(row.extra_columns or ()) == expected.extra_columns
        if row.verdict == "invalid":
            assert row.reason


def test_reject_share_is_a_setting(tmp_path: Path) -> None:
    header = ",".join(COLUMN_NAMES)
    good = "1,Moe,1,1,Duff,1.00,1,0.33,Retail,created\n"
    data = f"{header}\n{good}x{good}".encode()
    row = ingest(open_lake(tmp_path / "a"), "f.csv", data)
    assert row.verdict == "valid_with_rejects"
    row = ingest(open_lake(tmp_path / "b", max_reject_share=Decimal("0.4")), "f.csv", data)
    assert (row.verdict, row.rows_withheld, row.rows_rejected) == ("invalid", 1, 1)
