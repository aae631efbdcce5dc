"""Corrections of a file's rejected rows: the draft of who is at it, and what was published of them."""

from dataclasses import dataclass
from datetime import datetime

from duff_orders.documents.document import Document

#: What a change is about where it is no column: the text of a malformed record, or that a row is given up.
RECORD, GIVEN_UP = "record", "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Document):
    """A cell of the row that begins on a line, before and after; of GIVEN_UP the reason, null where there is none."""

    line: int
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Document):
    """Changes that were made at once, and are undone at once. `by` names whose key was used."""

    changes: tuple[Change, ...]
    at: datetime
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(Document):
    """Corrections of a file that are not published yet: `done` of the `steps` hold, the others were undone.

    `revision` is that of the file's outcome: a replay may leave other rows. `holder` is at it `since` then, one at a
    time; `judged` are the reasons of each changed row as it stands now, by its line, none where it is right.
    """

    file_id: str
    revision: int
    holder: str | None
    since: datetime
    steps: tuple[Step, ...]
    done: int
    judged: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication(Document):
    """Corrections that were published as the raw object `key`: by whom, when, and each cell before and after."""

    key: str
    at: datetime
    by: str | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections(Document):
    """All corrections of a file that were published by a person on its page, oldest first."""

    file_id: str
    published: tuple[Publication, ...]
