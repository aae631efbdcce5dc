import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from duff_orders.errors import InputError
from duff_orders.query import formats
from duff_orders.query.duckdb import Answered, executed
from duff_orders.query.formats import BATCH, FORMATS, Format, write, write_parquet
from duff_orders.query.guard.check import check
from tests import lakes


def asked(sql: str) -> Answered:
    """The answer to a query, in Athena's dialect."""
    connection, checked = lakes.sql(), check(sql)
    return Answered(executed(connection, checked), checked.columns)


def render(sql: str, format: Format) -> str:
    stream = io.StringIO(newline="")
    write(asked(sql), stream, format)
    return stream.getvalue()


#: An expression of Athena's, and its value in JSON and in CSV.
VALUES = [
    ("cast('15' as decimal(24,4))", "15.0000", "15.0000"),
    ("cast('0.0000001' as decimal(18,7))", "0.0000001", "0.0000001"),
    ("cast(0 as decimal(38,10))", "0.0000000000", "0.0000000000"),
    ("-0.5", "-0.5", "-0.5"),
    ("12345678901234567890.1234", "12345678901234567890.1234", "12345678901234567890.1234"),
    ("round(2.567, 1)", "2.600", "2.600"),
    ("9223372036854775807", "9223372036854775807", "9223372036854775807"),
    ("0.1e0", "0.1", "0.1"),
    ("1e300", "1.0E300", "1.0E300"),
    ("1.5e7", "1.5E7", "1.5E7"),
    ("9999999e0", "9999999.0", "9999999.0"),
    ("0.001e0", "0.001", "0.001"),
    ("-1.25e-4", "-1.25E-4", "-1.25E-4"),
    ("cast(0.1 as real)", "0.1", "0.1"),
    ("nan()", "null", "NaN"),
    ("-infinity()", "null", "-Infinity"),
    ("null", "null", ""),
    ("true", "true", "true"),
    ("''", '""', ""),
    ("'say \"ñ\"'", '"say \\"ñ\\""', 'say "ñ"'),
    ("'a,b' || chr(13) || chr(10) || 'c'", '"a,b\\r\\nc"', "a,b\r\nc"),
    ("date '2024-02-29'", '"2024-02-29"', "2024-02-29"),
    ("timestamp '2024-02-29 01:02:03'", '"2024-02-29 01:02:03"', "2024-02-29 01:02:03"),
    ("timestamp '2024-02-29 01:02:03.50'", '"2024-02-29 01:02:03.50"', "2024-02-29 01:02:03.50"),
    ("cast(timestamp '2024-02-29 01:02:03' as timestamp)", '"2024-02-29 01:02:03.000"', "2024-02-29 01:02:03.000"),
    *(
        (sql, f'"{answer}"', answer)
        for sql, answer in (
            ("timestamp '2024-02-29 01:02:03.5 America/Santiago'", "2024-02-29 01:02:03.5 America/Santiago"),
            ("timestamp '2024-02-29 01:02 UTC' at time zone '+05:45'", "2024-02-29 06:47:00 +05:45"),
            ("from_unixtime(0)", "1970-01-01 00:00:00.000 UTC"),
            ("date '2024-03-01' - date '2024-02-01'", "29 00:00:00.000"),
            ("interval '-90' minute", "-0 01:30:00.000"),
            ("interval '14' month", "1-2"),
        )
    ),
    ("array[1.50, null]", "[1.50, null]", "[1.50, null]"),
    ("array['a b', null]", '["a b", null]', "[a b, null]"),
    ("array[date '2024-01-01']", '["2024-01-01"]', "[2024-01-01]"),
    ("array[timestamp '2024-01-01 10:00 UTC']", '["2024-01-01 10:00:00 UTC"]', "[2024-01-01 10:00:00 UTC]"),
    ("array[nan()]", "[null]", "[NaN]"),
]


@pytest.mark.parametrize(("sql", "as_json", "as_csv"), VALUES, ids=[sql for sql, *_ in VALUES])
def test_value(sql: str, as_json: str, as_csv: str) -> None:
    text = render(f"select {sql} as v", "json")
    assert text == '[\n{"v": ' + as_json + "}\n]\n"
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert list(csv.reader(io.StringIO(render(f"select {sql} as v", "csv"), newline=""))) == ([["v"], [as_csv]])


def test_json_keeps_every_digit() -> None:
    text = render("select 12345678901234567890.1234 as v", "json")
    assert json.loads(text, parse_float=Decimal) == [{"v": Decimal("12345678901234567890.1234")}]


@pytest.mark.parametrize(
    ("format", "expected"),
    [("json", "[]\n"), ("csv", "a,b\r\n"), ("table", "a  b\n-  -\n")],
)
def test_no_rows(format: Format, expected: str) -> None:
    assert render("select 1 as a, 2 as b where false", format) == expected


