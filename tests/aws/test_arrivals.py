"""Before the state machine: files that nothing announced are taken up, and those that many announce at once wait."""

import itertools
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from duff_orders.aws.arrivals import start
from duff_orders.aws.remote import Remote
from duff_orders.cli.main import app
from duff_orders.lake import layout
from duff_orders.settings import Settings
from tests.aws.deployed import Deployed
from tests.effort import PATIENCE

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]
SAMPLE = Path(__file__).parents[2] / "samples" / "01-orders.csv"


def duff(*words: str) -> Result:
    return CliRunner().invoke(app, [words[0], "--deployment", "duff-orders", *words[1:]])


def orders(name: str) -> bytes:
    return SAMPLE.read_bytes().replace(b"Moe", name.encode())


@pytest.fixture
def silent(deployed: Deployed) -> Iterator[Deployed]:
    """A deployment of which the rule is off that announces files."""
    events = boto3.client("events")
    events.disable_rule(Name="duff-orders-file-arrived")
    yield deployed
    events.enable_rule(Name="duff-orders-file-arrived")


@pytest.fixture
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.aws.remote.ON_ITS_WAY", timedelta(seconds=-1))


def walk(deployed: Deployed, **options: Any) -> dict[str, Any]:
    """Let the function look, as the schedule does; what it says."""
    target = boto3.client("scheduler").get_schedule(Name="duff-orders-walk")["Target"]
    asked = json.loads(target["Input"])
    asked["walk"] |= options
    done = boto3.client("lambda").invoke(FunctionName=target["Arn"], Payload=json.dumps(asked))
    told: dict[str, Any] = json.loads(done["Payload"].read())
    return told


@pytest.mark.usefixtures("_no_grace")
def test_a_file_that_nothing_announced_is_told_and_taken_up(silent: Deployed) -> None:
    silent.settled()
    silent.put("never announced.csv", orders("Never"))
    silent.put(".left alone.csv", b"half")
    told = duff("check")
    assert told.exit_code == 1
    (line,) = [line for line in told.output.splitlines() if "never announced.csv" in line]
    assert line.endswith("lies in the raw bucket, and nothing announced it; `duff replay --unannounced` takes it up")
    taken = duff("replay", "--unannounced", "--json")
    assert taken.exit_code == 0, taken.output
    (row,) = [json.loads(line) for line in taken.stdout.splitlines()]
    assert (row["source_file"], row["verdict"], row["revision"]) == ("never announced.csv", "valid", 0)
    assert "never announced.csv" not in duff("check").output
    assert duff("replay", "--unannounced").output == ""


@pytest.mark.usefixtures("_no_grace")
def test_a_repair_takes_it_up_too(silent: Deployed) -> None:
    silent.settled()
    silent.put("to be repaired.csv", orders("Repaired"))
    done = duff("repair")
    assert done.exit_code == 0, done.output
    assert silent.row("to be repaired.csv").verdict == "valid"


def test_the_schedule_takes_it_up_and_rings(silent: Deployed) -> None:
    silent.settled()
    walk(silent, older_than=-1)
    version = silent.put("found by the walk.csv", orders("Walk"))
    assert walk(silent) == {"found": 0, "is_done": True}  # its announcement may be on its way
    assert walk(silent, older_than=-1) == {"found": 1, "is_done": True}
    row = silent.row("found by the walk.csv")
    assert (row.verdict, row.version) == ("valid", version)
    assert walk(silent, older_than=-1) == {"found": 0, "is_done": True}
    logs = boto3.client("logs").filter_log_events(logGroupName="/aws/lambda/Validate_csv", filterPattern="Unannounced")
    lines = [line for each in logs["events"] for line in each["message"].splitlines() if "CloudWatchMetrics" in line]
    measured = [each["Unannounced"] for each in map(json.loads, lines) if "Unannounced" in each]
    assert measured[-3:] == [0, 1, 0]
    alarm = boto3.client("cloudwatch").describe_alarms(AlarmNames=["duff-orders-files-unannounced"])["MetricAlarms"][0]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Namespace"]) == ("Unannounced", 1.0, "duff-orders")


