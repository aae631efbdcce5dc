"""A deployment on emulated AWS, used as its users do: with boto3 and HTTP."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx2

from duff_orders.aws.arrivals import messages
from duff_orders.aws.release import ALIAS
from duff_orders.aws.smoke import api_address, api_key
from duff_orders.documents import LedgerRow
from duff_orders.lake import snapshot
from duff_orders.lake.stores.base import names
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.query.athena import Athena
from tests.effort import PATIENCE

Found = TypeVar("Found")


@contextmanager
def reconfigured(function: str, variables: dict[str, str] | None = None, **configuration: Any) -> Iterator[None]:
    """A function configured otherwise within, as whoever calls its alias sees it; `variables` of the environment."""
    client = boto3.client("lambda")
    before = client.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
    found = client.get_function_configuration(FunctionName=function)
    if variables:
        configuration["Environment"] = {"Variables": found["Environment"]["Variables"] | variables}
    try:
        client.update_function_configuration(FunctionName=function, **configuration)
        version = client.publish_version(FunctionName=function)["Version"]
        client.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)
        yield
    finally:
        client.update_function_configuration(FunctionName=function, **{name: found[name] for name in configuration})
        client.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=before)


@dataclass
class Deployed:
    """The outputs of the three stacks."""

    outputs: dict[str, str]

    def put(self, key: str, data: bytes) -> str:
        """Put a file into the raw bucket; returns its version."""
        done = boto3.client("s3").put_object(Bucket=self.outputs["RawBucket"], Key=key, Body=data)
        return str(done["VersionId"])

    @property
    def store(self) -> S3Store:
        return S3Store(self.outputs["RawBucket"], self.outputs["ProcessedBucket"])

    def rows(self) -> list[LedgerRow]:
        """The ledger."""
        store = self.store
        found = [store.read(name) for name in names(store, "processed/files/")]
        return [LedgerRow.from_json(each.data) for each in found if each]

    def row(self, key: str, timeout: float = PATIENCE) -> LedgerRow:
        """The ledger row of a key, once it is there."""
        return self.until(lambda: next((row for row in self.rows() if row.source_file == key), None), timeout)

    def until(self, found: Callable[[], Found | None], timeout: float = PATIENCE) -> Found:
        """What a function finds, once it finds something."""
        deadline = time.monotonic() + timeout
        while not (result := found()):
            assert time.monotonic() < deadline, f"nothing found in {timeout} s"
            time.sleep(0.1)
        return result

    def announce(self, event: dict[str, Any] | str) -> str:
        """Start the state machine with an event (or its JSON), as EventBridge does; returns the execution's ARN."""
        client = boto3.client("stepfunctions")
        text = event if isinstance(event, str) else json.dumps(event)
        started = client.start_execution(stateMachineArn=self.outputs["StateMachine"], input=text)
        return str(started["executionArn"])

    def execution_of(self, key: str) -> dict[str, Any]:
        """The newest execution for a key, described; raises AssertionError where there is none."""
        client = boto3.client("stepfunctions")
        for each in self.executions():
            found: dict[str, Any] = client.describe_execution(executionArn=each["executionArn"])
            if json.loads(found["input"])["detail"]["object"]["key"] == key:
                return found
        raise AssertionError(f"no execution for {key}")

    def fail(self, function: str, *faults: str) -> None:
        """Let the next invocations of a function fail, one a fault: `kill` or `stop`; without faults none does."""
        Path(os.environ["EMULATOR_FOLDER"], "faults", function).write_text("\n".join(faults))

    def executions(self) -> list[dict[str, Any]]:
        machine = self.outputs["StateMachine"]
        found: list[dict[str, Any]] = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)[
            "executions"
        ]
        return found

    def settled(self, timeout: float = PATIENCE) -> None:
        """Wait until no file waits to be taken up, and no execution is under way; builds may be."""
        self.until(lambda: not self.waiting() and not self.running(), timeout)

    def waiting(self) -> int:
        """The messages in the queue of arrivals."""
        return messages(self.outputs["Arrived"])

    def running(self) -> list[dict[str, Any]]:
        """The executions that are under way."""
        return [each for each in self.executions() if each["status"] == "RUNNING"]

    def modelled(self, timeout: float = PATIENCE) -> None:
        """Wait until the star schema holds every file with rows, by a build at once, and no other is under way."""
        self.settled(timeout)
        self.until(lambda: not self.is_building() and "again_in" not in self.build() and self.is_modelled(), timeout)

    def build(self, **options: Any) -> dict[str, Any]:
        """Let the function build, at once unless told otherwise; what it says."""
        asked = json.dumps({"build": {"at_once": True} | options})
        done = boto3.client("lambda").invoke(FunctionName=self.outputs["BuildModels"], Payload=asked)
        told: dict[str, Any] = json.loads(done["Payload"].read())
        assert "FunctionError" not in done, told
        return told

    def is_building(self) -> bool:
        """Whether a run of the job is under way."""
        runs = boto3.client("glue").get_job_runs(JobName=self.outputs["ModelsJob"])["JobRuns"]
        return bool({"STARTING", "RUNNING"} & {run["JobRunState"] for run in runs})

    def modelled_by_the_job(self) -> None:
        """Wait for a run of the job itself, after which the star schema holds every file with rows."""
        self.settled()
        self.until(lambda: not self.is_building())
        boto3.client("glue").start_job_run(JobName=self.outputs["ModelsJob"])
        self.until(lambda: not self.is_building())
        assert self.is_modelled()

    def followed(self, timeout: float = PATIENCE) -> None:
        """Wait until the star schema holds every file with rows, by a build that the queue has started."""
        self.settled(timeout)
        self.until(self.is_modelled, timeout)

    def is_modelled(self) -> bool:
        """Whether the star schema holds every file with rows."""
        held = snapshot.current(self.store).files
        return held == {row.file_id: row.revision for row in self.rows() if row.published and row.rows_published}

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """Ask Athena."""
        return (
            Athena(boto3.client("athena"), self.outputs["WorkGroup"], self.outputs["Database"]).ask(sql).dictionaries()
        )

    def get(self, path: str, *, key: bool = True) -> tuple[int, dict[str, Any], dict[str, str]]:
        """A GET of the API: status, document and headers (small letters)."""
        answer = self.request("GET", path, key=key)
        return answer.status_code, answer.json(), dict(answer.headers)

    def request(self, method: str, path: str, *, key: bool = True, **options: Any) -> httpx2.Response:
        """A request of the API."""
        headers = {"x-api-key": self.api_key() if key else "", **options.pop("headers", {})}
        return httpx2.request(method, api_address(self.outputs) + path, headers=headers, timeout=PATIENCE, **options)

    def api_key(self) -> str:
        return api_key(self.outputs)
