"""The invariants hold after builds, and each that is broken is told."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES, FILES, ORDERS, STAR
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import current
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.models.build import build
from duff_orders.models.invariants import invariants
from tests.lakes import ingest
from tests.models.stars import file, line, open_lake, publish

pytestmark = pytest.mark.slow

NAMES = [ORDERS.name, FILES.name, *(table.name for table in STAR)]


def built(folder: Path) -> Lake:
    lake = open_lake(folder)
    publish(lake, file("one", "2026-03-01", [line(1), line(2, 2, price="7"), line(3, client=(2, "Lenny"))]))
    publish(lake, file("two", "2026-03-02", [line(1, status="delivered", ccf=3, client=(1, "Moe's"), channel="B2B")]))
    build(lake)
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """For tests that leave it as it is."""
    return built(tmp_path_factory.mktemp("lake"))


def test_nothing_is_broken_after_a_build(lake: Lake) -> None:
    with lake.engine() as (connection, _):
        create_views(lake, connection, NAMES)
        assert invariants(connection) == []


def test_rows_that_await_a_build_are_left_out_on_demand(tmp_path: Path) -> None:
    lake = built(tmp_path)
    publish(lake, file("three", "2026-03-03", [line(9)]))
    with lake.engine() as (connection, _):
        create_views(lake, connection, NAMES)
        assert invariants(connection, current(lake.store).files) == []
        assert any("lacks an order line" in sentence for sentence in invariants(connection))


def test_what_awaits_a_build_in_place_of_other_rows_is_no_contradiction(tmp_path: Path) -> None:
    """A replay made the file invalid: until the build the star schema has what the tables have no more."""
    lake = open_lake(tmp_path / "lake")
    good = "1,Moe,1,1,Duff,2.50,6,0.355,Retail,created"
    data = "\n".join((",".join(COLUMN_NAMES), good, good.replace("6", "x")))
    row = ingest(lake, "a.csv", data.encode())
    build(lake)
    strict = replace(lake, settings=replace(lake.settings, max_reject_share=Decimal(0)))
    assert [each.verdict for each in replay(strict, [row.file_id])] == ["invalid"]
    assert check(lake, deep=True).problems == ["the star schema is behind by 1 files; `duff models` builds it"]
    build(lake)
    assert check(lake, deep=True).problems == []


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        ("insert into fact_orders from fact_orders limit 1", "fact_orders has a key"),
        ("insert into dim_products from dim_products limit 1", "dim_products has a key"),
        ("delete from dim_clients where client_id = 2", "fact_orders has a client_id"),
        ("delete from dim_products where product_id = 2", "fact_orders has a product_id"),
        ("delete from dim_status where status_id = 2", "fact_orders has a status_id"),
        ("delete from dim_channels where point_of_sale_channel = 'B2B'", "fact_orders has a channel_id"),
        ("delete from fact_orders where order_id = 3", "fact_orders lacks an order line"),
        ("update fact_orders set order_id = 9 where order_id = 3", "that tbl_duff_orders does not have"),
        ("update fact_orders set pa_date = pa_date + 1 where order_id = 3", "another partition"),
        ("update fact_orders set total_price = total_price + 1 where order_id = 3", "sum(total_price)"),
        ("update fact_orders set status_id = 1 where order_id = 1", "of a status in a channel"),
        ("update dim_clients set client_name = 'Moe' where client_id = 1", "dim_clients lacks a key, or"),
        ("update dim_products set product_price = 1 where product_id = 2", "dim_products lacks a key, or"),
        (
            "insert into dim_clients from (select * replace (null as client_id) from dim_clients limit 1)",
            "dim_clients has a client_id",
        ),
    ],
)
def test_what_is_broken_is_told(lake: Lake, breaking: str, told: str) -> None:
    with lake.engine() as (connection, _):
        create_views(lake, connection, NAMES)
        for name in NAMES:
            connection.execute(f"create table main.{name} as select * from temp.{name}")
            connection.execute(f"drop view temp.{name}")
        connection.execute(breaking)
        assert any(told in sentence for sentence in invariants(connection))
