"""A second opinion on the orders contract: slow, obvious, standard library only.

`judge` says what becomes of one orders file and of every record in it; `star` says what the star
schema holds after a set of files. Both are written from the contract alone and share no code with
the pipeline, so that a test comparing the two compares two independent readings. Nothing here is
fast: the CSV parser walks the text one character at a time.

Where the contract leaves room, this is the reading that the pipeline follows.

The bytes
    - A gzip that is corrupt, cut off or followed by anything but further members (zero bytes of
      padding aside, which gzip itself allows) is not text. A compressed object of no bytes at all
      is empty.
    - EF BB BF at the start is stripped. FF FE or FE FF at the start means UTF-16, and what cannot
      be decoded then (an odd byte, a lone surrogate) is not text. Any other file is UTF-8 if fewer
      of its bytes belong to no character of UTF-8 than it has characters of several bytes, or if
      there are no such bytes at all; else it is Windows-1252 from its first byte to its last, with
      81 8D 8F 90 9D standing for the control characters of the same number
      (https://encoding.spec.whatwg.org/#windows-1252). The byte order mark counts for neither.
    - U+0000 anywhere: not text. No line but blank ones: empty. The former is looked for first.

Lines and quotes
    - A line ends in LF or CRLF. A lone CR is a letter.
    - A record all of whose fields are blank is no record, however many they are and however they
      are quoted, wherever a record could start: before the header too. Neither is a line of spaces
      and tabs.
    - Before an opening quote only U+0020 is ignored. After a closing quote only U+0020, the
      delimiter, LF, CRLF or the end of the file may follow; anything else makes the record
      malformed: its text runs from its start to the next line end, quotes no longer respected,
      and the next record starts on the line after. Of the reasons of whole records the first of
      `malformed_quotes`, `not_utf8`, `header` and `wrong_field_count` is told.
    - A record's line is that of its first character: one more than the LFs before it.
    - A record whose quote never closes is one rejected record, `row:malformed_quotes`, with its
      text to the end of the file, and makes the file invalid.

The header
    - It is the first record. The delimiters are tried in their order, and the first under which
      the header is well formed and its names, trimmed and in lower case, include all ten wins.
    - Where the first line that is not blank is `sep=` and a delimiter, in any case and but for
      blanks around it, the header is the first record behind it, and no other delimiter is tried.
    - A later record whose fields include all ten names, too, is a second header, however many
      fields it has. It stands in the same order if each column's name stands in the column's place.
    - With no such delimiter, or with a required column named twice, the header is the problem.
      In the latter case delimiter, decimal mark and extra columns are still told.
    - Extra columns are told in the header's order, trimmed, in their own case.

The values
    - The original text of a field is what the CSV grammar yields, untrimmed: the content between
      the quotes with doubled quotes undone, or everything between the delimiters. A second header
      keeps those in the columns' places, null where it has no such field; a record of the wrong
      number of fields has no text in any column, but its own as a whole.
    - Case is ASCII case everywhere, digits are ASCII digits. Trimming takes spaces, tabs, CR,
      U+00A0, U+2007, U+202F, U+200B and U+FEFF only; a name of nothing but a line break is a value.
    - A text has at most 4,096 code points once it is trimmed.
    - A column has at most one reason. `-0` is negative, nine digits before the point are out of
      range even where the first is a zero, and so are 19 digits in an integer.
    - Where the delimiter is not the comma, one comma in a numeric value (of an integer too) may
      stand for the point, and the point is read as well. `1.234,50` is not a number. But points
      before groups of three digits, as in `1.990`, are an ambiguous mark, which is looked for first
      of all but what is missing.

Corrections
    - `duff_corrects` is trimmed, and case does not matter; blank is an ordinary record. A row that
      was to take the place of another itself stands for that one.
    - A cell that breaks a rule has that rule's reason, else `changed` where it may not differ;
      `duff_corrects:unknown` comes last.
    - `duff_changes` names columns, in any case, `;` between them and spaces anywhere.
    - A record that is no data as a whole corrects nothing, and a file with one is judged like any.
    - Records whose ten values are equal, but that correct different rows, are not equal.
    - Either column named twice: the header is the problem.

The counts
    - For a file that is empty, not text or has no good header all counts are 0, there are no
      nulls and nothing is rejected.
    - `nulls` counts the records of the right field count in which the column is missing. Such
      records are all that are split, second headers too.
    - A column is empty if there are records of the right field count, and none has a value there.
    - In an invalid file every good record is withheld, repeated ones too; the rejected are kept.
    - The share of rejects must exceed `max_reject_share`; to equal it is allowed.
    - Of several problems the first of `second_header`, `unclosed_quote`, `empty_column`,
      `reject_share` is told.

The remarks
    - They are told in the contract's order, those that count none left out; of a file of which
      nothing is published there are none.
    - A published row stands for all records that are equal to it: a remark holds of it if it holds
      of any of these.
    - A quoted field holds a line if it holds a line break (LF, alone or behind CR); its lines are
      what stands between these. A delimiter in a line is one wherever it stands.
    - An order line is repeated if published records that differ have its `order_id` and
      `product_id`.

With a profile, which is given as its TOML says
    - A header names the column whose own name it is, in any ASCII case, else the one in whose list
      it stands: both composed (NFC), casefolded, trimmed, and with one blank for each run of them.
    - Columns with a default need no header; where none names them each record has the default,
      a rejected row no text, and `nulls` does not count them.
    - Its delimiter is the only one. Its decimal mark is the only one; the other of `.` and `,`
      stands nowhere, nor does `_`, but that the thousands mark may stand before each group of three
      digits in front of the decimal mark, if in front of all, and the first digit is none of zero.
    - Its words are looked for after what means no value, trimmed, ASCII letters in any case.
    - `extra_columns = "refuse"`: a header that is not listed is the header's problem.

The verdicts `duplicate` and `failed` depend on more than the file and are not judged here.
"""

