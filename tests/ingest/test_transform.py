"""A sample of the comparison with the oracle, the same files each time: the whole is in test_against_oracle."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from tests.agreement import assert_agrees
from tests.hostile import HostileFile, orders_files
from tests.lakes import ingest, open_lake, rows
from tests.oracle import judge


@given(file=orders_files())
@settings(
    max_examples=6,
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


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
@pytest.mark.parametrize(
    "records",
    [
        "{0}\ré\n",  # its one carriage return is not at the line's end
        "{0}\r\n{0}\rx\n{0}\r\n",
        "{1}\n",
        "{1}\r\n{0}\n",
    ],
)
def test_a_stray_carriage_return_is_a_character_like_any_other(tmp_path: Path, records: str, encoding: str) -> None:
    good = "1,Ana,10,100,Lager,2.5,6,0.33,Retail,created"
    text = f"{','.join(COLUMN_NAMES)}\r\n" + records.format(good, good.replace("Lager", "La\rgér"))
    data = text.encode(encoding)
    lake = open_lake(tmp_path)
    row = ingest(lake, "f.csv", data)
    assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), judge(data))
