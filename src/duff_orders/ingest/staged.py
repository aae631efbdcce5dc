"""What an engine is given of a file, and what it returns."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from duff_orders.clock import utc_now
from duff_orders.documents import Dialect, Event, Outcome
from duff_orders.ingest.canonical import Form
from duff_orders.ingest.corrections import Replaced
from duff_orders.ingest.header import Header
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.base import StagedFile
from duff_orders.profiles.reading import Reading

#: Told at the start of a phase: its name, and a function that gives the fraction done (0 to 1).
OnPhase = Callable[[str, Callable[[], float]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An object on its way: where its bytes are, its dialect by its head, and what its rows are marked with.

    `reading` is how it is read, `replaced` is the file whose place all its rows take.
    """

    path: Path
    event: Event
    dialect: Dialect
    reading: Reading
    replaced: Replaced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformed:
    """What an engine made of a file: its outcome, its dialect as it turned out, and the staged Parquet files.

    `extra_columns` are the names of the header's further columns.
    """

    outcome: Outcome
    dialect: Dialect
    extra_columns: tuple[str, ...]
    orders: Sequence[StagedFile]
    rejected: Sequence[StagedFile]


class Transform(Protocol):
    """An engine's part; what it staged is gone at the end."""

    def __call__(
        self, lake: Lake, source: Source, *, memory_fraction: float, phase: OnPhase
    ) -> AbstractContextManager[Transformed]:
        """Raises InvalidFile for what the head did not show, CountMismatch for other records than were counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalFile:
    """A file whose records are all canonical lines of a form: these, each with its end, and how many there are."""

    event: Event
    reading: Reading
    header: Header
    form: Form
    lines: bytes
    records: int
    started: datetime = field(default_factory=utc_now)


class WrittenOrders(NamedTuple):
    """The Parquet of one file's orders, and how many rows are in it."""

    path: Path
    rows: int


class TransformBatch(Protocol):
    """An engine's part of many canonical files of one dialect and form; what it staged is gone at the end."""

    def __call__(
        self, lake: Lake, files: Sequence[CanonicalFile], *, memory_fraction: float
    ) -> AbstractContextManager[Mapping[str, WrittenOrders]]:
        """The orders by `file_id`; files are left out in which an order line comes twice."""
