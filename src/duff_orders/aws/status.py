"""`duff status`: how a deployment is doing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duff_orders.aws.announcement import event_of
from duff_orders.aws.arrivals import messages
from duff_orders.aws.remote import GOING_ON, Remote
from duff_orders.clock import format_time
from duff_orders.errors import PipelineError
from duff_orders.lake import layout
from duff_orders.lake.glue_catalog import newest_verdict
from duff_orders.lake.snapshot import current
from duff_orders.models.build import LOCK
from duff_orders.models.plan import make_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a deployment is doing. Times are in UTC.

    `last_build` is when the last build began that succeeded, `failed_job` the last run of the job for large builds,
    where it failed.
    """

    newest_file: datetime | None
    running: int
    failed: Sequence[tuple[str, str]]
    arrived: int
    undelivered: int
    waiting_for_build: int
    is_building: bool
    last_build: datetime | None
    failed_job: str | None
    left_alone: Sequence[str]


def status(remote: Remote) -> Status:
    """How a deployment is doing."""
    import boto3

    states, glue = boto3.client("stepfunctions"), boto3.client("glue")
    machine, store = remote.outputs["StateMachine"], remote.store
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    failed = states.list_executions(stateMachineArn=machine, statusFilter="FAILED", maxResults=5)["executions"]
    runs = glue.get_job_runs(JobName=remote.models["ModelsJob"], MaxResults=20)["JobRuns"]
    runs.sort(key=lambda run: run["StartedOn"], reverse=True)
    star = current(store)
    return Status(
        newest_file=newest_verdict(store),
        running=len(running),
        failed=[(_key_of(states, each), format_time(each["stopDate"])) for each in failed],
        arrived=messages(remote.outputs["Arrived"]),
        undelivered=messages(remote.outputs["Undelivered"]),
        waiting_for_build=len(make_plan(remote.lake.ledger, star, rebuild=False).added),
        is_building=store.exists(f"{layout.PROCESSED}/locks/{LOCK}") or any(map(_goes_on, runs)),
        last_build=star.ledger_read,
        failed_job=_failed(runs, star.ledger_read),
        left_alone=remote.left_alone(),
    )


def _key_of(states: Any, execution: dict[str, Any]) -> str:
    announced = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    try:
        return event_of(announced).key
    except PipelineError:  # whoever may start the state machine may tell it anything
        return f"no announcement, but {json.dumps(announced):.100}"


def _goes_on(run: dict[str, Any]) -> bool:
    return run["JobRunState"] in GOING_ON


def _failed(runs: Sequence[dict[str, Any]], last_build: datetime | None) -> str | None:
    """What is to be said of the newest job run that has ended, where it failed and nothing was built since."""
    run = next((run for run in runs if not _goes_on(run)), None)
    if run is None or run["JobRunState"] == "SUCCEEDED" or (last_build and run["StartedOn"] < last_build):
        return None
    return f"{run['Id']} {run['JobRunState']}: {run.get('ErrorMessage', 'it says nothing')}"
