"""What somebody gave up of a file's rejected rows."""

from dataclasses import dataclass
from datetime import datetime

from duff_orders.documents.document import Document
from duff_orders.documents.entries import each_line


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp(Document):
    """That somebody gave up what a file did not bring in, and why; `undo`: that it was taken back.

    `lines` are those of rejected rows as `ranges` writes them; None: all of the file. `by` names whose key was used.
    """

    lines: str | None
    why: str
    at: datetime
    undo: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp(Document):
    """All that was said of giving up a file, in its order: the later word counts."""

    file_id: str
    said: tuple[GiveUp, ...]

    @property
    def whole(self) -> bool:
        """Whether the file was given up as a whole."""
        whole = False
        for each in self.said:
            whole = not each.undo if each.lines is None else whole
        return whole

    @property
    def lines(self) -> frozenset[int]:
        """The lines that were given up one by one."""
        lines = set[int]()
        for each in self.said:
            if each.lines is not None:
                lines = lines - {*each_line(each.lines)} if each.undo else lines | {*each_line(each.lines)}
            elif each.undo:
                lines.clear()
        return frozenset(lines)
