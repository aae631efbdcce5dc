"""A sample of the comparison with the oracle, the same files each time: the whole is in test_against_oracle."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from duff_orders.contract import ORDERS, REJECTED_ROWS
from tests.agreement import assert_agrees
from tests.hostile import HostileFile, orders_files
from tests.lakes import ingest, open_lake, rows
from tests.oracle import judge


@given(file=orders_files())
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_a_sample_agrees_with_the_oracle(file: HostileFile) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = open_lake(Path(folder))
        row = ingest(lake, "f.csv.gz" if file.compressed else "f.csv", file.data)
        expected = judge(file.data, compressed=file.compressed)
        assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), expected)
