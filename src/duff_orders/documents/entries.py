"""Lines of files in short, as the ledger and notes write them: `FILE_ID:3,7-9`."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# What a ledger row says of a file that it corrects.
_ENTRY = re.compile("([0-9a-f]{32})(?::([0-9,-]+))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ledger row says of a file that it corrects: the lines, as often as they are named; none: all of it."""

    file_id: str
    lines: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Entry":
        """The entry that `__str__` wrote; raises ValueError for any other text."""
        match = _ENTRY.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:100]!r} names no file, and no lines of one")
        return cls(match[1], tuple(each_line(match[2] or "")))

    def __str__(self) -> str:
        return f"{self.file_id}:{ranges(self.lines)}" if self.lines else self.file_id


def each_line(ranges: str) -> Iterator[int]:
    """The lines of a text that `ranges` wrote: `3,7-9`; raises ValueError for any other."""
    for part in ranges.split(",") if ranges else ():
        first, between, last = part.strip().partition("-")
        yield from range(int(first), int(last if between else first) + 1)


def ranges(lines: Iterable[int]) -> str:
    """Lines in their order, those that follow each other as `3-9`."""
    parts: list[list[int]] = []
    for line in sorted(lines):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def tied(text: str | None) -> tuple[str, int] | None:
    """The file and the line that `FILE_ID:LINE` names; None for what names a file as a whole, or nothing."""
    file_id, _, line = (text or "").partition(":")
    return (file_id, int(line)) if line else None


def entries(named: Iterable[str]) -> tuple[str, ...] | None:
    """The ledger's entries of rows, each `FILE_ID:LINE`, and of files, `FILE_ID`; None where there are none."""
    by_file: dict[str, list[int]] = defaultdict(list)
    for each in named:
        file_id, _, line = each.partition(":")
        by_file[file_id] += [int(line)] if line else []
    return tuple(str(Entry(file_id, tuple(lines))) for file_id, lines in sorted(by_file.items())) or None