import gzip
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar


class Published(NamedTuple):
    """A good record: its ten cleaned values, and `product_price` times `product_ccf`."""

    client_id: int
    client_name: str
    order_id: int
    product_id: int
    product_description: str
    product_price: Decimal
    product_ccf: int
    product_volume: Decimal
    point_of_sale_channel: str
    status: str
    total_price: Decimal


class Rejected(NamedTuple):
    """A rejected record: its original texts, or its whole text in `record`; `line` is where it begins."""

    client_id: str | None
    client_name: str | None
    order_id: str | None
    product_id: str | None
    product_description: str | None
    product_price: str | None
    product_ccf: str | None
    product_volume: str | None
    point_of_sale_channel: str | None
    status: str | None
    reasons: str
    record: str | None
    line: int


@dataclass(frozen=True)
class Outcome:
    """What becomes of one file.

    `corrects` and `attempts` hold for each published and rejected record which row's place it takes, or was to take.
    `verdict` is valid, valid_with_rejects or invalid; `problem` tells why it is invalid: empty,
    not_text, header, second_header, unclosed_quote, empty_column or reject_share. `published` and
    `rejected` stand in the file's order; of equal records the first is published.
    """

    verdict: str
    problem: str | None
    encoding: str | None
    delimiter: str | None
    decimal_mark: str | None
    extra_columns: list[str] | None
    rows_read: int
    rows_published: int
    rows_duplicate: int
    rows_rejected: int
    rows_withheld: int
    nulls: dict[str, int] | None
    published: list[Published]
    rejected: list[Rejected]
    remarks: list[str]
    corrects: list[str | None] = field(default_factory=list)
    attempts: list[str | None] = field(default_factory=list)


COLUMNS = Published._fields[:10]
DELIMITERS = (",", ";", "\t", "|")
STATUS_IDS = {"created": 1, "delivered": 2, "broken": 3}

_MISSING = {"", "null", "none", "nan", "n/a", "\\n"}
_BLANK = "[ \\t\\r\\u00a0\\u2007\\u202f\\u200b\\ufeff]"
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00a0\u2007\u202f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_LARGEST_CCF = 2_147_483_647
_FOUR_DECIMALS = Decimal("0.0001")
_WINDOWS_1252 = [bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)]


