"""What became of the rows that files did not bring in: each is exactly one of open, corrected or given up.

It follows from the ledger, whose rows tell what they correct, and from what was given up; nothing else is kept, so that
nothing can contradict it. A row that was to correct another and was rejected itself stands for that one, and has no
standing of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from duff_orders.documents import Entry, GivenUp, LedgerRow, tied

State = Literal["open", "corrected", "given_up"]


class Correcting(NamedTuple):
    """A file that takes the place of another's rows, by their lines, or without lines of the whole file."""

    row: LedgerRow
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What became of the rows that one file did not bring in: `lost` = open + corrected + given up.

    Lost are its rejected rows, but those that were to correct others, and the withheld ones. `whole` is what became of
    the file as a whole, `lines` of its rows one by one; all others are open. `corrected_by` and `tried_by` are the
    files whose rows were published, or rejected, in the place of its own, oldest first.
    """

    row: LedgerRow
    lost: int
    whole: State
    lines: Mapping[int, State]
    corrected_by: tuple[Correcting, ...] = ()
    tried_by: tuple[Correcting, ...] = ()
    given_up_as: GivenUp | None = None

    @property
    def corrected(self) -> int:
        """How many rows are published in another file."""
        return self._count("corrected")

    @property
    def given_up(self) -> int:
        """How many rows somebody gave up."""
        return self._count("given_up")

    @property
    def open(self) -> int:
        """How many rows wait for somebody."""
        return self._count("open")

    def _count(self, state: State) -> int:
        singly = sum(each == state for each in self.lines.values())
        return singly + (self.lost - len(self.lines) if self.whole == state else 0)

    @property
    def is_open(self) -> bool:
        """Whether something is to be done about the file; where its rows could not be counted, the file is one."""
        uncounted = self.row.verdict == "failed" or (self.row.verdict == "invalid" and not self.row.rows_read)
        return self.whole == "open" if uncounted else self.open > 0

    def of(self, line: int | None) -> State:
        """What became of the row that begins on a line."""
        return self.lines.get(line, self.whole) if line is not None else self.whole


class Standings:
    """The standing of each file of a ledger.

    `rejected_lines` gives the lines of a file's rejected rows, but of those that were to correct others. It is asked
    only of files that were replayed since they came: what was said of their lines may be about other rows.
    """

    def __init__(
        self,
        rows: Iterable[LedgerRow],
        given_up: Mapping[str, GivenUp],
        rejected_lines: Callable[[LedgerRow], Collection[int]],
    ) -> None:
        self._rows = {row.file_id: row for row in rows}
        self._given_up = given_up
        self._rejected_lines = rejected_lines
        self._corrected_by: dict[str, list[Correcting]] = defaultdict(list)
        self._tried_by: dict[str, list[Correcting]] = defaultdict(list)
        self._known: dict[str, Standing] = {}
        self._open: list[Standing] | None = None
        for row in sorted(self._rows.values(), key=lambda row: (row.event_time, row.file_id)):
            for named, by_file in ((row.corrects, self._corrected_by), (row.attempts, self._tried_by)):
                for entry in map(Entry.of, named or ()):
                    if row.published and not entry.lines and by_file is self._tried_by:
                        continue  # it replaces the file, though some of its own rows are rejected
                    by_file[entry.file_id].append(Correcting(row, entry.lines))

    def rows(self) -> list[LedgerRow]:
        """All rows of the ledger, in no order."""
        return [*self._rows.values()]

    def of_row(self, row: LedgerRow, line: int | None, corrects: str | None) -> State:
        """What became of a rejected row of a file: where it was to correct one of another, of that one."""
        tie = tied(corrects)
        other = self._rows.get(tie[0]) if tie else None
        if tie is None or other is None:
            return self.of(row).of(line)
        return self.of(other).of(tie[1])

    def of(self, row: LedgerRow) -> Standing:
        """The standing of one file."""
        if row.file_id not in self._known:
            self._known[row.file_id] = self._work_out(row)
        return self._known[row.file_id]

    def _work_out(self, row: LedgerRow) -> Standing:
        corrected_by = self._corrected_by.get(row.file_id, [])
        said = self._given_up.get(row.file_id)
        lines: dict[int, State] = dict.fromkeys(said.lines if said else (), "given_up")
        lines |= {line: "corrected" for each in corrected_by for line in each.lines}
        if lines and row.revision:
            still = {*self._rejected_lines(row)}
            lines = {line: state for line, state in lines.items() if line in still}
        whole: State = "open"
        if any(not each.lines for each in corrected_by):
            whole, lines = "corrected", {}
        elif said and said.whole and is_given_up_whole(row):
            whole = "given_up"
        return Standing(
            row=row,
            lost=lost(row),
            whole=whole,
            lines=lines,
            corrected_by=tuple(corrected_by),
            tried_by=tuple(self._tried_by.get(row.file_id, ())),
            given_up_as=said,
        )

    def open(self) -> list[Standing]:
        """The files about which something is to be done, newest first."""
        if self._open is None:
            found = [standing for standing in map(self.of, self._rows.values()) if standing.is_open]
            self._open = sorted(found, key=lambda each: (each.row.event_time, each.row.file_id), reverse=True)
        return [*self._open]


def lost(row: LedgerRow) -> int:
    """How many rows of a file are neither in the tables nor stand for a row of another: rejected, or withheld."""
    attempts = sum(len(Entry.of(each).lines) for each in row.attempts or ())
    return row.rows_rejected - attempts + row.rows_withheld


def is_given_up_whole(row: LedgerRow) -> bool:
    """Whether a file is given up as a whole: its rows may not be known, or not where they begin."""
    return row.verdict in ("invalid", "failed") or row.contract == 1
