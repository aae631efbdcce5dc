"""Files before the state machine: started as capacity allows, and searched for where nothing announced them."""

import json
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from duff_orders.aws.announcement import announcement
from duff_orders.aws.telemetry import log, tell
from duff_orders.errors import PipelineError
from duff_orders.lake.stores.base import Store
from duff_orders.lake.unannounced import ON_ITS_WAY, keep, walk

#: Seconds after which a function that found no room looks again. It waits with the messages: given back, they would be
#: invisible for the whole timeout of the queue, and whoever polls it would go on to all others in vain.
_PAUSE = 2.0
#: Seconds of a function's time that are left for its end.
_LEFT = 20.0
#: Seconds after which messages are visible again that found no room while the function could wait.
_COME_BACK = 1
# The longest that SQS keeps a message from others.
_LONGEST = 43_200
#: The most messages of a request to SQS.
AT_ONCE = 10
# Files that may wait without a walk being put off: more is a backlog, in which what is not announced cannot be told
# from what waits.
_BACKLOG = 1000


def start(records: Sequence[dict[str, Any]], *, seconds: float) -> dict[str, Any]:
    """Start an execution for each message of the queue, while fewer than MAX_RUNNING are under way.

    Where there is no room it waits, up to `seconds`, which the function has left. What finds none until then, or is
    refused by Step Functions, goes back to the queue.
    """
    until = time.monotonic() + seconds - _LEFT
    waiting = _started([*records])
    while waiting and time.monotonic() + _PAUSE < until:
        time.sleep(_PAUSE)
        waiting = _started(waiting)
    if waiting:
        come_back(os.environ["ARRIVED"], waiting, _COME_BACK)
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in waiting]}


def _started(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start executions for messages as there is room; returns those for which none was started."""
    import boto3
    from botocore.exceptions import ClientError

    states, machine = boto3.client("stepfunctions"), os.environ["STATE_MACHINE"]
    waiting = [*records]
    try:
        for each in records[: max(0, room(machine, int(os.environ["MAX_RUNNING"])))]:
            states.start_execution(stateMachineArn=machine, input=each["body"])
            waiting.remove(each)
    except ClientError as error:
        print(json.dumps({"message": "not_started", "error": str(error)[:1000]}), flush=True)
    return waiting


def room(machine: str, most: int) -> int:
    """How many executions more may run at once, of `most`."""
    import boto3

    states = boto3.client("stepfunctions")
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=most)
    return most - len(running["executions"])


def come_back(queue: str, records: Sequence[dict[str, Any]], seconds: float) -> None:
    """Let messages be visible again after so many seconds; left alone, they would stay away for the queue's timeout."""
    import boto3

    sqs, after = boto3.client("sqs"), int(min(max(seconds, 1), _LONGEST))
    for first in range(0, len(records), AT_ONCE):
        entries = [
            {"Id": str(number), "ReceiptHandle": each["receiptHandle"], "VisibilityTimeout": after}
            for number, each in enumerate(records[first : first + AT_ONCE])
        ]
        sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries)


def look(
    store: Store, *, older_than: float = ON_ITS_WAY.total_seconds(), begin: bool = False, seconds: float
) -> dict[str, Any]:
    """Announce the files that nothing announced, and tell in a metric how many there were.

    `older_than`: seconds for which an announcement may be on its way; `begin`: all are compared, from the beginning;
    `seconds`: how long the function may go on. Nothing is done while many announced files wait.
    """
    queue = os.environ["ARRIVED"]
    waiting = messages(queue)
    if waiting > _BACKLOG:
        return {"put_off": f"{waiting} announced files wait"}
    grace = timedelta(seconds=older_than)
    events, walked = walk(store, older_than=grace, seconds=seconds - _LEFT, begin=begin)
    for event in events:
        log("unannounced", event.file_id, event.key)
    send(queue, [announcement(event) for event in events])
    keep(store, walked)
    tell({"Unannounced": len(events)})
    return {"found": len(events), "is_done": walked.is_done}


def send(queue: str, announcements: Sequence[dict[str, Any]]) -> None:
    """Put announcements into the queue of arrivals; raises PipelineError where SQS takes one not."""
    import boto3

    sqs = boto3.client("sqs")
    for first in range(0, len(announcements), AT_ONCE):
        some = announcements[first : first + AT_ONCE]
        entries = [{"Id": str(number), "MessageBody": json.dumps(each)} for number, each in enumerate(some)]
        refused = sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed", [])
        if refused:
            raise PipelineError(f"SQS took {len(refused)} of {len(some)} messages not: {refused[0]['Message']}")


def messages(queue: str) -> int:
    """How many messages a queue holds, about: those that somebody works on, too."""
    import boto3

    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)
