"""Small files as they come from outside: what the contract says becomes of each."""

from pathlib import Path

import pytest

from duff_orders.contract import ORDERS, REJECTED_ROWS
from tests.agreement import assert_agrees
from tests.cases import CASES, data_of
from tests.lakes import ingest, open_lake, rows
from tests.oracle import judge


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_judged_as_the_contract_says(tmp_path: Path, name: str) -> None:
    case, lake = CASES[name], open_lake(tmp_path)
    row = ingest(lake, f"{name}.csv", data_of(name))
    assert (row.verdict, row.contract) == (case.verdict, 2)
    assert (row.rows_read, row.rows_published, row.rows_rejected) == case.counts
    assert case.said in str(row.reason)
    assert (row.remarks or ()) == case.remarks
    rejected = rows(lake, row, REJECTED_ROWS.name)
    assert {values[-1]: values[-3] for values in rejected} == case.reasons
    assert_agrees(row, rows(lake, row, ORDERS.name), rejected, judge(data_of(name)))


def test_a_channel_pasted_from_a_page_is_the_same_channel(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "f.csv", data_of("nbsp_channel"))
    assert len({values[8] for values in rows(lake, row, ORDERS.name)}) == 1
