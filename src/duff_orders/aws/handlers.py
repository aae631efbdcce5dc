"""The functions of the state machine, thin: what they do is in `stages`, shared with the embedded pipeline.

    validate_csv       an S3 event -> Decision: which way the file takes; or closes a file that failed
    transform_data     Decision -> the file's ledger row, by DuckDB
    trigger_glue_job   Decision -> a run of Duff_transform_glue_job; queue messages -> a run of duff_data_models

Every error is raised: the state machine tells by its class whether trying again can help.
"""

import json
import os
import time
from typing import Any

from duff_orders.contract import COUNTS, ORDERS
from duff_orders.errors import InvalidFile, PipelineError
from duff_orders.ingest.stages import attempt, close, invalid
from duff_orders.ingest.validate import HEAD, validate
from duff_orders.lake import layout
from duff_orders.lake.glue_catalog import check_columns, register_day
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import record
from duff_orders.lake.s3 import S3Store
from duff_orders.messages import Event, LedgerRow, parse_time
from duff_orders.settings import MIB, MINIMUM_MEMORY, Settings

Payload = dict[str, Any]


def validate_csv(payload: Payload, context: Any) -> Payload:
    """From the announcement of an object to the way that it takes.

    `payload`: `event`, as EventBridge sends it (with `again` it is a replay);
    `execution`, who asks; and with `failure` (`Error`, `Cause`) the file is closed as failed.
    """
    store = _store(payload, context)
    lake = _lake(store)
    event = record(store, event_of(payload["event"]))
    again = bool(payload["event"].get("again"))
    if "failure" in payload:
        failure = payload["failure"]
        row = close(lake, event, f"{failure.get('Error', 'Error')}: {_cause(failure)}", again=again)
        return _done(event, row, again=again)
    register_day(store, os.environ["DATABASE"], event.pa_date.isoformat())
    known = lake.ledger.get(event.pa_date, layout.file_id(event))
    if known is not None and not again and known.verdict != "failed":
        return _done(event, known, again=again)
    head = store.head(event, HEAD)
    try:
        with store.scratch() as scratch:
            path = scratch / "head"
            path.write_bytes(head)
            validate(path, event.key, whole=len(head) == event.size)
    except InvalidFile as error:
        # A replay replaces the outcome of before: with everything that belongs to it, by the transform.
        if not again:
            return _done(event, invalid(lake, event, str(error)), again=again)
    route = "glue" if event.size >= int(os.environ["THRESHOLD"]) else "lambda"
    _log("decided", event, route=route)
    return _decision(route, event, again=again)


def transform_data(payload: Payload, context: Any) -> Payload:
    """From a Decision to the file's ledger row.

    `payload`: `decision`; `columns`, those of tbl_duff_orders in the Data Catalog; `execution`.
    """
    check_columns(ORDERS, payload["columns"])
    event, again = _decided(payload)
    return _done(event, attempt(_lake(_store(payload, context)), event, again=again), again=again)


def trigger_glue_job(payload: Payload, context: Any) -> Payload:
    """Start a job run: of the transform for a Decision, of the models for messages of the queue."""
    import boto3

    glue = boto3.client("glue")
    if "Records" in payload:
        # Whatever the messages say, a build takes up all that the ledger has; where one runs, they come back.
        run = glue.start_job_run(JobName=os.environ["MODELS_JOB"])
        return {"job_run_id": run["JobRunId"]}
    store = _store(payload, context)
    event, again = _decided(payload)
    job = os.environ["TRANSFORM_JOB"]
    # The note is written first: whoever comes later with the same decision finds the run, or that it was to start.
    name = f"{layout.PROCESSED}/jobs/{layout.file_id(event)}-{_run_name(payload)}"
    note = json.dumps({"asked_by": context.aws_request_id}).encode()
    if not store.put_new(name, note):
        note = store.read(name) or note
        run_id = json.loads(note).get("job_run_id") or _find_run(glue, job, name)
        if run_id:
            return {"job_run_id": run_id}
    workers = max(2, min(int(os.environ["MAX_WORKERS"]), 1 + event.size // (512 * MIB)))
    arguments = {
        "--event": event.to_json(),
        "--again": str(again).lower(),
        "--holder": str(payload["execution"]),
        "--note": name,
    }
    run_id = glue.start_job_run(JobName=job, Arguments=arguments, NumberOfWorkers=workers)["JobRunId"]
    store.replace(name, json.dumps({"job_run_id": run_id}).encode(), note)
    _log("started", event, job_run_id=run_id, workers=workers)
    return {"job_run_id": run_id}


def _run_name(payload: Payload) -> str:
    """One run a file, execution and attempt."""
    return f"{str(payload['execution']).rsplit(':', 1)[-1]}-a{payload['attempt']}"


def _find_run(glue: Any, job: str, note: str) -> str | None:
    """The run that was started for a note, although its id was never written."""
    for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
        for run in page["JobRuns"]:
            if run.get("Arguments", {}).get("--note") == note:
                return str(run["Id"])
    return None


def event_of(announced: Payload) -> Event:
    """The event of an EventBridge message `Object Created` of S3; raises PipelineError for anything else."""
    try:
        found = announced["detail"]["object"]
        return Event(
            bucket=announced["detail"]["bucket"]["name"],
            key=found["key"],
            size=int(found.get("size", 0)),
            etag=found["etag"].strip('"'),
            version=found.get("version-id"),
            time=parse_time(announced["time"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(f"not an announcement of an object: {error!r} in {json.dumps(announced)[:500]}") from None


def _store(payload: Payload, context: Any) -> S3Store:
    """This function's buckets; the platform ends the function at the deadline."""
    return S3Store(
        os.environ["RAW_BUCKET"],
        os.environ["PROCESSED_BUCKET"],
        holder=str(payload["execution"]),
        deadline=time.time() + context.get_remaining_time_in_millis() / 1000,
    )


def _lake(store: S3Store) -> Lake:
    """The lake in the buckets, with the memory of this function."""
    memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")) * MIB
    return Lake(Settings.load(engine="duckdb", memory=max(memory, MINIMUM_MEMORY)), store)


def _decision(route: str, event: Event, *, again: bool) -> Payload:
    return {
        "route": route,
        "file_id": layout.file_id(event),
        "event": json.loads(event.to_json()),
        "again": again,
    }


def _decided(payload: Payload) -> tuple[Event, bool]:
    """The event of a decision, and whether it is a replay."""
    decision = payload["decision"]
    return Event.from_json(json.dumps(decision["event"])), bool(decision["again"])


def _done(event: Event, row: LedgerRow, *, again: bool) -> Payload:
    told = {name: getattr(row, name) for name in ("verdict", "reason", "engine", "revision", *COUNTS)}
    _log("done", event, **told)
    # What a state hands on is limited: a reason may be long.
    short = {key: value[:1000] if isinstance(value, str) else value for key, value in told.items()}
    return _decision("done", event, again=again) | short


def _cause(failure: Payload) -> str:
    """What failed, in words: Lambda puts a JSON document into `Cause`."""
    cause = str(failure.get("Cause", "") or "no cause was given")
    try:
        return str(json.loads(cause).get("errorMessage", cause))
    except (ValueError, AttributeError):
        return cause


def _log(message: str, event: Event, **more: object) -> None:
    print(json.dumps({"message": message, "file_id": layout.file_id(event), "key": event.key, **more}, default=str))
