"""The contract's CSV grammar, record by record: the exact, slow path for what the scanner finds irregular.

RFC 4180 with the contract's own clauses: a quote opens a field only at its start (spaces before it ignored), after the
closing quote only spaces, the delimiter or the line's end may follow, a line ends with LF or CRLF, and a record whose
fields are all blank is none. Works on UTF-8 bytes: every character with a meaning is ASCII.
"""

import re
from dataclasses import dataclass
from typing import Literal

from duff_orders.contract import BLANKS

_OPENING = re.compile(rb' *+"')
# Possessive, so that a doubled quote is never taken apart to find a closing one.
_QUOTED = re.compile(rb'[^"]*+(?:""[^"]*+)*+')
_SPACES = re.compile(rb" *+")
_BLANK_LINES = re.compile(rb"(?:[ \t]*+\r?\n)*+")
_BLANKS = re.compile(rb"[ \t]*+")
#: One character that is trimmed from a value.
BLANK = b"(?:" + b"|".join(re.escape(blank.encode()) for blank in BLANKS) + b")"
_BLANK_FIELD = re.compile(BLANK + b"*+")

LF, CR, QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its fields, or None with what is wrong.

    `text` is the record without its line end, `next` the position behind it.
    """

    text: bytes
    next: int
    fields: list[bytes] | None
    wrong: Literal["malformed_quotes", "unclosed_quote"] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether all fields are blank: then it is no record at all."""
        return self.fields is not None and all(map(_BLANK_FIELD.fullmatch, self.fields))


class Grammar:
    """Reads records whose fields are separated by one delimiter."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = ord(delimiter)
        self._plain = re.compile(rb"[^\n" + re.escape(delimiter.encode()) + rb"]*+")

    def skip_blank(self, data: bytes, start: int, *, final: bool) -> int | None:
        """The position behind the blank lines at `start`; None where more data must tell."""
        start = _BLANK_LINES.match(data, start).end()  # type: ignore[union-attr] # matches the empty string too
        end = _BLANKS.match(data, start).end()  # type: ignore[union-attr] # likewise
        if end == len(data):
            return len(data) if final else None
        return None if not final and data[end] == CR and end + 1 == len(data) else start

    def first(self, data: bytes, start: int, *, final: bool) -> tuple[int, Record] | None:
        """The first record at or behind `start` that is not blank, and its position.

        None where there is none, or more data must tell.
        """
        while True:
            begin = self.skip_blank(data, start, final=final)
            if begin is None or begin == len(data):
                return None
            record = self.read(data, begin, final=final)
            if record is None:
                return None
            if not record.is_blank:
                return begin, record
            start = record.next

    def read(self, data: bytes, start: int, *, final: bool) -> Record | None:
        """The record that starts at `start`; None where more data must tell (never if `final`)."""
        fields: list[bytes] = []
        position = start
        size = len(data)
        while True:
            opening = _OPENING.match(data, position)
            if opening is None:
                end = self._plain.match(data, position).end()  # type: ignore[union-attr] # matches the empty string too
                if end == size and not final:
                    return None
                if end < size and data[end] == self.delimiter:
                    fields.append(data[position:end])
                    position = end + 1
                    continue
                stop = end - 1 if end < size and end > position and data[end - 1] == CR else end
                fields.append(data[position:stop])
                return Record(data[start:stop], min(end + 1, size), fields)
            close = _QUOTED.match(data, opening.end()).end()  # type: ignore[union-attr] # likewise
            if close == size:
                return Record(data[start:], size, None, "unclosed_quote") if final else None
            after = _SPACES.match(data, close + 1).end()  # type: ignore[union-attr] # likewise
            if not final and (after == size or (data[after] == CR and after + 1 == size)):
                return None
            content = data[opening.end() : close].replace(b'""', b'"')
            if after == size:
                return Record(data[start:], size, [*fields, content])
            if data[after] == self.delimiter:
                fields.append(content)
                position = after + 1
            elif data[after] == LF:
                return Record(data[start:after], after + 1, [*fields, content])
            elif data[after : after + 2] == b"\r\n":
                return Record(data[start:after], after + 2, [*fields, content])
            else:
                return self._malformed(data, start, after, final=final)

    def _malformed(self, data: bytes, start: int, after: int, *, final: bool) -> Record | None:
        end = data.find(b"\n", after)
        if end < 0:
            return Record(data[start:], len(data), None, "malformed_quotes") if final else None
        stop = end - 1 if data[end - 1] == CR else end
        return Record(data[start:stop], end + 1, None, "malformed_quotes")

    def write(self, fields: list[bytes]) -> bytes:
        """A line that every reader of RFC 4180 takes apart into these fields."""
        quoted = (b'"' + field.replace(b'"', b'""') + b'"' for field in fields)
        return bytes((self.delimiter,)).join(quoted) + b"\n"
