"""The functions of the state machine: thin wrappers around the three stages of the local pipeline.

    validate_csv       an S3 event -> decision: which way the file takes; or closes a file that failed;
                       messages of the queue of arrivals -> executions of the state machine; looks for unannounced files
    transform_data     decision -> the file's ledger row, by DuckDB
    trigger_glue_job   decision -> a run of Duff_transform_glue_job
    build_models       messages of the queue of ledger rows -> a build of the star schema, or a run of duff_data_models

Every error is raised: the state machine tells by its class whether trying again can help.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from duff_orders.aws import arrivals
from duff_orders.aws.announcement import event_of
from duff_orders.aws.glue_jobs import WORKER_TYPE, workers_for
from duff_orders.aws.telemetry import failures_logged, log, measure
from duff_orders.clock import parse_time, utc_now
from duff_orders.contract import COUNTS, ORDERS
from duff_orders.documents import Decision, LedgerRow
from duff_orders.errors import Busy, Throttled
from duff_orders.ingest.publish import close, publish
from duff_orders.ingest.transform import transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import layout
from duff_orders.lake.engines import keep_engines
from duff_orders.lake.events import record
from duff_orders.lake.glue_catalog import check_columns, register_day
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores import open_store
from duff_orders.lake.stores.base import Store
from duff_orders.settings import MIB, MINIMUM_MEMORY, Settings

Payload = dict[str, Any]

#: Seconds within which a job run that was noted is started, or the function is no more.
_STARTING = 60.0
_ENDED_BADLY = ("FAILED", "ERROR", "TIMEOUT", "STOPPED", "EXPIRED")


def validate_csv(payload: Payload, context: Any) -> Payload:
    """From the announcement of an object to the decision on its way.

    `payload`: `event`, as EventBridge sends it (with `replay` it is one);
    `execution`, who asks; with `failure` (`Error`, `Cause`) the file is closed as failed; with `since`, a time, the
    file is done, and measured if that was since then. Or `Records` of the queue of arrivals; or `walk`, with options of
    `arrivals.look`.
    """
    began = utc_now()
    if "Records" in payload:
        return arrivals.start(payload["Records"], seconds=context.get_remaining_time_in_millis() / 1000)
    store = _store(payload, context)
    if "walk" in payload:
        return arrivals.look(store, **payload["walk"], seconds=context.get_remaining_time_in_millis() / 1000)
    # where a file is decided upon there is Glue besides: from the threshold on it is Spark's
    lake = _lake(store, engine="auto", master="glue")
    announced = event_of(payload["event"])
    if why := layout.left_alone(announced.key):
        log("left_alone", announced.file_id, announced.key, why=why)
        return {"route": "done", "key": announced.key, "left_alone": why}
    event = record(store, announced)
    is_over = "since" in payload
    replay = bool(payload["event"].get("replay")) and not is_over
    with failures_logged(event.file_id, event.key):
        if "failure" in payload:
            failure = payload["failure"]
            error = f"{failure.get('Error', 'Error')}: {_cause(failure)}"
            row = close(lake, event, error, replay=replay)
            # A function has ended when the state machine comes here; of a Glue job that is known only where it says so.
            jobs = store.listed(f"{layout.PROCESSED}/jobs/{event.file_id}-")
            if str(failure.get("Error", "")).startswith("GlueJob") or next(jobs, None) is None:
                store.release()
            return _done(row, began)
        catalog = os.environ.get("CATALOG", "")
        register_day(store, os.environ["DATABASE"], event.pa_date.isoformat(), catalog=catalog)
        decision = validate(lake, event, replay=replay)
        if decision.row is not None:
            return _done(decision.row, parse_time(payload["since"]) if is_over else began)
        log("decided", event.file_id, event.key, route=decision.route, engine=decision.engine)
        return dict(json.loads(decision.to_json()))


def transform_data(payload: Payload, context: Any) -> Payload:
    """From a decision to the file's ledger row.

    `payload`: `decision`; `columns`, those of tbl_duff_orders in the Data Catalog; `execution`.
    """
    began = utc_now()
    decision = Decision.of(payload["decision"])
    with failures_logged(decision.event.file_id, decision.event.key):
        check_columns(ORDERS, payload["columns"])
        keep_engines()  # for the next file, should this process be called again
        lake = _lake(_store(payload, context))
        with transform(lake, decision) as staged:
            return _done(publish(lake, staged), began)


def trigger_glue_job(payload: Payload, context: Any) -> Payload:
    """Start a job run for a decision."""
    import boto3

    glue = boto3.client("glue")
    store = _store(payload, context)
    decision = Decision.of(payload["decision"])
    event = decision.event
    job = os.environ["TRANSFORM_JOB"]
    name = f"{_job_notes(decision, payload['execution'])}{int(payload['attempt'])}"
    # The note is written first: whoever comes later with the same file finds the run, or that it is to start.
    note = json.dumps({"execution": payload["execution"], "until": time.time() + _STARTING}).encode()
    known = None if store.put_new(name, note) else store.read(name)
    run_id = known and _noted_run(glue, job, name, known.data, str(payload["execution"]))
    if run_id:
        return {"job_run_id": run_id}
    if known and not store.replace(name, note, known.token):
        raise Busy(name, time.time() + _STARTING)
    workers = workers_for(event.size, int(os.environ["MAX_WORKERS"]))
    arguments = {
        "--decision": _argument(decision),
        "--holder": str(payload["execution"]),
        "--note": name,
    }
    with _throttles_told():
        run = glue.start_job_run(JobName=job, Arguments=arguments, WorkerType=WORKER_TYPE, NumberOfWorkers=workers)
    run_id = run["JobRunId"]
    mine = store.read(name)
    answer = json.dumps({"execution": payload["execution"], "job_run_id": run_id}).encode()
    store.replace(name, answer, mine and mine.token)
    log("started", event.file_id, event.key, job_run_id=run_id, workers=workers)
    return {"job_run_id": run_id}


def build_models(payload: Payload, context: Any) -> Payload:
    """Bring the star schema up to the ledger: for `Records` of the queue, or `build`, the options of an attempt."""
    from duff_orders.aws import builds  # needs DuckDB, which is in the bundle of this function alone

    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    if "Records" in payload:
        return builds.on_messages(payload["Records"], _settings(), deadline)
    return builds.attempt(_settings(), deadline, **payload["build"])


@contextmanager
def _throttles_told() -> Iterator[None]:
    """What AWS has no time for, in a class of its own: boto3 has none, and the state machine tells by classes."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"].get("Code") not in ("ThrottlingException", "Throttling", "RequestLimitExceeded"):
            raise
        raise Throttled(f"AWS takes no more {error.operation_name} for now: {error}") from error


