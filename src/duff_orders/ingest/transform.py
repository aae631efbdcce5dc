"""`Transform-data`: one file's records to staged Parquet, on the engine that the settings choose for it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from duff_orders.ingest.staged import OnStage, Source, Transformed
from duff_orders.lake.lake import Lake
from duff_orders.settings import Settings


def check_engines(settings: Settings, sizes: Iterable[int]) -> None:
    """Raises SettingsError, before anything is written, where the engine for one of these files is not installed."""
    if any(settings.engine_for(size) == "spark" for size in sizes):
        from duff_orders.engines.spark import check_installed

        check_installed()


@contextmanager
def transform(lake: Lake, source: Source, *, share: float, stage: OnStage) -> Iterator[Transformed]:
    """Transform a file; what is staged is gone at the end. `share` is the part of the memory that it may take.

    Raises InvalidFile for what the head did not show, CountMismatch where the engine read other records than were
    counted.
    """
    # Engines are heavy, and a Glue job has no DuckDB: only the one that is asked is imported.
    if lake.settings.engine_for(source.event.size) == "spark":
        from duff_orders.ingest import on_spark as engine
    else:
        from duff_orders.ingest import on_duckdb as engine  # type: ignore[no-redef]
    with engine.transform(lake, source, share=share, stage=stage) as transformed:
        yield transformed
