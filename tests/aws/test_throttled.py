"""Many files at once where few functions may run at once: every one has its verdict, and is counted once."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from duff_orders.aws.deploy import deploy
from duff_orders.aws.stacks import Deployment
from duff_orders.lake import layout
from duff_orders.lake.documents import EVENTS
from duff_orders.lake.snapshot import current
from duff_orders.lake.stores.base import names
from tests.aws.conftest import ARCHITECTURE, PARAMETERS
from tests.aws.deployed import Deployed
from tests.aws.emulator import emulated_aws, functions_python
from tests.effort import PATIENCE, every

pytestmark = [pytest.mark.aws, pytest.mark.faults, pytest.mark.xdist_group("throttled")]
SAMPLE = (Path(__file__).parents[2] / "samples" / "03-dirty.csv").read_bytes()
#: How many functions may run at once, files come, and of these are announced once more; and executions under way.
CONCURRENCY, FILES, TWICE, MOST = 6, 500 // every(10), 5, 40


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployment in an account of its own, with few functions at once."""
    with emulated_aws(tmp_path_factory.mktemp("narrow"), concurrency=CONCURRENCY):
        boto3.setup_default_session()
        yield Deployed(
            deploy(
                Deployment(""),
                architecture=ARCHITECTURE,
                python=functions_python(),
                parameters=PARAMETERS
                | {"MaxRunning": str(MOST), "ThresholdBytes": "100000000", "BuildMinutes": "15", "BatchSeconds": "1"},
            )
        )
    boto3.setup_default_session()


def test_every_file_has_its_verdict(narrow: Deployed) -> None:
    contents = [SAMPLE.replace(b"Retail", f"Load {number}".encode()) for number in range(FILES)]
    with ThreadPoolExecutor(16) as pool:
        versions = [*pool.map(narrow.put, [f"load/{number}.csv" for number in range(FILES)], contents)]
    for number in range(TWICE):
        found = {
            "key": f"load/{number}.csv",
            "size": len(contents[number]),
            "etag": "0",
            "version-id": versions[number],
        }
        detail = {"bucket": {"name": narrow.outputs["RawBucket"]}, "object": found}
        body = json.dumps({"time": "2026-03-01T12:00:00Z", "detail": detail})
        boto3.client("sqs").send_message(QueueUrl=narrow.outputs["Arrived"], MessageBody=body)
    most_at_once, began = 0, time.monotonic()

    def done() -> bool:
        nonlocal most_at_once
        most_at_once = max(most_at_once, len(narrow.running()))
        return len([*narrow.store.listed("processed/files/")]) == FILES

    narrow.until(done, PATIENCE)
    narrow.settled(PATIENCE)
    rows = narrow.rows()
    assert Counter(row.source_file for row in rows) == Counter(f"load/{number}.csv" for number in range(FILES))
    expected = Counter({("valid_with_rejects", *_counts(rows[0])): FILES})
    assert Counter((row.verdict, *_counts(row)) for row in rows) == expected
    assert {event.file_id for event in EVENTS.every(narrow.store)} == {row.file_id for row in rows}
    (total,) = narrow.ask("select count(*) as n from tbl_duff_orders")
    assert total["n"] == sum(row.rows_published for row in rows)
    (total,) = narrow.ask("select count(*) as n from tbl_duff_rejected_rows")
    assert total["n"] == sum(row.rows_rejected for row in rows)
    ended = Counter(each["status"] for each in narrow.executions())
    assert set(ended) == {"SUCCEEDED"}, ended
    assert ended["SUCCEEDED"] <= FILES + TWICE
    assert most_at_once <= MOST + 2 * 10  # two look for room at once, each with ten in hand
    # The first files make a build; those that come within a quarter of an hour of it wait for the next.
    narrow.until(lambda: current(narrow.store).build_id)
    star = {name.removeprefix(f"{layout.PROCESSED}/star/") for name in names(narrow.store, f"{layout.PROCESSED}/star/")}
    builds = {name.split("/")[-2] for name in star if name.endswith(".parquet")}
    assert len(builds) <= 1 + (time.monotonic() - began) // (15 * 60)
    narrow.until(lambda: not [*narrow.store.listed(f"{layout.PROCESSED}/locks/")])
    assert throttled(narrow) > 0, "nothing was throttled: this proves nothing"


def _counts(row: object) -> tuple[int, ...]:
    return tuple(getattr(row, f"rows_{name}") for name in ("read", "published", "duplicate", "rejected", "withheld"))


def throttled(narrow: Deployed) -> int:
    """How often a function was refused, and tried again."""
    client, number = boto3.client("stepfunctions"), 0
    for each in narrow.executions():
        history = client.get_execution_history(executionArn=each["executionArn"], maxResults=1000)["events"]
        details = [event.get("taskFailedEventDetails") or {} for event in history]
        number += sum(each.get("error") == "Lambda.TooManyRequestsException" for each in details)
    return number