@pytest.mark.parametrize("format", FORMATS)
def test_more_rows_than_a_batch(format: Format) -> None:
    stream = io.StringIO(newline="")
    count = 2 * BATCH + 1
    assert write(asked(f"select n from unnest(sequence(0, {count - 1})) as t (n)"), stream, format) == count
    if format == "json":
        assert json.loads(stream.getvalue()) == [{"n": n} for n in range(count)]
    else:
        lines = stream.getvalue().splitlines()
        assert [line.strip() for line in lines[-count:]] == [str(n) for n in range(count)]


def test_repeated_names_stay_apart() -> None:
    text = render('select 1 as a, 2 as a, 3 as a_1, 4 as "q""x"', "json")
    assert json.loads(text) == [{"a": 1, "a_2": 2, "a_1": 3, 'q"x': 4}]


def test_csv_is_rfc_4180() -> None:
    assert render("select 'a\"b' as x, 1 as y union all select 'c', 2", "csv") == ('x,y\r\n"a""b",1\r\nc,2\r\n')


def test_table_is_aligned() -> None:
    text = render("select * from (values ('ñandú', 1.50), (null, 10.25)) as t (name, price)", "table")
    assert text == "name   price\n-----  -----\nñandú   1.50\n       10.25\n"


def test_table_shows_control_characters_as_text() -> None:
    text = render("select 'a' || chr(27) || '[31m' || chr(10) || 'b' as x", "table")
    assert text.splitlines()[-1] == "a\\x1b[31m\\nb"


def test_table_on_a_terminal_is_drawn() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    assert write(asked("select '[bold]x' as a, 1 as b"), stream, "table") == 1
    assert "[bold]x" in stream.getvalue()
    assert "│" in stream.getvalue() or "|" in stream.getvalue()


def test_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match="table, json, csv"):
        write(asked("select 1"), io.StringIO(), "xml")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.parquet", "it's.parquet", "a') to 'b.parquet", "a b;--.parquet"])
def test_parquet(tmp_path: Path, name: str) -> None:
    connection = lakes.sql()
    path = tmp_path / name
    sql = check("select 1, 1.5000 as d union all select 2, 2.5 -- end").sql
    assert write_parquet(connection, sql, path) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    rows = connection.execute("select _col0, d::varchar from read_parquet(?)", [str(path)]).fetchall()
    assert rows == [(1, "1.5000"), (2, "2.5000")]


def test_parquet_has_the_types_of_the_answer(tmp_path: Path) -> None:
    connection, path = lakes.sql(), tmp_path / "a.parquet"
    query = """
        select sum(n) as total, sum(n) as total, array_agg(n) as all, 'a' as "of ""them", from_unixtime(0) -- a comment
        from (values (999999999999999998), (999999999999999999)) as t (n)
    """
    checked = check(query)
    assert write_parquet(connection, checked.sql, path) == 1
    answer = connection.execute("select * from read_parquet(?)", [str(path)])
    assert [column[0] for column in answer.description or ()] == ["total", "total_1", "all", 'of "them', "_col4"]
    assert answer.fetchall() == [
        (1999999999999999997,) * 2 + ([999999999999999998, 999999999999999999], "a", "1970-01-01 00:00:00.000 UTC")
    ]
    too_large = "select sum(n) from (values (9223372036854775807), (1)) as t (n)"
    with pytest.raises(duckdb.Error, match="out of range"):
        write_parquet(connection, check(too_large).sql, path)


def test_the_answer_of_another_engine_keeps_types_and_digits() -> None:
    columns = [("n", "bigint"), ("total", "decimal(38,0)"), ("price", "decimal(12,4)"), ("t", "timestamp")]
    columns += [("ok", "boolean"), ("day", "date"), ("n", "array(bigint)")]
    rows: list[list[object]] = [
        [1, "15.3000", "2.5", "2026-03-01T12:00:00.123456Z", True, "2026-03-01", "[1, 2]"],
        [None, None, None, None, None, None, None],
    ]
    with formats.taken(columns, [rows[:1], rows[1:]]) as (connection, statement):
        connection.execute(statement)
        found = connection.fetchall()
    assert found[0] == (
        *(1, Decimal("15.3000"), Decimal("2.5000"), datetime(2026, 3, 1, 12, 0, 0, 123456)),
        *(True, date(2026, 3, 1), "[1, 2]"),
    )
    assert str(found[0][1]) == "15.3000"
    assert found[1] == (None,) * 7
    with formats.taken([("n", "bigint")], []) as (connection, statement):
        assert connection.execute(statement).fetchall() == []
