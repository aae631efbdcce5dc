"""Functions that are killed, hang, or never work: the file gets its verdict, somebody is told, nothing is left over.

The functions' processes are really killed or stopped, at a random moment of their work.
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from duff_orders.lake.stores.base import names
from tests.aws.deployed import Deployed, reconfigured
from tests.aws.test_end_to_end import BRIEF
from tests.effort import PATIENCE

pytestmark = [pytest.mark.aws, pytest.mark.faults, pytest.mark.xdist_group("aws")]


class Told:
    """The messages of the topic of failed files."""

    def __init__(self, topic: str) -> None:
        self.sqs = boto3.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="told-of-misfortunes")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def of(self, key: str) -> list[dict[str, Any]]:
        """What was told of a key since it was asked last."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for each in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
                told = json.loads(json.loads(each["Body"])["Message"])
                if told["event"]["detail"]["object"]["key"] == key:
                    found.append(told)
        return found


@pytest.fixture(scope="module")
def told(deployed: Deployed) -> Told:
    return Told(deployed.outputs["FailedFiles"])


@pytest.fixture(autouse=True)
def _mended(deployed: Deployed) -> Iterator[None]:
    yield
    for function in ("Validate_csv", "Transform-data"):
        deployed.fail(function)


def orders(name: str) -> bytes:
    return BRIEF.read_bytes().replace(b"Moe", name.encode())


def nothing_is_left(deployed: Deployed) -> None:
    deployed.settled()
    for begins in ("locks/file-", "locks/content-"):
        assert list(names(deployed.store, f"processed/{begins}")) == []


@pytest.mark.parametrize("function", ["Validate_csv", "Transform-data"])
def test_killed_once(deployed: Deployed, told: Told, function: str) -> None:
    key = f"killed-once-{function}.csv"
    deployed.fail(function, "kill")
    deployed.put(key, orders(function))
    assert (deployed.row(key).verdict, deployed.row(key).rows_published) == ("valid", 5)
    deployed.until(lambda: deployed.execution_of(key)["status"] == "SUCCEEDED")
    assert told.of(key) == []
    nothing_is_left(deployed)


def test_killed_again_and_again(deployed: Deployed, told: Told) -> None:
    key = "killed-for-ever.csv"
    deployed.fail("Transform-data", *["kill"] * 20)
    deployed.put(key, orders("for ever"))
    row = deployed.row(key, timeout=PATIENCE)
    assert (row.verdict, row.rows_published, row.orders_objects) == ("failed", 0, 0)
    assert "Runtime.ExitError" in (row.error or "")
    assert list(names(deployed.store, f"processed/orders/pa_date={row.pa_date}/{row.file_id}")) == []
    deployed.until(lambda: deployed.execution_of(key)["status"] == "FAILED")
    (message,) = deployed.until(lambda: told.of(key))
    assert message["failure"]["Error"] == "Runtime.ExitError"
    deployed.fail("Transform-data")
    deployed.announce(message["event"])
    deployed.until(lambda: deployed.row(key).verdict == "valid")
    nothing_is_left(deployed)


def test_hanging_until_its_time_is_over(deployed: Deployed, told: Told) -> None:
    key = "hangs-once.csv"
    with reconfigured("Validate_csv", Timeout=2):
        deployed.fail("Validate_csv", "stop")
        deployed.put(key, orders("hanging"))
        assert deployed.row(key).verdict == "valid"
    assert told.of(key) == []
    nothing_is_left(deployed)


def test_even_the_closing_fails(deployed: Deployed, told: Told) -> None:
    """Then there may be no verdict: the execution fails, somebody is told, and the file can be taken up."""
    key = "not-even-closed.csv"
    deployed.fail("Validate_csv", *["kill"] * 40)
    deployed.put(key, orders("not closed"))
    (message,) = deployed.until(lambda: told.of(key), 180)
    deployed.until(lambda: deployed.execution_of(key)["status"] == "FAILED")
    assert {row.verdict for row in deployed.rows() if row.source_file == key} <= {"failed"}
    deployed.fail("Validate_csv")
    # The leases of those that were killed end within two minutes; here nobody waits for that.
    for name in list(names(deployed.store, "processed/locks/")):
        deployed.store.delete(name)
    deployed.announce(message["event"])
    deployed.until(lambda: deployed.row(key).verdict == "valid")
    nothing_is_left(deployed)
