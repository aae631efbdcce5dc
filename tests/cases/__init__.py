"""Small files as they come from outside, each with one kind of trouble met in public reports; all values are made up.

`CASES` says what is to become of each.
"""

from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """The verdict on a file, its counts, by line the reasons of its rejected rows, its own reason, and remarks."""

    verdict: str
    read: int
    published: int
    reasons: dict[int, str]
    said: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int]:
        """Records read, published, rejected."""
        return (self.read, self.published, len(self.reasons))


CASES = {
    # an export in Spanish: points for thousands
    "miles": Case("valid_with_rejects", 4, 2, {2: "product_price:ambiguous_mark", 3: "product_ccf:ambiguous_mark"}),
    # decimal commas beside tabs
    "tab_comma": Case("valid", 4, 4, {}),
    # a channel pasted from a web page
    "nbsp_channel": Case("valid", 6, 6, {}),
    # an invisible character behind a column's name
    "zwsp_header": Case("valid", 5, 5, {}),
    # numbers as a spreadsheet writes them
    "excel_numbers": Case(
        "valid_with_rejects",
        17,
        12,
        {
            2: "order_id:not_an_integer",
            4: "order_id:not_an_integer",
            5: "product_price:not_a_number",
            6: "product_price:not_a_number",
            7: "product_price:not_a_number",
        },
    ),
    # a name cut by bytes
    "one_bad_byte": Case("valid_with_rejects", 5, 4, {6: "row:not_utf8"}),
    # two exports joined
    "repeated_header": Case("valid_with_rejects", 11, 10, {7: "row:header"}),
    # a spreadsheet's first line
    "sep": Case("valid", 3, 3, {}),
    # rows without a letter below the data
    "empty_rows": Case("valid", 5, 5, {}),
    # a total row, "Rows: 5", an end-of-file mark
    "totals": Case(
        "valid_with_rejects",
        8,
        5,
        {
            7: "client_id:not_an_integer;"
            "client_name:missing;order_id:missing;product_id:missing;product_description:missing;product_price:missing;"
            "product_volume:missing;point_of_sale_channel:missing;status:missing",
            8: "row:wrong_field_count",
            9: "row:wrong_field_count",
        },
    ),
    # one delimiter too many in every row
    "trailing_rows_only": Case(
        *("invalid", 5, 0, dict.fromkeys(range(2, 7), "row:wrong_field_count")),
        said="none of the 5 records has the right number of fields: the header has 10",
    ),
    # titles above the header
    "preamble": Case("invalid", 0, 0, {}, said="line 1 reads `Sales export ACME;;;`; expected"),
    # another format under the name
    "gz": Case("invalid", 0, 0, {}, said="packed with gzip under another name"),
    "xlsx": Case("invalid", 0, 0, {}, said="an Excel workbook (XLSX), and not CSV: allowed are CSV files named *.csv"),
    "utf16_nobom": Case("invalid", 0, 0, {}, said="UTF-16 without a byte order mark"),
    # one product twice in one order
    "two_lines": Case("valid", 3, 3, {}, remarks=("order_line_repeated:1",)),
    # quotes that are letters
    "swallow": Case("valid", 3, 3, {}, remarks=("lines_within_quotes:1",)),
}


def data_of(case: str) -> bytes:
    """The bytes of a case's file."""
    return (Path(__file__).parent / f"{case}.csv").read_bytes()
