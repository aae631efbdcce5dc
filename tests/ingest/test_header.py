"""From the first bytes to the dialect, or to the reason why there is none."""

import gzip

import pytest

from duff_orders.clock import utc_now
from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Decision, Event
from duff_orders.errors import InvalidFile
from duff_orders.ingest.header import HEAD, dialect_of, header_columns, read_header
from duff_orders.ingest.text import UTF8, WINDOWS
from tests.readings import AS_CONTRACT


def head(*names: str, delimiter: str = ",") -> bytes:
    return delimiter.join(names).encode() + b"\n1"


@pytest.mark.parametrize(("delimiter", "mark"), [(",", "."), (";", ","), ("\t", ","), ("|", ",")])
def test_the_first_delimiter_under_which_all_columns_are_there(delimiter: str, mark: str) -> None:
    dialect = dialect_of(head(*COLUMN_NAMES, delimiter=delimiter), "a.csv", AS_CONTRACT, whole=True)
    assert (dialect.delimiter, dialect.decimal_mark) == (delimiter, mark)
    assert (dialect.fields, dialect.places) == (10, tuple(range(10)))


def test_names_are_trimmed_and_compared_without_case_in_any_order_and_others_are_left() -> None:
    names = [f" {name.upper()}\t" for name in reversed(COLUMN_NAMES)]
    data = head("Note", *names, '"two, words"')
    dialect = dialect_of(data, "a.csv", AS_CONTRACT, whole=True)
    assert (dialect.fields, dialect.places) == (12, tuple(range(10, 0, -1)))
    assert read_header(data, UTF8, AS_CONTRACT, final=True).extra_columns == ("Note", "two, words")
    assert list(header_columns(dialect)) == ["extra_0", *reversed(COLUMN_NAMES), "extra_11"]


def test_blank_lines_before_the_header_and_compression_do_not_matter() -> None:
    data = b"\n \t\r\n" * 20 + head(*COLUMN_NAMES)
    plain = dialect_of(data, "a.csv", AS_CONTRACT, whole=True)
    assert plain == dialect_of(gzip.compress(data), "a.csv.gz", AS_CONTRACT, whole=True)
    packed = gzip.compress(data + b"1" * 500_000 + bytes(range(1, 250)) * 400)
    assert plain == dialect_of(packed[: len(packed) // 2], "a.csv.gz", AS_CONTRACT, whole=False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"a,b\n", "no header line: line 1 reads `a,b`; expected are the columns client_id,"),
        (head(*COLUMN_NAMES[1:]), "column `client_id` missing; found: client_name"),
        (head(*COLUMN_NAMES[2:]), "columns `client_id`, `client_name` missing"),
        (head(*COLUMN_NAMES, "Status"), "column `status` is named 2 times"),
        (head(*COLUMN_NAMES).replace(b"\n", b"\r"), "the lines end with CR alone"),
        (b"x" * (HEAD + 1), "does not end within the first 64 KiB"),
        (b"a\0,b\n", "NUL"),
    ],
)
def test_what_is_wrong_is_said_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidFile, match=reason):
        dialect_of(data[:HEAD], "a.csv", AS_CONTRACT, whole=len(data) <= HEAD)


def test_windows_1252_is_told_by_a_byte_that_is_no_utf8() -> None:
    dialect = dialect_of(head(*COLUMN_NAMES, "A\u00f1o").decode().encode("cp1252"), "a.csv", AS_CONTRACT, whole=True)
    assert dialect.encoding == WINDOWS


def test_a_decision_is_small_however_wide_the_header() -> None:
    """What a state of Step Functions hands on is limited to 256 KiB."""
    data = ",".join((*(f"e{n:05}" for n in range(9_000)), *COLUMN_NAMES)).encode()
    event = Event(bucket="b", key="a.csv", size=len(data), etag="e", version=None, time=utc_now())
    decision = Decision(route="small", event=event, dialect=dialect_of(data, "a.csv", AS_CONTRACT, whole=True))
    assert len(decision.to_json()) < 1_000
    assert Decision.from_json(decision.to_json()) == decision
