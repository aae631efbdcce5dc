"""One pass over the bytes before any engine reads them: exact counts, and a file that every CSV reader parses alike.

CSV readers differ where files are irregular (quotes in odd places, records with a field too many, stray carriage
returns, blank lines), and some lose rows silently. So the scanner looks at the structure of every line: it counts the
records, takes out those that cannot be split into the header's fields, and where anything but clean lines occurs, or
where the text is not plain UTF-8, it writes a clean copy for the engine. A clean file is read in place.

Most lines of most files are written canonically (`canonical`): one automaton tells them, and the engine reads them with
their types. Of the others the regular ones are judged in bulk, by their shape (`blocks`). Only what differs goes
through the slow `csv_grammar`.
"""

import codecs
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Dialect
from duff_orders.ingest import canonical, text
from duff_orders.ingest.blocks import LINE_BREAK, Shapes, first_long, holds_invisible
from duff_orders.ingest.chunks import Chunks
from duff_orders.ingest.clean_copy import CleanCopy, OnDemand
from duff_orders.ingest.csv_grammar import Grammar, Record
from duff_orders.ingest.header import HEAD, is_header, match, may_be_header, places, read_header
from duff_orders.ingest.long_records import LONG, LongRecords
from duff_orders.reasons import invalid
from duff_orders.room import check_room
from duff_orders.settings import MIB

MAX_RECORD = 16 * MIB
#: Lines in a row that are not canonical, after which the rest of a block is taken as texts.
MISSES = 64
#: Before which of some lines how many others stood, the nearest last.
Gaps = list[tuple[int, int]]
#: The columns of what the scanner says of records that it took out.
UNSPLIT = (*COLUMN_NAMES, "reasons", "record")


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
    scratch: Path,
    read: list[int] | None = None,
    *,
    one_line: bool = False,
    set_aside: bool = False,
) -> Scan:
    """Scan an object whose header has been validated; `scratch` takes the clean copy, if one is needed.

    With `one_line` line breaks within quotes are written as LINE_BREAK, and blank lines make up for them; with
    `set_aside` canonical lines are told from others, and records of more than LONG bytes are put where `long_records`
    says. `read[0]` is kept at the number of bytes read so far (decompressed, where the object is compressed).

    Raises InvalidFile for NUL characters, broken UTF-16 or gzip, and a record of more than 16 MiB.
    """
    compressed = text.is_compressed(key)
    how = {"compressed": compressed, "one_line": one_line, "set_aside": set_aside}
    if dialect.encoding != text.WINDOWS:
        try:
            return _Scanner(path, dialect.encoding, scratch, lenient=False, **how).run(read or [0])
        except text.NotUtf8:
            pass
    encoding = text.settled(path, compressed=compressed)
    return _Scanner(path, encoding, scratch, lenient=True, **how).run(read or [0])


