"""What the engine reads: the object in place as long as all of it is clean, otherwise a cleaned copy.

On the way it counts the records that are kept, and notes on which line of the object they begin.
"""

from pathlib import Path
from typing import IO

from duff_orders.ingest.blocks import LINE_BREAK
from duff_orders.settings import MIB


class OnDemand:
    """A file that is there once something was written to it: of most files, hardly any is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def open(self) -> IO[bytes]:
        """The file, which is there from now on."""
        if self._file is None:
            self._file = self._path.open("wb")
        return self._file

    def write(self, data: bytes) -> None:
        """Write to the end of the file."""
        self.open().write(data)

    def close(self) -> None:
        """Nothing more is written."""
        if self._file:
            self._file.close()


class CleanCopy:
    """The copy, begun only once the object will not do as it is.

    `records` are kept so far. The n-th, counted from 0, begins on line `n + shift` of the object, plus the line breaks
    within quotes of those before it; `places` takes from which record on which shift holds. With `one_line` a record
    stands on the same line of the copy as of the object: blank lines make up for what is left out, and for line breaks
    within quotes, which are then LINE_BREAK.
    """

    def __init__(self, path: Path, copy: OnDemand, places: OnDemand, *, in_place: bool, one_line: bool) -> None:
        self.in_place = in_place
        self.one_line = one_line
        self.records = 0
        self._path, self._copy, self._places = path, copy, places
        self._taken = self._before = 0  # bytes of the object that were found clean, and lines up to the header's end
        self._shift = self._within = 0  # lines that are in no kept record, and line breaks within those
        self._noted = 0  # the shift that was written last

    @property
    def line(self) -> int:
        """The line of the object on which the next record begins."""
        return self.records + self._shift + self._within

    def begin(self, size: int, lines: int, *, plain: bool) -> None:
        """Leave out the header and what stands before it, of so many bytes and lines.

        The engine skips one `plain` line by itself; a stranger header is left to the copy.
        """
        self._taken, self._before, self._shift = size, lines, 1 + lines
        self.in_place = self.in_place and plain
        if self.one_line and not self.in_place:
            self._copy.write(b"\n" * lines)

    def keep(self, lines: bytes, count: int, *, clean: bool, ended: bool = True) -> None:
        """Hand on `count` records, line breaks within quotes as LINE_BREAK.

        `clean`: they stand so in the object, there with a line end if `ended`.
        """
        within = lines.count(LINE_BREAK)
        if within:
            clean = clean and not self.one_line
            lines = _padded(lines) if self.one_line else lines.replace(LINE_BREAK, b"\n")
        self.note_shift()
        self.records += count
        self._within += within
        if clean and self.in_place:
            self._taken += len(lines) if ended else len(lines) - 1
            return
        self.leave_place()
        self._copy.write(lines)

    def drop(self, lines: int) -> None:
        """Leave out lines that are in no kept record; none, where the object ends without a line break."""
        self.leave_place()
        self._shift += lines
        if self.one_line:
            self._copy.write(b"\n" * lines)

    def note_shift(self) -> None:
        """Write down from which record on the shift holds, where it is another."""
        if self._shift != self._noted:
            self._places.write(f"{self.records},{self._shift}\n".encode())
            self._noted = self._shift

    def leave_place(self) -> None:
        """From here on the engine needs a clean copy: begin it with what was clean so far."""
        if not self.in_place:
            return
        self.in_place = False
        if self.one_line:
            self._copy.write(b"\n" * self._before)
        with self._path.open("rb") as raw:
            header = raw.readline()
            todo = self._taken - len(header)
            while todo > 0 and (block := raw.read(min(MIB, todo))):
                self._copy.write(block)
                todo -= len(block)


def _padded(records: bytes) -> bytes:
    """Records, each on one line, and behind it as many blank lines as the line breaks within its quotes."""
    parts = []
    start = 0
    while (broken := records.find(LINE_BREAK, start)) >= 0:
        end = records.index(b"\n", broken) + 1
        parts += [records[start:end], b"\n" * records.count(LINE_BREAK, broken, end)]
        start = end
    return b"".join((*parts, records[start:]))
