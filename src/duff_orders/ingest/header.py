"""From an object's first 64 KiB to its dialect: encoding, delimiter, header. Never reads more."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple

from duff_orders.contract import BLANKS, CHANGES, COLUMN_NAMES, CONTRACT, CORRECTS, DELIMITERS, REQUIRED_NAMES
from duff_orders.documents import Dialect
from duff_orders.errors import InvalidFile
from duff_orders.ingest import text
from duff_orders.ingest.csv_grammar import BLANK, Grammar
from duff_orders.ingest.kinds import kind_of
from duff_orders.lake.layout import is_orders_file
from duff_orders.reasons import invalid

HEAD = 64 * 1024
# A first line that names the delimiter, as spreadsheets write and read it.
_SEP = re.compile(
    b"(?:%b*+\n)*+%b*+[sS][eE][pP]=([%b])%b*+(?:\n|\\Z)" % (BLANK, BLANK, "".join(DELIMITERS).encode(), BLANK)
)
#: Characters of a column's name, and of all of them, that a reason quotes.
QUOTED, MOST_QUOTED = 64, 500
#: The names of a column that hardly any data holds: by these a second header is found.
SIGNS = ("product_ccf", *CONTRACT.column("product_ccf").aliases)
UNDERSCORED = all("_" in sign for sign in SIGNS)
_SIGNS = tuple(sign.encode() for sign in SIGNS)
ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Header(NamedTuple):
    """What a header says: the dialect of its file, further columns, and where it begins and ends in what was read."""

    dialect: Dialect
    extra_columns: tuple[str, ...]
    start: int
    end: int


def dialect_of(head: bytes, key: str, *, whole: bool) -> Dialect:
    """The dialect of an object by its first bytes; `whole` where they are all.

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
            return _read(data, likeliest, final=final).dialect
        except InvalidFile:
            for encoding in others:
                with suppress(InvalidFile):
                    return _read(data, encoding, final=final).dialect
            raise
    except InvalidFile:
        if kind := kind_of(data):
            raise invalid(kind) from None
        raise


def header(path: Path, key: str, encoding: str) -> tuple[Header, str]:
    """The header of an object that is read in an encoding, and what stands in it up to its end."""
    with path.open("rb", buffering=0) as raw:
        head, final = _unpacked(raw, key)
    data = _decode(head, encoding, final=final)
    parsed = read_header(data, encoding, final=final)
    return parsed, text.shown(data[: parsed.end])


def _unpacked(raw: BinaryIO, key: str, *, whole: bool = True) -> tuple[bytes, bool]:
    """The first bytes of an object, decompressed, and whether they are all."""
    head = b""
    try:
        for block in text.blocks_of(raw, compressed=text.is_compressed(key), size=HEAD):
            head += block
            if len(head) >= HEAD:
                break
    except InvalidFile:
        if whole or not head:
            raise
    return head, whole and len(head) < HEAD


def _read(data: bytes, encoding: str, *, final: bool) -> Header:
    return read_header(_decode(data, encoding, final=final), encoding, final=final)


def _decode(head: bytes, encoding: str, *, final: bool) -> bytes:
    blocks = text.utf8_blocks(iter((head,)), encoding, lenient=True)
    decoded = next(blocks, b"")
    if final:
        for rest in blocks:
            decoded += rest
    return decoded


def read_header(data: bytes, encoding: str, *, final: bool) -> Header:
    """The header, the first record in `data` (UTF-8).

    Raises InvalidFile as `dialect_of` does.
    """
    begin = 0
    delimiters: tuple[str, ...] = DELIMITERS
    if (named := _SEP.match(data)) and (final or named[0].endswith(b"\n")):
        begin, delimiters = named.end(), (named[1].decode(),)
    best: list[str] = []
    firsts = [(delimiter, Grammar(delimiter).first(data, begin, final=final)) for delimiter in delimiters]
    for delimiter, first in firsts:
        if first is None or first[1].fields is None:
            continue
        start, record = first
        names = [text.shown(field).strip(BLANKS) for field in record.fields or ()]
        keys = match(record.fields or ())
        if not is_header(keys):
            best = max(best, keys, key=lambda found: len(set(REQUIRED_NAMES) & set(found)))
            continue
        for column in (*COLUMN_NAMES, CORRECTS, CHANGES):
            if keys.count(column) > 1:
                raise invalid("column_twice", column=f"`{column}`", times=keys.count(column))
        dialect = Dialect(
            encoding=encoding,
            delimiter=delimiter,
            decimal_mark="." if delimiter == "," else ",",
            fields=len(keys),
            places=tuple(place_of(keys, name) for name in COLUMN_NAMES),
            corrects=place_of(keys, CORRECTS),
            changes=place_of(keys, CHANGES),
        )
        extra_columns = tuple(name for name, key in zip(names, keys, strict=True) if key not in COLUMN_NAMES)
        return Header(dialect, extra_columns, start, record.next)
    if final and not any(first for _, first in firsts):
        raise invalid("empty")
    if b"\r" in data[begin:].rstrip() and b"\n" not in data[begin:]:
        raise invalid("carriage_returns")
    if not all(first for _, first in firsts) and not best:
        raise invalid("header_too_long", kib=HEAD // 1024)
    if set(best) & set(REQUIRED_NAMES):
        raise _missing(best)
    start, record = next(first for _, first in firsts if first)
    raise invalid(
        "header_unknown",
        line=1 + data.count(b"\n", 0, start),
        found=_cut(text.shown(record.text)),
        columns=", ".join(REQUIRED_NAMES),
    )


def match(fields: Iterable[bytes], blanks: str = BLANKS) -> list[str]:
    """For each field of a header the column that it names, or its own name in lower case where it names none.

    This is the one place that matches names with columns; `blanks` are trimmed from their ends.
    """
    names = (text.shown(field).strip(blanks).translate(ASCII_LOWER) for field in fields)
    return [CONTRACT.aliases.get(name, name) for name in names]


def may_be_header(data: bytes) -> bool:
    """Whether a header may be among records: hardly any data holds what tells so."""
    if UNDERSCORED and b"_" not in data:  # told much faster than to fold the case
        return False
    folded = data.lower()
    return any(sign in folded for sign in _SIGNS)


def is_header(keys: Collection[str]) -> bool:
    """Whether what `match` found in a record are all the columns that a file must have."""
    return set(REQUIRED_NAMES) <= set(keys)


def place_of(keys: Sequence[str], column: str) -> int | None:
    """Where a column stands among what `match` found, from 0; None where it is absent."""
    return keys.index(column) if column in keys else None


def places(dialect: Dialect) -> dict[str, int | None]:
    """Where each column stands in a file, from 0, by its name; None: nowhere."""
    return dict(zip_longest(COLUMN_NAMES, dialect.places))


def _missing(names: list[str]) -> InvalidFile:
    missing = [column for column in REQUIRED_NAMES if column not in names]
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
