"""Builds of the star schema: small ones by DuckDB in the function, large ones by the Glue job, each when it is due."""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from duff_orders.aws.arrivals import come_back
from duff_orders.aws.telemetry import tell
from duff_orders.clock import utc_now
from duff_orders.contract import ORDERS
from duff_orders.documents import LedgerRow
from duff_orders.engines.duckdb.builder import in_reach
from duff_orders.errors import Busy, EngineError
from duff_orders.lake import layout, relation, snapshot
from duff_orders.lake.glue_catalog import follow
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores import open_store
from duff_orders.lake.stores.fetched import FetchedStore
from duff_orders.models.build import build
from duff_orders.models.plan import Plan, make_plan
from duff_orders.settings import Settings

#: Seconds after which is looked again where a build failed, and where another one is under way.
AFTER_FAILURE, AFTER_ANOTHER = 120, 300
#: How often a message comes before the job is to do it: the function may be ended each time in the middle of its work.
TRIES = 6


def on_messages(records: Sequence[dict[str, Any]], settings: Settings, deadline: float) -> dict[str, Any]:
    """Build what the ledger has that the star schema has not, or let the messages come back when it is time to.

    Whatever they say, a build takes up all that the ledger has.
    """
    try:
        came = max(int(each["attributes"]["ApproximateReceiveCount"]) for each in records)
        again = attempt(settings, deadline, by_job=came > TRIES)
    except Exception:
        come_back(os.environ["LEDGER_ROWS"], records, AFTER_FAILURE)
        raise
    if "again_in" in again:
        come_back(os.environ["LEDGER_ROWS"], records, again["again_in"])
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in records]}
    return {"batchItemFailures": []} | again


def attempt(
    settings: Settings, deadline: float, *, at_once: bool = False, rebuild: bool = False, by_job: bool = False
) -> dict[str, Any]:
    """A build, where it is time for one; else `again_in`, the seconds after which it is to be tried again.

    `at_once`: whenever the last one was; `by_job`: whatever its size. Gives what the build did, or `job_run_id` where
    the Glue job does it. However it ends, a metric tells how long the oldest file has waited.
    """
    distance, small = 60 * float(os.environ["BUILD_MINUTES"]), int(os.environ["SMALL_BUILD_BYTES"])
    with tempfile.TemporaryDirectory(prefix="duff-build-") as folder:
        store = FetchedStore("", os.environ["PROCESSED_BUCKET"], deadline=deadline, folder=Path(folder))
        lake = Lake(settings, store)
        current, _ = snapshot.read(store)
        old = current or Snapshot()
        wait = 0.0 if at_once or rebuild or old.ledger_read is None else _until_next(old.ledger_read, distance)
        plan = make_plan(lake.ledger, old, rebuild=rebuild)
        tell({"OldestUnbuilt": _oldest(plan)})
        if wait > 0 and plan.added:
            return {"again_in": wait}
        try:
            if by_job or fetch(lake, store, plan, small) is None:
                return _by_job(rebuild=rebuild)
            _show(store)
            apart = timedelta(seconds=0 if at_once or rebuild else distance)
            report = build(lake, rebuild=rebuild, apart=apart)
            if report.kind == "too_soon":  # another has built while this one fetched
                last = snapshot.current(store).ledger_read or utc_now()
                return {"again_in": max(1.0, _until_next(last, distance))}
            if report.build_id is not None:
                _show(store)
        except Busy as error:
            return {"again_in": min(AFTER_ANOTHER, max(1.0, error.until - time.time()))}
        tell({"OldestUnbuilt": _oldest(make_plan(lake.ledger, snapshot.current(store), rebuild=False))})
        return asdict(report)


def _until_next(last: datetime, distance: float) -> float:
    """Seconds until the next build may begin."""
    return (last + timedelta(seconds=distance) - utc_now()).total_seconds()


def _oldest(plan: Plan) -> float:
    """Seconds for which the oldest file has waited that is not in the star schema; 0 where there is none."""
    return max(((utc_now() - row.finished).total_seconds() for row in plan.added), default=0.0)


def fetch(lake: Lake, store: FetchedStore, plan: Plan, most: int) -> int | None:
    """Fetch what a build reads; how many bytes, or None where they are more than `most`, and not all were fetched.

    That is the new files, the dimensions, and the partitions of the facts that may hold lines of the new files: how far
    back the history goes does not count.
    """
    new = {name: row for row in plan.added for name in layout.data_objects(ORDERS.name, row)}
    base = plan.base
    dimensions = base.all_objects() - {name for names in base.partitions.values() for name in names}
    size = sum(map(_of_new, new.items())) + sum(_bytes(base.digests, name) for name in dimensions)
    if size > most:
        return None
    store.fetch([*new, *dimensions])
    days = {*base.partitions}
    with suppress(EngineError), lake.engine(only_reads=True) as (connection, _):  # the build says what it cannot read
        days = {*in_reach(connection, base, f"({relation.of_files(store, ORDERS, plan.added)}) as orders")}
    days |= {row.pa_date.isoformat() for row in plan.added} & base.partitions.keys()
    facts = [name for day in sorted(days) for name in base.partitions[day]]
    size += sum(_bytes(base.digests, name) for name in facts)
    if size > most:
        return None
    store.fetch(facts)
    return size


def _of_new(named: tuple[str, LedgerRow]) -> int:
    """The bytes of an object of a file; where no digest tells them, those of the raw object."""
    name, row = named
    digests = dict(zip(layout.all_data_objects(row), row.object_digests or (), strict=False))
    return _bytes(digests, name) or row.size


def _bytes(digests: Mapping[str, str], name: str) -> int:
    return int(digests.get(name, "-0").rpartition("-")[2])


def _by_job(*, rebuild: bool) -> dict[str, Any]:
    """A run of the Glue job; where one is under way already, `again_in`."""
    import boto3

    glue, arguments = boto3.client("glue"), {"--rebuild": "true"} if rebuild else {}
    try:
        run = glue.start_job_run(JobName=os.environ["MODELS_JOB"], Arguments=arguments)
    except (glue.exceptions.ConcurrentRunsExceededException, glue.exceptions.ResourceNumberLimitExceededException):
        return {"again_in": AFTER_ANOTHER}
    return {"job_run_id": run["JobRunId"]}


def _show(store: FetchedStore) -> None:
    """Let the Data Catalog follow the star schema."""
    import boto3

    there = open_store(f"s3://{store.raw_bucket},{store.processed_bucket}")
    follow(there, boto3.client("glue"), os.environ["DATABASE"], snapshot.current(there))
