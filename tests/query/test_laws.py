"""What holds of all values: the translation beside Python's decimals, dates, zones and texts, by Trino's rules."""

import math
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duff_orders.errors import QueryRefused
from duff_orders.query import values
from duff_orders.query.duckdb import executed
from duff_orders.query.guard.check import check
from duff_orders.query.guard.conversions import coerced
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.parse import parse
from duff_orders.query.guard.patterns import Pattern
from duff_orders.query.guard.scope import Query
from duff_orders.query.guard.signatures import Around, Signature, Typed, read
from duff_orders.query.guard.tables import FUNCTIONS, TABLES
from duff_orders.query.guard.tables.windows import NAMES as OF_WINDOWS
from duff_orders.query.guard.types import UNKNOWN
from tests.effort import examples

EXACT = Context(prec=100)
ZONES = ("America/Santiago", "Europe/Madrid", "Asia/Kathmandu", "Pacific/Apia", "America/New_York", "UTC")
ENGINE = duckdb.connect(":memory:", config={"threads": 1})
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
LAWS = settings(deadline=None, max_examples=examples(400))


def answer(expression: str, source: str = "") -> tuple[str, str]:
    """The type and the text of an expression's value; the engine's error for one that has none."""
    checked = check(f"select {expression}{source}")
    try:
        ((value,),) = executed(ENGINE, checked).fetchall()
    except duckdb.Error:
        return "", "error"
    (column,) = checked.columns
    return str(column.type), "null" if value is None else values.text(value, column.type)


def decimals(digits: int, scales: int = 6) -> st.SearchStrategy[Decimal]:
    numbers = st.integers(min_value=-(10**digits) + 1, max_value=10**digits - 1)
    return st.builds(lambda number, scale: Decimal(number).scaleb(-scale), numbers, st.integers(0, scales))


def written(number: Decimal) -> tuple[str, int, int]:
    """A decimal as a cast from text, its digits and its scale."""
    scale = -int(number.as_tuple().exponent)
    return f"cast('{number:f}' as decimal(18,{scale}))", 18, scale


def rounded(number: Decimal, scale: int) -> str:
    found = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)
    return f"{found if found else abs(found):f}"


@pytest.mark.property
@LAWS
@given(decimals(12), decimals(9), st.sampled_from("+-*/%"))
def test_decimals_are_computed_as_decimals(left: Decimal, right: Decimal, operator: str) -> None:
    (one, p, s), (other, q, t) = written(left), written(right)
    scale = s + t if operator == "*" else max(s, t)
    digits = {
        "*": p + q,
        "/": p + t + max(0, t - s),
        "%": min(p - s, q - t) + scale,
    }.get(operator, max(p - s, q - t) + scale + 1)
    found = answer(f"{one} {operator} {other}")
    if operator in "/%" and not right:
        assert found == ("", "error")
        return
    exact = {
        "+": lambda: EXACT.add(left, right),
        "-": lambda: EXACT.subtract(left, right),
        "*": lambda: EXACT.multiply(left, right),
        "/": lambda: EXACT.divide(left, right),
        "%": lambda: EXACT.remainder(left, right),
    }[operator]()
    assert found == (f"decimal({min(digits, 38)},{scale})", rounded(exact, scale))


@pytest.mark.property
@LAWS
@given(decimals(12), st.integers(0, 7))
def test_decimals_are_rounded_away_from_zero(number: Decimal, digits: int) -> None:
    text, p, s = written(number)
    expected = rounded(Decimal(rounded(number, min(digits, s))), s)
    assert answer(f"round({text}, {digits})") == (f"decimal({p + 1},{s})", expected)
    cut = number.quantize(Decimal(1), ROUND_DOWN, EXACT)
    assert answer(f"truncate({text})")[1] == f"{cut if cut else abs(cut):f}"


@pytest.mark.property
@LAWS
@given(st.lists(st.one_of(st.none(), decimals(12, scales=0)), min_size=1, max_size=12), st.integers(0, 6))
def test_sums_and_averages_of_decimals_are_exact(numbers: list[Decimal | None], scale: int) -> None:
    given_ = [None if each is None else each.scaleb(-scale) for each in numbers]
    rows = ", ".join("null" if each is None else f"cast('{each:f}' as decimal(18,{scale}))" for each in given_)
    source = f" from (values {rows}, cast(null as decimal(18,{scale}))) as t (x)"
    known = [each for each in given_ if each is not None]
    total = sum(known, Decimal(0))
    assert answer("sum(x)", source) == (f"decimal(38,{scale})", rounded(total, scale) if known else "null")
    average = rounded(EXACT.divide(total, Decimal(len(known))), scale) if known else "null"
    assert answer("avg(x)", source) == (f"decimal(18,{scale})", average)


