"""The rules for a value, one text at a time, against the oracle: the value, or the code of the rule that it breaks."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from duff_orders.contract import COLUMNS, Column
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.ingest.marks import Marks
from duff_orders.ingest.rules import Rules
from tests import hostile
from tests.oracle import _BreaksRuleError, _judge_value

TEXTS = sorted(
    {
        *hostile.GOOD_INTEGERS,
        *hostile.GOOD_LARGE_INTEGERS,
        *hostile.GOOD_DECIMALS,
        *hostile.GOOD_STRINGS,
        *hostile.GOOD_STATUSES,
        *hostile.MISSING,
        *hostile.LONGEST,
        *(
            "0",
            "-1",
            "-0",
            "+1",
            "1e3",
            "1,5",
            "1.234,5",
            "1.00001",
            "0.00",
            "123456789",
            "1" * 19,
            "x" * 4097,
            "\u0661",
        ),
    }
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("create table texts as select unnest($texts) as original", {"texts": TEXTS})
        yield opened


def judged(column: Column, text: str, delimiter: str) -> tuple[Any, str | None]:
    try:
        return _judge_value(column.name, text, delimiter), None
    except _BreaksRuleError as broken:
        return None, str(broken)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_value_and_reason(connection: duckdb.DuckDBPyConnection, column: Column, delimiter: str) -> None:
    rules = Rules(DuckDBSpelling(), Marks("," if delimiter == ";" else "."))
    text = "nullif(original, '')"
    value = rules.value(column, text)
    found = connection.execute(
        f"select original, {value}, {rules.reason(column, text, f'({value}) is not null')} from texts"
    ).fetchall()
    assert len(found) == len(TEXTS)
    for original, got, reason in found:
        expected, code = judged(column, original, delimiter)
        assert (got, reason) == (expected, code), repr(original)
        assert isinstance(got, Decimal) == isinstance(expected, Decimal)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_what_is_canonical_has_its_value_at_sight(
    connection: duckdb.DuckDBPyConnection, column: Column, delimiter: str
) -> None:
    rules = Rules(DuckDBSpelling(), Marks("," if delimiter == ";" else "."))
    is_canonical = DuckDBSpelling().full_match("original", rules.canonical_pattern(column))
    found = connection.execute(
        f"select original, {rules.canonical_value(column, 'original')} from texts where {is_canonical}"
    ).fetchall()
    assert found
    for original, value in found:
        if len(original) <= 4096:  # longer records are set aside before
            assert value == judged(column, original, delimiter)[0], repr(original)
