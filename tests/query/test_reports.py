from decimal import Decimal
from typing import Any

import duckdb
import pytest

from duff_orders.contract import STAR
from duff_orders.errors import InputError
from duff_orders.query import reports
from duff_orders.query.guard.check import check

D = Decimal


@pytest.fixture
def star() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in STAR:
        columns = ", ".join(f"{field.name} {field.type.replace('string', 'varchar')}" for field in table.all_fields)
        connection.execute(f"create table {table.name} ({columns})")
    connection.execute("insert into dim_status values (1, 'created'), (2, 'delivered'), (3, 'broken')")
    connection.execute("insert into dim_channels values (7, 'Retail'), (8, 'Online')")
    connection.execute(
        "insert into dim_products (product_id, product_description) values (1, 'Duff'), (2, 'Duff Lite')"
    )
    connection.execute(
        """
        insert into fact_orders
            (order_id, product_id, status_id, channel_id, product_ccf, total_price, total_volume)
        values
            (1, 1, 1, 7, 2, 5, 1),
            (1, 2, 2, 7, 1, 2.5, 0.33),
            (2, 1, 2, 8, 4, 10, 2),
            (3, 1, 3, 8, 1, 2.5, 0.5),
            (4, 2, 2, 7, 1, 2.5, 0.33)
        """
    )
    return connection


EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "status_summary": [
        ("created", 1, 1, 2, D("5.0000")),
        ("delivered", 3, 3, 6, D("15.0000")),
        ("broken", 1, 1, 1, D("2.5000")),
    ],
    "sales_by_channel": [
        ("Online", 1, 4, D("10.0000"), D("10.0000")),
        ("Retail", 2, 4, D("10.0000"), D("5.0000")),
    ],
    "top_products": [
        (1, "Duff", 6, D("15.0000"), D("3.0000")),
        (2, "Duff Lite", 2, D("5.0000"), D("0.6600")),
    ],
}


def test_every_report_is_expected() -> None:
    assert reports.names() == tuple(sorted(EXPECTED))


@pytest.mark.parametrize("name", EXPECTED)
def test_report(star: duckdb.DuckDBPyConnection, name: str) -> None:
    rows = star.execute(check(reports.text(name)).sql).fetchall()
    assert [tuple(map(str, row)) for row in rows] == [tuple(map(str, row)) for row in EXPECTED[name]]


@pytest.mark.parametrize("name", EXPECTED)
def test_report_starts_with_its_question(name: str) -> None:
    assert reports.text(name).startswith("-- ")
    assert "?" in reports.title(name)


@pytest.mark.parametrize("name", ["nothing", "", "../guard", "status_summary.sql"])
def test_unknown_report_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="sales_by_channel, status_summary, top_products"):
        reports.text(name)
