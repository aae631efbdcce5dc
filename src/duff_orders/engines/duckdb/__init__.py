"""DuckDB, in process and out of core: the engine of one machine, and of functions."""

from collections.abc import Iterator
from contextlib import contextmanager

from duff_orders.engines.base import Engine
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.ingest.staged import OnPhase, Source, Transformed
from duff_orders.lake.lake import Lake
from duff_orders.models.plan import Builder, Plan


@contextmanager
def _transform(lake: Lake, source: Source, *, memory_fraction: float, phase: OnPhase) -> Iterator[Transformed]:
    from duff_orders.engines.duckdb import transform  # who builds the star schema needs it not

    with transform.transform(lake, source, memory_fraction=memory_fraction, phase=phase) as made:
        yield made


@contextmanager
def _open_builder(lake: Lake, plan: Plan) -> Iterator[Builder]:
    from duff_orders.engines.duckdb import builder  # likewise, the other way round

    with builder.open_builder(lake, plan) as opened:
        yield opened


def _check_installed() -> None:
    """It is always there."""


ENGINE = Engine(
    name="duckdb",
    spelling=DuckDBSpelling(),
    route="small",
    check_installed=_check_installed,
    transform=_transform,
    open_builder=_open_builder,
)
