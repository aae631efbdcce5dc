"""`duff query` and `files`."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from duff_orders.cli.ask import NEWEST
from duff_orders.contract import TABLES
from duff_orders.generator.orders import generate
from duff_orders.local.run import run
from tests.cli.commands import PRICE, TOTALS, UNITS, Result, duff
from tests.lakes import open_lake

pytestmark = pytest.mark.slow
SAMPLES = Path(__file__).parents[2] / "samples"


# duff query


def test_query_table(exact: Path) -> None:
    assert duff("query", TOTALS, "--lake", exact).out.splitlines() == [
        "order_id              total_price  client_name",
        "--------  -----------------------  -----------",
        f"       1  {PRICE * UNITS}  Ñandú",
        "       2                  15.0000  Moe",
    ]


def test_query_json(exact: Path) -> None:
    result = duff("query", TOTALS, "--format", "json", "--lake", exact)
    assert json.loads(result.out, parse_float=Decimal) == [
        {"order_id": 1, "total_price": PRICE * UNITS, "client_name": "Ñandú"},
        {"order_id": 2, "total_price": Decimal("15.0000"), "client_name": "Moe"},
    ]
    assert '"total_price": 15.0000,' in result.out


def test_query_csv(exact: Path, tmp_path: Path) -> None:
    result = duff("query", TOTALS, "--format", "csv", "--lake", exact)
    assert result.out == f"order_id,total_price,client_name\r\n1,{PRICE * UNITS},Ñandú\r\n2,15.0000,Moe\r\n"
    out = tmp_path / "totals.csv"
    assert duff("query", TOTALS, "--format", "csv", "-o", out, "--lake", exact) == Result(0, "", "")
    assert out.read_bytes().decode("utf-8") == result.out


def test_query_parquet(exact: Path, tmp_path: Path) -> None:
    out = tmp_path / "it's totals.parquet"
    assert duff("query", TOTALS, "--format", "parquet", "--output", out, "--lake", exact) == Result(0, "", "")
    with duckdb.connect() as connection:
        relation = connection.read_parquet(str(out))
        assert [str(kind) for kind in relation.types] == ["BIGINT", "DECIMAL(24,4)", "VARCHAR"]
        assert relation.fetchall() == [(1, PRICE * UNITS, "Ñandú"), (2, Decimal("15.0000"), "Moe")]


def test_query_reads_standard_input(exact: Path) -> None:
    sql = "select order_id -- año\nfrom db_duff_orders.tbl_duff_orders where client_name = 'Ñandú';\n"
    assert duff("query", "-", "--lake", exact, stdin=sql.encode()).out.split() == ["order_id", "--------", "1"]
    broken = duff("query", "-", "--lake", exact, stdin=b"select '\xff'")
    assert (broken.code, broken.err) == (1, "duff: the query is not valid Unicode at character 9\n")


@pytest.mark.parametrize("table", TABLES)
def test_query_reaches_every_table_with_and_without_the_database(made: tuple[Path, Result], table: str) -> None:
    answers = [
        duff("query", f"select * from {prefix}{table}", "--format", "csv", "--lake", made[0])
        for prefix in ("", "db_duff_orders.", "AwsDataCatalog.db_duff_orders.")
    ]
    assert answers[0].code == 0
    assert answers[0].out.splitlines()[0].split(",") == [field.name for field in TABLES[table].all_fields]
    assert len(answers[0].out.splitlines()) > 1
    assert [sorted(each.out) for each in answers] == [sorted(answers[0].out)] * 3


@pytest.mark.parametrize("table", TABLES)
def test_query_answers_in_an_empty_lake(empty: Path, table: str) -> None:
    result = duff("query", f"select * from {table}", "--format", "csv", "--lake", empty)
    assert (result.code, result.out) == (0, ",".join(field.name for field in TABLES[table].all_fields) + "\r\n")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "the query is empty; write a SELECT"),
        ("drop table fact_orders", "a query starts with SELECT or WITH; found: drop"),
        ("select 1; select 2", "one statement is allowed; found a semicolon at line 1"),
        ("select * from fact_order", "did you mean fact_orders?"),
        (
            "select * from read_csv('/etc/passwd')",
            "table functions are not allowed; allowed: unnest, values and tbl_duff_orders",
        ),
        ("select getenv('HOME')", "the function 'getenv' is not on offer"),
        ("select nothing from fact_orders", "there is no column nothing"),
        ("select cast('x' as bigint)", "the query cannot be answered: 'x' is no value of the type asked for"),
        ("select (", "not a query in Athena's SQL"),
    ],
)
def test_query_refuses_in_a_sentence(made: tuple[Path, Result], tmp_path: Path, sql: str, message: str) -> None:
    out = tmp_path / "kept"
    out.write_text("as it was")
    for format in ("csv", "parquet"):
        result = duff("query", sql, "--format", format, "-o", out, "--lake", made[0])
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("duff: ")
        assert message in result.err
        assert "Traceback" not in result.err
        assert out.read_text() == "as it was"


# duff files


def test_files(made: tuple[Path, Result]) -> None:
    lake, run = made
    assert duff("files", "--json", "--lake", lake).documents == run.documents
    lines = duff("files", "--lake", lake).out.splitlines()
    assert lines[0].split() == ["file_id", "event", "time", "(UTC)", "file", "verdict", *["read", "published"],
                                *["duplicate", "rejected", "withheld", "open"]]  # fmt: skip
    for line, document in zip(lines[1:4], run.documents, strict=True):
        assert line.split()[0] == document["file_id"][:12]
        assert line.split()[1] == document["pa_date"]
        assert line.split()[3:5] == [document["source_file"], document["verdict"]]
    assert lines[4].startswith("05-missing-column.csv: column `status` missing")


@pytest.mark.parametrize(
    ("limit", "told"), [("1", "only the first 1 rows; --with limit=N shows more, up to 10,000\n"), ("2", ""), ("9", "")]
)
@pytest.mark.parametrize("format", ["table", "csv", "json", "parquet"])
def test_a_report_that_was_cut_says_so(
    made: tuple[Path, Result], tmp_path: Path, limit: str, told: str, format: str
) -> None:
    given = ("--report", "status_summary", "--with", f"limit={limit}", "--format", format, "-o", tmp_path / "out")
    if limit == "2":  # as many as there are
        rows = duff("query", *given[:2], "--format", "csv", "--lake", made[0]).out.splitlines()[1:]
        given = (*given[:3], f"limit={len(rows)}", *given[4:])
    assert duff("query", *given, "--lake", made[0]) == Result(0, "", told)


def test_files_of_an_empty_lake(empty: Path) -> None:
    assert duff("files", "--lake", empty) == Result(0, "no files yet; `duff run FILE` takes one in\n", "")
    assert duff("files", "--json", "--lake", empty) == Result(0, "", "")


def test_a_query_ends_when_its_time_is_over(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run = [sys.executable, "-m", "duff_orders"]
    subprocess.run([*run, "run", "--lake", str(lake), SAMPLES / "01-orders.csv"], check=True, capture_output=True)
    slow = "select count(*) as n from " + ", ".join(f"tbl_duff_orders t{number}" for number in range(30))
    out = tmp_path / "out.csv"
    query = [*run, "query", "--lake", str(lake), "--timeout"]
    done = subprocess.run(
        [*query, "1", slow, "--format", "csv", "-o", str(out)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (1, "duff: the query took longer than 1 s\n", "")
    assert not out.exists()
    bomb = "select length(replace(rpad('x', 10000, 'x'), 'x', rpad('y', 10000, 'y'))) as n"
    done = subprocess.run([*query, "20", bomb], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    done = subprocess.run(
        [*query, "240", "select count(*) as n from fact_orders"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["n", "-", "5"]


def test_files_lists_the_newest_unless_all_are_asked_for(tmp_path: Path) -> None:
    files = [tmp_path / f"orders-{number:02}.csv" for number in range(NEWEST + 1)]
    for number, file in enumerate(files):
        generate(file, rows=1, seed=number)
    lake = tmp_path / "lake"
    assert len([*run(open_lake(lake), files)]) == len(files)
    newest, everything = duff("files", "--lake", lake), duff("files", "--lake", lake, "--all")
    assert f"the newest {NEWEST} of {NEWEST + 1} files; --all lists every file" in newest.out
    assert ("orders-00.csv" in newest.out, "orders-01.csv" in newest.out) == (False, True)
    assert ("orders-00.csv" in everything.out, "newest" in everything.out) == (True, False)
    assert len(duff("files", "--lake", lake, "--json").out.splitlines()) == len(files)
