"""One pass over the bytes before any engine reads them: exact counts, and a file that every CSV reader parses alike.

CSV readers differ where files are irregular (quotes in odd places, records with a field too many, stray carriage
returns, blank lines), and some lose rows silently. So the scanner looks at the structure of every line: it counts the
records, takes out those that cannot be split into the header's fields, and where anything but clean lines occurs, or
where the text is not plain UTF-8, it writes a clean copy for the engine. A clean file is read in place.

Most lines of most files are written canonically (`canonical`): one automaton tells them, and the engine reads them with
their types. All others are texts (`scan_texts`).
"""

import codecs
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duff_orders.documents import Dialect
from duff_orders.ingest import canonical, text
from duff_orders.ingest.blocks import first_long
from duff_orders.ingest.chunks import Chunks
from duff_orders.ingest.clean_copy import CleanCopy, OnDemand
from duff_orders.ingest.header import HEAD, read_header
from duff_orders.ingest.header_names import HeaderNames
from duff_orders.ingest.long_records import LONG, LongRecords
from duff_orders.ingest.marks import Marks
from duff_orders.ingest.scan_texts import Gaps, TextScanner
from duff_orders.profiles.reading import Reading
from duff_orders.reasons import invalid
from duff_orders.room import check_room
from duff_orders.settings import MIB

MAX_RECORD = 16 * MIB
#: Lines in a row that are not canonical, after which the rest of a block is taken as texts.
MISSES = 64


