"""Records that are taken as texts: regular lines in bulk, judged by their shape (`blocks`), others by the grammar."""

import json

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Dialect
from duff_orders.ingest import text
from duff_orders.ingest.blocks import LINE_BREAK, Shapes, first_long, holds_invisible
from duff_orders.ingest.clean_copy import CleanCopy, OnDemand
from duff_orders.ingest.csv_grammar import Grammar, Record
from duff_orders.ingest.header import places
from duff_orders.ingest.header_names import HeaderNames
from duff_orders.ingest.long_records import LONG, LongRecords

#: Before which of some lines how many others stood, the nearest last.
Gaps = list[tuple[int, int]]
#: The columns of what the scanner says of records that it took out.
UNSPLIT = (*COLUMN_NAMES, "reasons", "record")


class TextScanner:
    """Takes records as texts: into the clean copy, or out of it and to where rejected or long ones go.

    What it finds of the file stands in its attributes, which are those of `Scan`.
    """

    def __init__(
        self,
        dialect: Dialect,
        names: HeaderNames,
        header_line: int,
        copy: CleanCopy,
        rejects: OnDemand,
        long: LongRecords,
        *,
        lenient: bool,
        set_aside: bool,
    ) -> None:
        self.copy = copy
        self.long = long
        self.shapes = Shapes(dialect.delimiter, dialect.fields)
        self.unsplit_records = self.headers = 0
        self.turned: tuple[int, int] | None = None
        self.unclosed = self.quoted_line_breaks = self.lines_within = self.invisible = False
        self._dialect = dialect
        self._names = names
        self._header_line = header_line
        self._rejects = rejects
        self._lenient = lenient
        self._set_aside = set_aside
        self._places = places(dialect)
        self._grammar = Grammar(dialect.delimiter)

    def take(self, data: bytes) -> bytes:
        """Take all records as texts."""
        start = 0
        patience = 1  # records that go through the slow grammar before the bulk way is tried again
        while True:
            body = data[start : data.rfind(b"\n") + 1] if start else data[: data.rfind(b"\n") + 1]
            long = first_long(body) if self._set_aside else None
            if long is not None:
                body = body[:long]
            taken, irregular = self.bulk(body) if body else (0, False)
            start += taken
            if not irregular and long is None:
                return data[start:]
            start, complete = self.slow(data, start, patience, final=False)
            if not complete:
                return data[start:]
            patience *= 2

    def take_lines(self, lines: list[bytes], gaps: Gaps) -> None:
        """Take whole lines without a quote, with gaps before, between and behind them."""
        if not lines:
            self._drop(gaps, 0)
            return
        body = b"".join(lines)
        if self._is_strange(body) or self.shapes.may_hold_blank(body):
            for place, line in enumerate(lines):
                self._drop(gaps, place)
                self.slow(line, 0, None, final=True)
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

    def bulk(self, body: bytes, *, ended: bool = True) -> tuple[int, bool]:
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
        if self._is_strange(body) or (broken and self._set_aside and first_long(flat) is not None):
            self.slow(body, 0, None, final=True)
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
        if self._names.may_be_header(body):
            return True
        return self._lenient and text.BAD_BYTE.search(body) is not None

    def _lines(self, body: bytes, skeleton: bytes, *, blank: bool, gaps: Gaps | None = None) -> None:
        """Take lines of which some are irregular; line breaks within quotes are LINE_BREAK."""
        gaps = gaps or []
        if blank:
            # All at once: one by one they take time that grows with their square.
            full, gaps = self.shapes.without_blank_lines(body)
            if self.shapes.may_hold_blank(full):
                self.slow(body.replace(LINE_BREAK, b"\n"), 0, None, final=True)
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
            self.slow(lines[place].replace(LINE_BREAK, b"\n") + b"\n", 0, 1, final=True)
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

    def slow(self, data: bytes, start: int, most: int | None, *, final: bool) -> tuple[int, bool]:
        """Take up to `most` records by the grammar; returns the position, and whether all of these were complete."""
        while most is None or most:
            begin = self._grammar.skip_blank(data, start, final=final)
            if begin is None:
                return start, False
            if begin == len(data):
                self.copy.drop(data.count(b"\n", start, begin))
                return begin, False
            record = self._grammar.read(data, begin, final=final)
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
        if self._set_aside and len(record.text) > LONG:
            self._aside(record, reason)
            self.copy.drop(lines)
            return
        if reason is None:
            assert record.fields is not None  # otherwise its quotes are malformed
            self._look_for_invisible(record.text)
            self.lines_within |= self.shapes.is_line_in(record.fields)
            line = self._grammar.write(record.fields)
            self.copy.keep(line[:-1].replace(b"\n", LINE_BREAK) + b"\n", 1, clean=False)
            self.quoted_line_breaks |= b"\n" in record.text or b"\r" in record.text
            return
        texts, whole = self._told(record, reason)
        fields = dict(zip(UNSPLIT, (*(texts or [None] * len(COLUMN_NAMES)), reason, whole), strict=True))
        fields = {name: value for name, value in fields.items() if value is not None}
        self.copy.leave_place()
        document = json.dumps(fields | {"line": self.copy.line}, ensure_ascii=False)
        self._rejects.write(f"{document}\n".encode())
        self.unsplit_records += 1
        self.copy.drop(lines)

    def _reason(self, record: Record) -> str | None:
        """Why a record as a whole is no data, or None; notes what that says of the file."""
        self.unclosed |= record.wrong == "unclosed_quote"
        if record.fields is None:
            return "row:malformed_quotes"
        if self._lenient and text.BAD_BYTE.search(record.text):
            return "row:not_utf8"
        if self._names.may_be_header(record.text):
            keys = self._names.match(record.fields)
            if self._names.is_header(keys):
                self.headers += len(keys) == self._dialect.fields
                if any(place is not None and keys[place : place + 1] != [name] for name, place in self._places.items()):
                    self.turned = self.turned or (self._header_line, self.copy.line)
                return "row:header"
        return None if len(record.fields) == self._dialect.fields else "row:wrong_field_count"

    def _told(self, record: Record, reason: str) -> tuple[list[str | None] | None, str | None]:
        """The texts of a record that is no data, or its whole text."""
        if reason != "row:header" or record.fields is None:
            return None, text.shown(record.text)
        fields = [field.decode() for field in record.fields]
        return [
            fields[place] if place is not None and place < len(fields) else None for place in self._places.values()
        ], None

    def _aside(self, record: Record, reason: str | None) -> None:
        """Set a long record aside."""
        if reason is None:
            assert record.fields is not None  # as above
            texts = [None if place is None else record.fields[place].decode() for place in self._places.values()]
            self._look_for_invisible(record.text)
            corrects, changes = (
                "" if place is None else record.fields[place].decode()
                for place in (self._dialect.corrects, self._dialect.changes)
            )
            lines_within = self.shapes.is_line_in(record.fields)
            self.long.add(texts, self.copy.line, ties=(corrects, changes), lines_within=lines_within)
        else:
            self.long.add_rejected(*self._told(record, reason), reason, self.copy.line)
