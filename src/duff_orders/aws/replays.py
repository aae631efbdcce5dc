"""Executions that are to replace the outcomes of files, and those of them that failed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from duff_orders.documents import LedgerRow
from duff_orders.reasons import reason


@dataclass(frozen=True, slots=True)
class Replay:
    """An execution that is to replace a file's outcome: the revision that the ledger has before, its ARN, its start."""

    revision: int
    execution: str
    started: datetime


def ended_badly(machine: str, replays: Iterable[Replay]) -> set[str]:
    """The executions that have failed, timed out or were ended by hand since the first of these began: their ARNs."""
    import boto3

    since = min(each.started for each in replays)
    pages = boto3.client("stepfunctions").get_paginator("list_executions")
    executions = set[str]()
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        for page in pages.paginate(stateMachineArn=machine, statusFilter=status):
            new = [each["executionArn"] for each in page["executions"] if each["startDate"] >= since]
            executions.update(new)
            if len(new) < len(page["executions"]):  # the newest come first
                break
    return executions


def not_replaced(row: LedgerRow, failed: Replay) -> LedgerRow:
    """What is told of a replay that failed: the row that stands, as `failed`, and why."""
    import boto3

    execution = boto3.client("stepfunctions").describe_execution(executionArn=failed.execution)
    cause = execution.get("cause") or "it says nothing"
    why = f"{reason('failed', error=cause.splitlines()[0])}; the outcome of before still stands"
    return replace(row, verdict="failed", reason=why, error=f"{execution.get('error', execution['status'])}: {cause}")
