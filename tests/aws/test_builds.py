"""Builds of the star schema on AWS: small ones in the function, large ones by the job, each at its time."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from duff_orders.cli.main import app
from duff_orders.lake import layout
from duff_orders.lake.glue_catalog import behind, shown
from duff_orders.lake.snapshot import current
from tests.aws.deployed import Deployed, reconfigured
from tests.aws.test_templates import resources

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]
SAMPLES = Path(__file__).parents[2] / "samples"


def duff(*words: str) -> Result:
    return CliRunner().invoke(app, [words[0], "--deployment", "duff-orders", *words[1:]])


def orders(name: str) -> bytes:
    return (SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", name.encode())


def job_runs() -> int:
    return len(boto3.client("glue").get_job_runs(JobName="duff_data_models")["JobRuns"])


def messages(deployed: Deployed) -> dict[str, int]:
    """The messages of the queue of ledger rows: those that can be received, and those that cannot for now."""
    names = {"there": "ApproximateNumberOfMessages", "hidden": "ApproximateNumberOfMessagesNotVisible"}
    found = boto3.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["LedgerRows"], AttributeNames=[*names.values()]
    )["Attributes"]
    return {name: int(found[each]) for name, each in names.items()}


@pytest.fixture
def waiting(deployed: Deployed, request: pytest.FixtureRequest) -> Deployed:
    """A deployment of which one file waits for a build."""
    if current(deployed.store).build_id is None:
        deployed.put("builds/first.csv", orders("First"))
        deployed.row("builds/first.csv")
    deployed.modelled()
    name = request.node.name.partition("@")[0]
    deployed.put(f"builds/{name}.csv", orders(name))
    deployed.row(f"builds/{name}.csv")
    deployed.settled()
    assert not deployed.is_modelled()
    return deployed


@pytest.fixture
def told_otherwise() -> Iterator[Any]:
    """Changes the function's environment; what it was is set again."""
    with ExitStack() as changes:
        yield lambda **more: changes.enter_context(reconfigured("Build_models", more))


def test_a_small_build_needs_no_job(waiting: Deployed) -> None:
    runs, before = job_runs(), current(waiting.store)
    done = waiting.build()
    assert (done["kind"], done["files"], done["left_out"]) == ("incremental", 1, [])
    star = current(waiting.store)
    assert (waiting.is_modelled(), star.build_id, job_runs()) == (True, done["build_id"], runs)
    assert star.build_id != before.build_id
    assert [*behind(waiting.store, boto3.client("glue"), waiting.outputs["Database"], star)] == []
    assert shown(waiting.store) == star.build_id
    lines = waiting.ask("select count(distinct (order_id, product_id)) as n from tbl_duff_orders")
    assert waiting.ask("select count(*) as n from fact_orders") == lines
    assert waiting.build()["kind"] == "unchanged"


def test_a_day_without_lines_leaves_the_catalog(waiting: Deployed) -> None:
    """As where the last lines of a day go to another, or are erased: the next build takes its partition away."""
    glue, database, table = boto3.client("glue"), waiting.outputs["Database"], "fact_orders"
    shape = glue.get_partitions(DatabaseName=database, TableName=table)["Partitions"][0]["StorageDescriptor"]
    gone = {"Values": ["2020-01-01"], "StorageDescriptor": shape}
    glue.create_partition(DatabaseName=database, TableName=table, PartitionInput=gone)
    waiting.build()
    days = [each["Values"] for each in glue.get_partitions(DatabaseName=database, TableName=table)["Partitions"]]
    assert ["2020-01-01"] not in days
    assert [*behind(waiting.store, glue, database, current(waiting.store))] == []


