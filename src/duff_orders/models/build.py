"""A build of the star schema: what is new where that will do, everything where it must be, then one switch."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from duff_orders.contract import DIM_CHANNELS, DIM_STATUS, Table
from duff_orders.lake import snapshot
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import Snapshot
from duff_orders.messages import LedgerRow, utc_now
from duff_orders.models import star
from duff_orders.settings import Engine

LOCK = "models-build"
#: By the table's name, the object of each dimension.
Dimensions = dict[str, str]
#: By `pa_date`, the objects of each partition of fact_orders that was written, and its number of rows.
Partitions = dict[str, tuple[list[str], int]]


def dimensions(base: Snapshot, grown: Callable[[Table], bool], write: Callable[[Table, str], str]) -> Dimensions:
    """Write the dimensions that change; the object of each, by the table's name.

    `grown` tells whether a table that only grows has; `write` writes the rows of a select and names the object.
    """
    objects = dict(base.dimensions)
    if DIM_STATUS.name not in objects:
        objects[DIM_STATUS.name] = write(DIM_STATUS, star.dim_status())
    if DIM_CHANNELS.name not in objects or grown(DIM_CHANNELS):
        objects[DIM_CHANNELS.name] = write(DIM_CHANNELS, f"select * from {DIM_CHANNELS.name}")
    for table in star.MOVING:
        objects[table.name] = write(table, star.dimension(table))
    return objects


class Make(Protocol):
    """What an engine does of a build: it writes objects, and names those that are the tables from now on."""

    def __call__(
        self, lake: Lake, build_id: str, base: Snapshot, added: Sequence[LedgerRow]
    ) -> tuple[Dimensions, Partitions]:
        """Add files, `added` in the order of (event time, `file_id`), to the tables of `base`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did.

    `files` were added and `partitions` of fact_orders written; `rows` stand in fact_orders now. `build_id` is None
    where there was nothing to do. `seconds` are those of the clock, waiting for another build included.
    """

    build_id: str | None
    kind: Literal["incremental", "rebuild", "unchanged"]
    files: int = 0
    partitions: int = 0
    rows: int = 0
    seconds: float = 0.0


def build(lake: Lake, *, rebuild: bool = False) -> BuildReport:
    """Bring the star schema up to the ledger; with `rebuild`, from nothing.

    New files are added to what is there. A file that is no longer published, or that a replay replaced, cannot be
    taken out again, since what it had superseded is gone: then, too, everything is built from nothing. Builds wait
    for each other. A killed one changes nothing, and the next removes what it left. The engine is the one for a file
    as large as all the new ones; each builds on what the other left.

    Raises duckdb.Error, or PySparkException or Py4JError, where a published object cannot be read or the memory does
    not suffice, OSError where nothing can be written, SettingsError where there is no Spark, PipelineError where
    somebody without the lock switched the snapshot.
    """
    started = time.monotonic()
    with lake.store.lock(LOCK):
        old, pointer = snapshot.read(lake.store)
        snapshot.sweep(lake.store, old, utc_now(), lake.settings.grace)
        # A file without rows leaves no trace in the tables, so it is none of the files they are made of.
        published = {row.file_id: row for row in lake.ledger.rows() if row.published and row.rows_published}
        revisions = {file_id: row.revision for file_id, row in published.items()}
        base = old if not rebuild and old.files.items() <= revisions.items() else Snapshot()
        added = [row for file_id, row in published.items() if file_id not in base.files]
        added.sort(key=lambda row: (row.event_time, row.file_id))
        if not added and base is old:
            return BuildReport(
                build_id=None,
                kind="unchanged",
                rows=sum(old.rows.values()),
                seconds=time.monotonic() - started,
            )
        build_id = f"{utc_now():%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
        make = _make(lake.settings.engine_for(sum(row.size for row in added)))
        dimensions, written = make(lake, build_id, base, added)
        facts = {day: (names, base.rows[day]) for day, names in base.partitions.items()} | written
        new = Snapshot(
            build_id=build_id,
            dimensions=dimensions,
            partitions={day: names for day, (names, rows) in facts.items() if rows},
            rows={day: rows for day, (_, rows) in facts.items() if rows},
            files=revisions,
        )
        snapshot.switch(lake.store, old.followed_by(new, utc_now(), lake.settings.grace), pointer)
    return BuildReport(
        build_id=build_id,
        kind="incremental" if base.build_id else "rebuild",
        files=len(added),
        partitions=len(written),
        rows=sum(new.rows.values()),
        seconds=time.monotonic() - started,
    )


def _make(engine: Engine) -> Make:
    """The engine's part; the other engine need not even be installed."""
    if engine == "spark":
        from duff_orders.models.build_spark import make
    else:
        from duff_orders.models.build_duckdb import make
    return make
