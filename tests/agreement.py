"""What the pipeline says of a file beside what the oracle says of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from duff_orders.contract import COUNTS, ORDERS, REJECTED_ROWS
from duff_orders.documents import Entry, LedgerRow
from duff_orders.lake.lake import Lake
from tests.lakes import rows
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


def assert_ties_agree(lake: Lake, row: LedgerRow, expected: Outcome) -> None:
    """What each row corrects, or was to correct, and what the ledger says of both."""
    orders = zip(expected.published, expected.corrects, strict=True)
    rejected = zip(expected.rejected, expected.attempts, strict=True)
    assert Counter(rows(lake, row, ORDERS.name, ties=True)) == Counter((*each, tie) for each, tie in orders)
    assert Counter(rows(lake, row, REJECTED_ROWS.name, ties=True)) == Counter((*each, tie) for each, tie in rejected)
    for told, ties in ((row.corrects, expected.corrects), (row.attempts, expected.attempts)):
        lines = ((entry.file_id, line) for entry in map(Entry.of, told or ()) for line in entry.lines)
        assert Counter(f"{file_id}:{line}" for file_id, line in lines) == Counter(tie for tie in ties if tie)