@pytest.mark.property
@LAWS
@given(decimals(12), st.integers(1, 18), st.integers(0, 6))
def test_what_has_no_room_in_a_decimal_is_an_error(number: Decimal, digits: int, scale: int) -> None:
    scale = min(scale, digits)
    kind, expected = f"decimal({digits},{scale})", rounded(number, scale)
    fits = abs(Decimal(expected)) < 10 ** (digits - scale)
    for value in (written(number)[0], f"'{number:f}'"):
        assert answer(f"cast({value} as {kind})") == ((kind, expected) if fits else ("", "error"))


def moved(day: date, months: int) -> date:
    month = day.month - 1 + months
    first = date(day.year + month // 12, month % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


@pytest.mark.property
@LAWS
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
    st.integers(-400, 400),
    st.sampled_from(("minute", "hour", "day", "week", "month", "year")),
)
def test_times_move_by_the_clock_of_their_zone(moment: datetime, zone: str, count: int, unit: str) -> None:
    """Hours later are so many later, whatever the clock shows; days and months later the clock shows the same."""
    moment = moment.replace(microsecond=0)
    there = moment.astimezone(ZoneInfo(zone))
    time = f"(timestamp '{moment:%Y-%m-%d %H:%M:%S} UTC' at time zone '{zone}')"
    if unit in ("minute", "hour"):
        expected = (moment + timedelta(**{f"{unit}s": count})).astimezone(ZoneInfo(zone))
    else:
        days = {"day": 1, "week": 7}.get(unit)
        months = {"month": 1, "year": 12}.get(unit, 0)
        day = there.date() + timedelta(days=days * count) if days else moved(there.date(), months * count)
        expected = datetime.combine(day, there.time(), ZoneInfo(zone))
        if (
            expected.astimezone(UTC).astimezone(ZoneInfo(zone)).time() != there.time()
            or expected.replace(fold=1).utcoffset() != expected.utcoffset()
        ):
            return  # there is no such time on that day, or it is there twice
    assert answer(f"date_add('{unit}', {count}, {time})")[1] == f"{expected:%Y-%m-%d %H:%M:%S} {zone}"
    assert answer(f"hour({time})")[1] == str(there.hour)
    assert answer(f"cast({time} as date)")[1] == str(there.date())
    assert answer(f"date_format({time}, '%Y-%m-%d %H:%i')")[1] == f"{there:%Y-%m-%d %H:%M}"


@pytest.mark.property
@LAWS
@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_days_are_counted_as_python_does(first: date, second: date) -> None:
    one, other = f"date '{first}'", f"date '{second}'"
    assert answer(f"date_diff('day', {one}, {other})") == ("bigint", str((second - first).days))
    assert answer(f"date_trunc('week', {one})")[1] == str(first - timedelta(days=first.weekday()))
    assert (
        answer(f"year_of_week({one}) * 100 + week({one})")[1] == f"{first.isocalendar()[0]}{first.isocalendar()[1]:02d}"
    )
    assert answer(f"{one} < {other}")[1] == str(first < second).lower()


@pytest.mark.property
@LAWS
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.integers(-14, 14),
    st.integers(0, 14),
)
def test_texts_are_cut_by_code_points(text: str, first: int, length: int) -> None:
    literal = "'" + text.replace("'", "''") + "'"
    begin = first - 1 if first > 0 else len(text) + first
    expected = "" if first == 0 or abs(first) > len(text) else text[begin : begin + length]
    assert answer(f"substr({literal}, {first}, {length})")[1] == expected
    assert answer(f"length({literal})") == ("bigint", str(len(text)))
    assert answer(f"reverse({literal})")[1] == text[::-1]


@pytest.mark.property
@LAWS
@given(st.floats())
def test_a_double_is_written_so_that_it_can_be_read_again(number: float) -> None:
    text = values.text(number, check("select 1e0").columns[0].type)
    again = float(text)
    assert again == number or (math.isnan(again) and math.isnan(number))