class Known(NamedTuple):
    """A rejected row of another file, that file's delimiter, and the row whose place it was to take itself."""

    row: Rejected
    delimiter: str
    attempted: str | None = None


def judge(
    data: bytes,
    *,
    compressed: bool = False,
    max_reject_share: Decimal = Decimal("0.5"),
    known: Mapping[str, Known] | None = None,
    profile: Mapping[str, Any] | None = None,
) -> Outcome:
    """Say what becomes of the file whose object holds `data`, gzipped if `compressed`.

    `known` are the rejected rows of other files, each by `FILE_ID:LINE`; `profile` is the partner's, as its TOML says.
    """
    way = _Way(profile or {})
    max_reject_share = Decimal(way.said.get("max_reject_share", max_reject_share))
    if compressed:
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return _without_records("not_text")

    decoded = _decode(data)
    if decoded is None or "\0" in decoded[0]:
        return _without_records("not_text")
    text, encoding = decoded

    if all(_first_record(text, 0, delimiter) is None for delimiter in DELIMITERS):
        return _without_records("empty")

    header = _find_header(text, way)
    if header is None:
        return _without_records("header", encoding)
    twice = any(header.keys.count(name) > 1 for name in (*COLUMNS, "duff_corrects", "duff_changes"))
    if twice or way.refused(header):
        return _without_records("header", encoding, header.delimiter, header.extra_columns, way)
    return _judge_records(text, encoding, header, max_reject_share, known or {}, way)


def _judge_records(
    text: str, encoding: str, header: "_Header", max_reject_share: Decimal, known: Mapping[str, Known], way: "_Way"
) -> Outcome:
    at = header.next_start
    line, counted = 1, 0
    positions = {key: position for position, key in enumerate(header.keys)}
    good: list[tuple[Published, str | None]] = []
    swallowing: set[tuple[Published, str | None] | None] = set()
    rejected: list[Rejected] = []
    attempts: list[str | None] = []
    ordinary = 0
    nulls = dict.fromkeys(COLUMNS, 0)
    right_field_count = 0
    unclosed = False
    while (record := _first_record(text, at, header.delimiter)) is not None:
        line, counted = line + text.count("\n", counted, record.start), record.start
        at = record.next_start
        unclosed = unclosed or not record.closed
        right_field_count += _is_split(record) and len(record.fields or ()) == len(header.names)
        no_data = _no_data(record, line, positions, len(header.names), way)
        if no_data is not None:
            rejected.append(no_data)
            attempts.append(None)
            continue
        assert record.fields is not None  # or its quotes were malformed
        originals = {column: record.fields[positions[column]] if column in positions else None for column in COLUMNS}
        for column, original in originals.items():
            nulls[column] += original is not None and _is_missing(original)
        tie = _tie(record.fields, positions, known)
        ordinary += not tie.corrects
        takes = tie.takes
        judged = _judge_values(originals, header.delimiter, tie, way)
        if isinstance(judged, Published):
            good.append((judged, takes))
            swallowing.add((judged, takes) if any(_holds_a_line(field, header) for field in record.fields) else None)
        else:
            rejected.append(Rejected(**originals, reasons=judged, record=None, line=line))
            attempts.append(takes)

    rows_read = len(good) + len(rejected)
    problem = None
    if any(not _is_in_order(row, positions, way) for row in rejected if row.reasons == "row:header"):
        problem = "second_header"
    elif unclosed:
        problem = "unclosed_quote"
    # of corrections alone, what is still wrong stays open
    elif ordinary or right_field_count < rows_read or "duff_corrects" not in positions:
        empty = right_field_count and right_field_count in nulls.values()
        too_many = len(rejected) > max_reject_share * rows_read
        problem = "empty_column" if empty else "reject_share" if too_many else None

    published = [] if problem else list(dict.fromkeys(good))
    return Outcome(
        verdict="invalid" if problem else "valid_with_rejects" if rejected else "valid",
        problem=problem,
        encoding=encoding,
        delimiter=header.delimiter,
        decimal_mark=_decimal_mark(header.delimiter, way),
        extra_columns=header.extra_columns,
        rows_read=rows_read,
        rows_published=len(published),
        rows_duplicate=0 if problem else len(good) - len(published),
        rows_rejected=len(rejected),
        rows_withheld=len(good) if problem else 0,
        nulls=nulls,
        published=[row for row, _ in published],
        rejected=rejected,
        remarks=_remarks(published, swallowing),
        corrects=[takes for _, takes in published],
        attempts=attempts,
    )


