"""Files whose columns are to be told apart by a person."""

from duff_orders.documents import LedgerRow
from duff_orders.reasons import recognized

#: The reasons of such files.
REASONS = (
    *("header_unknown", "header_unknown_as", "column_missing", "columns_missing", "no_header"),
    *("column_twice", "column_twice_as", "columns_refused"),
)


def is_about_the_header(row: LedgerRow) -> bool:
    """Whether a file is invalid since its columns could not be told apart."""
    return row.verdict == "invalid" and (recognized(row.reason or "") or ("",))[0] in REASONS
