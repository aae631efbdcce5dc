"""A build of the star schema: incremental where possible, from scratch where necessary, then one switch."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from duff_orders.clock import utc_now
from duff_orders.contract import VERSION
from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject, EngineError
from duff_orders.lake import snapshot
from duff_orders.lake.cleanup import set_aside, sweep_star
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import STAR_POINTER
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores.base import Store
from duff_orders.lake.survey import harmed
from duff_orders.models.plan import OpenBuilder, Partition, make_plan, write_dimensions, write_interim
from duff_orders.progress import OnPhase, ignore_phase
from duff_orders.registry import engine

LOCK = "models-build"
#: What a build works on, as progress is told.
TOLD = "star schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did.

    `files` were added and `partitions` of fact_orders written; `rows` stand in fact_orders now. `build_id` is None
    where there was nothing to do, or it was too soon. `seconds` are those of the clock, waiting for another build
    included. `left_out` tells of the files whose ledger rows cannot be read.
    """

    build_id: str | None
    kind: Literal["incremental", "rebuild", "unchanged", "too_soon"]
    files: int = 0
    partitions: int = 0
    rows: int = 0
    seconds: float = 0.0
    left_out: tuple[str, ...] = ()


def build(
    lake: Lake, *, rebuild: bool = False, apart: timedelta = timedelta(0), phase: OnPhase = ignore_phase
) -> BuildReport:
    """Bring the star schema up to the ledger; with `rebuild`, from nothing.

    Where the last build began less than `apart` ago, nothing is done: another may have built since it was looked.
    New files are added to what is there, or everything is built from nothing: as `plan` says, and where what is there
    cannot be told. Builds wait for each other. A killed one changes nothing, and the next removes what it left. The
    engine is the one for a file as large as all the new ones; each builds on what the other left.

    Files whose objects cannot be read are left out, and taken up once they can. Raises EngineError where an object of
    the star schema cannot be read or the memory does not suffice, OSError where nothing can be written, SettingsError
    where there is no Spark, PipelineError where somebody without the lock switched the snapshot.
    """
    without: dict[str, DamagedObject] = {}
    while True:
        try:
            return _build(lake, without, rebuild=rebuild, apart=apart, phase=phase)
        except _Unreadable as error:
            damaged = harmed(lake.store, error.rows)
            if damaged.keys() <= without.keys():
                raise error.cause from error.cause.__cause__
            without |= damaged


class _Unreadable(Exception):
    """The engine failed over the objects of some files."""

    def __init__(self, rows: Sequence[LedgerRow], cause: EngineError) -> None:
        super().__init__()
        self.rows = rows
        self.cause = cause


def _build(
    lake: Lake, without: Mapping[str, DamagedObject], *, rebuild: bool, apart: timedelta, phase: OnPhase
) -> BuildReport:
    """A build without some files. Raises _Unreadable where the engine fails."""
    started = time.monotonic()
    with lake.store.lock(LOCK):
        current, token = snapshot.read(lake.store)
        old = current or Snapshot()
        if old.ledger_read and old.ledger_read <= utc_now() < old.ledger_read + apart:
            return BuildReport(build_id=None, kind="too_soon", rows=sum(old.rows.values()))
        if current is None:  # all that it named is made anew, so only its bytes are kept
            set_aside(lake.store, STAR_POINTER, utc_now())
        sweep_star(lake.store, old, utc_now(), lake.settings.grace)
        plan = make_plan(lake.ledger, old, rebuild=rebuild, without=without)
        if not plan.added and plan.base is old:
            return BuildReport(
                build_id=None,
                kind="unchanged",
                rows=sum(old.rows.values()),
                seconds=time.monotonic() - started,
                left_out=tuple(map(str, plan.left_out)),
            )
        open_builder: OpenBuilder = engine(lake.settings.engine_for(sum(row.size for row in plan.added))).open_builder
        phase(TOLD, "read what is new", lambda: 0.0)
        try:
            with open_builder(lake, plan) as builder:
                phase(TOLD, "write dimensions", lambda: 1 / 3)
                dimensions = write_dimensions(plan.base, builder)
                catalogued = lake.store.listed_by_readers and plan.base is not old
                interim = write_interim(old, dimensions, builder) if catalogued else {}
                phase(TOLD, "write order lines", lambda: 2 / 3)
                written = builder.write_partitions()
        except EngineError as error:
            raise _Unreadable(plan.added, error) from error
        base = plan.base
        facts = {
            day: Partition(names, base.rows[day], base.order_ids.get(day)) for day, names in base.partitions.items()
        }
        facts = {day: partition for day, partition in (facts | written).items() if partition.rows}
        new = Snapshot(
            build_id=plan.build_id,
            dimensions=dimensions,
            interim=interim,
            partitions={day: partition.names for day, partition in facts.items()},
            rows={day: partition.rows for day, partition in facts.items()},
            files=plan.files,
            ledger=dict(plan.ledger),
            ledger_read=plan.ledger_read,
            contract=VERSION,
            order_ids={day: partition.order_ids for day, partition in facts.items() if partition.order_ids},
        )
        new = replace(new, digests=_digests(lake.store, new.all_objects(), old.digests))
        snapshot.switch(lake.store, old.followed_by(new, utc_now(), lake.settings.grace), token)
    return BuildReport(
        build_id=plan.build_id,
        kind="incremental" if plan.base.build_id else "rebuild",
        files=len(plan.added),
        partitions=len(written),
        rows=sum(new.rows.values()),
        seconds=time.monotonic() - started,
        left_out=tuple(map(str, plan.left_out)),
    )


def _digests(store: Store, names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """The digest of each object of a star schema: read once, when it was just written."""
    listed = sorted(names)
    unknown = [name for name in listed if name not in known]
    with ThreadPoolExecutor(store.reads_at_once, thread_name_prefix="digests") as pool:
        read = dict(zip(unknown, pool.map(store.digest, unknown), strict=True))
    return {name: digest for name in listed if (digest := known.get(name) or read[name])}