class _Tie(NamedTuple):
    corrects: str  # what the record says
    known: Known | None
    may_change: set[str]

    @property
    def takes(self) -> str | None:
        """The row whose place the record takes."""
        return None if self.known is None else self.known.attempted or self.corrects


def _tie(fields: list[str], positions: dict[str, int], known: Mapping[str, Known]) -> _Tie:
    corrects, changes = (
        _lower(_trim(fields[positions[name]])) if name in positions else ""
        for name in ("duff_corrects", "duff_changes")
    )
    return _Tie(corrects, known.get(corrects), {*changes.replace(" ", "").split(";")})


def _holds_a_line(field: str, header: "_Header") -> bool:
    lines = field.split("\n")
    return len(lines) > 1 and any(line.count(header.delimiter) >= len(header.names) - 1 for line in lines)


def _remarks(
    published: list[tuple[Published, str | None]], swallowing: set[tuple[Published, str | None] | None]
) -> list[str]:
    lines = Counter((row.order_id, row.product_id) for row, _ in published)
    counts = {
        "lines_within_quotes": sum(row in swallowing for row in published),
        "order_line_repeated": sum(times > 1 for times in lines.values()),
        "invisible_characters": sum(
            any(map(_INVISIBLE.search, (row.client_name, row.product_description, row.point_of_sale_channel)))
            for row, _ in published
        ),
    }
    return [f"{code}:{count}" for code, count in counts.items() if count]


def _is_split(record: "_Record") -> bool:
    return record.fields is not None and not _has_bytes_that_are_no_text(record.text)


def _no_data(record: "_Record", line: int, positions: dict[str, int], width: int, way: "_Way") -> Rejected | None:
    """The rejected row of a record that is no data as a whole."""
    if record.fields is None:
        return _rejected_row("row:malformed_quotes", record.text, line)
    if not _is_split(record):
        return _rejected_row("row:not_utf8", record.text, line)
    if {way.key(_trim(field)) for field in record.fields} >= way.required:
        fields = dict(enumerate(record.fields))
        texts = {column: fields.get(positions.get(column, -1)) for column in COLUMNS}
        return Rejected(**texts, reasons="row:header", record=None, line=line)
    if len(record.fields) != width:
        return _rejected_row("row:wrong_field_count", record.text, line)
    return None


def _is_in_order(header: Rejected, positions: dict[str, int], way: "_Way") -> bool:
    """Whether the names of a second header stand where they stand in the first."""
    return all(way.key(_trim(getattr(header, column) or "")) == column for column in COLUMNS if column in positions)


def _without_records(
    problem: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    extra_columns: list[str] | None = None,
    way: "_Way | None" = None,
) -> Outcome:
    return Outcome(
        verdict="invalid",
        problem=problem,
        encoding=encoding,
        delimiter=delimiter,
        decimal_mark=_decimal_mark(delimiter, way),
        extra_columns=extra_columns,
        rows_read=0,
        rows_published=0,
        rows_duplicate=0,
        rows_rejected=0,
        rows_withheld=0,
        nulls=None,
        published=[],
        rejected=[],
        remarks=[],
    )


def _rejected_row(reason: str, record: str, line: int) -> Rejected:
    return Rejected(**dict.fromkeys(COLUMNS), reasons=reason, record=_shown(record), line=line)


def _decimal_mark(delimiter: str | None, way: "_Way | None") -> str | None:
    if delimiter is None:
        return None
    if way and "numbers" in way.said:
        return str(way.said["numbers"]["decimal_mark"])
    return "." if delimiter == "," else ","


# From bytes to text


