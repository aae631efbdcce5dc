"""Records of more than a few kilobytes, set aside by the scanner: an engine processes 2,048 at a time.

They are judged by stand-ins: each text without the blanks around it and, where that is still longer than any good
one, a short one that breaks the same rule. The texts themselves stay on disk, for those that are rejected.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from duff_orders.contract import BLANKS, COLUMN_NAMES, COLUMNS, TEXT_CHARACTERS, Column
from duff_orders.ingest.corrections import CHANGES_TEXT, CORRECTS_TEXT
from duff_orders.ingest.csv_grammar import Grammar
from duff_orders.ingest.marks import Marks
from duff_orders.settings import MIB

#: Bytes from which a record is long: in the others no text can be too long. A usual one has some hundred.
LONG = TEXT_CHARACTERS
#: Bytes of stand-ins, and records, of one chunk.
CHUNK, CHUNK_RECORDS = 4 * MIB, 2_048
_NUMBER = re.compile(r"(-?[0-9]+)(?:([.,])([0-9]+))?", re.ASCII)
# Groups of three, which are no number beside the point and none that can be told beside the comma.
_GROUPS = re.compile(r"[1-9][0-9]{0,2}(?:[.][0-9]{3}){2,}", re.ASCII)
_CSV = Grammar(",")
#: No rule tells apart numbers with more digits than these.
_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some long records: the stand-ins of those with fields as CSV, `n` first; all of them as JSON, the n-th first."""

    stand_ins: Path
    records: Path

    def read(self) -> Iterator["LongRecord"]:
        """Each record."""
        with self.records.open(encoding="utf-8") as lines:
            for line in lines:
                yield LongRecord(*json.loads(line))


class LongRecord(NamedTuple):
    """A long record: its texts by column, or its whole text where it has none; why it is no data; its line.

    `lines_within`: a quoted field holds a line of as many fields as the header.
    """

    texts: list[str | None] | None
    record: str | None
    reason: str | None
    line: int
    lines_within: bool = False


class LongRecords:
    """What the scanner sets aside; `split` of them are data, `unsplit` are none."""

    def __init__(self, scratch: Path, marks: Marks) -> None:
        self._marks = marks
        self.chunks: list[Chunk] = []
        self.split = self.unsplit = 0
        self.lines_within = False
        self._scratch = scratch
        self._files: tuple[IO[bytes], IO[str]] | None = None
        self._count = 0

    def add(self, texts: list[str | None], line: int, *, ties: tuple[str, str], lines_within: bool) -> None:
        """A record by the texts of the columns, in the contract's order, and of those that tie it to another."""
        self.lines_within |= lines_within
        stand_ins, records = self._open()
        cells = [each.strip(BLANKS)[: TEXT_CHARACTERS + 1] for each in ties]
        cells += (stand_in(column, text or "", self._marks) for column, text in zip(COLUMNS, texts, strict=True))
        stand_ins.write(_CSV.write([cell.encode() for cell in (str(self._count), *cells)]))
        self._write(records, LongRecord([*texts], None, None, line, lines_within))
        self.split += 1
        if stand_ins.tell() >= CHUNK:
            self.close()

    def add_rejected(self, texts: list[str | None] | None, record: str | None, reason: str, line: int) -> None:
        """A record that is no data."""
        self._write(self._open()[1], LongRecord(texts, record, reason, line))
        self.unsplit += 1

    def close(self) -> None:
        """End the chunk that is being written."""
        if self._files:
            for file in self._files:
                file.close()
            stand_ins, records = (Path(file.name) for file in self._files)
            self.chunks.append(Chunk(stand_ins, records))
            self._files = None

    def _open(self) -> tuple[IO[bytes], IO[str]]:
        if self._count >= CHUNK_RECORDS:
            self.close()
        if self._files is None:
            name = self._scratch / f"long-{len(self.chunks)}"
            csv, lines = name.with_suffix(".csv"), name.with_suffix(".jsonl")
            self._files = csv.open("wb"), lines.open("w", encoding="utf-8")
            self._count = 0
        return self._files

    def _write(self, records: IO[str], document: LongRecord) -> None:
        json.dump(document, records, ensure_ascii=False)
        records.write("\n")
        self._count += 1


def stand_in(column: Column, text: str, marks: Marks) -> str:
    """A text of bounded length that has the same value, or breaks the same rule."""
    text = text.strip(BLANKS)
    if len(text) <= TEXT_CHARACTERS:
        return text
    if column.kind == "text":
        return "x" * (TEXT_CHARACTERS + 1)
    if marks.exact:
        text = marks.plain(text)
    elif _GROUPS.fullmatch(text):
        return "1.000.000"
    number = _NUMBER.fullmatch(text)
    if number is None:
        return "x"
    whole, mark, decimals = number[1][:_DIGITS], number[2] or "", number[3] or ""
    # whether only zeros follow is all that a rule asks of the rest
    rest = "1" if decimals[_DIGITS:].strip("0") else "0"
    if marks.exact:
        mark = mark and marks.decimal
    return whole + mark + (decimals if len(decimals) <= _DIGITS else decimals[:_DIGITS] + rest)


#: The columns of a chunk's stand-ins.
STAND_IN_COLUMNS = ("n", CORRECTS_TEXT, CHANGES_TEXT, *COLUMN_NAMES)
