"""Names carry no data: a folder called like a column gives no value to any row, nor does one above the lake."""

from pathlib import Path

import pytest

from duff_orders import build_models, check, read_rejects, sql
from duff_orders.contract import COLUMN_NAMES, FILES, ORDERS, REJECTED_ROWS, TABLES
from tests.lakes import ingest, open_lake

DATA = (
    f"{','.join(COLUMN_NAMES)}\n"
    "1001,Moe's Tavern,5678,102,Duff Classic,2.50,6,0.33,Retail,delivered\n"
    "1001,Moe's Tavern,5678,102,Duff Classic,2.50,6,0.33,Retail,delivered\n"
    "1001,Moe's Tavern,5679,102,Duff Classic,2.50,six,0.33,Retail,created\n"
    "1002,Apu,5680,103,Duff Lite,1.25,24,0.33,B2B,created\n"
    "1003,Krusty,5681,102,Duff Classic,2.50,1,0.33,Online,created\n"
    "1001,Moe's Tavern\n"
    '1001,"Moe"s\n'
).encode()
NAMES = sorted({field.name for table in TABLES.values() for field in table.all_fields})
VALUES = {"status": "broken", "product_price": "0.01", "pa_date": "2020-01-01"}


def contents(lake_folder: Path, key: str, **settings: str) -> list[object]:
    """All that can be told of the file, but for its names and identities."""
    lake = open_lake(lake_folder, **settings)
    row = ingest(lake, key, DATA)
    assert row.verdict == "valid_with_rejects"
    build_models(lake)
    assert check(lake).problems == []
    rows = sql(lake, f"select {', '.join(COLUMN_NAMES)}, total_price, pa_date from {ORDERS.name}")
    facts = sql(lake, "select order_id, product_ccf, total_price, total_volume, pa_date from fact_orders")
    dimensions = sql(lake, "select client_name, status_id, channel_id from dim_clients, dim_status, dim_channels")
    rejected = sql(lake, f"select {', '.join(COLUMN_NAMES)}, reasons, pa_date from {REJECTED_ROWS.name}")
    files = sql(lake, f"select verdict, rows_read, rows_rejected, encoding, pa_date from {FILES.name}")
    found = (files, rows, facts, dimensions, rejected, list(read_rejects(lake, row)))
    return [row.nulls, *(sorted(each, key=repr) for each in found)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    return contents(tmp_path_factory.mktemp("lake"), "a.csv")


@pytest.mark.slow
@pytest.mark.parametrize("names", [NAMES, [name.upper() for name in COLUMN_NAMES]], ids=["lower", "upper"])
def test_folders_named_like_columns_change_no_value(names: list[str], tmp_path: Path, expected: list[object]) -> None:
    """A folder for each column of any table, one in the other, in the raw folder and above the lake."""
    folders = Path(*(f"{name}={VALUES.get(name, '7')}" for name in names))
    assert contents(tmp_path / "below", f"{folders}/a.csv") == expected
    assert contents(tmp_path / folders / "lake", "a.csv") == expected


@pytest.mark.slow
def test_neither_in_the_raw_folder_nor_above_the_lake(tmp_path: Path, expected: list[object]) -> None:
    assert contents(tmp_path / "pa_date=2020-01-01" / "lake", "status=broken/a.csv") == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a*", "ab"),
        ("a?", "ab"),
        ("a[bc]", "ab"),
        ("a{b,c}", "ab"),
        ("a\\b", "ab"),
        ('it\'s #1, 50%41 "of" it', "it"),
        ("a\nb", "a b"),
    ],
)
def test_a_lake_reads_nothing_of_another_whose_name_is_like_it(
    tmp_path: Path, expected: list[object], name: str, beside: str
) -> None:
    ingest(open_lake(tmp_path / beside), "other.csv", DATA.replace(b"Duff", b"Fudd"))
    assert contents(tmp_path / name, "a.csv") == expected
    assert contents(tmp_path / f"again {name}", f"{name}.csv") == expected


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_nor_does_spark_take_it(tmp_path: Path, expected: list[object]) -> None:
    folder = tmp_path / "pa_date=2020-01-01" / "status=broken" / "order_id=1" / "lake"
    key = "product_price=0.01/TOTAL_PRICE=1/a.csv"
    assert contents(folder, key, engine="spark", master="local[2]") == expected