def _decode(data: bytes) -> tuple[str, str] | None:
    """The text without its byte order mark, and its encoding; None where it is not text.

    In UTF-8, a byte that belongs to no character is U+DC00 and its number.
    """
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            try:
                return data[2:].decode(codec), "utf-16"
            except UnicodeDecodeError:
                return None
    data = data.removeprefix(b"\xef\xbb\xbf")
    text = data.decode("utf-8", "surrogateescape")
    invalid = sum(_is_no_text(char) for char in text)
    if not invalid or sum(char > "\x7f" for char in text) - invalid > invalid:
        return text, "utf-8"
    return "".join(_WINDOWS_1252[byte] for byte in data), "windows-1252"


def _is_no_text(char: str) -> bool:
    return "\udc80" <= char <= "\udcff"


def _has_bytes_that_are_no_text(text: str) -> bool:
    return any(_is_no_text(char) for char in text)


def _shown(text: str) -> str:
    return "".join(f"\\x{ord(char) - 0xDC00:02x}" if _is_no_text(char) else char for char in text)


# From text to records


class _Record(NamedTuple):
    start: int
    text: str  # without its line end
    fields: list[str] | None  # None: malformed quotes
    next_start: int
    closed: bool = True  # False: its quote never closes


def _line_end(text: str, at: int) -> str:
    """The line end that stands at `at`, or nothing."""
    if text[at : at + 1] == "\n":
        return "\n"
    return "\r\n" if text[at : at + 2] == "\r\n" else ""


def _skip_blank_lines(text: str, at: int) -> int:
    """Where the first line that is not blank starts, from the line start `at` on."""
    while at < len(text):
        end = at
        while end < len(text) and text[end] in " \t":
            end += 1
        if end < len(text) and not _line_end(text, end):
            return at
        at = end + len(_line_end(text, end))
    return at


def _first_record(text: str, at: int, delimiter: str) -> _Record | None:
    """The first record from the line start `at` on that is one: not all of its fields are blank."""
    while (at := _skip_blank_lines(text, at)) < len(text):
        record = _read_record(text, at, delimiter)
        if record.fields is None or any(_trim(field) for field in record.fields):
            return record
        at = record.next_start
    return None


def _read_record(text: str, start: int, delimiter: str) -> _Record:
    """The record that starts at `start`, which is the start of a line that is not blank."""
    fields: list[str] = []
    field = ""
    state = "before"  # before (nothing but spaces so far), unquoted, quoted, after (the quotes)
    at = start
    while at < len(text):
        char = text[at]
        if state == "quoted":
            if char != '"':
                field += char
            elif text.startswith('""', at):
                field += '"'
                at += 1
            else:
                state = "after"
        elif line_end := _line_end(text, at):
            return _Record(start, text[start:at], [*fields, field], at + len(line_end))
        elif char == delimiter:
            fields.append(field)
            field = ""
            state = "before"
        elif state == "after":
            if char != " ":
                return _malformed_record(text, start, at)
        elif state == "before" and char == '"':
            field = ""
            state = "quoted"
        else:
            field += char
            state = state if char == " " else "unquoted"
        at += 1
    if state == "quoted":
        return _Record(start, text[start:], None, len(text), closed=False)
    return _Record(start, text[start:], [*fields, field], len(text))


def _malformed_record(text: str, start: int, at: int) -> _Record:
    while at < len(text) and not _line_end(text, at):
        at += 1
    return _Record(start, text[start:at], None, at + len(_line_end(text, at)))


