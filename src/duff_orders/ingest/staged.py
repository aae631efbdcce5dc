"""What an engine is given of a file, and what it hands back: staged Parquet, which nobody sees yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from duff_orders.ingest.verdict import Outcome
from duff_orders.lake.store import Staged
from duff_orders.messages import Dialect, Event
from duff_orders.settings import Engine

#: Told at the start of a stage: its name, and a function that gives the share done (0 to 1).
OnStage = Callable[[str, Callable[[], float]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An object on its way: where its bytes are, its dialect by its head, and what its rows are marked with."""

    path: Path
    event: Event
    file_id: str
    dialect: Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformed:
    """What an engine made of a file: its outcome, its dialect as it turned out, and the staged Parquet files."""

    engine: Engine
    outcome: Outcome
    dialect: Dialect
    orders: Sequence[Staged]
    rejected: Sequence[Staged]
