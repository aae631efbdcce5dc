"""The canonical lines as the engine reads them: the object in place, or copies of them in chunks of a fixed size."""

from pathlib import Path
from typing import IO

from duff_orders.settings import MIB

#: Bytes of canonical lines in a chunk, the last line apart. Not of the memory: every attempt makes the same parts.
CHUNK = 100 * 10**6
#: Bytes that are written at once: what the processor keeps at hand.
_BLOCK = MIB // 4
_LINE_END = ord("\n")


class Chunks:
    """Takes canonical lines; copies them only once there is anything else in the object.

    `lines` were taken so far, `paths` holds them: the object with its header where it is `in_place`, chunks without
    one otherwise.
    """

    def __init__(self, path: Path, folder: Path, *, in_place: bool) -> None:
        self.in_place = in_place
        self.lines = 0
        self._path, self._folder = path, folder
        self._chunks: list[Path] = []
        self._copy: IO[bytes] | None = None
        self._room = 0
        self._begin = self._end = 0  # the part of the object that was taken as it lies there

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that hold the lines; none where there are none."""
        return ((self._path,) if self.in_place else tuple(self._chunks)) if self.lines else ()

    def begin(self, size: int, *, plain: bool) -> None:
        """The object's header ends after so many bytes; `plain`: the engine skips it by itself."""
        self._begin = self._end = size
        self.in_place = self.in_place and plain

    def take(self, data: bytes, start: int, end: int, *, ended: bool = True) -> int:
        """Take the lines in a part of `data`, the last of which may lack its end in the object; returns how many."""
        lines = data.count(b"\n", start, end)
        self.lines += lines
        if self.in_place:
            self._end += end - start - (not ended)
        else:
            self._write(data, start, end)
        return lines

    def leave_place(self) -> None:
        """There is something else in the object: copy what was taken so far."""
        if not self.in_place:
            return
        self.in_place = False
        with self._path.open("rb") as raw:
            raw.seek(self._begin)
            todo = self._end - self._begin
            while todo > 0 and (block := raw.read(min(_BLOCK, todo))):
                self._write(block, 0, len(block))
                todo -= len(block)

    def close(self) -> None:
        """End the chunk that is being written."""
        if self._copy:
            self._copy.close()
            self._copy = None

    def _write(self, data: bytes, start: int, end: int) -> None:
        while start < end:
            if self._copy is None:
                path = self._folder / f"chunk-{len(self._chunks):04}.csv"
                self._copy = path.open("wb", buffering=_BLOCK)
                self._chunks.append(path)
                self._room = CHUNK
            # a chunk ends at the first line end behind the last byte that has room; where none is here, it comes
            cut = end if end - start <= self._room else data.find(b"\n", start + self._room, end) + 1 or end
            self._copy.write(memoryview(data)[start:cut])
            is_full, self._room = cut - start > self._room, max(self._room - (cut - start), 0)
            if is_full and data[cut - 1] == _LINE_END:
                self.close()
            start = cut