class _Way:
    """How a partner writes."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said = said
        self.defaults: Mapping[str, str] = said.get("defaults", {})
        self.required = {column for column in COLUMNS if column not in self.defaults}
        self.listed = {
            self.folded(name): column
            for column, names in said.get("headers", {}).items()
            for name in ([names] if isinstance(names, str) else names)
        }
        self.words = {
            column: {_lower(_trim(word)): value for word, value in words.items()}
            for column, words in said.get("values", {}).items()
        }

    @staticmethod
    def folded(name: str) -> str:
        return " ".join(_trim(unicodedata.normalize("NFC", name)).split()).casefold()

    def key(self, name: str) -> str:
        """The column that a header names, or its own name."""
        own = _lower(name)
        return own if own in COLUMNS else self.listed.get(self.folded(name), own)

    def refused(self, header: "_Header") -> bool:
        file = self.said.get("file", {})
        ignored = file.get("ignore", [])
        allowed = {self.folded(name) for name in ([ignored] if isinstance(ignored, str) else ignored)}
        allowed |= {"duff_corrects", "duff_changes"}
        others = [name for name in header.extra_columns if self.folded(name) not in allowed]
        return file.get("extra_columns") == "refuse" and bool(others)

    def pointed(self, value: str) -> str:
        """A number by the profile's marks as one with a point; what is none stays none."""
        numbers = self.said["numbers"]
        decimal, thousands = numbers["decimal_mark"], numbers.get("thousands_mark")
        sign = "-" if value.startswith("-") else ""
        whole, *decimals = value.removeprefix("-").split(decimal)
        if thousands and thousands in whole:
            first, *groups = whole.split(thousands)
            three = all(re.fullmatch("[0-9]{3}", group) for group in groups)
            if not (three and re.fullmatch("[1-9][0-9]{0,2}", first)):
                return "none"
            whole = first + "".join(groups)
        if any(mark in part for part in (whole, *decimals) for mark in (".", ",", "_", thousands or "_")):
            return "none"
        return sign + ".".join((whole, *decimals))


class _Header(NamedTuple):
    names: list[str]  # trimmed
    keys: list[str]  # the columns that they name
    delimiter: str
    extra_columns: list[str]
    next_start: int


def _find_header(text: str, way: _Way) -> _Header | None:
    start = 0
    delimiters: tuple[str, ...] = DELIMITERS
    if named := re.match(rf"(?:{_BLANK}*\n)*{_BLANK}*[sS][eE][pP]=([,;\t|]){_BLANK}*(?:\n|\Z)", text):
        start, delimiters = named.end(), (named[1],)
    if only := way.said.get("file", {}).get("delimiter"):
        delimiters = (only,)
    for delimiter in delimiters:
        record = _first_record(text, start, delimiter)
        if record is not None and record.fields is not None:
            names = [_trim(name) for name in record.fields]
            keys = [way.key(name) for name in names]
            if {*keys} >= way.required:
                extra_columns = [_shown(name) for name, key in zip(names, keys, strict=True) if key not in COLUMNS]
                return _Header(names, keys, delimiter, extra_columns, record.next_start)
    return None


# From texts to values


class _BreaksRuleError(Exception):
    """A value is not good; the message is the reason's code."""


def _trim(text: str) -> str:
    return text.strip(" \t\r\u00a0\u2007\u202f\u200b\ufeff")


def _lower(text: str) -> str:
    """In lower case, ASCII letters only: the Kelvin sign is no k."""
    return "".join(char.lower() if "A" <= char <= "Z" else char for char in text)


def _is_missing(original: str) -> bool:
    return _lower(_trim(original)) in _MISSING


def _judge_values(originals: dict[str, str | None], delimiter: str, tie: _Tie, way: _Way) -> Published | str:
    """The cleaned record, or its reasons."""
    values: dict[str, Any] = {}
    reasons: list[str] = []
    for column in COLUMNS:
        try:
            values[column] = _judge_value(column, originals[column], delimiter, way)
            if column not in tie.may_change and values[column] != _kept(column, tie.known, values[column], way):
                raise _BreaksRuleError("changed")
        except _BreaksRuleError as broken:
            reasons.append(f"{column}:{broken}")
    if tie.corrects and not tie.known:
        reasons.append("duff_corrects:unknown")
    if reasons:
        return ";".join(reasons)
    return Published(**values, total_price=values["product_price"] * values["product_ccf"])


def _kept(column: str, corrected: Known | None, otherwise: int | Decimal | str, way: _Way) -> int | Decimal | str:
    """The value that a corrected row's cell must keep; any, where something was wrong there."""
    if corrected is None:
        return otherwise
    row = corrected.row
    wrong = {reason.partition(":")[0] for reason in row.reasons.split(";")}
    if {"row", column} & wrong:
        return otherwise
    return _judge_value(column, getattr(row, column), corrected.delimiter, way)


