"""The typed translation, expression by expression: Trino's answer and type, with constants and with columns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.check import check
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.parse import parse
from duff_orders.query.guard.scope import Query
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.values import text

#: An expression a line, with the type and the answer that Trino gives: https://trino.io/docs/current/functions.html
#: Most answers are Python's, of its decimals, dates, zones and texts, by Trino's rules.
TABLES = sorted((Path(__file__).parent / "expressions").glob("*.txt"))
#: What Trino does not compute.
FAILS = ("1 / 0", "1.0 / 0.0", "5 % 0", "cast('1.5' as bigint)", "cast('x' as double)", "cast(12345 as varchar(3))",
         "9223372036854775807 + 1", "split_part('a,b', ',', 0)", "cast(1000 as tinyint)", "array[1][2]",
         "sequence(1, 20000)",
         "date '2026-01-31' + interval '1' hour")  # fmt: skip
#: What Trino has no function or operator for.
REFUSED = ("1 + 'a'", "'1' = 1", "not 1", "case when 1 then 2 end", "upper(1)", "nothing(1)", "coalesce(1, 'a')",
           "cast(1 as date)", "1 and true", "length(1)", "date_trunc('hour', date '2026-01-31')",
           "date '2026-01-01' + 1", "year('2026-01-01')", "rank()", "sum(1) over (order by 1)",
           "regexp_like('a', '(?=a)')", "regexp_like('a', '\\p{L}')", "regexp_extract('ab', 'a(x)?b', 1)",
           "regexp_extract('a', 'a', 1)", "regexp_replace('a', 'a', '$10')", "regexp_like('a', '[a&&b]')",
           "date_format(date '2026-01-31', '%U')", "listagg('a', ',')",
           "timestamp '2026-01-31 10:00 Nowhere'", "date '2026-01-31' at time zone 'UTC'",
           "timestamp '2026-01-31 UTC'", "cast('2026-01-31 10:00:00.1234567' as timestamp(6))", "cbrt(8)",
           "reduce(array[5000000000], 0, (s, x) -> s + x, s -> s)", "json_format(cast(1.5 as json))")  # fmt: skip


#: Of functions the arguments that are known when a query is planned, or it is refused: units, digits, patterns.
OF_LITERALS = {
    **dict.fromkeys(("date_trunc", "date_add", "date_diff"), (0,)),
    **dict.fromkeys(("round", "truncate", "at_timezone", "with_timezone"), (1,)),
    **dict.fromkeys(("date_format", "date_parse", "format_datetime", "parse_datetime"), (1,)),
    **dict.fromkeys(("regexp_like", "regexp_count", "regexp_split", "regexp_position"), (1,)),
    **dict.fromkeys(("regexp_extract", "regexp_extract_all", "regexp_replace"), (1, 2)),
    **dict.fromkeys(("from_iso8601_timestamp", "localtimestamp", "current_timestamp"), (0,)),
}


def parsed(sql: str) -> exp.Expr:
    (found,) = parse(f"select {sql}").args["expressions"]
    assert isinstance(found, exp.Expr)
    return found


def nothing(node: exp.Column) -> Typed:
    raise QueryRefused(f"no column {node.name}")


def no_query(node: exp.Expr) -> Query:
    raise QueryRefused("no query within")


def as_constants(sql: str) -> tuple[Typed, str]:
    found = Expressions(nothing, no_query).typed(parsed(sql))
    return found, f"select {found.text} as found"


def as_columns(sql: str) -> tuple[Typed, str]:
    """The same with each literal as a column, so that the engine computes what it would fold."""
    tree, columns = parsed(sql), dict[str, Typed]()
    plain = Expressions(nothing, no_query)
    for node in list(tree.find_all(exp.Literal)):
        if isinstance(node.parent, (exp.DataTypeParam, exp.Interval)):
            continue
        if isinstance(node.parent, exp.AtTimeZone) or (
            isinstance(node.parent, exp.Cast) and node.parent.to.this == exp.DataType.Type.TIMESTAMPTZ
        ):
            continue  # a literal with its type
        if isinstance(node.parent, exp.Bracket) and node.arg_key == "expressions":
            continue
        if isinstance(node.parent, exp.Anonymous) and node.index in OF_LITERALS.get(node.parent.name, ()):
            continue  # digits and units are known when a query is planned, or it is refused
        name = f"c{len(columns)}"
        columns[name] = plain.typed(node)
        node.replace(exp.column(name))
    found = Expressions(lambda node: Typed(columns[node.name].type, f'"{node.name}"'), no_query).typed(tree)
    given = ", ".join(f'{each.text} as "{name}"' for name, each in columns.items()) or "1 as nothing"
    # A table hides from the engine what it could compute beforehand.
    return found, f"select {found.text} as found from (select {given} from range(1))"


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"threads": 1})


def answered(engine: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, str]:
    result = engine.execute(sql)
    ((value,),) = result.fetchall()
    assert engine.description
    return value, str(engine.description[0][1]).lower()


def lines(table: Path) -> Iterator[tuple[str, str, str]]:
    """Expressions of a table, with their types and answers."""
    for line in table.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            sql, kind, expected = line.rsplit(" | ", 2)
            yield sql, kind, "" if expected == "''" else expected


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_the_answer_and_the_type_are_trinos(engine: duckdb.DuckDBPyConnection, table: Path) -> None:
    wrong = []
    for sql, kind, expected in lines(table):
        checked = check(f"select {sql}")
        (found,) = (each.type for each in checked.columns)
        value, described = answered(engine, checked.sql)
        told = "null" if value is None else text(value, found)
        # The law: the engine gives the type that was promised.
        if (str(found), described, told) != (kind, found.answered.duckdb, expected):
            wrong.append((sql, str(found), described, told))
    assert not wrong


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_columns_are_answered_as_constants_are(engine: duckdb.DuckDBPyConnection, table: Path) -> None:
    """What the engine computes row by row is what it computes once."""
    wrong = []
    for sql, *_ in lines(table):
        (constant, query), (found, by_rows) = as_constants(sql), as_columns(sql)
        expected, value = answered(engine, query), answered(engine, by_rows)
        if (found.type, str(value)) != (constant.type, str(expected)):
            wrong.append((sql, value, expected))
    assert not wrong


def test_there_are_enough() -> None:
    assert sum(len([*lines(table)]) for table in TABLES) >= 2000


@pytest.mark.parametrize("way", [as_constants, as_columns])
@pytest.mark.parametrize("sql", FAILS)
def test_what_trino_does_not_compute_is_an_error(engine: duckdb.DuckDBPyConnection, sql: str, way: Any) -> None:
    with pytest.raises(duckdb.Error):
        answered(engine, way(sql)[1])


@pytest.mark.parametrize("sql", REFUSED)
def test_what_trino_does_not_have_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused):
        as_constants(sql)
