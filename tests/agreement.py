"""What the pipeline says of a file beside what the oracle says of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from duff_orders.contract import COUNTS
from duff_orders.messages import LedgerRow
from tests.oracle import Outcome


def assert_agrees(
    row: LedgerRow, orders: Iterable[tuple[Any, ...]], rejected: Iterable[tuple[Any, ...]], expected: Outcome
) -> None:
    """The same verdict, counts, description and, in any order, the same good and rejected rows."""
    assert (row.verdict, row.error) == (expected.verdict, None)
    assert {name: getattr(row, name) for name in COUNTS} == {name: getattr(expected, name) for name in COUNTS}
    assert row.nulls == expected.nulls
    assert Counter(orders) == Counter(map(tuple, expected.published))
    assert Counter(rejected) == Counter(map(tuple, expected.rejected))
    if row.nulls is not None:
        assert (row.encoding, row.delimiter, row.decimal_mark) == (
            *(expected.encoding, expected.delimiter, expected.decimal_mark),
        )
        assert list(row.extra_columns or ()) == expected.extra_columns
        assert list(row.remarks or ()) == expected.remarks
    if row.verdict == "invalid":
        assert row.reason
