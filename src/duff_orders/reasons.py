"""Why a file got its verdict: each reason once, as a text with places, so that it can be told in other languages.

The ledger holds the text in English, as the contract has it; `recognized` finds the reason and its places in it.
"""

import re
from collections.abc import Iterator
from functools import cache
from string import Formatter

from duff_orders.errors import InvalidFile
from duff_orders.printable import printable

REASONS: dict[str, str] = {
    # the file as a whole: verdict `invalid`
    "empty": "the file is empty: a header line and records are expected",
    "not_gzip": "not a readable gzip file: {error}",
    "holds_nul": "not text: it holds NUL characters",
    "broken_utf16": "not text: broken UTF-16 ({error})",
    "other_name": "no orders file by its name: allowed are *.csv, and *.csv.gz for one that is packed with gzip",
    **{
        f"is_{kind}": f"{words}, and not CSV: allowed are CSV files named *.csv, or packed with gzip *.csv.gz"
        for kind, words in {
            "zip": "a ZIP archive",
            "xlsx": "an Excel workbook (XLSX)",
            "xls": "an Excel workbook (XLS)",
            "gzip": "packed with gzip under another name, or twice",
            "pdf": "a PDF document",
            "html": "an HTML page",
            "json": "JSON",
            "parquet": "Parquet",
            "utf16": "UTF-16 without a byte order mark",
        }.items()
    },
    "header_unknown": "no header line: line {line} reads `{found}`; expected are the columns {columns}, in any order, "
    "separated by comma, semicolon, tab or |",
    "header_unknown_as": "no header line: line {line} reads `{found}`; as the profile {profile} has it, expected are "
    "the columns {columns}, in any order, separated by {delimiter}",
    "column_missing": "column {columns} missing; found: {found}",
    "columns_missing": "columns {columns} missing; found: {found}",
    "column_twice": "column {column} is named {times} times in the header",
    "column_twice_as": "column {column} is named by several headers: {names}",
    "columns_refused": "the profile {profile} allows no further columns, and does not list {columns}",
    "carriage_returns": "the lines end with CR alone; allowed are LF and CRLF: save the file with these",
    "header_too_long": "the header line does not end within the first {kib} KiB of the file",
    "record_number_too_long": "record {number} is longer than 16 MiB: not an orders file, or a quote that never closes",
    "record_too_long": "a record is longer than 16 MiB: not an orders file, or a quote that never closes",
    "replaces_nothing": "it is to replace the file {file}, which the ledger does not know",
    # its records
    "second_header": (
        "line {second} names the columns again, in another order than line {first}: what stands behind it could not be "
        "told apart; split the file there"
    ),
    "no_fields": "none of the {records} records has the right number of fields: the header has {fields}",
    "unclosed_quote": "a quote in record {number} never closes",
    "no_value": "no record has a value of {columns}",
    "too_many_rejected": "{rejected} of {records} records rejected, more than the share of {share} that is allowed",
    "some_rejected": "{rejected} of {records} records rejected",
    # as releases before wrote them
    "no_header": "no header line: the first line names none of the columns {columns}",
    # the other verdicts
    "known_content_as": "its content was already published from {file}, as the profile {profile} reads it",
    "known_content_alone": "its content was already published from {file}, which was read without a profile",
    "known_content": "its content was already published from {file}",
    "failed": "the pipeline failed: {error}",
    # of what a repair could not make again, since the raw file is gone
    "lost": "lost: its raw file and its objects are gone; known of it were {known}; send it again",
    "lost_in_part": "its raw file is gone, and of its objects some; known of it were {known}",
}

#: What a remark says; `{n}` is how often it holds.
REMARKED = {
    "lines_within_quotes": "published records that hold whole lines within quotes: {n}; a stray quote may have "
    "swallowed orders",
    "order_line_repeated": "order lines that stand in several published records: {n}; one becomes the line's state",
    "invisible_characters": "published records with characters that nobody sees: {n}; names that look alike may differ",
}


def known_remark(remark: str) -> tuple[str, str] | None:
    """The code of a remark (`CODE:COUNT`) and how often it holds; None for one that this release does not know."""
    code, _, count = remark.partition(":")
    return (code, count) if code in REMARKED else None


def remarked(remark: str) -> str:
    """A remark of the ledger in words; one that this release does not know, as it stands."""
    recognition = known_remark(remark)
    return REMARKED[recognition[0]].format(n=recognition[1]) if recognition else printable(remark)


def reason(key: str, **places: object) -> str:
    """The text of a reason; what cannot be seen in a file's own words is written out."""
    return REASONS[key].format(**{name: printable(str(place)) for name, place in places.items()})


def invalid(key: str, **places: object) -> InvalidFile:
    """The error of a file that breaks the contract as a whole."""
    return InvalidFile(reason(key, **places))


def recognized(text: str) -> tuple[str, dict[str, str]] | None:
    """Which reason a text is, and what stands in its places; None for one that no release wrote so."""
    for key, pattern in _patterns():
        if match := pattern.fullmatch(text):
            return key, match.groupdict()
    return None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(key, re.compile("".join(_pieces(text)), re.DOTALL)) for key, text in REASONS.items()]


def _pieces(text: str) -> Iterator[str]:
    for literal, place, _, _ in Formatter().parse(text):
        yield re.escape(literal)
        if place:
            yield f"(?P<{place}>.*)"
