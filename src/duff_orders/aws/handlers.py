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

from duff_orders.contract import ORDERS
from duff_orders.errors import InvalidFile, PipelineError
from duff_orders.ingest.validate import HEAD, validate
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.s3 import S3Store
from duff_orders.messages import Event, LedgerRow, parse_time
from duff_orders.settings import MIB, Settings
from duff_orders.stages import attempt, close, invalid, record

Payload = dict[str, Any]


def validate_csv(payload: Payload, context: Any) -> Payload:
    """From the announcement of an object to the way that it takes.

    `payload`: `event`, as EventBridge sends it (with `again` it is a replay);
    `execution`, who asks; and with `failure` (`Error`, `Cause`) the file is closed as failed.
    """
    lake = _lake(payload, context)
    event = record(lake, event_of(payload["event"]))
    again = bool(payload["event"].get("again"))
    file_id = layout.file_id(event)
    if "failure" in payload:
        failure = payload["failure"]
        row = close(lake, event, f"{failure.get('Error', 'Error')}: {_cause(failure)}", again=again)
        return _done(event, row, again=again)
    _register_day(lake, event)
    known = lake.ledger.get(event.pa_date, file_id)
    if known is not None and not again and known.verdict != "failed":
        return _done(event, known, again=again)
    assert isinstance(lake.store, S3Store)
    head = lake.store.head(event, HEAD)
    try:
        with lake.store.scratch() as scratch:
            path = scratch / "head"
            path.write_bytes(head)
            validate(path, event.key, whole=len(head) == event.size)
    except InvalidFile as error:
        # A replay replaces the outcome of before: with everything that belongs to it, by the transform.
        if not again:
            return _done(event, invalid(lake, event, str(error)), again=again)
    route = "glue" if event.size >= int(os.environ["THRESHOLD"]) else "lambda"
    _log("decided", event, route=route)
    return {"route": route, "file_id": file_id, "event": json.loads(event.to_json()), "again": again}


def transform_data(payload: Payload, context: Any) -> Payload:
    """From a Decision to the file's ledger row.

    `payload`: `decision`; `columns`, those of tbl_duff_orders in the Data Catalog; `execution`.
    """
    from duff_orders.lake.glue_catalog import check_columns

    check_columns(ORDERS, payload["columns"])
    lake = _lake(payload, context)
    event = Event.from_json(json.dumps(payload["decision"]["event"]))
    again = bool(payload["decision"]["again"])
    return _done(event, attempt(lake, event, again=again), again=again)


def trigger_glue_job(payload: Payload, context: Any) -> Payload:
    """Start a job run: of the transform for a Decision, of the models for messages of the queue."""
    import boto3

    glue = boto3.client("glue")
    if "Records" in payload:
        # Whatever the messages say, a build takes up all that the ledger has; where one runs, they come back.
        run = glue.start_job_run(JobName=os.environ["MODELS_JOB"])
        return {"job_run_id": run["JobRunId"]}
    lake = _lake(payload, context)
    decision = payload["decision"]
    event = Event.from_json(json.dumps(decision["event"]))
    job = os.environ["TRANSFORM_JOB"]
    # The note is written first: whoever comes later with the same decision finds the run, or that it was to start.
    name = f"{layout.PROCESSED}/jobs/{decision['file_id']}-{_run_name(payload)}"
    note = json.dumps({"asked_by": context.aws_request_id}).encode()
    if not lake.store.put_new(name, note):
        note = lake.store.read(name) or note
        run_id = json.loads(note).get("job_run_id") or _find_run(glue, job, name)
        if run_id:
            return {"job_run_id": run_id}
    workers = max(2, min(int(os.environ["MAX_WORKERS"]), 1 + event.size // (512 * MIB)))
    arguments = {
        "--event": event.to_json(),
        "--again": str(bool(decision["again"])).lower(),
        "--holder": str(payload["execution"]),
        "--note": name,
    }
    run_id = glue.start_job_run(JobName=job, Arguments=arguments, NumberOfWorkers=workers)["JobRunId"]
    lake.store.replace(name, json.dumps({"job_run_id": run_id}).encode(), note)
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


def _lake(payload: Payload, context: Any) -> Lake:
    """The lake of this function's buckets; the platform ends the function at the deadline."""
    store = S3Store(
        os.environ["RAW_BUCKET"],
        os.environ["PROCESSED_BUCKET"],
        holder=str(payload["execution"]),
        deadline=time.time() + context.get_remaining_time_in_millis() / 1000,
    )
    memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")) * MIB
    settings = Settings.load(engine="duckdb", memory=max(memory, 256 * 10**6))
    return Lake(settings, store, Ledger(store))


def _register_day(lake: Lake, event: Event) -> None:
    from duff_orders.lake.glue_catalog import register_day

    assert isinstance(lake.store, S3Store)
    day = event.pa_date.isoformat()
    if not lake.store.exists(f"{layout.PROCESSED}/partitions/pa_date={day}"):
        import boto3  # half a second, once a day

        register_day(lake.store, boto3.client("glue"), os.environ["DATABASE"], day)


def _done(event: Event, row: LedgerRow, *, again: bool) -> Payload:
    counts = ("rows_read", "rows_published", "rows_duplicate", "rows_rejected", "rows_withheld")
    told = {name: getattr(row, name) for name in ("verdict", "reason", "engine", "revision", *counts)}
    _log("done", event, **told)
    return {
        "route": "done",
        "file_id": row.file_id,
        "event": json.loads(event.to_json()),
        "again": again,
        **{key: value[:1000] if isinstance(value, str) else value for key, value in told.items()},
    }


def _cause(failure: Payload) -> str:
    """What failed, in words: Lambda puts a JSON document into `Cause`."""
    cause = str(failure.get("Cause", "") or "no cause was given")
    try:
        return str(json.loads(cause).get("errorMessage", cause))
    except (ValueError, AttributeError):
        return cause


def _log(message: str, event: Event, **more: object) -> None:
    print(json.dumps({"message": message, "file_id": layout.file_id(event), "key": event.key, **more}, default=str))
