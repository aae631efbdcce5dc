"""One pass over the bytes before any engine reads them: exact counts, and a file that every CSV reader takes alike.

CSV readers differ where files are irregular (quotes in odd places, records with a field too many, stray carriage
returns, blank lines), and some lose rows silently. So the scanner looks at the structure of every line: it counts the
records, takes out those that cannot be split into the header's fields, and where anything but clean lines occurs, or
where the text is not plain UTF-8, it writes a clean copy for the engine. A clean file is read in place.

Regular lines are judged in bulk: a block without its quoted parts and without its ordinary characters is its skeleton,
and that must be the same line again and again. Only what differs goes through the slow `csv_grammar`.
"""

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duff_orders.contract import COLUMN_NAMES
from duff_orders.ingest import text
from duff_orders.ingest.csv_grammar import Grammar, Record
from duff_orders.ingest.header import HEAD, read_header
from duff_orders.ingest.long_records import LONG, LongRecords
from duff_orders.messages import Dialect
from duff_orders.reasons import invalid
from duff_orders.settings import MIB

MAX_RECORD = 16 * MIB
BLANKS = b" \t\r"
# What stands for a line break within quotes where every record is to stand on one line: no orders file holds it.
LINE_BREAK = b"\0"
_BLANK_LINE = re.compile(rb"(?:\A|(?<=\n))(?:[ \t]*+\r?\n)++")
# ... and what it is in a skeleton, where a record that lacks all delimiters looks the same.
_EMPTY_SHAPE = re.compile(rb"\A\r?\n|\n\r?\n")
_BLANK_OF_TABS = re.compile(rb"(?:\A|(?<=\n))[ \t]+\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the engine is to read, and what the scanner counted.

    `source` holds `split` records, each of as many fields as the header, with a header line if `header`;
    `unsplit` holds one JSON object (`reasons`, `record`) a line for each of the other records. `long` are the records
    that were set aside, if that was asked for: they are in none of these.
    """

    dialect: Dialect
    source: Path
    header: bool
    split: int
    unsplit: Path
    unsplit_records: int
    unclosed: bool
    quoted_line_breaks: bool
    long: LongRecords


def scan(
    path: Path,
    key: str,
    dialect: Dialect,
    scratch: Path,
    read: list[int] | None = None,
    *,
    one_line: bool = False,
    set_aside: bool = False,
) -> Scan:
    """Scan an object whose header has been validated; `scratch` takes the clean copy, if one is needed.

    With `one_line` line breaks within quotes are written as LINE_BREAK; with `set_aside` records of more than LONG
    bytes are put where `long_records` says. `read[0]` is kept at the number of bytes read
    so far (decompressed, where the object is compressed).

    Raises InvalidFile for NUL characters, broken UTF-16 or gzip, and a record of more than 16 MiB.
    """
    how = {"compressed": text.is_compressed(key), "one_line": one_line, "set_aside": set_aside}
    try:
        return _Scanner(path, dialect.encoding, scratch, **how).run(read or [0])
    except text.NotUtf8:
        return _Scanner(path, text.WINDOWS, scratch, **how).run(read or [0])


class _Scanner:
    def __init__(
        self, path: Path, encoding: str, scratch: Path, *, compressed: bool, one_line: bool, set_aside: bool
    ) -> None:
        self.path = path
        self.set_aside = set_aside
        self.long = LongRecords(scratch)
        self.one_line = one_line
        self.encoding = encoding
        self.compressed = compressed
        self.clean = scratch / "clean.csv"
        self.unsplit = scratch / "unsplit.jsonl"
        self.split = self.unsplit_records = 0
        self.unclosed = self.quoted_line_breaks = False
        self.in_place = encoding == text.UTF8 and not compressed
        self.taken = 0  # bytes of the object that were found clean, while it is read in place

    def run(self, read: list[int]) -> Scan:
        blocks = text.utf8_blocks(text.raw_blocks(self.path, compressed=self.compressed), self.encoding)
        with (
            self.clean.open("wb") as self.copy,
            self.unsplit.open("w", encoding="utf-8") as self.rejects,
            closing(self.long),  # a second scan, in another encoding, writes the same files
        ):
            rest = self._header(blocks)
            for block in blocks:
                rest = self._take(rest + block)
                read[0] += len(block)
                if len(rest) > MAX_RECORD:
                    before = self.split + self.unsplit_records + self.long.split + self.long.unsplit
                    raise invalid("record_number_too_long", number=before + 1)
            self._finish(self._take(rest))
        return Scan(
            dialect=self.dialect,
            source=self.path if self.in_place else self.clean,
            header=self.in_place,
            split=self.split,
            unsplit=self.unsplit,
            unsplit_records=self.unsplit_records,
            unclosed=self.unclosed,
            quoted_line_breaks=self.quoted_line_breaks,
            long=self.long,
        )

    def _header(self, blocks: Iterator[bytes]) -> bytes:
        """Read up to the end of the header; returns what was read behind it."""
        data = b""
        while len(data) < HEAD and (block := next(blocks, b"")):
            data += block
        self.dialect, end = read_header(data, self.encoding, final=len(data) < HEAD)
        self.grammar = Grammar(self.dialect.delimiter)
        delimiter = self.dialect.delimiter.encode()
        self.tabbed = delimiter == b"\t"
        self.line = delimiter * (len(self.dialect.columns) - 1)
        self.ordinary = bytes(set(range(256)) - {*delimiter, *b"\r\n"})
        self.starts = (delimiter, b"\n", b"\r\n")
        self.ends = (delimiter, b"\n")
        # The engine skips the header as one plain line; a stranger one is left to the copy.
        if data[:end].count(b"\n") != 1 or b"\r" in data[:end] or not data[:end].endswith(b"\n"):
            self.in_place = False
        with self.path.open("rb") as raw:
            marked = raw.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        self.taken = end + (len(codecs.BOM_UTF8) if marked else 0)
        return data[end:]

    def _take(self, data: bytes) -> bytes:
        """Take all complete records from `data`, which starts at a record; returns the rest."""
        start = 0
        patience = 1  # records that go through the slow grammar before the bulk way is tried again
        while True:
            body = data[start : data.rfind(b"\n") + 1] if start else data[: data.rfind(b"\n") + 1]
            long = _first_long(body) if self.set_aside else None
            if long is not None:
                body = body[:long]
            taken, irregular = self._bulk(body) if body else (0, False)
            start += taken
            if not irregular and long is None:
                return data[start:]
            start, complete = self._slow(data, start, patience, final=False)
            if not complete:
                return data[start:]
            patience *= 2

    def _finish(self, rest: bytes) -> None:
        """Take the last records, of which the last may lack its line end."""
        if not rest:
            return
        parts = (rest + b"\n").split(b'"')
        plain = len(parts) == 1 or (len(parts) % 2 and self._first_irregular(parts) is None)
        if plain and not rest.endswith((b"\n", b"\r")) and not (self.set_aside and _first_long(rest) is not None):
            self._bulk(rest + b"\n", ended=False)
        else:
            self._slow(rest, 0, None, final=True)

    def _bulk(self, body: bytes, *, ended: bool = True) -> tuple[int, bool]:
        """Take the longest part of `body` (whole lines) whose quotes are regular.

        Returns its length, and whether irregular quotes follow (otherwise the rest is a record that goes on).
        """
        irregular = broken = long = False
        bare = body
        if b'"' in body:
            parts = body.split(b'"')  # outside, inside, outside, ... the quotes
            first = self._first_irregular(parts)
            if first is not None or len(parts) % 2 == 0:
                irregular = first is not None
                parts = self._until(parts, first)
                if not parts:
                    return 0, irregular
                body = b'"'.join(parts)
            broken = any(b"\n" in part or b"\r" in part for part in parts[1::2])
            if broken and self.set_aside:
                parts_of_lines = [*parts]
                parts_of_lines[1::2] = [part.replace(b"\n", b" ") for part in parts[1::2]]
                long = _first_long(b'"'.join(parts_of_lines)) is not None
            if broken and self.one_line:
                self._leave_place()
                parts[1::2] = [part.replace(b"\n", LINE_BREAK) for part in parts[1::2]]
                body = b'"'.join(parts)
                self.quoted_line_breaks, broken = True, False
            bare = b"".join(parts[0::2])
        skeleton = bare.translate(None, self.ordinary)
        lines = skeleton.count(b"\n")
        # A line of tabs may have a record's shape, but is none.
        alike = not (self.tabbed and _BLANK_OF_TABS.search(bare))
        if long:
            self._slow(body, 0, None, final=True)
        elif alike and skeleton == (self.line + b"\n") * lines:
            self._emit(body, lines, clean=True, ended=ended)
        elif alike and not broken and skeleton == (self.line + b"\r\n") * lines and bare.count(b"\r\n") == lines:
            # Each line has one carriage return, and at its end: a stray one is a character like any other.
            self._emit(body.replace(b"\r\n", b"\n"), lines, clean=False)
        elif broken:
            self._slow(body, 0, None, final=True)
        else:
            # Without the blank lines first, all at once: one by one they take time that grows with their square.
            # Few blocks hold any, and to look for them in the skeleton takes a tenth of the time.
            full = _BLANK_LINE.sub(b"", body) if self.tabbed or _EMPTY_SHAPE.search(skeleton) else body
            if len(full) < len(body):
                self._leave_place()
                skeleton = b"".join(full.split(b'"')[0::2]).translate(None, self.ordinary)
            self._lines(full, skeleton)
        self.quoted_line_breaks |= broken
        return len(body) if ended else len(body) - 1, irregular

    def _first_irregular(self, parts: list[bytes]) -> int | None:
        """The first part outside the quotes that does not begin or end as the grammar's plain case wants."""
        inner = parts[2:-1:2]
        last = len(parts) - 1
        if not parts[0].endswith(self.ends) and parts[0]:
            return 0
        if not all(not part or (part.startswith(self.starts) and part.endswith(self.ends)) for part in set(inner)):
            for index in range(2, last, 2):
                part = parts[index]
                if part and not (part.startswith(self.starts) and part.endswith(self.ends)):
                    return index
        if last % 2 == 0 and not parts[last].startswith(self.starts):
            return last
        return None

    def _until(self, parts: list[bytes], irregular: int | None) -> list[bytes]:
        """The whole records before an irregular part, or before the quote that is still open at the end."""
        index = len(parts) - 2 if irregular is None else irregular
        good_start = irregular is None or not index or not parts[index] or parts[index].startswith(self.starts)
        if not good_start:
            index -= 2
        while index >= 0 and b"\n" not in parts[index]:
            index -= 2
        if index < 0:
            return []
        last = parts[index]
        return [*parts[:index], last[: last.rfind(b"\n") + 1]]

    def _lines(self, body: bytes, skeleton: bytes) -> None:
        """Take lines of which some are irregular, where no quotes hide a line break."""
        found = body.split(b"\n")[:-1]
        windows = self.line + b"\r"
        start = 0
        for place, shape in self._irregular_lines(found, skeleton):
            if shape == windows and found[place].endswith(b"\r") and found[place].strip(BLANKS):
                found[place] = found[place][:-1]
                continue
            self._kept(found[start:place])
            start = place + 1
            if found[place].removesuffix(b"\r").strip(b" \t"):
                self._slow(found[place] + b"\n", 0, 1, final=True)
        self._kept(found[start:])

    def _irregular_lines(self, found: list[bytes], skeleton: bytes) -> Iterator[tuple[int, bytes]]:
        """The place and the shape of each line that has not the shape of a record."""
        line = self.line + b"\n"
        if self.tabbed or self.line + b"\r\n" in skeleton:
            for place, shape in enumerate(skeleton.split(b"\n")[:-1]):
                if shape != self.line or (self.tabbed and not found[place].strip(BLANKS)):
                    yield place, shape
            return
        place = offset = 0
        while offset < len(skeleton):
            # Regular lines are equal: halve the rest until the first that differs is found.
            low, high = 0, (len(skeleton) - offset) // len(line) + 1
            while high - low > 1:
                middle = (low + high) // 2
                if skeleton.startswith(line * (middle - low), offset + low * len(line)):
                    low = middle
                else:
                    high = middle
            place, offset = place + low, offset + low * len(line)
            if offset < len(skeleton):
                end = skeleton.index(b"\n", offset)
                yield place, skeleton[offset:end]
                place, offset = place + 1, end + 1

    def _kept(self, lines: list[bytes]) -> None:
        self._emit(b"\n".join((*lines, b"")) if lines else b"", len(lines), clean=False)

    def _slow(self, data: bytes, start: int, most: int | None, *, final: bool) -> tuple[int, bool]:
        """Take up to `most` records by the grammar; returns the position, and whether all of these were complete."""
        while most is None or most:
            begin = self.grammar.skip_blank(data, start, final=final)
            if begin is None or begin == len(data):
                self._leave_place()
                return (start if begin is None else begin), False
            record = self.grammar.read(data, begin, final=final)
            if record is None:
                return start, False
            self._record(record)
            start = record.next
            most = None if most is None else most - 1
        return start, True

    def _record(self, record: Record) -> None:
        """Take one record that was read by the grammar."""
        if self.set_aside and len(record.text) > LONG:
            self._leave_place()
            self._aside(record)
            return
        if record.fields is not None and len(record.fields) == len(self.dialect.columns):
            line = self.grammar.write(record.fields)
            self._emit(line[:-1].replace(b"\n", LINE_BREAK) + b"\n" if self.one_line else line, 1, clean=False)
            self.quoted_line_breaks |= b"\n" in record.text or b"\r" in record.text
            return
        self._leave_place()
        self.unclosed |= record.wrong == "unclosed_quote"
        whole = record.text.replace(LINE_BREAK, b"\n").decode()
        json.dump({"reasons": _reason(record), "record": whole}, self.rejects, ensure_ascii=False)
        self.rejects.write("\n")
        self.unsplit_records += 1

    def _aside(self, record: Record) -> None:
        """Set a long record aside."""
        columns = self.dialect.columns
        if record.fields is not None and len(record.fields) == len(columns):
            self.long.add([record.fields[columns.index(name)].decode() for name in COLUMN_NAMES])
            return
        self.unclosed |= record.wrong == "unclosed_quote"
        self.long.add_unsplit(_reason(record), record.text.decode())

    def _emit(self, lines: bytes, count: int, *, clean: bool, ended: bool = True) -> None:
        """Hand on `count` records; `clean` says that they stand so in the object."""
        self.split += count
        if clean and self.in_place:
            self.taken += len(lines) if ended else len(lines) - 1
            return
        self._leave_place()
        self.copy.write(lines)

    def _leave_place(self) -> None:
        """From here on the engine needs a clean copy: begin it with what was clean so far."""
        if not self.in_place:
            return
        self.in_place = False
        with self.path.open("rb") as raw:
            header = raw.readline()
            todo = self.taken - len(header)
            while todo > 0 and (block := raw.read(min(MIB, todo))):
                self.copy.write(block)
                todo -= len(block)


def _reason(record: Record) -> str:
    return "row:malformed_quotes" if record.wrong else "row:wrong_field_count"


def _first_long(data: bytes) -> int | None:
    """Where the first line of more than LONG bytes begins."""
    start = 0
    while len(data) - start > LONG:
        end = data.rfind(b"\n", start, start + LONG + 1)
        if end < 0:
            return start
        start = end + 1
    return None