def _judge_value(column: str, original: str | None, delimiter: str, way: _Way | None = None) -> int | Decimal | str:
    way = way or _Way({})
    if original is None:
        default = way.defaults[column]
        return int(default) if column == "client_id" else default
    if _is_missing(original):
        raise _BreaksRuleError("missing")
    value = _trim(original)
    if _lower(value) in way.words.get(column, {}):
        return str(way.words[column][_lower(value)])
    if column == "status":
        if _lower(value) not in STATUS_IDS:
            raise _BreaksRuleError("unknown")
        return _lower(value)
    if column in ("client_name", "product_description", "point_of_sale_channel"):
        if len(value) > 4096:
            raise _BreaksRuleError("too_long")
        return value
    if "numbers" in way.said:
        value = way.pointed(value)
    elif delimiter != ",":
        if re.fullmatch(r"[1-9][0-9]{0,2}(\.[0-9]{3})+", value):
            raise _BreaksRuleError("ambiguous_mark")
        if value.count(",") == 1:
            value = value.replace(",", ".")
    if column in ("product_price", "product_volume"):
        return _number(column, value)
    return _integer(column, value)


def _integer(column: str, value: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}(\.0+)?", value):
        integer = int(value.partition(".")[0])
        if integer < 1 or (column == "product_ccf" and integer > _LARGEST_CCF):
            raise _BreaksRuleError("out_of_range")
        return integer
    if re.fullmatch(r"-[0-9]+(\.0+)?", value):
        raise _BreaksRuleError("negative")
    if re.fullmatch(r"[0-9]{19,}(\.0+)?", value):
        raise _BreaksRuleError("out_of_range")
    raise _BreaksRuleError("not_an_integer")


def _number(column: str, value: str) -> Decimal:
    if re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,4}0*)?", value):
        number = Decimal(value).quantize(_FOUR_DECIMALS)  # exact: only zeros can fall off
        if column == "product_volume" and number == 0:
            raise _BreaksRuleError("out_of_range")
        return number
    if re.fullmatch(r"[0-9]{1,8}\.[0-9]+", value):
        raise _BreaksRuleError("too_precise")
    if re.fullmatch(r"-[0-9]+(\.[0-9]+)?", value):
        raise _BreaksRuleError("negative")
    if re.fullmatch(r"[0-9]{9,}(\.[0-9]+)?", value):
        raise _BreaksRuleError("out_of_range")
    raise _BreaksRuleError("not_a_number")


# From files to the star schema


class Place(NamedTuple):
    """What a row takes the place of, `FILE_ID:LINE` or `FILE_ID`, and the event time of that file."""

    corrects: str
    effective_at: datetime


@dataclass(frozen=True)
class FileRows:
    """The published rows of one file. `event_time` is in UTC; `places` is empty, or holds one for each row."""

    file_id: str
    event_time: datetime
    rows: Sequence[Published]
    places: Sequence[Place | None] = ()
    sequencer: str | None = None


Client = tuple[str, datetime, datetime, str, datetime, str | None]
Product = tuple[str, Decimal, Decimal, datetime, datetime, str, datetime, str | None]
OrderLine = tuple[int, int, int, Decimal, int, Decimal, Decimal, datetime, datetime, date, str, datetime, str | None]


@dataclass(frozen=True)
class Star:
    """The five tables, keyed by their grain; first and last seen are times at which rows rank.

    `file` stands for the file_id, the event time and the sequencer of the file that gave the latest state.

    - `dim_clients`: client_id to (client_name, first_seen, last_seen, file)
    - `dim_products`: product_id to (description, price, volume, first_seen, last_seen, file)
    - `dim_status`: status_id to status
    - `dim_channels`: channel_id to point_of_sale_channel, every channel ever published
    - `fact_orders`: (order_id, product_id) to (client_id, status_id, channel_id, price, ccf,
      total_price, total_volume, first_seen, last_seen, pa_date, file)
    """

    dim_clients: dict[int, Client]
    dim_products: dict[int, Product]
    dim_status: dict[int, str]
    dim_channels: dict[int, str]
    fact_orders: dict[tuple[int, int], OrderLine]


