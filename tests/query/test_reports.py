import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duff_orders.contract import STAR
from duff_orders.errors import InputError
from duff_orders.query import reports
from duff_orders.query.duckdb import answer, executed
from duff_orders.query.guard.check import check
from duff_orders.query.reports.declared import declared
from tests.api.lakes import sample_lake

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
    assert reports.names() == tuple(sorted((*EXPECTED, "files_by_day")))


def test_one_is_asked_of_the_ledger(tmp_path: Path) -> None:
    samples = sample_lake(tmp_path / "lake")
    report = reports.report("files_by_day")
    assert (report.over, {reports.report(name).over for name in EXPECTED}) == ("ledger", {"star"})
    with answer(samples, report.text({"from": date(2026, 11, 3)})) as found:
        rows = found.fetchall()
    assert [(each.name, each.type.told) for each in found.columns] == list(report.columns)
    assert [(str(day), *counts) for day, *counts in rows] == [
        ("2026-11-05", 1, 1, 0, 0, 0, 0, 0),
        ("2026-11-04", 1, 0, 5, 5, 0, 0, 0),
        ("2026-11-03", 1, 0, 24, 11, 2, 11, 0),
    ]


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
        ("limit", "10001", "limit is '10001'; allowed is 1 to 10000"),
        ("limit", "9" * 40, "allowed is 1 to 10000"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(name: str, text: str, said: str) -> None:
    parameter = next(each for each in reports.report("lifecycle").parameters if each.name == name)
    with pytest.raises(InputError, match=re.escape(said)):
        parameter.read(text)


def test_an_unknown_parameter_is_told() -> None:
    with pytest.raises(InputError, match="has no parameter 'colour'; parameters: from, to, limit"):
        reports.report("lifecycle").text({"colour": 1})


HEAD = "-- What?\n-- over star\n-- gives n bigint\n"
OTHER = """-- Which lines are those of a channel? {Unsold} ones do not count.
-- over star
-- channel text 1 to 20 = Retail: the channel
-- most integer 0 to 5000000 = 7: units at the most
-- some integer = 3: any number
-- since date 2020-01-01 to 2029-12-31 = 2026-01-01: the first day
-- note text = : whatever
-- gives {status} bigint
select {status},
    :channel, :most from t where note = :note and d >= :since and s in {sold}"""


def test_a_report_declares_what_may_be_given_to_it() -> None:
    report = declared("other", OTHER)
    assert (report.most_rows, report.limit({}), report.page) == (None, None, None)
    assert report.title == "Which lines are those of a channel? Broken ones do not count."
    assert report.columns == (("created", "bigint"), ("delivered", "bigint"), ("broken", "bigint"))
    allowed = {each.name: each.allowed for each in report.parameters}
    assert allowed == {
        "channel": "a text of 1 to 20 characters",
        "most": "0 to 5000000",
        "some": "a whole number",
        "since": "a date from 2020-01-01 to 2029-12-31",
        "note": "any text",
    }
    given = {
        name: report.parameter(name).read(text)
        for name, text in {"channel": "Moe's", "most": "5000000", "note": ":most", "since": "2029-12-31"}.items()
    }
    assert report.text(given).endswith(
        "    'Moe''s', 5000000 from t where note = ':most' and d >= date '2029-12-31' and s in ('created', 'delivered')"
    )
    assert report.statement(given)[1] == ["Moe's", 5_000_000, ":most", "2029-12-31"]
    for name, text in (("channel", ""), ("channel", "x" * 21), ("since", "2019-12-31"), ("most", "-1"), ("note", "\0")):
        with pytest.raises(InputError, match=f"allowed is {allowed[name]}"):
            report.parameter(name).read(text)


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("over star", "over moon"),
        HEAD.replace("-- over star\n", ""),
        HEAD + "-- over ledger\n",
        HEAD.replace("-- gives n bigint\n", ""),
        HEAD + "-- limit number = 1: the most rows\n",
        HEAD + "-- from date = today: the first day\n",
        HEAD + "-- page files\n",
    ],
)
def test_a_head_that_declares_nothing_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"other\.sql|today"):
        declared("other", f"{text}select 1 as n")


@pytest.mark.parametrize("name", ["nothing", "", "../guard", "status_summary.sql"])
def test_unknown_report_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"average_order, files_by_day, lifecycle, .*status_summary"):
        reports.text(name)
