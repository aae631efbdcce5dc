"""Whole lines examined a block at a time: where records are irregular, and which lines are blank.

Lines without their quoted parts and without their ordinary characters are their skeleton: of regular records it is one
line, again and again. Nothing here keeps anything of one block for the next.
"""

import re
from collections.abc import Iterable, Iterator

from duff_orders.contract import BLANKS
from duff_orders.ingest.long_records import LONG

#: What stands for a line break within quotes where every record is to stand on one line: no orders file holds it.
LINE_BREAK = b"\0"
# Bytes of which some stand in every character that nobody sees; controls are such, of the others these are all.
_CONTROLS = bytes({*range(0x01, 0x20), 0x7F} - {*b"\t\n\r"})
_SUSPECT = _CONTROLS + b"\xc2\xe2\xef"
_UNSUSPICIOUS = bytes({*range(256)} - {*_SUSPECT})
_CONTROL = re.compile(b"[%b]" % re.escape(_CONTROLS))
_UNSEEN = (
    re.compile(rb"\xc2[\x80-\xa0]"),
    re.compile(rb"\xe2(?:\x80[\x87\x8b-\x8f\xa8-\xaf]|\x81\xa0)"),
    re.compile(rb"\xef\xbb\xbf"),
)


class Shapes:
    """The shapes of lines of so many `fields` between which the `delimiter` stands.

    `line` is the skeleton of a regular record, without its line end.
    """

    def __init__(self, delimiter: str, fields: int) -> None:
        between = delimiter.encode()
        self.line = between * (fields - 1)
        self._fields = fields
        self._delimiter = between
        self._ordinary = bytes({*range(256)} - {*between, *b"\r\n", *_SUSPECT})
        escaped = re.escape(between)
        piece = b'(?:(?:[^%b\0\n"]|"")*+%b){%d}' % (escaped, escaped, fields - 1)
        # a line within quotes that begins and ends there, or begins behind the quote and ends there
        self._line_within = re.compile(b'\0%b|"%b(?:[^\0\n"]|"")*+\0' % (piece, piece))
        # Lines of which nothing is left but for blanks, delimiters and quotes are no records, or may be none.
        blanks = re.escape(b"".join((between, *map(str.encode, BLANKS))))
        plain = re.escape(between + b" \t\r")
        self._blank_first = re.compile(b'[%b"]*+\n' % blanks)
        self._blank_next = re.compile(b'\n[%b"]*+\n' % blanks)
        self._blank_lines = re.compile(b"(?:[%b]*+\n)++" % plain)
        self._blank_lines_next = re.compile(b"\n((?:[%b]*+\n)++)" % plain)
        self._starts = (between, b"\n", b"\r\n")
        self._ends = (between, b"\n")

    def skeleton(self, bare: bytes) -> bytes:
        """What is left of lines without their quoted parts: delimiters, line ends, and bytes that are suspect."""
        return bare.translate(None, self._ordinary)

    def without_suspects(self, skeleton: bytes) -> bytes:
        """A skeleton's delimiters and line ends alone."""
        return skeleton.translate(None, _SUSPECT)

    def first_irregular(self, parts: list[bytes]) -> int | None:
        """Of what stands outside, inside, outside, ... the quotes: the first part outside that is irregular.

        It does not begin or end as the grammar's plain case wants.
        """
        inner = parts[2:-1:2]
        last = len(parts) - 1
        if not parts[0].endswith(self._ends) and parts[0]:
            return 0
        if not all(self._is_between(part) for part in set(inner)):
            for index in range(2, last, 2):
                if not self._is_between(parts[index]):
                    return index
        if last % 2 == 0 and not parts[last].startswith(self._starts):
            return last
        return None

    def _is_between(self, part: bytes) -> bool:
        return not part or (part.startswith(self._starts) and part.endswith(self._ends))

    def until(self, parts: list[bytes], irregular: int | None) -> list[bytes]:
        """The whole records before an irregular part, or before the quote that is still open at the end."""
        index = len(parts) - 2 if irregular is None else irregular
        good_start = irregular is None or not index or not parts[index] or parts[index].startswith(self._starts)
        if not good_start:
            index -= 2
        while index >= 0 and b"\n" not in parts[index]:
            index -= 2
        if index < 0:
            return []
        last = parts[index]
        return [*parts[:index], last[: last.rfind(b"\n") + 1]]

    def may_hold_blank(self, lines: bytes) -> bool:
        """Whether one of the lines may be a blank record: blanks, delimiters and quotes are all that it holds."""
        return bool(self._blank_first.match(lines) or self._blank_next.search(lines))

    def without_blank_lines(self, lines: bytes) -> tuple[bytes, list[tuple[int, int]]]:
        """The lines without those of delimiters and blanks; before which of the others how many stood."""
        kept: list[bytes] = []
        gaps: list[tuple[int, int]] = []
        place = position = 0
        if first := self._blank_lines.match(lines):
            gaps.append((0, first[0].count(b"\n")))
            position = first.end()
        # a blank line may follow at once, so a match begins at the line break before it
        for run in self._blank_lines_next.finditer(lines, max(position - 1, 0)):
            kept.append(lines[position : run.start() + 1])
            place += lines.count(b"\n", position, run.start() + 1)
            gaps.append((place, run[1].count(b"\n")))
            position = run.end()
        kept.append(lines[position:])
        return b"".join(kept), gaps

    def irregular_lines(self, skeleton: bytes) -> Iterator[tuple[int, bytes]]:
        """The place and the shape of each line that has not the shape of a record."""
        line = self.line + b"\n"
        if self.line + b"\r\n" in skeleton:
            for place, shape in enumerate(skeleton.split(b"\n")[:-1]):
                if shape != self.line:
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

    def holds_lines(self, lines: bytes) -> bool:
        """Whether a quoted field holds a line of as many fields; line breaks within quotes are LINE_BREAK."""
        return self._line_within.search(lines) is not None

    def is_line_in(self, fields: Iterable[bytes] | None) -> bool:
        """Whether one of a record's fields holds such a line; line breaks are as they were."""
        broken = (field.split(b"\n") for field in fields or () if b"\n" in field)
        return any(line.count(self._delimiter) >= self._fields - 1 for lines in broken for line in lines)


def holds_invisible(data: bytes) -> bool:
    """Whether there is a character that nobody sees; most of what is none tells by its bytes alone."""
    suspects = data.translate(None, _UNSUSPICIOUS)
    return bool(suspects) and (
        _CONTROL.search(suspects) is not None or any(each.search(data) is not None for each in _UNSEEN)
    )


def first_long(data: bytes, start: int = 0, stop: int | None = None) -> int | None:
    """Where the first line of more than LONG bytes begins, in a part of `data` that begins with a line."""
    stop = len(data) if stop is None else stop
    while stop - start > LONG:
        end = data.rfind(b"\n", start, start + LONG + 1)
        if end < 0:
            return start
        start = end + 1
    return None
