"""Questions that a lake keeps: files with the head of a report, which every way to ask a report finds."""

from pathlib import Path

import pytest

from duff_orders.errors import DamagedObject, InputError, QueryRefused
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.query import reports
from duff_orders.query.kept import LONGEST, find, forget, keep, kept, question
from tests.lakes import open_lake

SQL = "select pa_date, count(*) as n from tbl_duff_rejected_rows group by 1 order by 1;"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def test_a_question_is_kept_as_a_report(lake: Lake) -> None:
    made = keep(lake.store, "open_by_day", "  Open rows\nby day ", SQL)
    text = lake.disk.path(layout.query_object("open_by_day")).read_text()
    assert text == (
        "-- Open rows by day\n-- over ledger\n-- gives pa_date date\n-- gives n bigint\n" + SQL.removesuffix(";") + "\n"
    )
    assert (made.title, made.over, made.columns) == (
        "Open rows by day", "ledger", (("pa_date", "date"), ("n", "bigint")),
    )  # fmt: skip
    assert kept(lake.store) == {"open_by_day": made}
    assert find(lake.store, "open_by_day") == made
    assert find(lake.store, "sales_by_day") == reports.report("sales_by_day")
    again = keep(lake.store, "open_by_day", "Lines", "select count(*) as n from fact_orders")
    assert (again.over, kept(lake.store)) == ("star", {"open_by_day": again})
    forget(lake.store, "open_by_day")
    assert kept(lake.store) == {}
    with pytest.raises(InputError, match="no question 'open_by_day' is kept"):
        forget(lake.store, "open_by_day")
    with pytest.raises(InputError, match="no report 'open_by_day'; reports: average_order"):
        find(lake.store, "open_by_day")


def test_a_file_that_somebody_wrote_is_one_too_with_its_parameters(lake: Lake) -> None:
    text = (
        "-- How many files?\n-- over ledger\n-- least integer 0 to 99 = 0: the fewest rows\n-- gives files bigint\n"
        "select count(*) as files from tbl_duff_files where rows_read >= :least and source_file <> '10:30'"
    )
    assert lake.store.put_new(layout.query_object("by_hand"), text.encode())
    found = find(lake.store, "by_hand")
    assert "rows_read >= 7" in found.text({"least": 7})
    assert "'10:30'" in found.text()


@pytest.mark.parametrize(
    ("name", "title", "sql", "told"),
    [
        ("sales_by_day", "x", SQL, "is a report already"),
        ("../x", "x", SQL, "names no question"),
        ("Up", "x", SQL, "names no question"),
        ("x", " ", SQL, "a title has 1 to 200 characters"),
        ("x", "y" * 201, SQL, "a title has 1 to 200 characters"),
        ("x", "y", "select 1 as one -- " + "z" * LONGEST, "a question has up to"),
        ("x", "y", "drop table fact_orders", "a query starts with SELECT or WITH"),
        ("x", "y", "select 1 as one; select 2 as two", "statement"),
        ("x", "y", 'select 1 as "a b"', "name this column with letters"),
    ],
)
def test_what_is_no_question_is_not_kept(lake: Lake, name: str, title: str, sql: str, told: str) -> None:
    with pytest.raises((InputError, QueryRefused), match=told):
        keep(lake.store, name, title, sql)
    assert kept(lake.store) == {}


def test_a_file_that_is_none_is_told_of_and_the_others_answer(lake: Lake) -> None:
    keep(lake.store, "good", "Lines", "select count(*) as n from fact_orders")
    for name, text in (
        ("no_head", "select 1"),
        ("evil", "-- x\n-- over star\n-- gives n bigint\ndrop table fact_orders"),
        ("binary", "\ufffe\x00"),
    ):
        assert lake.store.put_new(layout.query_object(name), text.encode())
    told: list[DamagedObject] = []
    assert [*kept(lake.store, told.append)] == ["good"]
    assert len(told) == 3
    with pytest.raises(DamagedObject, match=r"processed/queries/evil\.sql"):
        question(lake.store, "evil")
