"""From an object's first 64 KiB to its dialect: encoding, delimiter, header. Never reads more."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple

from duff_orders.contract import BLANKS, CHANGES, COLUMN_NAMES, CORRECTS, DELIMITERS
from duff_orders.documents import Dialect
from duff_orders.errors import InvalidFile
from duff_orders.ingest import text
from duff_orders.ingest.csv_grammar import BLANK, Grammar
from duff_orders.ingest.header_names import HeaderNames
from duff_orders.ingest.kinds import kind_of
from duff_orders.lake.layout import is_orders_file
from duff_orders.profiles.profile import folded
from duff_orders.profiles.reading import Reading
from duff_orders.reasons import invalid

HEAD = 64 * 1024
# A first line that names the delimiter, as spreadsheets write and read it.
_SEP = re.compile(
    b"(?:%b*+\n)*+%b*+[sS][eE][pP]=([%b])%b*+(?:\n|\\Z)" % (BLANK, BLANK, "".join(DELIMITERS).encode(), BLANK)
)
#: Characters of a column's name, and of all of them, that a reason quotes.
QUOTED, MOST_QUOTED = 64, 500


class Header(NamedTuple):
    """What a header says: the dialect of its file, further columns, and where it begins and ends in what was read."""

    dialect: Dialect
    extra_columns: tuple[str, ...]
    start: int
    end: int


def dialect_of(head: bytes, key: str, reading: Reading, *, whole: bool) -> Dialect:
    """The dialect of an object by its first bytes, as a reading has it; `whole` where they are all.

    Raises InvalidFile with the reason in words: no orders file by its name, empty, not text, no header under any
    delimiter, a column missing or named twice. Where the bytes say what else it is, the reason says that.
    """
    if not is_orders_file(key):
        raise invalid(kind_of(head) or "other_name")
    data = head
    try:
        data, final = _unpacked(BytesIO(head), key, whole=whole)
        likeliest, *others = text.readings(data, final=final)
        try:
            return _read(data, likeliest, reading, final=final).dialect
        except InvalidFile:
            for encoding in others:
                with suppress(InvalidFile):
                    return _read(data, encoding, reading, final=final).dialect
            raise
    except InvalidFile:
        if kind := kind_of(data):
            raise invalid(kind) from None
        raise


def header(path: Path, key: str, encoding: str, reading: Reading) -> tuple[Header, str]:
    """The header of an object that is read in an encoding, and what stands in it up to its end."""
    with path.open("rb", buffering=0) as raw:
        head, final = _unpacked(raw, key)
    data = _decode(head, encoding, final=final)
    parsed = read_header(data, encoding, reading, final=final)
    return parsed, text.shown(data[: parsed.end])


def beginning(head: bytes, key: str, *, whole: bool, size: int = HEAD) -> tuple[bytes, str, bool]:
    """The beginning of an object as UTF-8, `size` bytes or a little more, from its first bytes; `whole`: they are all.

    With the encoding that is likeliest by it, and whether it is all. Raises InvalidFile for what is no text.
    """
    data, final = _unpacked(BytesIO(head), key, whole=whole, size=size)
    encoding = text.readings(data, final=final)[0]
    return _decode(data, encoding, final=final), encoding, final


def _unpacked(raw: BinaryIO, key: str, *, whole: bool = True, size: int = HEAD) -> tuple[bytes, bool]:
    """The first bytes of an object, decompressed, and whether they are all."""
    head = b""
    try:
        for block in text.blocks_of(raw, compressed=text.is_compressed(key), size=HEAD):
            head += block
            if len(head) >= size:
                break
    except InvalidFile:
        if whole or not head:
            raise
    return head, whole and len(head) < size


def _read(data: bytes, encoding: str, reading: Reading, *, final: bool) -> Header:
    return read_header(_decode(data, encoding, final=final), encoding, reading, final=final)


def _decode(head: bytes, encoding: str, *, final: bool) -> bytes:
    blocks = text.utf8_blocks(iter((head,)), encoding, lenient=True)
    decoded = next(blocks, b"")
    if final:
        for rest in blocks:
            decoded += rest
    return decoded


def read_header(data: bytes, encoding: str, reading: Reading, *, final: bool) -> Header:
    """The header, the first record in `data` (UTF-8), as a reading has it.

    Raises InvalidFile as `dialect_of` does.
    """
    known = HeaderNames(reading)
    begin, delimiters = possible_delimiters(data, reading.delimiter, final=final)
    best: list[str] = []
    firsts = [(delimiter, Grammar(delimiter).first(data, begin, final=final)) for delimiter in delimiters]
    for delimiter, first in firsts:
        if first is None or first[1].fields is None:
            continue
        start, record = first
        names = [text.shown(field).strip(BLANKS) for field in record.fields or ()]
        keys = known.match(record.fields or ())
        if not known.is_header(keys):
            best = max(best, keys, key=lambda found: len(set(known.required) & set(found)))
            continue
        _check_once(names, keys)
        extra_columns = tuple(name for name, key in zip(names, keys, strict=True) if key not in COLUMN_NAMES)
        _check_further(extra_columns, reading)
        dialect = Dialect(
            encoding=encoding,
            delimiter=delimiter,
            decimal_mark=reading.decimal_mark or ("." if delimiter == "," else ","),
            fields=len(keys),
            places=tuple(place_of(keys, name) for name in COLUMN_NAMES),
            corrects=place_of(keys, CORRECTS),
            changes=place_of(keys, CHANGES),
        )
        return Header(dialect, extra_columns, start, record.next)
    if final and not any(first for _, first in firsts):
        raise invalid("empty")
    if b"\r" in data[begin:].rstrip() and b"\n" not in data[begin:]:
        raise invalid("carriage_returns")
    if not all(first for _, first in firsts) and not best:
        raise invalid("header_too_long", kib=HEAD // 1024)
    if set(best) & set(known.required):
        raise _missing(best, known.required)
    start, record = next(first for _, first in firsts if first)
    places = {
        "line": 1 + data.count(b"\n", 0, start),
        "found": _cut(text.shown(record.text)),
        "columns": ", ".join(known.required),
    }
    if reading.delimiter is None:
        raise invalid("header_unknown", **places)
    raise invalid("header_unknown_as", **places, profile=reading.profile, delimiter=f"`{reading.delimiter}`")


def possible_delimiters(data: bytes, known: str | None, *, final: bool) -> tuple[int, Sequence[str]]:
    """Where the header may begin, and its delimiters: the one that is known, or that a line before names, or all."""
    named = _SEP.match(data)
    if named is None or not (final or named[0].endswith(b"\n")):
        return 0, (known,) if known else DELIMITERS
    return named.end(), (known or named[1].decode(),)


def _check_once(names: Sequence[str], keys: Sequence[str]) -> None:
    """Raises InvalidFile where a column is named more than once."""
    for column in (*COLUMN_NAMES, CORRECTS, CHANGES):
        if keys.count(column) > 1:
            said = dict.fromkeys(name for name, key in zip(names, keys, strict=True) if key == column)
            if len({folded(name) for name in said}) > 1:
                named = _cut(", ".join(name[:QUOTED] for name in said))
                raise invalid("column_twice_as", column=f"`{column}`", names=named)
            raise invalid("column_twice", column=f"`{column}`", times=keys.count(column))


def _check_further(extra_columns: Sequence[str], reading: Reading) -> None:
    """Raises InvalidFile where a profile allows no further columns but those that it lists, and there are others."""
    if reading.refuses_others and (others := reading.not_listed(extra_columns)):
        raise invalid("columns_refused", profile=reading.profile, columns=_cut(", ".join(others)))


def place_of(keys: Sequence[str], column: str) -> int | None:
    """Where a column stands among what `match` found, from 0; None where it is absent."""
    return keys.index(column) if column in keys else None


def places(dialect: Dialect) -> dict[str, int | None]:
    """Where each column stands in a file, from 0, by its name; None: nowhere."""
    return dict(zip_longest(COLUMN_NAMES, dialect.places))


def _missing(names: list[str], required: Sequence[str]) -> InvalidFile:
    missing = [column for column in required if column not in names]
    which = "column_missing" if len(missing) == 1 else "columns_missing"
    named = _cut(", ".join(name[:QUOTED] for name in names if name))
    return invalid(which, columns=", ".join(f"`{name}`" for name in missing), found=named)


def _cut(text: str) -> str:
    """A quoted text, cut off where it is long: the reason is a sentence, not the file."""
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}… ({len(text):,} characters)"


def header_columns(dialect: Dialect) -> Iterator[str]:
    """A unique name for each field of a record: the contract's, or `extra_<position>`."""
    columns = {place: name for name, place in places(dialect).items()}
    for place in range(dialect.fields):
        yield columns.get(place) or f"extra_{place}"
