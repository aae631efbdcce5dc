"""The typed translation, expression by expression: Trino's answer and type, with constants and with columns."""

import math
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.parse import parse
from duff_orders.query.guard.scope import Query
from duff_orders.query.guard.signatures import Typed
from tests.effort import examples

#: What Trino answers, and the type: https://trino.io/docs/current/functions.html
ANSWERS = """
1.50 + 2.5                          | decimal(4,2)    | 4.00
1.0 / 3.00                          | decimal(5,2)    | 0.33
-2.00 / 3.00                        | decimal(5,2)    | -0.67
0.05 / 0.3                          | decimal(3,2)    | 0.17
10 / 4                              | integer         | 2
-10 / 4                             | integer         | -2
10 / 4.0                            | decimal(12,1)   | 2.5
1e0 / 4                             | double          | 0.25
7.5 % 2.00                          | decimal(3,2)    | 1.50
-7 % 2                              | integer         | -1
-7.5 % 2                            | decimal(2,1)    | -1.5
2 * 3.14                            | decimal(13,2)   | 6.28
9999999999 + 1                      | bigint          | 10000000000
2147483648                          | bigint          | 2147483648
round(2.567, 1)                     | decimal(5,3)    | 2.600
round(9.99)                         | decimal(2,0)    | 10
round(-2.5)                         | decimal(2,0)    | -3
round(2.5e0)                        | double          | 3.0
ceil(9.99)                          | decimal(2,0)    | 10
ceiling(-0.5)                       | decimal(1,0)    | 0
floor(-0.5)                         | decimal(1,0)    | -1
truncate(-2.56)                     | decimal(1,0)    | -2
abs(-2.50)                          | decimal(3,2)    | 2.50
sign(-2.50)                         | decimal(1,0)    | -1
mod(7, 4)                           | integer         | 3
power(2, 10)                        | double          | 1024.0
sqrt(-1)                            | double          | nan
ln(0)                               | double          | -inf
greatest(1.5, 2, 0.25)              | decimal(12,2)   | 2.00
least(1, null, 3)                   | integer         | null
nan() = nan()                       | boolean         | false
nan() <> 1e0                        | boolean         | true
nan() > 1e0                         | boolean         | false
1e0 < nan()                         | boolean         | false
1 between 0.5 and 1.5               | boolean         | true
1 in (2, 1.0)                       | boolean         | true
1 in (2, null)                      | boolean         | null
not (1 in (2, null))                | boolean         | null
null = 1                            | boolean         | null
1 is distinct from null             | boolean         | true
1 is not distinct from 1.0          | boolean         | true
case when 1 > 2 then 1 else 2.5 end | decimal(11,1)   | 2.5
case 3 when 3.0 then 'a' end        | varchar(1)      | a
if(1 > 2, 'a')                      | varchar(1)      | null
coalesce(null, 2, 3.5)              | decimal(11,1)   | 2.0
nullif(2, 2.0)                      | integer         | null
'a' || 'bc'                         | varchar         | abc
concat('a', null)                   | varchar         | null
length('abc')                       | bigint          | 3
upper('abc')                        | varchar(3)         | ABC
substr('abcde', 2)                  | varchar(5)         | bcde
substr('abcde', -2)                 | varchar(5)         | de
substr('abcde', 0)                  | varchar(5)         |
substr('abcde', -9, 2)              | varchar(5)         |
substring('abcde', 2, 3)            | varchar(5)         | bcd
replace('aba', 'a')                 | varchar(3)         | b
strpos('abc', 'c')                  | bigint          | 3
split_part('a,b', ',', 2)           | varchar(3)         | b
split_part('a,b', ',', 3)           | varchar(3)         | null
'abc' like 'a%'                     | boolean         | true
'a%c' like 'a!%_' escape '!'        | boolean         | true
cast(2.5e0 as bigint)               | bigint          | 3
cast(-2.5e0 as bigint)              | bigint          | -3
cast(3.5e0 as integer)              | integer         | 4
cast(2.5 as integer)                | integer         | 3
cast('12' as bigint)                | bigint          | 12
cast('1.5' as decimal(3,1))         | decimal(3,1)    | 1.5
cast(0.34 as varchar)               | varchar         | 0.34
cast(-0.34 as varchar)              | varchar         | -0.34
cast('abc' as varchar(2))           | varchar(2)      | ab
cast(true as varchar)               | varchar         | true
cast('t' as boolean)                | boolean         | true
try_cast('x' as bigint)             | bigint          | null
try_cast('1_000' as bigint)         | bigint          | null
try_cast('1.5' as bigint)           | bigint          | null
try_cast(1000 as tinyint)           | tinyint         | null
date '2026-01-31' + interval '1' month        | date         | 2026-02-28
date '2026-01-31' - interval '1' day          | date         | 2026-01-30
interval '1' year + date '2024-02-29'         | date         | 2025-02-28
date_trunc('month', date '2026-01-31')        | date         | 2026-01-01
date_trunc('week', date '2026-11-29')         | date         | 2026-11-23
date_trunc('hour', timestamp '2026-01-31 10:15:16.5') | timestamp(1) | 2026-01-31 10:00:00
date_add('quarter', -1, date '2026-05-31')    | date         | 2026-02-28
date_add('hour', 25, timestamp '2026-01-31 00:30:00') | timestamp(0) | 2026-02-01 01:30:00
date_diff('day', date '2026-01-31', date '2026-03-01')   | bigint | 29
date_diff('month', date '2026-01-31', date '2026-02-28') | bigint | 1
date_diff('hour', timestamp '2026-01-31 10:59:00', timestamp '2026-01-31 12:00:00') | bigint | 1
extract(year from date '2026-01-31')          | bigint       | 2026
day_of_week(date '2026-11-29')                | bigint       | 7
week(date '2027-01-01')                       | bigint       | 53
year_of_week(date '2027-01-01')               | bigint       | 2026
hour(timestamp '2026-01-31 10:15:16')         | bigint       | 10
last_day_of_month(date '2026-02-03')          | date         | 2026-02-28
cast(timestamp '2026-01-31 10:15:16.5005' as timestamp(3)) | timestamp(3) | 2026-01-31 10:15:16.501000
cast('2026-1-5' as date)                      | date         | 2026-01-05
cast(timestamp '2026-01-31 10:15:16.500' as varchar) | varchar | 2026-01-31 10:15:16.500
date '2026-01-31' < timestamp '2026-01-31 00:00:01' | boolean  | true
try_cast('2026-02-30' as date)                | date         | null
array[1, 2.5][2]                              | decimal(11,1) | 2.5
element_at(array[1, 2], -1)                   | integer      | 2
element_at(array[1, 2], 3)                    | integer      | null
cardinality(array['a', null])                 | bigint       | 2
contains(array[1, null], 1)                   | boolean      | true
contains(array[1, null], 2)                   | boolean      | null
contains(array[1], 2)                         | boolean      | false
array_join(array['a', null, 'b'], '-')        | varchar      | a-b
array_max(array[1, 3, null])                  | integer      | null
array_min(array[2, 1])                        | integer      | 1
element_at(array_sort(array[3, null, 1]), 1)  | integer      | 1
element_at(split('a,b', ','), 2)              | varchar(3)      | b
cardinality(sequence(1, 10, 3))               | bigint       | 4
element_at(sequence(date '2026-01-31', date '2026-02-02'), 3) | date | 2026-02-02
try(1 / 0)                                    | integer      | null
trim(' a ')                                   | varchar(3)      | a
lpad('1', 3, '0')                             | varchar      | 001
concat_ws('-', 'a', null, 'b')                | varchar      | a-b
log(2, 8)                                     | double       | 3.0
hour(timestamp '2026-01-31 10:00 America/Santiago') | bigint | 10
hour(timestamp '2026-01-31 10:00 America/Santiago' at time zone 'UTC') | bigint | 13
timestamp '2026-01-31 10:00 -03:00' = timestamp '2026-01-31 13:00 UTC' at time zone '-03:00' | boolean | true
cast(timestamp '2026-01-31 23:30 -04:00' as date) | date | 2026-01-31
cast(timestamp '2026-01-31 23:30 -04:00' at time zone 'UTC' as date) | date | 2026-02-01
day(date_trunc('day', timestamp '2026-01-31 23:30 -04:00')) | bigint | 31
hour(date_add('month', 3, timestamp '2026-01-31 10:00 America/Santiago')) | bigint | 10
hour(from_unixtime(0)) | bigint | 0
date_diff('hour', timestamp '2026-04-04 12:00 America/Lima', timestamp '2026-04-05 12:00 America/Lima') | bigint | 24
date_diff('day', timestamp '2026-04-04 12:00 America/Lima', timestamp '2026-04-05 12:00 America/Lima') | bigint | 1
hour(date_add('day', 1, timestamp '2026-04-04 12:00 America/Santiago')) | bigint | 12
hour(date_add('hour', 24, timestamp '2026-04-04 12:00 America/Santiago')) | bigint | 11
now() = current_timestamp | boolean | true
date_format(timestamp '2024-02-04 09:05:07.5', '%Y-%m-%d %H:%i:%s.%f') | varchar | 2024-02-04 09:05:07.500000
date_format(date '2024-02-04', '%W %e %M %y, %j') | varchar | Sunday 4 February 24, 035
date_format(timestamp '2024-02-04 15:05:07', '%l:%i %p, %c') | varchar | 3:05 PM, 2
date_parse('2024-02-04 09:05', '%Y-%m-%d %H:%i') | timestamp(3) | 2024-02-04 09:05:00
date '2026-03-01' - date '2026-02-27'        | interval day to second | 172800000
date '2026-03-01' - date '2026-02-27' > interval '1' day | boolean | true
timestamp '2026-03-01 00:00:01.5' - timestamp '2026-02-28 23:59:59' | interval day to second | 2500
cast(timestamp '2026-01-31 10:15:16.25' as varchar) | varchar | 2026-01-31 10:15:16.25
cast(timestamp '2026-01-31 10:15:16' as varchar) | varchar | 2026-01-31 10:15:16
date_add('day', length('{x}'), date '2026-01-31') | date | 2026-02-03
trim(both 'x' from 'xax')                     | varchar(3)      | a
trim(leading from ' a')                       | varchar(2)      | a
position('l' in 'hello')                      | bigint       | 3
regexp_like('abc', 'b')                       | boolean      | true
regexp_like('ABC', '(?i)b')                   | boolean      | true
regexp_extract('abc', 'x')                    | varchar      | null
regexp_extract('abc', 'a(b)', 1)              | varchar      | b
regexp_replace('abab', '(a)(b)', '$2$1')      | varchar      | baba
regexp_replace('abab', 'a')                   | varchar      | bb
"""
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
           "timestamp '2026-01-31 10:00 Nowhere'", "date '2026-01-31' at time zone 'UTC'")  # fmt: skip


