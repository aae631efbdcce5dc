"""What the pandas and the Polars job share: the contract's rules, written with care for speed.

The grammars find the few bad values; only those are then looked at one by one for their reason.
Which records have too many fields or misplaced quotes no data frame reader tells, so a pass over
the lines finds them first. It takes a line for a record, as the generated files allow (a record
there never spans lines): the contract asks for more, so this favours the peers.
"""

import re
from pathlib import Path

COLUMNS = (
    "client_id",
    "client_name",
    "order_id",
    "product_id",
    "product_description",
    "product_price",
    "product_ccf",
    "product_volume",
    "point_of_sale_channel",
    "status",
)
INTEGERS = ("client_id", "order_id", "product_id", "product_ccf")
NUMBERS = ("product_price", "product_volume")
NAMES = ("client_name", "product_description", "point_of_sale_channel")
STATUSES = ("created", "delivered", "broken")
MISSING = ("", "null", "none", "nan", "n/a", "\\n")
BLANKS = " \t\r"
LARGEST_INT = 2**31 - 1

INTEGER = r"^[0-9]{1,18}(\.0+)?$"
NUMBER = r"^[0-9]{1,8}(\.[0-9]{1,4}0*)?$"

_FIELD = rb'(?: *"(?:[^"]|"")*" *|(?! *")[^,]*)'
_TEN_FIELDS = re.compile(_FIELD + rb"(?:," + _FIELD + rb"){9}")
_FIELDS = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*")


def unreadable_records(path: Path) -> dict[int, tuple[str, str]]:
    """Records that do not split into ten fields: number (from 0) -> reason, whole text."""
    found: dict[int, tuple[str, str]] = {}
    with path.open("rb") as file:
        next(file)
        for number, line in enumerate(line for line in file if not line.isspace()):
            if b'"' in line or line.count(b",") != 9:
                _look_closer(number, line, found)
    return found


def copy_readable_records(path: Path, copy: Path) -> dict[int, tuple[str, str]]:
    """The same, and the header and all other records are written to `copy`."""
    found: dict[int, tuple[str, str]] = {}
    with path.open("rb") as file, copy.open("wb") as readable:
        write = readable.write
        write(next(file))
        for number, line in enumerate(line for line in file if not line.isspace()):
            plain = b'"' not in line and line.count(b",") == 9
            if plain or not _look_closer(number, line, found):
                write(line)
    return found


def _look_closer(number: int, line: bytes, found: dict[int, tuple[str, str]]) -> bool:
    record = line.rstrip(b"\r\n")
    if _TEN_FIELDS.fullmatch(record):
        return False
    code = "row:wrong_field_count" if _FIELDS.fullmatch(record) else "row:malformed_quotes"
    found[number] = (code, record.decode())
    return True


def reason(column: str, text: str | None) -> str | None:
    """Why a value is rejected, as COLUMN:CODE; None if it is good."""
    value = (text or "").strip(BLANKS)
    code = None
    if value.lower() in MISSING:
        code = "missing"
    elif column == "status":
        code = None if value.lower() in STATUSES else "unknown"
    elif column in INTEGERS:
        code = _integer(column, value)
    elif column in NUMBERS:
        code = _number(column, value)
    return code and f"{column}:{code}"


def _integer(column: str, value: str) -> str | None:
    if re.fullmatch(r"[0-9]{1,18}(\.0+)?", value):
        number = int(value.partition(".")[0])
        too_large = column == "product_ccf" and number > LARGEST_INT
        return "out_of_range" if number < 1 or too_large else None
    if re.fullmatch(r"-[0-9]+(\.0+)?", value):
        return "negative"
    return "out_of_range" if re.fullmatch(r"[0-9]{19,}(\.0+)?", value) else "not_an_integer"


def _number(column: str, value: str) -> str | None:
    if re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,4}0*)?", value):
        zero = not value.strip("0.")
        return "out_of_range" if zero and column == "product_volume" else None
    if re.fullmatch(r"[0-9]{1,8}\.[0-9]+", value):
        return "too_precise"
    if re.fullmatch(r"-[0-9]+(\.[0-9]+)?", value):
        return "negative"
    return "out_of_range" if re.fullmatch(r"[0-9]{9,}(\.[0-9]+)?", value) else "not_a_number"


def reasons(record: dict[str, str | None]) -> str:
    """All of a record's reasons, in column order, joined by semicolons."""
    return ";".join(filter(None, (reason(column, record[column]) for column in COLUMNS)))
