"""What is left of a file when others come to correct it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duff_orders import build_models
from duff_orders.console.corrections import Corrections, stem
from duff_orders.lake.lake import Lake
from duff_orders.messages import LedgerRow
from tests.api.lakes import application
from tests.console.evil import HEADER
from tests.console.test_pages import shown
from tests.lakes import ingest, open_lake

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
GOOD, BAD = "7,Ana,{},1,Duff,2.50,6,0.33,Retail,created", "7,Ana,{},1,Duff,2.50,six,0.33,Retail,created"


def content(*rows: str) -> bytes:
    return "\n".join((HEADER, *(row.format(number) for number, row in enumerate(rows, 1)))).encode()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def came(lake: Lake, key: str, data: bytes, minutes: int) -> LedgerRow:
    return ingest(lake, key, data, when=NOW - timedelta(minutes=60 - minutes))


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("a.csv", "a"),
        ("in/a.csv.gz", "a"),
        ("a-0123abcd.csv", "a"),
        ("a-corrected-0123abcd.csv", "a-corrected"),
        ("a-0123abc.csv", "a-0123abc"),
    ],
)
def test_the_name_that_a_file_came_under(key: str, named: str) -> None:
    assert stem(key) == named


def test_the_count_goes_down_with_each_correction(lake: Lake) -> None:
    row = came(lake, "a.csv", content(GOOD, GOOD, GOOD, BAD, BAD, BAD), 0)
    assert Corrections(lake.ledger.rows()).left(row) == 3
    came(lake, "a-corrected.csv", content(GOOD), 1)
    came(lake, "b-corrected.csv", content(GOOD, GOOD), 2)
    assert Corrections(lake.ledger.rows()).left(row) == 2
    with application(lake) as (client, _):
        assert "rejected rows 2." in shown(client.get("/").text)
        assert "Rows that nobody has sent again: 2." in shown(client.get(f"/files/{row.file_id}").text)
        came(lake, "a-corrected-0123abcd.csv", content(GOOD, GOOD, GOOD), 3)
        build_models(lake)
        assert "Nothing that is not mended" in shown(client.get("/").text)
        assert "Every row was sent again." in shown(client.get(f"/files/{row.file_id}").text)


def test_what_came_before_corrects_nothing(lake: Lake) -> None:
    came(lake, "a-corrected.csv", content(GOOD), 0)
    row = came(lake, "a.csv", content(GOOD, BAD), 1)
    assert Corrections(lake.ledger.rows()).is_open(row)


def test_an_invalid_file_is_mended_by_one_of_its_name(lake: Lake) -> None:
    row = came(lake, "a.csv", content(BAD, BAD, GOOD), 0)
    assert row.verdict == "invalid"
    came(lake, "a-corrected.csv", content(GOOD, GOOD), 1)  # what was withheld is not in it
    assert Corrections(lake.ledger.rows()).is_open(row)
    came(lake, "a-0123abcd.csv", content(GOOD, GOOD, GOOD), 2)
    assert not Corrections(lake.ledger.rows()).is_open(row)
    assert Corrections(lake.ledger.rows()).left(row) == 0
