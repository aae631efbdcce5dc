"""From the first 64 KiB of an object to its dialect: encoding, delimiter, header. Never reads more."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from duff_orders.contract import BLANKS, COLUMN_NAMES, DELIMITERS
from duff_orders.errors import InvalidFile
from duff_orders.ingest import text
from duff_orders.ingest.csv_grammar import Grammar
from duff_orders.messages import Dialect
from duff_orders.reasons import invalid

HEAD = 64 * 1024
#: Characters of a column's name, and of all of them, that a reason quotes.
QUOTED, MOST_QUOTED = 64, 500
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def dialect_of(head: bytes, key: str, *, whole: bool) -> Dialect:
    """The dialect of an object by its first bytes; `whole` where they are all.

    Raises InvalidFile with the reason in words: empty, not text, no header under any delimiter, a column missing or
    named twice.
    """
    data, final = _unpacked(BytesIO(head), key, whole=whole)
    encoding = text.detect(data)
    try:
        return read_header(_decode(data, encoding, final=final), encoding, final=final)[0]
    except text.NotUtf8:  # the object ends within a character
        return read_header(_decode(data, text.WINDOWS, final=final), text.WINDOWS, final=final)[0]


def header(path: Path, key: str, encoding: str) -> tuple[Dialect, str]:
    """The dialect of an object that is read in an encoding, and what stands in it up to the end of its header."""
    with path.open("rb", buffering=0) as raw:
        head, final = _unpacked(raw, key)
    data = _decode(head, encoding, final=final)
    dialect, end = read_header(data, encoding, final=final)
    return dialect, data[:end].decode()


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


def _decode(head: bytes, encoding: str, *, final: bool) -> bytes:
    blocks = text.utf8_blocks(iter((head,)), encoding)
    decoded = next(blocks, b"")
    if final:
        for rest in blocks:
            decoded += rest
    return decoded


def read_header(data: bytes, encoding: str, *, final: bool) -> tuple[Dialect, int]:
    """The dialect, and the position in `data` (UTF-8) behind the header record.

    Raises InvalidFile as `dialect_of` does.
    """
    start = Grammar(",").skip_blank(data, 0, final=final)
    if start == len(data):
        raise invalid("empty")
    best: list[str] = []
    ended = start is not None
    for delimiter in DELIMITERS:
        record = None if start is None else Grammar(delimiter).read(data, start, final=final)
        ended = ended and record is not None
        if record is None or record.fields is None:
            continue
        names = [field.decode("utf-8", "replace").strip(BLANKS) for field in record.fields]
        keys = [name.translate(_ASCII_LOWER) for name in names]
        if not set(COLUMN_NAMES) <= set(keys):
            best = max(best, keys, key=lambda found: len(set(COLUMN_NAMES) & set(found)))
            continue
        for column in COLUMN_NAMES:
            if keys.count(column) > 1:
                raise invalid("column_twice", column=f"`{column}`", times=keys.count(column))
        dialect = Dialect(
            encoding=encoding,
            delimiter=delimiter,
            decimal_mark="." if delimiter == "," else ",",
            columns=tuple(key if key in COLUMN_NAMES else None for key in keys),
            extra_columns=tuple(n for n, key in zip(names, keys, strict=True) if key not in COLUMN_NAMES),
        )
        return dialect, record.next
    if b"\r" in data[start:].rstrip() and b"\n" not in data[start:]:
        raise invalid("carriage_returns")
    if not ended and not best:
        raise invalid("header_too_long", kib=HEAD // 1024)
    raise _missing(best)


def _missing(found: list[str]) -> InvalidFile:
    missing = [column for column in COLUMN_NAMES if column not in found]
    if len(missing) == len(COLUMN_NAMES):
        return invalid("no_header", columns=", ".join(COLUMN_NAMES))
    which = "column_missing" if len(missing) == 1 else "columns_missing"
    named = _cut(", ".join(name[:QUOTED] for name in found if name))
    return invalid(which, columns=", ".join(f"`{name}`" for name in missing), found=named)


def _cut(text: str) -> str:
    """A quoted text, cut off where it is long: the reason is a sentence, not the file."""
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}… ({len(text):,} characters)"


def header_columns(dialect: Dialect) -> Iterator[str]:
    """A unique name for each field of a record: the contract's, or `extra_<position>`."""
    for position, column in enumerate(dialect.columns):
        yield column or f"extra_{position}"