class _Seen(NamedTuple):
    file: FileRows
    row: Published
    corrects: str
    effective_at: datetime

    @property
    def named(self) -> tuple[str, datetime, str | None]:
        return self.file.file_id, self.file.event_time, self.file.sequencer


_Key = TypeVar("_Key")
_History = tuple[_Seen, datetime, datetime]


def star(files: Iterable[FileRows], channel_id: Callable[[str], int]) -> Star:
    """The star schema after `files`, in whatever order they come.

    The latest is the greatest by the time at which it ranks (of a correction that of the file that
    it corrects), then event time, sequencer and file_id, then `delivered` and `broken` before
    `created`, then the columns in their order; strings compare by their UTF-8 bytes. That one
    order serves the facts and the dimensions alike. `total_volume` is volume times units, exact;
    `pa_date` is the date of first_seen. Files without rows leave no trace. Of rows that correct the
    same row the greatest counts, of files that replace the same file the last.

    Raises:
        ValueError: two channels have the same `channel_id`.
    """
    seen = _counting(
        [
            _Seen(file, row, *(place or ("", file.event_time)))
            for file in files
            for row, place in zip(file.rows, file.places or [None] * len(file.rows), strict=True)
        ]
    )

    dim_clients: dict[int, Client] = {}
    for client_id, history in _histories(seen, lambda row: row.client_id).items():
        latest, first_seen, last_seen = history
        dim_clients[client_id] = (
            latest.row.client_name,
            first_seen,
            last_seen,
            *latest.named,
        )

    dim_products: dict[int, Product] = {}
    for product_id, history in _histories(seen, lambda row: row.product_id).items():
        latest, first_seen, last_seen = history
        dim_products[product_id] = (
            latest.row.product_description,
            latest.row.product_price,
            latest.row.product_volume,
            first_seen,
            last_seen,
            *latest.named,
        )

    dim_channels: dict[int, str] = {}
    for channel in {one.row.point_of_sale_channel for one in seen}:
        if dim_channels.setdefault(channel_id(channel), channel) != channel:
            raise ValueError(f"channel_id {channel_id(channel)} stands for two channels")

    fact_orders: dict[tuple[int, int], OrderLine] = {}
    for line, history in _histories(seen, lambda row: (row.order_id, row.product_id)).items():
        latest, first_seen, last_seen = history
        fact_orders[line] = (
            latest.row.client_id,
            STATUS_IDS[latest.row.status],
            channel_id(latest.row.point_of_sale_channel),
            latest.row.product_price,
            latest.row.product_ccf,
            latest.row.total_price,
            latest.row.product_volume * latest.row.product_ccf,
            first_seen,
            last_seen,
            first_seen.date(),
            *latest.named,
        )

    dim_status = {status_id: status for status, status_id in STATUS_IDS.items()}
    return Star(dim_clients, dim_products, dim_status, dim_channels, fact_orders)


def _histories(seen: list[_Seen], key: Callable[[Published], _Key]) -> dict[_Key, _History]:
    """For every key, the latest of its rows, and when it was first and last seen."""
    groups: dict[_Key, list[_Seen]] = {}
    for one in seen:
        groups.setdefault(key(one.row), []).append(one)
    return {
        value: (
            max(group, key=_recency),
            min(one.effective_at for one in group),
            max(one.effective_at for one in group),
        )
        for value, group in groups.items()
    }


def _counting(seen: list[_Seen]) -> list[_Seen]:
    """Those that count: of several that take the same place the latest."""
    latest: dict[str, _Seen] = {}
    for one in seen:
        if one.corrects and _recency(one) >= _recency(latest.get(one.corrects, one)):
            latest[one.corrects] = one
    return [
        one
        for one in seen
        if not one.corrects
        or (one == latest[one.corrects] if ":" in one.corrects else one.file == latest[one.corrects].file)
    ]


def _recency(seen: _Seen) -> tuple[Any, ...]:
    file, row = seen.file, seen.row
    columns = [value.encode() if isinstance(value, str) else value for value in row[: len(COLUMNS)]]
    of_file = (seen.effective_at, file.event_time, file.sequencer or "", file.file_id.encode())
    return (*of_file, row.status != "created", *columns)
