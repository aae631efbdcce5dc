"""What an engine is: one object, the value `ENGINE` of its folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from duff_orders.documents import Route
from duff_orders.drivers.dialect import Spelling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duff_orders.ingest.staged import (
        CanonicalFile,
        OnPhase,
        Source,
        Transform,
        TransformBatch,
        Transformed,
        WrittenOrders,
    )
    from duff_orders.lake.lake import Lake
    from duff_orders.models.plan import Builder, OpenBuilder, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine by its name, which is that of its folder.

    `spelling` is how it writes what engines write differently, `route` the way that a file takes to it: `small` files
    stay in the process, `large` ones go to a job. `check_installed` raises SettingsError where something is missing.
    Its modules `transform`, `builder`, and `batch` where it `takes_batches`, are loaded when they are first needed:
    each works without the others.
    """

    name: str
    spelling: Spelling
    route: Route
    check_installed: Callable[[], None]
    takes_batches: bool = False

    def transform(
        self, lake: "Lake", source: "Source", *, memory_fraction: float, phase: "OnPhase"
    ) -> "AbstractContextManager[Transformed]":
        """An engine's part of a file; see `ingest.staged.Transform`."""
        transform: Transform = import_module(f"{__package__}.{self.name}.transform").transform
        return transform(lake, source, memory_fraction=memory_fraction, phase=phase)

    def transform_batch(
        self, lake: "Lake", files: "Sequence[CanonicalFile]", *, memory_fraction: float
    ) -> "AbstractContextManager[Mapping[str, WrittenOrders]]":
        """An engine's part of many files; see `ingest.staged.TransformBatch`."""
        batch: TransformBatch = import_module(f"{__package__}.{self.name}.batch").transform_batch
        return batch(lake, files, memory_fraction=memory_fraction)

    def open_builder(self, lake: "Lake", plan: "Plan") -> "AbstractContextManager[Builder]":
        """An engine's part of a build of the star schema; see `models.plan.OpenBuilder`."""
        open_builder: OpenBuilder = import_module(f"{__package__}.{self.name}.builder").open_builder
        return open_builder(lake, plan)