#: Of functions the arguments that are known when a query is planned, or it is refused: units, digits, patterns.
OF_LITERALS = {
    **dict.fromkeys(("date_trunc", "date_add", "date_diff"), (0,)),
    **dict.fromkeys(("round", "regexp_like", "at_timezone", "date_format", "date_parse"), (1,)),
    **dict.fromkeys(("regexp_extract", "regexp_replace"), (1, 2)),
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


def written(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("way", [as_constants, as_columns])
@pytest.mark.parametrize("line", ANSWERS.strip().splitlines(), ids=lambda line: line.partition("|")[0].strip())
def test_the_answer_and_the_type_are_trinos(engine: duckdb.DuckDBPyConnection, line: str, way: Any) -> None:
    sql, kind, expected = (each.strip() for each in line.rsplit("|", 2))
    found, query = way(sql)
    value, described = answered(engine, query)
    # The law: the engine gives the type that was promised.
    assert described == found.type.duckdb.replace("varchar()", "varchar")
    assert (str(found.type), written(value)) == (kind, expected)


@pytest.mark.parametrize("way", [as_constants, as_columns])
@pytest.mark.parametrize("sql", FAILS)
def test_what_trino_does_not_compute_is_an_error(engine: duckdb.DuckDBPyConnection, sql: str, way: Any) -> None:
    with pytest.raises(duckdb.Error):
        answered(engine, way(sql)[1])


@pytest.mark.parametrize("sql", REFUSED)
def test_what_trino_does_not_have_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused):
        as_constants(sql)


def decimals(digits: int) -> st.SearchStrategy[Decimal]:
    numbers = st.integers(min_value=-(10**digits) + 1, max_value=10**digits - 1)
    return st.builds(lambda number, scale: Decimal(number).scaleb(-min(scale, digits)), numbers, st.integers(0, 6))


@settings(deadline=None, max_examples=examples(1000))
@given(decimals(12), decimals(9))
def test_decimals_divide_as_decimals(left: Decimal, right: Decimal) -> None:
    """To the finer scale, halves away from zero: against Python's own decimals."""
    one, other = f"decimal '{left:f}'", f"decimal '{right:f}'"
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        kinds = [f"decimal(18,{-int(each.as_tuple().exponent)})" for each in (left, right)]
        sql = f"cast('{left:f}' as {kinds[0]}) / cast('{right:f}' as {kinds[1]})"
        query = as_constants(sql)[1]
        if not right:
            with pytest.raises(duckdb.Error):
                answered(engine, query)
            return
        found, _ = answered(engine, query)
    scale = max(-int(left.as_tuple().exponent), -int(right.as_tuple().exponent))
    unit = Decimal(1).scaleb(-scale)
    exact = abs(left) / abs(right)
    away = math.floor(exact / unit + Decimal("0.5")) * unit
    assert found == (away if (left < 0) == (right < 0) else -away), (one, other)