def test_a_file_waits_while_as_many_are_under_way_as_may(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.settled()
    monkeypatch.setenv("STATE_MACHINE", deployed.outputs["StateMachine"])
    deployed.put("known.csv", orders("Known"))
    known = json.loads(deployed.execution_of(deployed.row("known.csv").source_file)["input"])
    deployed.settled()
    # AthenaBackend once, it gives back what finds no room; with time, it waits until there is some.
    for most, seconds, refused in ((2, 0, 1), (2, PATIENCE, 0), (500, 0, 0)):
        records = received(monkeypatch, [json.dumps(known)] * 3)
        monkeypatch.setenv("MAX_RUNNING", str(most))
        before = len(deployed.executions())
        told = start(records, seconds=seconds)
        assert [each["itemIdentifier"] for each in told["batchItemFailures"]] == ["2"] * refused
        deployed.settled()
        assert len(deployed.executions()) == before + len(records) - refused


def received(monkeypatch: pytest.MonkeyPatch, bodies: list[str]) -> list[dict[str, Any]]:
    """Messages of a queue of their own, as a function is given them."""
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName=f"arrived-{uuid.uuid4()}", Attributes={"VisibilityTimeout": "360"})["QueueUrl"]
    monkeypatch.setenv("ARRIVED", queue)
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert len(found) == len(bodies)
    return [
        {"messageId": str(number), "receiptHandle": each["ReceiptHandle"], "body": each["Body"]}
        for number, each in enumerate(found)
    ]


def test_what_step_functions_refuses_goes_back_to_the_queue(monkeypatch: pytest.MonkeyPatch, aws: str) -> None:
    """And soon, not after the six minutes for which a message is out of sight."""
    monkeypatch.setenv("STATE_MACHINE", "arn:aws:states:us-east-1:000000000000:stateMachine:none")
    monkeypatch.setenv("MAX_RUNNING", "500")
    records = received(monkeypatch, ["{}"] * 3)
    told = start(records, seconds=0)
    assert told == {"batchItemFailures": [{"itemIdentifier": str(number)} for number in range(3)]}
    client, again = boto3.client("sqs"), set[str]()
    deadline = time.monotonic() + PATIENCE / 4
    while len(again) < len(records) and time.monotonic() < deadline:
        found = client.receive_message(QueueUrl=os.environ["ARRIVED"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
        again |= {each["MessageId"] for each in found.get("Messages", ())}
    assert len(again) == len(records)


def test_replays_wait_for_room_too(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"replayed/{number}.csv" for number in range(3)]
    for key in keys:
        deployed.put(key, orders(key))
    rows = [deployed.row(key) for key in keys]
    deployed.settled()
    remote = Remote.of("duff-orders", Settings.load())
    assert remote.outputs["MaxRunning"] == "500"
    monkeypatch.setitem(remote.outputs, "MaxRunning", "1")
    before = {each["executionArn"] for each in deployed.executions()}
    events, after = remote.replay([row.file_id for row in rows])
    assert {row.revision for row in remote.outcomes(events, after=after, timeout=PATIENCE)} == {1}
    deployed.settled()
    new = [each for each in deployed.executions() if each["executionArn"] not in before]
    times = sorted((each["startDate"], each["stopDate"]) for each in new)
    assert len(times) == len(keys)
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(times))


def test_the_dead_letters_wait_with_the_others(deployed: Deployed) -> None:
    remote = Remote.of("duff-orders", Settings.load())
    assert remote.outputs["Arrived"] != remote.outputs["Undelivered"]
    mapping = boto3.client("lambda").list_event_source_mappings(FunctionName="Validate_csv")["EventSourceMappings"][0]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_each_announcement_that_comes_twice_at_once_counts_once(deployed: Deployed) -> None:
    version = deployed.put("twice at once.csv", orders("Twice"))
    row = deployed.row("twice at once.csv")
    found = {"key": row.source_file, "size": row.size, "etag": row.etag, "version-id": version}
    event = {
        "time": "2026-03-01T12:00:00Z",
        "detail": {"bucket": {"name": deployed.outputs["RawBucket"]}, "object": found},
    }
    for _ in range(2):
        boto3.client("sqs").send_message(QueueUrl=deployed.outputs["Arrived"], MessageBody=json.dumps(event))
    deployed.settled(PATIENCE)
    count = f"select count(*) as n from tbl_duff_orders where file_id = '{row.file_id}'"
    assert deployed.ask(count) == [{"n": row.rows_published}]
    assert Counter(each.source_file for each in deployed.rows())["twice at once.csv"] == 1
    assert deployed.store.exists(layout.event_object(row.file_id))