class _Scanner:
    def __init__(
        self,
        path: Path,
        encoding: str,
        scratch: Path,
        *,
        lenient: bool,
        compressed: bool,
        one_line: bool,
        set_aside: bool,
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.lenient = lenient
        self.compressed = compressed
        self.one_line = one_line
        self.set_aside = set_aside
        self.clean = scratch / "clean.csv"
        self.unsplit = scratch / "unsplit.jsonl"
        self.shifts = scratch / "shifts.csv"
        self.scratch = scratch
        self.long = LongRecords(scratch)
        self.canonical: canonical.Canonical | None = None
        self.unsplit_records = self.headers = 0
        self.turned: tuple[int, int] | None = None
        self.unclosed = self.quoted_line_breaks = self.lines_within = self.invisible = False

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
                    before = self.chunks.lines + self.copy.records + self.unsplit_records
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
            unsplit_records=self.unsplit_records,
            headers=self.headers,
            turned=self.turned,
            unclosed=self.unclosed,
            quoted_line_breaks=self.quoted_line_breaks,
            lines_within=self.lines_within,
            invisible=self.invisible,
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
        self.dialect, self.extra_columns, start, end = read_header(data, self.encoding, final=len(data) < HEAD)
        self.header_line = 1 + data.count(b"\n", 0, start)
        self.places = places(self.dialect)
        self.grammar = Grammar(self.dialect.delimiter)
        self.blanks = self.dialect.delimiter.encode() + b" \t\r\n"
        self.shapes = Shapes(self.dialect.delimiter, self.dialect.fields)
        with self.path.open("rb") as raw:
            marked = raw.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        header, size = data[:end], end + (len(codecs.BOM_UTF8) if marked else 0)
        if self.set_aside:
            self.canonical = canonical.choose(self.dialect, data[end:], lenient=self.lenient)
        if self.canonical:
            bare = header.removesuffix(self.canonical.form.line_end.encode())
            self.chunks.begin(size, plain=bare != header and b"\n" not in bare and b"\r" not in bare)
            self.copy.in_place = False  # it takes the other records alone
        plain = header.count(b"\n") == 1 and b"\r" not in header and header.endswith(b"\n")
        self.copy.begin(size, header.count(b"\n"), plain=plain)
        return data[end:]

    def _take(self, data: bytes) -> bytes:
        """Take all complete records from `data`, which starts at a record; returns the rest."""
        return self._take_texts(data) if self.canonical is None else self._take_canonical(self.canonical, data)

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
                self._take_others(others)
                return self._take_texts(data[start:])
            end = data.index(b"\n", start) + 1
            line = data[start:end]
            if b'"' not in line and len(line) <= LONG:
                if line.strip(self.blanks):
                    others.add(line)
                else:
                    others.passed += 1
                start = end
                continue
            self._take_others(others)
            taken = self._window(data, start, last, patience)
            start += taken
            patience *= 2
            if not taken:
                start, complete = self._slow(data, start, 1, final=False)
                if not complete:
                    return data[start:]
        self._take_others(others)
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
        return self._bulk(body)[0] if body else 0

    def _take_others(self, others: "_Others") -> None:
        """Take the lines that were kept back: no quote is in them."""
        lines, gaps = others.taken()
        if not lines:
            self._drop(gaps, 0)
            return
        body = b"".join(lines)
        if self._is_strange(body) or self.shapes.may_hold_blank(body):
            for place, line in enumerate(lines):
                self._drop(gaps, place)
                self._slow(line, 0, None, final=True)
            self._drop(gaps, len(lines))
            return
        skeleton = self.shapes.skeleton(body)
        if skeleton != (self.shapes.line + b"\n") * len(lines):  # perhaps for suspects alone
            self._look_for_invisible(body)
            skeleton = self.shapes.without_suspects(skeleton)
        self._lines(body, skeleton, blank=False, gaps=gaps)

    def _drop(self, gaps: Gaps, end: int) -> None:
        """Leave out the lines of the gaps up to a place."""
        while gaps and gaps[-1][0] <= end:
            self.copy.drop(gaps.pop()[1])

    def _take_texts(self, data: bytes) -> bytes:
        """Take all records as texts."""
        start = 0
        patience = 1  # records that go through the slow grammar before the bulk way is tried again
        while True:
            body = data[start : data.rfind(b"\n") + 1] if start else data[: data.rfind(b"\n") + 1]
            long = first_long(body) if self.set_aside else None
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
        if self.canonical and not rest.endswith((b"\n", b"\r")):
            line = rest + self.canonical.form.line_end.encode()
            if len(line) <= LONG and self.canonical.end(line) == len(line):
                self.chunks.take(line, 0, len(line), ended=False)
                return
        self.chunks.leave_place()
        parts = (rest + b"\n").split(b'"')
        plain = len(parts) == 1 or (len(parts) % 2 and self.shapes.first_irregular(parts) is None)
        if plain and not rest.endswith((b"\n", b"\r")) and not (self.set_aside and first_long(rest) is not None):
            self._bulk(rest + b"\n", ended=False)
        else:
            self._slow(rest, 0, None, final=True)

    def _bulk(self, body: bytes, *, ended: bool = True) -> tuple[int, bool]:
        """Take the longest part of `body` (whole lines) whose quotes are regular.

        Returns its length, and whether irregular quotes follow (otherwise the rest is a record that goes on).
        """
        irregular = broken = False
        bare = flat = body  # without what stands within quotes; with LINE_BREAK for the line breaks there
        if b'"' in body:
            parts = body.split(b'"')  # outside, inside, outside, ... the quotes
            first = self.shapes.first_irregular(parts)
            if first is not None or len(parts) % 2 == 0:
                irregular = first is not None
                parts = self.shapes.until(parts, first)
                if not parts:
                    return 0, irregular
                body = flat = b'"'.join(parts)
            broken = any(b"\n" in part or b"\r" in part for part in parts[1::2])
            if broken:
                parts[1::2] = [part.replace(b"\n", LINE_BREAK) for part in parts[1::2]]
                flat = b'"'.join(parts)
            bare = b"".join(parts[0::2])
        length = len(body) if ended else len(body) - 1
        if self._is_strange(body) or (broken and self.set_aside and first_long(flat) is not None):
            self._slow(body, 0, None, final=True)
            return length, irregular
        skeleton = self.shapes.skeleton(bare)
        lines = skeleton.count(b"\n")
        regular, windows = ((self.shapes.line + end) * lines for end in (b"\n", b"\r\n"))
        if skeleton not in (regular, windows):  # perhaps for suspects alone
            self._look_for_invisible(bare)
            skeleton = self.shapes.without_suspects(skeleton)
        if b'"' in body:
            self._look_for_invisible(b"".join(parts[1::2]))
        # Few blocks hold a blank line; such a line may have a record's shape.
        blank = self.shapes.may_hold_blank(flat)
        if not blank and skeleton == regular:
            self.copy.keep(flat, lines, clean=True, ended=ended)
        elif not blank and skeleton == windows and bare.count(b"\r\n") == lines:
            # Each line has one carriage return, and at its end: a stray one is a character like any other.
            self.copy.keep(flat.replace(b"\r\n", b"\n"), lines, clean=False)
        else:
            self._lines(flat, skeleton, blank=blank)
        if broken:
            self.quoted_line_breaks = True
            self.lines_within = self.lines_within or self.shapes.holds_lines(flat)
        return length, irregular

    def _look_for_invisible(self, data: bytes) -> None:
        """Note whether there is a character that nobody sees."""
        self.invisible = self.invisible or holds_invisible(data)

    def _is_strange(self, body: bytes) -> bool:
        """Whether there may be second headers among these, or bytes that are no text: both look like data."""
        if may_be_header(body):
            return True
        return self.lenient and text.BAD_BYTE.search(body) is not None

    def _lines(self, body: bytes, skeleton: bytes, *, blank: bool, gaps: Gaps | None = None) -> None:
        """Take lines of which some are irregular; line breaks within quotes are LINE_BREAK."""
        gaps = gaps or []
        if blank:
            # All at once: one by one they take time that grows with their square.
            full, gaps = self.shapes.without_blank_lines(body)
            if self.shapes.may_hold_blank(full):
                self._slow(body.replace(LINE_BREAK, b"\n"), 0, None, final=True)
                return
            bare = b"".join(full.split(b'"')[0::2])
            body, skeleton = full, self.shapes.without_suspects(self.shapes.skeleton(bare))
            gaps.reverse()
        lines = body.split(b"\n")[:-1]
        windows = self.shapes.line + b"\r"
        start = 0
        for place, shape in self.shapes.irregular_lines(skeleton):
            if shape == windows and lines[place].endswith(b"\r"):
                lines[place] = lines[place][:-1]
                continue
            self._kept(lines, start, place, gaps)
            start = place + 1
            self._slow(lines[place].replace(LINE_BREAK, b"\n") + b"\n", 0, 1, final=True)
        self._kept(lines, start, len(lines), gaps)

    def _kept(self, lines: list[bytes], start: int, end: int, gaps: Gaps) -> None:
        """Take the lines between two places, with the gaps there; `gaps` holds the nearest last."""
        while gaps and gaps[-1][0] <= end:
            place, number = gaps.pop()
            self._kept(lines, start, place, [])
            self.copy.drop(number)
            start = place
        if start < end:
            self.copy.keep(b"\n".join((*lines[start:end], b"")), end - start, clean=False)

    def _slow(self, data: bytes, start: int, most: int | None, *, final: bool) -> tuple[int, bool]:
        """Take up to `most` records by the grammar; returns the position, and whether all of these were complete."""
        while most is None or most:
            begin = self.grammar.skip_blank(data, start, final=final)
            if begin is None:
                return start, False
            if begin == len(data):
                self.copy.drop(data.count(b"\n", start, begin))
                return begin, False
            record = self.grammar.read(data, begin, final=final)
            if record is None:
                return start, False
            self.copy.drop(data.count(b"\n", start, begin))
            self._record(record, data.count(b"\n", begin, record.next))
            start = record.next
            most = None if most is None else most - 1
        return start, True

    def _record(self, record: Record, lines: int) -> None:
        """Take one record that was read by the grammar, of so many lines."""
        if record.is_blank:
            self.copy.drop(lines)
            return
        reason = self._reason(record)
        if self.set_aside and len(record.text) > LONG:
            self._aside(record, reason)
            self.copy.drop(lines)
            return
        if reason is None:
            assert record.fields is not None  # otherwise its quotes are malformed
            self._look_for_invisible(record.text)
            self.lines_within |= self.shapes.is_line_in(record.fields)
            line = self.grammar.write(record.fields)
            self.copy.keep(line[:-1].replace(b"\n", LINE_BREAK) + b"\n", 1, clean=False)
            self.quoted_line_breaks |= b"\n" in record.text or b"\r" in record.text
            return
        texts, whole = self._told(record, reason)
        fields = dict(zip(UNSPLIT, (*(texts or [None] * len(COLUMN_NAMES)), reason, whole), strict=True))
        fields = {name: value for name, value in fields.items() if value is not None}
        self.copy.leave_place()
        document = json.dumps(fields | {"line": self.copy.line}, ensure_ascii=False)
        self.rejects.write(f"{document}\n".encode())
        self.unsplit_records += 1
        self.copy.drop(lines)

    def _reason(self, record: Record) -> str | None:
        """Why a record as a whole is no data, or None; notes what that says of the file."""
        self.unclosed |= record.wrong == "unclosed_quote"
        if record.fields is None:
            return "row:malformed_quotes"
        if self.lenient and text.BAD_BYTE.search(record.text):
            return "row:not_utf8"
        if may_be_header(record.text):
            keys = match(record.fields)
            if is_header(keys):
                self.headers += len(keys) == self.dialect.fields
                if any(place is not None and keys[place : place + 1] != [name] for name, place in self.places.items()):
                    self.turned = self.turned or (self.header_line, self.copy.line)
                return "row:header"
        return None if len(record.fields) == self.dialect.fields else "row:wrong_field_count"

    def _told(self, record: Record, reason: str) -> tuple[list[str | None] | None, str | None]:
        """The texts of a record that is no data, or its whole text."""
        if reason != "row:header" or record.fields is None:
            return None, text.shown(record.text)
        fields = [field.decode() for field in record.fields]
        return [
            fields[place] if place is not None and place < len(fields) else None for place in self.places.values()
        ], None

    def _aside(self, record: Record, reason: str | None) -> None:
        """Set a long record aside."""
        if reason is None:
            assert record.fields is not None  # as above
            texts = [None if place is None else record.fields[place].decode() for place in self.places.values()]
            self._look_for_invisible(record.text)
            corrects, changes = (
                "" if place is None else record.fields[place].decode()
                for place in (self.dialect.corrects, self.dialect.changes)
            )
            lines_within = self.shapes.is_line_in(record.fields)
            self.long.add(texts, self.copy.line, ties=(corrects, changes), lines_within=lines_within)
        else:
            self.long.add_rejected(*self._told(record, reason), reason, self.copy.line)


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
