"""Spark, on any master: the engine of clusters, and of Glue's jobs."""

from collections.abc import Iterator
from contextlib import contextmanager

from duff_orders.drivers.spark import check_installed
from duff_orders.engines.base import Engine
from duff_orders.engines.spark.spelling import SparkSpelling
from duff_orders.ingest.staged import OnPhase, Source, Transformed
from duff_orders.lake.lake import Lake
from duff_orders.models.plan import Builder, Plan


@contextmanager
def _transform(lake: Lake, source: Source, *, memory_fraction: float, phase: OnPhase) -> Iterator[Transformed]:
    from duff_orders.engines.spark import transform  # who builds the star schema needs it not

    with transform.transform(lake, source, memory_fraction=memory_fraction, phase=phase) as made:
        yield made


@contextmanager
def _open_builder(lake: Lake, plan: Plan) -> Iterator[Builder]:
    from duff_orders.engines.spark import builder  # likewise, the other way round

    with builder.open_builder(lake, plan) as opened:
        yield opened


ENGINE = Engine(
    name="spark",
    spelling=SparkSpelling(),
    route="large",
    check_installed=check_installed,
    transform=_transform,
    open_builder=_open_builder,
)