@dataclass(frozen=True, slots=True)
class Typed:
    """The canonical lines, for the engine's typed reader: how they are written, the files that hold them, how many.

    With `header` there is one file, and its first line is the header.
    """

    form: canonical.Form
    paths: tuple[Path, ...]
    lines: int
    header: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the engine is to read, and what the scanner counted.

    The lines of `typed` are good as they stand, and are nowhere else. Of the other records `source` holds `split`, each
    of as many fields as the header, with a header line if `header`;
    `unsplit` holds one JSON object (`UNSPLIT`, `line`) a line for each of the other records, of which `headers` are
    second headers with as many fields as the first. `long` are the records that were set aside, if that was asked for:
    they are in none of these. `turned`, where a second header has another order, are the lines of the first and of it.
    `lines_within` and `invisible` say that there may be remarks: a quoted field that holds a line, a character that
    nobody sees.

    The n-th record of `source`, counted from 0, begins on line `n + shift` of the object, plus the line breaks within
    quotes of the records before it: `shifts` is CSV without a header, each row a record from which on another shift
    holds, and the shift. With `one_line` a record stands on the same line of `source` as of the object.
    """

    dialect: Dialect
    extra_columns: tuple[str, ...]
    typed: Typed | None
    source: Path
    header: bool
    split: int
    shifts: Path
    unsplit: Path
    unsplit_records: int
    headers: int
    turned: tuple[int, int] | None
    unclosed: bool
    quoted_line_breaks: bool
    lines_within: bool
    invisible: bool
    long: LongRecords


def scan(
    path: Path,
    key: str,
    dialect: Dialect,
    reading: Reading,
    scratch: Path,
    read: list[int] | None = None,
    *,
    one_line: bool = False,
    set_aside: bool = False,
) -> Scan:
    """Scan an object whose header has been validated by a reading; `scratch` takes the clean copy, if one is needed.

    With `one_line` line breaks within quotes are written as LINE_BREAK, and blank lines make up for them; with
    `set_aside` canonical lines are told from others, and records of more than LONG bytes are put where `long_records`
    says. `read[0]` is kept at the number of bytes read so far (decompressed, where the object is compressed).

    Raises InvalidFile for NUL characters, broken UTF-16 or gzip, and a record of more than 16 MiB.
    """
    compressed = text.is_compressed(key)
    how = {"compressed": compressed, "one_line": one_line, "set_aside": set_aside}
    if dialect.encoding != text.WINDOWS:
        try:
            return _Scanner(path, dialect.encoding, reading, scratch, lenient=False, **how).run(read or [0])
        except text.NotUtf8:
            pass
    encoding = text.settled(path, compressed=compressed)
    return _Scanner(path, encoding, reading, scratch, lenient=True, **how).run(read or [0])


class _Scanner:
    def __init__(
        self,
        path: Path,
        encoding: str,
        reading: Reading,
        scratch: Path,
        *,
        lenient: bool,
        compressed: bool,
        one_line: bool,
        set_aside: bool,
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.reading = reading
        self.lenient = lenient
        self.compressed = compressed
        self.one_line = one_line
        self.set_aside = set_aside
        self.clean = scratch / "clean.csv"
        self.unsplit = scratch / "unsplit.jsonl"
        self.shifts = scratch / "shifts.csv"
        self.scratch = scratch
        self.long = LongRecords(scratch, Marks.of(reading.decimal_mark or ".", reading))
        self.canonical: canonical.Canonical | None = None

    def run(self, read: list[int]) -> Scan:
        raw = text.raw_blocks(self.path, compressed=self.compressed)
        blocks = text.utf8_blocks(raw, self.encoding, lenient=self.lenient)
        # else what is read is not what lies there
        in_place = self.encoding == text.UTF8 and not self.compressed and not self.lenient
        with (
            closing(OnDemand(self.clean)) as copy,
            closing(OnDemand(self.unsplit)) as self.rejects,
            closing(OnDemand(self.shifts)) as shifts,
            closing(self.long),  # a second scan, in another encoding, writes the same files
            closing(Chunks(self.path, self.scratch, in_place=in_place)) as self.chunks,
        ):
            self.copy = CleanCopy(self.path, copy, shifts, in_place=in_place, one_line=self.one_line)
            rest = self._header(blocks)
            for block in blocks:
                rest = self._take(rest + block)
                read[0] += len(block)
                check_room(self.clean.parent)  # a small file may unpack to many times its size
                if len(rest) > MAX_RECORD:
                    before = self.chunks.lines + self.copy.records + self.texts.unsplit_records
                    before += self.long.split + self.long.unsplit
                    raise invalid("record_number_too_long", number=before + 1)
            self._finish(self._take(rest))
            if self.copy.records or self.one_line:
                self.copy.note_shift()
                copy.open()
        return Scan(
            dialect=self.dialect,
            extra_columns=self.extra_columns,
            typed=self._typed,
            source=self.path if self.copy.in_place else self.clean,
            header=self.copy.in_place,
            split=self.copy.records,
            shifts=self.shifts,
            unsplit=self.unsplit,
            unsplit_records=self.texts.unsplit_records,
            headers=self.texts.headers,
            turned=self.texts.turned,
            unclosed=self.texts.unclosed,
            quoted_line_breaks=self.texts.quoted_line_breaks,
            lines_within=self.texts.lines_within,
            invisible=self.texts.invisible,
            long=self.long,
        )

    @property
    def _typed(self) -> Typed | None:
        if self.canonical is None or not self.chunks.lines:
            return None
        return Typed(self.canonical.form, self.chunks.paths, self.chunks.lines, self.chunks.in_place)

    def _header(self, blocks: Iterator[bytes]) -> bytes:
        """Read up to the end of the header; returns what was read behind it."""
        data = b""
        while len(data) < HEAD and (block := next(blocks, b"")):
            data += block
        header = read_header(data, self.encoding, self.reading, final=len(data) < HEAD)
        self.dialect, self.extra_columns, start, end = header
        self.texts = TextScanner(
            self.dialect,
            HeaderNames(self.reading),
            1 + data.count(b"\n", 0, start),
            self.copy,
            self.rejects,
            self.long,
            lenient=self.lenient,
            set_aside=self.set_aside,
        )
        self.blanks = self.dialect.delimiter.encode() + b" \t\r\n"
        with self.path.open("rb") as raw:
            marked = raw.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        first, size = data[:end], end + (len(codecs.BOM_UTF8) if marked else 0)
        if self.set_aside:
            self.canonical = canonical.choose(self.dialect, self.reading, data[end:], lenient=self.lenient)
        if self.canonical:
            bare = first.removesuffix(self.canonical.form.line_end.encode())
            self.chunks.begin(size, plain=bare != first and b"\n" not in bare and b"\r" not in bare)
            self.copy.in_place = False  # it takes the other records alone
        plain = first.count(b"\n") == 1 and b"\r" not in first and first.endswith(b"\n")
        self.copy.begin(size, first.count(b"\n"), plain=plain)
        return data[end:]

    def _take(self, data: bytes) -> bytes:
        """Take all complete records from `data`, which starts at a record; returns the rest."""
        return self.texts.take(data) if self.canonical is None else self._take_canonical(self.canonical, data)

    def _take_canonical(self, automaton: canonical.Canonical, data: bytes) -> bytes:
        """Take the canonical lines, and between them the others."""
        start, last = 0, data.rfind(b"\n") + 1
        others = _Others()
        patience, misses = 1, 0
        while start < last:
            end = automaton.end(data, start)
            long = first_long(data, start, end)
            if long is not None:
                end = long
            if end > start:
                others.passed += self.chunks.take(data, start, end)
                start, patience, misses = end, 1, 0
                if start == last:
                    break
            self.chunks.leave_place()
            misses += 1
            if misses > MISSES:
                self.texts.take_lines(*others.taken())
                return self.texts.take(data[start:])
            end = data.index(b"\n", start) + 1
            line = data[start:end]
            if b'"' not in line and len(line) <= LONG:
                if line.strip(self.blanks):
                    others.add(line)
                else:
                    others.passed += 1
                start = end
                continue
            self.texts.take_lines(*others.taken())
            taken = self._window(data, start, last, patience)
            start += taken
            patience *= 2
            if not taken:
                start, complete = self.texts.slow(data, start, 1, final=False)
                if not complete:
                    return data[start:]
        self.texts.take_lines(*others.taken())
        return data[start:]

    def _window(self, data: bytes, start: int, last: int, lines: int) -> int:
        """Take whole records of so many lines in bulk; returns their bytes, none where the first needs the grammar."""
        end = start
        while lines and end < last:
            end = data.index(b"\n", end) + 1
            lines -= 1
        body = data[start:end]
        long = first_long(body)
        if long is not None:
            body = body[:long]
        return self.texts.bulk(body)[0] if body else 0

    def _finish(self, rest: bytes) -> None:
        """Take the last records, of which the last may lack its line end."""
        if not rest:
            return
        if self.canonical and not rest.endswith((b"\n", b"\r")):
            line = rest + self.canonical.form.line_end.encode()
            if len(line) <= LONG and self.canonical.end(line) == len(line):
                self.chunks.take(line, 0, len(line), ended=False)
                return
        self.chunks.leave_place()
        parts = (rest + b"\n").split(b'"')
        plain = len(parts) == 1 or (len(parts) % 2 and self.texts.shapes.first_irregular(parts) is None)
        if plain and not rest.endswith((b"\n", b"\r")) and not (self.set_aside and first_long(rest) is not None):
            self.texts.bulk(rest + b"\n", ended=False)
        else:
            self.texts.slow(rest, 0, None, final=True)


class _Others:
    """Lines between canonical ones, kept back so that many are taken at once; `passed` are lines since the last."""

    def __init__(self) -> None:
        self.passed = 0
        self._lines: list[bytes] = []
        self._gaps: Gaps = []

    def add(self, line: bytes) -> None:
        """Keep back a line."""
        self._note()
        self._lines.append(line)

    def taken(self) -> tuple[list[bytes], Gaps]:
        """The lines, and the gaps before and behind them; none is kept back then."""
        self._note()
        lines, gaps = self._lines, self._gaps[::-1]
        self._lines, self._gaps = [], []
        return lines, gaps

    def _note(self) -> None:
        if self.passed:
            self._gaps.append((len(self._lines), self.passed))
            self.passed = 0
