"""`Transform-data`: one file's records to staged Parquet, on the engine that the settings choose for it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from duff_orders.ingest.outcome import Outcome
from duff_orders.lake.lake import Lake
from duff_orders.lake.store import Staged
from duff_orders.messages import Dialect, Event
from duff_orders.settings import Engine, Settings

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


def check_engines(settings: Settings, sizes: Iterable[int]) -> None:
    """Raises SettingsError, before anything is written, where the engine for one of these files is not installed."""
    if any(settings.engine_for(size) == "spark" for size in sizes):
        from duff_orders.lake.spark import check_installed

        check_installed()


@contextmanager
def transform(lake: Lake, source: Source, *, share: float, stage: OnStage) -> Iterator[Transformed]:
    """Transform a file; what is staged is gone at the end. `share` is the part of the memory that it may take.

    Raises InvalidFile for what the head did not show, CountMismatch where the engine read other records than were
    counted.
    """
    # Engines are heavy, and a Glue job has no DuckDB: only the one that is asked is imported.
    if lake.settings.engine_for(source.event.size) == "spark":
        from duff_orders.ingest import transform_spark as engine
    else:
        from duff_orders.ingest import transform_duckdb as engine  # type: ignore[no-redef]
    with engine.transform(lake, source, share=share, stage=stage) as transformed:
        yield transformed
