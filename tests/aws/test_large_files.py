"""Files for the Glue job: one run for a file, however often it is announced; runs that are killed lose nothing."""

from pathlib import Path

import boto3
import pytest

from duff_orders import generate
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.stores.base import names
from tests.aws.conftest import THRESHOLD
from tests.aws.deployed import Deployed
from tests.effort import PATIENCE
from tests.oracle import judge

pytestmark = [pytest.mark.aws, pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("aws")]
JOB = "Duff_transform_glue_job"


@pytest.fixture(autouse=True)
def _mended(deployed: Deployed) -> None:
    deployed.fail(JOB)


def large(folder: Path, seed: int) -> bytes:
    path = folder / "large.csv"
    generate(path, rows=3000, seed=seed, bad=0.1, duplicates=0.05)
    data = path.read_bytes()
    assert len(data) >= THRESHOLD
    return data


def runs(deployed: Deployed, file_id: str) -> list[str]:
    """The states of the job runs for a file, oldest first."""
    found = boto3.client("glue").get_job_runs(JobName=JOB)["JobRuns"]
    found.sort(key=lambda run: run["StartedOn"])
    return [run["JobRunState"] for run in found if file_id in run["Arguments"]["--note"]]


def holds(deployed: Deployed, row: LedgerRow, data: bytes) -> None:
    """The counts are the oracle's, and Athena sees the objects that the row names and no others."""
    expected = judge(data)
    assert (row.verdict, row.engine) == (expected.verdict, "spark")
    assert (row.rows_published, row.rows_rejected) == (expected.rows_published, expected.rows_rejected)
    for table in layout.OBJECT_COUNTS:
        there = [name for name in names(deployed.store, layout.partition(table, row.pa_date)) if row.file_id in name]
        assert sorted(there) == sorted(layout.data_objects(table, row))
    count = f"select count(*) as n from tbl_duff_orders where file_id = '{row.file_id}'"
    assert deployed.ask(count) == [{"n": expected.rows_published}]


def test_a_run_killed_in_the_middle_is_taken_up(deployed: Deployed, tmp_path: Path) -> None:
    data = large(tmp_path, 11)
    deployed.fail(JOB, "kill")
    deployed.put("killed-run.csv", data)
    row = deployed.row("killed-run.csv", timeout=PATIENCE)
    deployed.settled()
    assert runs(deployed, row.file_id) == ["FAILED", "SUCCEEDED"]
    holds(deployed, row, data)


@pytest.mark.exhaustive
def test_runs_that_never_work_end_in_a_verdict_and_can_be_taken_up_at_once(deployed: Deployed, tmp_path: Path) -> None:
    data = large(tmp_path, 12)
    deployed.fail(JOB, "kill", "kill")
    deployed.put("failing-run.csv", data)
    row = deployed.row("failing-run.csv", timeout=PATIENCE)
    assert (row.verdict, row.rows_published) == ("failed", 0)
    assert runs(deployed, row.file_id) == ["FAILED", "FAILED"]
    deployed.until(lambda: deployed.execution_of("failing-run.csv")["status"] == "FAILED")
    assert list(names(deployed.store, f"processed/locks/file-{row.file_id}")) == []
    event = deployed.execution_of("failing-run.csv")["input"]
    deployed.announce(event)
    deployed.until(lambda: deployed.row("failing-run.csv").verdict != "failed", 240)
    holds(deployed, deployed.row("failing-run.csv"), data)


@pytest.mark.exhaustive
def test_announced_twice_at_once_it_has_one_run(deployed: Deployed, tmp_path: Path) -> None:
    data = large(tmp_path, 13)
    before = len(deployed.executions())
    deployed.put("twice.csv", data)
    deployed.until(lambda: len(deployed.executions()) > before)
    deployed.announce(deployed.execution_of("twice.csv")["input"])
    row = deployed.row("twice.csv", timeout=PATIENCE)
    deployed.settled()
    assert runs(deployed, row.file_id) == ["SUCCEEDED"]
    assert {each["status"] for each in deployed.executions()[:2]} == {"SUCCEEDED"}
    holds(deployed, row, data)
