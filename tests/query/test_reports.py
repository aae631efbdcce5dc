import re
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from duff_orders.contract import STAR
from duff_orders.errors import InputError
from duff_orders.query import reports
from duff_orders.query.duckdb import executed
from duff_orders.query.guard.check import check

D = Decimal


@pytest.fixture
def star() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in STAR:
        columns = ", ".join(f"{field.name} {field.type.replace('string', 'varchar')}" for field in table.all_fields)
        connection.execute(f"create table {table.name} ({columns})")
    connection.execute("insert into dim_status values (1, 'created'), (2, 'delivered'), (3, 'broken')")
    connection.execute("insert into dim_clients (client_id, client_name) values (5, 'Moe'), (6, 'Barney')")
    connection.execute("insert into dim_channels values (7, 'Retail'), (8, 'Online')")
    connection.execute(
        "insert into dim_products (product_id, product_description) values (1, 'Duff'), (2, 'Duff Lite')"
    )
    connection.execute(
        """
        insert into fact_orders
            (order_id, product_id, client_id, status_id, channel_id, product_ccf, total_price, total_volume, pa_date)
        values
            (1, 1, 5, 1, 7, 2, 5, 1, '2026-03-01'),
            (1, 2, 5, 2, 7, 1, 2.5, 0.33, '2026-03-01'),
            (2, 1, 6, 2, 8, 4, 10, 2, '2026-03-02'),
            (3, 1, 6, 3, 8, 1, 2.5, 0.5, '2026-03-02'),
            (4, 2, 6, 2, 7, 1, 2.5, 0.33, '2026-03-02')
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
    "sales_by_product": [
        (1, "Duff", 6, D("15.0000"), D("3.0000")),
        (2, "Duff Lite", 2, D("5.0000"), D("0.6600")),
    ],
    "sales_by_client": [
        (6, "Barney", 2, 5, D("12.5000")),
        (5, "Moe", 1, 3, D("7.5000")),
    ],
    "sales_by_day": [
        ("2026-03-02", 2, 2, 5, D("12.5000")),
        ("2026-03-01", 1, 2, 3, D("7.5000")),
    ],
    "average_order": [(3, D("6.6667"), D("1.3333"), D("2.6667"))],
    "lifecycle": [
        ("2026-03-02", 3, 0, 2, 1, D("0.6667")),
        ("2026-03-01", 2, 1, 1, 0, D("0.5000")),
    ],
}


def test_every_report_is_expected() -> None:
    assert reports.names() == tuple(sorted(EXPECTED))


@pytest.mark.parametrize("name", EXPECTED)
def test_report(star: duckdb.DuckDBPyConnection, name: str) -> None:
    rows = executed(star, check(reports.text(name))).fetchall()
    assert [tuple(map(str, row)) for row in rows] == [tuple(map(str, row)) for row in EXPECTED[name]]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_report_is_a_question_and_gives_the_columns_that_it_promises(
    star: duckdb.DuckDBPyConnection, name: str
) -> None:
    report = reports.report(name)
    assert "?" in report.title
    checked = check(report.text())
    executed(star, checked)
    assert [(each.name, each.type.told) for each in checked.columns] == list(report.columns)
    assert [each.name for each in report.parameters] == ["from", "to", "limit"]


def test_parameters_are_bound_or_written_as_literals(star: duckdb.DuckDBPyConnection) -> None:
    report = reports.report("sales_by_day")
    given: dict[str, reports.Value] = {"from": date(2026, 3, 2), "limit": 5}
    assert "between date '2026-03-02' and date '9999-12-31'" in report.text(given)
    sql, values = report.statement(given)
    assert values == ["2026-03-02", "9999-12-31", 5]
    assert star.execute(sql, values).fetchall() == executed(star, check(report.text(given))).fetchall()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("from", "yesterday", "from is 'yesterday'; allowed is a date such as 2026-11-24"),
        ("limit", "0", "limit is '0'; allowed is 1 to 10000"),
        ("limit", "1; drop", "limit is '1; drop'; allowed is 1 to 10000"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(name: str, text: str, said: str) -> None:
    parameter = next(each for each in reports.report("lifecycle").parameters if each.name == name)
    with pytest.raises(InputError, match=re.escape(said)):
        parameter.read(text)


def test_an_unknown_parameter_is_told() -> None:
    with pytest.raises(InputError, match="has no parameter 'colour'; parameters: from, to, limit"):
        reports.report("lifecycle").text({"colour": 1})


@pytest.mark.parametrize("name", ["nothing", "", "../guard", "status_summary.sql"])
def test_unknown_report_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"average_order, lifecycle, sales_by_channel, .*status_summary"):
        reports.text(name)
