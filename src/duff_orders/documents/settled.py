"""What somebody said of a day on which a partner's files are expected."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from duff_orders.documents.document import Document

#: That no file was expected; that what came is right, unusual as it is.
Said = Literal["not_expected", "right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement(Document):
    """One thing that was said, and why; `undo`: that it was taken back. `by` names whose key was used."""

    what: Said
    why: str
    at: datetime
    undo: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Document):
    """All that was said of a partner's day, in its order: the later word counts."""

    partner: str
    day: date
    said: tuple[Settlement, ...]

    def holds(self, what: Said) -> Settlement | None:
        """What was said last of this kind, if it was not taken back."""
        last = next((each for each in reversed(self.said) if each.what == what), None)
        return None if last is None or last.undo else last