#: Values of each type that a table of functions writes.
VALUES: dict[str, tuple[str, ...]] = {
    "tinyint": ("cast(3 as tinyint)", "cast(null as tinyint)"),
    "smallint": ("cast(7 as smallint)",),
    "integer": ("5", "-2", "0", "null"),
    "bigint": ("5000000000", "1", "0"),
    "decimal": ("1.50", "-0.005", "12345678901234567890.12", "0.0", "null"),
    "real": ("cast(1.5 as real)",),
    "double": ("1.5e0", "nan()", "0e0", "null"),
    "varchar": ("'abc'", "''", "'ñ'", "null"),
    "boolean": ("true", "null"),
    "date": ("date '2026-01-31'", "null"),
    "timestamp": ("timestamp '2026-01-31 10:00:00.5'", "timestamp '1969-12-31 23:59:59'"),
    "timestamptz": ("timestamp '2026-01-31 10:00 UTC'", "timestamp '2026-01-31 10:00:00.123456 America/Santiago'"),
    "interval day to second": ("interval '3' day",),
    "interval year to month": ("interval '5' month",),
    "any": ("5", "1.50", "'abc'", "date '2026-01-31'", "true"),
}
#: What the engine says where a value has no answer, in Athena neither.
NO_ANSWER = (
    "Conversion Error",
    "Out of Range Error",
    "Invalid Input Error",
    "Syntax Error",
    "must not be NULL",
    "QUANTILE",
)


def arguments(signature: Signature, turn: int) -> list[str]:
    """Values that a function takes, others at each turn."""

    def of(pattern: Pattern, place: int) -> str:
        if pattern.element is not None:
            return f"array[{of(pattern.element, place)}, {of(pattern.element, place + pattern.name.count('array'))}]"
        kinds = VALUES.get(pattern.name)
        every = VALUES["any"]
        return every[turn % len(every)] if kinds is None else kinds[(turn // 2 + place * turn) % len(kinds)]

    patterns = [*signature.arguments]
    if patterns and patterns[-1].repeats:
        patterns += patterns[-1:] * (turn % 3)
    return [of(pattern, place) for place, pattern in enumerate(patterns)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__.rpartition(".")[2])
def test_every_function_gives_the_type_that_it_promises(table: Any) -> None:
    written = Expressions(lambda node: Typed(UNKNOWN, node.name), lambda node: Query("", []))
    answered = 0
    for signature in read(table.TABLE):
        if signature.name == "grouping":
            continue  # which needs a group
        for turn in range(8):
            texts = arguments(signature, turn)
            given_ = [written.typed(parse(f"select {each}").args["expressions"][0]) for each in texts]
            over = Around(after=" over (order by 1)" if signature.name in OF_WINDOWS else "")
            try:
                found = FUNCTIONS.call(signature.name, given_, coerced, over)
            except QueryRefused:
                continue
            try:
                described = ENGINE.execute(f"select {found.text}").description
            except duckdb.Error as error:
                if not any(sign in str(error) for sign in NO_ANSWER):
                    raise
                continue
            answered += 1
            assert [str(each[1]).lower() for each in described or ()] == [found.type.duckdb], (str(signature), texts)
    assert answered > 20


def code_points() -> Iterator[int]:
    yield from (each for each in range(1, 0x110000) if not 0xD800 <= each < 0xE000)


def simple(changed: str, title: str, letter: str) -> str:
    """What stands for one letter alone, as Java maps it: of what would be several, the title's or itself."""
    return changed if len(changed) == 1 else title if len(title) == 1 else letter


def of_each(function: str) -> dict[int, Any]:
    checked = check(f"select codepoint(x), {function}(x) from (values 'a') as t (x)")
    sql = checked.sql.rpartition(" from (select * from ")[0]
    found = ENGINE.execute(
        f"{sql} from (select chr(cast(n as integer)) as x from (select unnest(?) as n)) as t", [[*code_points()]]
    )
    return dict(found.fetchall())


def test_letters_change_their_case_as_in_java() -> None:
    upper, lower = of_each("upper"), of_each("lower")
    for each in code_points():
        letter = chr(each)
        assert upper[each] == simple(letter.upper(), letter.title(), letter), hex(each)
        assert lower[each] == (letter.lower() if len(letter.lower()) == 1 else letter.lower()[0]), hex(each)


def test_white_space_is_javas() -> None:
    trimmed = of_each("trim")
    blank = {
        each
        for each in code_points()
        if (unicodedata.category(chr(each)) in ("Zs", "Zl", "Zp") and each not in (0xA0, 0x2007, 0x202F))
        or each in range(9, 14)
        or each in range(28, 32)
    }
    assert {each for each, found in trimmed.items() if not found} == blank