def test_a_build_keeps_its_distance(waiting: Deployed, told_otherwise: Any) -> None:
    told_otherwise(BUILD_MINUTES="15")
    wait = waiting.build(at_once=False)
    assert wait.keys() == {"again_in"}
    assert 0 < wait["again_in"] <= 900
    before = messages(waiting)
    sqs, queue = boto3.client("sqs"), waiting.outputs["LedgerRows"]
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, VisibilityTimeout=20)["Messages"]
    record = {
        "messageId": received[0]["MessageId"],
        "receiptHandle": received[0]["ReceiptHandle"],
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    done = boto3.client("lambda").invoke(FunctionName="Build_models", Payload=json.dumps({"Records": [record]}))
    told = json.loads(done["Payload"].read())
    assert told == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert sum(messages(waiting).values()) == sum(before.values())
    assert not waiting.is_modelled()
    told_otherwise(BUILD_MINUTES="0")
    assert waiting.build(at_once=False)["files"] == 1


def test_a_damaged_object_costs_its_own_file_alone(waiting: Deployed) -> None:
    waiting.put("builds/whole.csv", orders("Whole"))
    waiting.row("builds/whole.csv")
    rows = {row.source_file: row for row in waiting.rows()}
    (name,) = layout.data_objects("tbl_duff_orders", rows[f"builds/{waiting_file()}.csv"])
    kept = waiting.store.read(name)
    assert kept is not None
    waiting.store.delete(name)
    done = waiting.build()
    assert (done["files"], len(done["left_out"])) == (1, 1)
    assert name in done["left_out"][0]
    assert rows["builds/whole.csv"].file_id in current(waiting.store).files
    assert waiting.store.put_new(name, kept.data)
    assert waiting.build()["files"] == 1


def waiting_file() -> str:
    """The name of the file that waits, of the test that is running."""
    return os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].split()[0].partition("@")[0]


def test_a_large_build_is_the_jobs(waiting: Deployed, told_otherwise: Any) -> None:
    told_otherwise(SMALL_BUILD_BYTES="0")
    started = waiting.build()
    assert started.keys() == {"job_run_id"}
    assert waiting.build() == {"again_in": 300}
    waiting.until(lambda: not waiting.is_building())
    run = boto3.client("glue").get_job_run(JobName="duff_data_models", RunId=started["job_run_id"])["JobRun"]
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert waiting.is_modelled()


def test_a_build_that_never_comes_to_its_end_is_the_jobs(waiting: Deployed) -> None:
    """The function may be ended in the middle of its work each time."""
    record = {"messageId": "1", "receiptHandle": "none", "attributes": {"ApproximateReceiveCount": "7"}}
    done = boto3.client("lambda").invoke(FunctionName="Build_models", Payload=json.dumps({"Records": [record]}))
    told = json.loads(done["Payload"].read())
    assert told["batchItemFailures"] == []
    assert told["job_run_id"]
    waiting.until(lambda: not waiting.is_building())
    assert waiting.is_modelled()


def test_the_schedule_builds_what_a_killed_build_left(waiting: Deployed) -> None:
    waiting.fail("Build_models", "kill")
    client = boto3.client("lambda")
    asked = boto3.client("scheduler").get_schedule(Name="duff-orders-look")["Target"]["Input"]
    assert "FunctionError" in client.invoke(FunctionName="Build_models", Payload=asked)
    for name in waiting.store.listed(f"{layout.PROCESSED}/locks/"):
        waiting.store.delete(name.name)  # its lease ends with the function's time; here nobody waits for that
    waiting.fail("Build_models")
    assert "FunctionError" not in client.invoke(FunctionName="Build_models", Payload=asked)
    assert waiting.is_modelled()


def test_how_far_the_star_schema_is_behind_is_measured(waiting: Deployed) -> None:
    waiting.build()
    logs = boto3.client("logs").filter_log_events(logGroupName="/aws/lambda/Build_models")["events"]
    lines = [json.loads(line) for each in logs for line in each["message"].splitlines() if "OldestUnbuilt" in line]
    before, after = (each["OldestUnbuilt"] for each in lines[-2:])
    assert before > 0
    assert after == 0


def test_who_answers_for_it_builds_at_once(waiting: Deployed) -> None:
    done = duff("models")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("star schema: incremental, 1 files added, ")
    assert duff("models").output.startswith("star schema: up to date, ")
    rebuilt = json.loads(duff("models", "--rebuild", "--json").stdout)
    assert (rebuilt["kind"], rebuilt["files"]) == ("rebuild", len(current(waiting.store).files))
    store = waiting.store
    kept = store.read(layout.STAR_POINTER)
    assert kept is not None
    with store.lock("models-build"):
        busy = duff("models")
    assert busy.exit_code == 1
    assert "star schema is held by another worker" in str(busy.exception)


def test_a_failed_run_of_the_job_is_told_and_tried_again() -> None:
    """By messages of EventBridge, which the emulator does not send for Glue."""
    rule = resources("data-modeling.yaml")["BuildFailed"]["Properties"]
    assert rule["EventPattern"]["detail"]["state"] == ["FAILED", "ERROR", "TIMEOUT", "STOPPED"]
    assert {each["Id"] for each in rule["Targets"]} == {"topic", "ledger-rows"}
    queue = resources("data-modeling.yaml")["LedgerRows"]["Properties"]
    function = resources("data-modeling.yaml")["BuildModels"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + 300