def _argument(decision: Decision) -> str:
    """A decision as an argument of a job: in ASCII, and without the header, since arguments are limited."""
    return json.dumps(json.loads(replace(decision, dialect=None).to_json()))


def _job_notes(decision: Decision, execution: str) -> str:
    """The notes of a file's job runs, without the number of the attempt: one run a file and attempt.

    A replay makes a revision of its own, so it has runs of its own.
    """
    whose = f"replay-{str(execution).rsplit(':', 1)[-1]}" if decision.replay else "first"
    return f"{layout.PROCESSED}/jobs/{decision.event.file_id}-{whose}-a"


def _noted_run(glue: Any, job: str, name: str, note: bytes, execution: str) -> str | None:
    """The run that a note speaks of, if this execution is to wait for it; raises Busy where it is about to start.

    Another execution's run is as good as one's own, unless it failed: that was a try before.
    """
    noted = json.loads(note)
    run_id = noted.get("job_run_id") or _find_run(glue, job, name)
    if noted["execution"] == execution:
        return run_id
    if run_id is None:
        if time.time() < noted["until"]:
            raise Busy(name, noted["until"])
        return None  # the function that wrote the note did not live to start the run
    state = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]["JobRunState"]
    return None if state in _ENDED_BADLY else run_id


def _find_run(glue: Any, job: str, note: str) -> str | None:
    """The run that was started for a note, although its id was never written."""
    for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
        for run in page["JobRuns"]:
            if run.get("Arguments", {}).get("--note") == note:
                return str(run["Id"])
    return None


def _store(payload: Payload, context: Any) -> Store:
    """This function's buckets; the platform ends the function at the deadline."""
    return open_store(
        f"s3://{os.environ['RAW_BUCKET']},{os.environ['PROCESSED_BUCKET']}",
        holder=str(payload.get("execution", "walk")),
        deadline=time.time() + context.get_remaining_time_in_millis() / 1000,
    )


def _lake(store: Store, **options: str) -> Lake:
    """The lake in the buckets."""
    return Lake(_settings(**options), store)


def _settings(engine: str = "duckdb", **options: Any) -> Settings:
    """DuckDB unless told otherwise, with the memory of this function."""
    memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")) * MIB
    threshold = os.environ.get("THRESHOLD")
    return Settings.load(engine=engine, memory=max(memory, MINIMUM_MEMORY), threshold=threshold, **options)


def _done(row: LedgerRow, began: datetime) -> Payload:
    """What a state hands on of a ledger row; a row that was written since the function began is measured."""
    facts = {name: getattr(row, name) for name in ("verdict", "reason", "engine", "revision", *COUNTS)}
    log("done", row.file_id, row.source_file, **facts)
    if row.finished >= began:
        measure(row)
    # What a state hands on is limited: a reason may be long.
    short = {key: value[:1000] if isinstance(value, str) else value for key, value in facts.items()}
    return {"route": "done", "file_id": row.file_id, "key": row.source_file} | short


def _cause(failure: Payload) -> str:
    """What failed, in words: Lambda puts a JSON document into `Cause`."""
    cause = str(failure.get("Cause", "") or "no cause was given")
    try:
        return str(json.loads(cause).get("errorMessage", cause))
    except (ValueError, AttributeError):
        return cause
