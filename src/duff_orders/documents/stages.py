"""What the stages pass to each other: the decision on a file, its dialect, the outcome of its records."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from duff_orders.documents.document import Document
from duff_orders.documents.events import Event
from duff_orders.documents.ledger_row import LedgerRow, Verdict

#: Which way a file takes: to an engine in the process, to a job, or nothing is left to do.
Route = Literal["small", "large", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(Document):
    """How a file is written; as large as it is, however wide the header: states hand it on, which are limited.

    The header has `fields` fields, and the contract's columns, in its order, stand at `places` among them, from 0;
    None: an optional one is absent. A document of an earlier version says nothing of later columns.
    `encoding` may turn out as another once the whole file has been read. `corrects` and `changes` are the places of
    the columns of a file that corrects others; without the former it is none.
    """

    encoding: str
    delimiter: str
    decimal_mark: str
    fields: int
    places: tuple[int | None, ...]
    corrects: int | None = None
    changes: int | None = None

    @property
    def ties(self) -> bool:
        """Whether records may correct others."""
        return self.corrects is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Document):
    """What became of a file's records: the verdict, its reason in words, the counts, and remarks (`CODE:COUNT`).

    `corrects` and `attempts` are what published, and rejected, rows take the place of: `FILE_ID:LINES`.
    """

    verdict: Verdict
    reason: str | None = None
    rows_read: int = 0
    rows_published: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_withheld: int = 0
    nulls: dict[str, int] | None = None
    remarks: tuple[str, ...] | None = None
    corrects: tuple[str, ...] | None = None
    attempts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Document):
    """What a file's first bytes and the ledger say: its way and its dialect, or the `row` that it has already.

    `replay`: the outcome of before is to be replaced. `engine` is the name of the one that takes it; None: a release
    before has not decided that yet. `reading` names how the file is read, and `profile` the partner's profile that this
    is made of; None: a release before knew no profiles.
    """

    route: Route
    event: Event
    replay: bool = False
    dialect: Dialect | None = None
    row: LedgerRow | None = None
    engine: str | None = None
    reading: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged(Document):
    """What a transform made of a file and nobody sees yet, or the `row` that the file has already.

    `orders` and `rejected` name the staged Parquet: paths on this machine (they begin with `/`), or objects of the
    lake. `extra_columns` are the names of the header's further columns, `replaces` is the file whose place all its rows
    take. `content` is that of the ledger row, where the object was read; `reading` and `profile` are those of the
    decision. `contract` is the version under which the
    Parquet was written; None: today's.
    """

    event: Event
    outcome: Outcome
    started: datetime
    replay: bool = False
    content: str = ""
    reading: str | None = None
    profile: str | None = None
    contract: int | None = None
    engine: str | None = None
    dialect: Dialect | None = None
    extra_columns: tuple[str, ...] | None = None
    replaces: str | None = None
    orders: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    error: str | None = None
    row: LedgerRow | None = None
