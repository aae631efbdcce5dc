"""The functions of the state machine, called in this process, over buckets in memory: each way that a file may take.

The deployed suite calls the same through EventBridge, Step Functions and Lambda; here a change is checked in seconds.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from duff_orders.aws import handlers
from duff_orders.aws.announcement import announcement, event_of
from duff_orders.aws.handlers import transform_data, trigger_glue_job, validate_csv
from duff_orders.contract import ORDERS
from duff_orders.documents import Decision, Event, LedgerRow
from duff_orders.errors import Busy, PipelineError, Throttled
from duff_orders.lake import layout
from duff_orders.lake.glue_catalog import DAYS, columns
from duff_orders.lake.stores.base import names
from tests.buckets import Buckets

SAMPLES = Path(__file__).parents[2] / "samples"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
COLUMNS = [{"Name": name, "Type": kind} for name, kind in columns(ORDERS)]
DAY = "pa_date=2026-03-01"


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> Buckets:
    """The function's environment, and buckets on whose first day the catalog is up to date."""
    made = Buckets()
    monkeypatch.setattr(handlers, "open_store", lambda address, **options: made.store(**options))
    for name, value in {
        "RAW_BUCKET": "raw",
        "PROCESSED_BUCKET": "processed",
        "DATABASE": "orders",
        "CATALOG": "1",
        "THRESHOLD": "100000",
        "TRANSFORM_JOB": "transform",
        "MAX_WORKERS": "10",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }.items():
        monkeypatch.setenv(name, value)
    made.store().put_new(f"{DAYS}{DAY}", b"1")
    return made


@pytest.fixture
def glue(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """boto3's client for Glue, which checks what it is asked, and answers as the test says."""
    client = boto3.client("glue")
    monkeypatch.setattr(boto3, "client", lambda name: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def announced(event: Event, **more: Any) -> dict[str, Any]:
    return {"event": announcement(event) | more, "execution": "execution:1"}


def decided(event: Event, **more: Any) -> dict[str, Any]:
    """What the first function says, as the next is told it."""
    return dict(json.loads(json.dumps(validate_csv(announced(event, **more), CONTEXT))))


def transformed(decision: dict[str, Any]) -> dict[str, Any]:
    return transform_data({"decision": decision, "columns": COLUMNS, "execution": "execution:1"}, CONTEXT)


def ledger(buckets: Buckets, event: Event) -> LedgerRow:
    stored = buckets.store().read(layout.ledger_object(event.pa_date, event.file_id))
    assert stored is not None
    return LedgerRow.from_json(stored.data)


def test_a_small_file_goes_its_whole_way(buckets: Buckets) -> None:
    event = buckets.put("in/03-dirty.csv", (SAMPLES / "03-dirty.csv").read_bytes())
    decision = decided(event)
    assert (decision["route"], decision["dialect"]["delimiter"]) == ("small", ",")
    told = transformed(decision)
    row = ledger(buckets, event)
    assert (row.verdict, row.rows_read, row.rows_published, row.rows_rejected) == ("valid_with_rejects", 24, 11, 11)
    assert {name: told[name] for name in ("route", "file_id", "verdict", "rows_published")} == {
        "route": "done",
        "file_id": event.file_id,
        "verdict": "valid_with_rejects",
        "rows_published": 11,
    }
    there = list(names(buckets.store(), "processed/orders/"))
    assert there == list(layout.data_objects(ORDERS.name, row))
    assert list(names(buckets.store(), "processed/locks/")) == []


def test_a_file_that_is_done_stays_as_it_is(buckets: Buckets, capsys: pytest.CaptureFixture[str]) -> None:
    event = buckets.put("a.csv", (SAMPLES / "01-orders.csv").read_bytes())
    transformed(decided(event))
    before = ledger(buckets, event)
    capsys.readouterr()
    again = decided(event)
    assert (again["route"], again["verdict"], again["revision"]) == ("done", "valid", 0)
    assert "_aws" not in capsys.readouterr().out  # it is measured once
    assert ledger(buckets, event) == before
    replayed = decided(event, replay=True)
    assert (replayed["route"], replayed["replay"]) == ("small", True)
    assert transformed(replayed)["revision"] == 1


def test_a_file_that_its_head_condemns_is_done(buckets: Buckets) -> None:
    event = buckets.put("a.csv", (SAMPLES / "05-missing-column.csv").read_bytes())
    told = decided(event)
    assert (told["route"], told["verdict"]) == ("done", "invalid")
    assert "column `status` missing" in told["reason"]
    assert ledger(buckets, event).verdict == "invalid"


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=lambda order: "".join(map(str, order)))
def test_a_content_that_returns_is_news_in_whatever_order_its_events_come(
    buckets: Buckets, order: tuple[int, ...]
) -> None:
    data = (SAMPLES / "01-orders.csv").read_bytes()
    contents = (data, data.replace(b"Moe", b"Joe"), data)
    events = [buckets.put("a.csv.gz", gzip.compress(each, mtime=at)) for at, each in enumerate(contents)]
    for place in order:
        assert transformed(decided(events[place]))["verdict"] == "valid"
    again = buckets.put("a.csv.gz", gzip.compress(data, 1))
    assert transformed(decided(again))["verdict"] == "duplicate"
    known = ledger(buckets, events[2]).content
    assert {ledger(buckets, each).content for each in (events[0], again)} == {known}


def test_a_file_and_its_gzip_are_one_content(buckets: Buckets) -> None:
    data = (SAMPLES / "01-orders.csv").read_bytes()
    assert transformed(decided(buckets.put("a.csv.gz", gzip.compress(data))))["verdict"] == "valid"
    assert transformed(decided(buckets.put("a.csv", data)))["verdict"] == "duplicate"


def test_a_large_file_goes_to_glue(buckets: Buckets) -> None:
    data = (SAMPLES / "01-orders.csv").read_bytes()
    sizes = (99_999, 100_000)
    events = [buckets.put(f"{size}.csv", data + b" " * (size - len(data))) for size in sizes]
    assert [decided(event)["route"] for event in events] == ["small", "large"]


def test_a_new_day_is_registered_before_its_first_row(buckets: Buckets, glue: Stubber) -> None:
    buckets.store().delete(f"{DAYS}{DAY}")
    for table in ("tbl_duff_orders", "tbl_duff_rejected_rows", "tbl_duff_files"):
        wanted = {"DatabaseName": "orders", "TableName": table, "PartitionInputList": ANY}
        glue.add_response("batch_create_partition", {"Errors": []}, wanted)
    event = buckets.put("a.csv", (SAMPLES / "01-orders.csv").read_bytes())
    assert decided(event)["route"] == "small"
    assert decided(event)["route"] == "small"  # and only once


def test_a_partition_that_the_catalog_refuses_stops_the_file(buckets: Buckets, glue: Stubber) -> None:
    buckets.store().delete(f"{DAYS}{DAY}")
    error = {"PartitionValues": ["2026-03-01"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}
    glue.add_response("batch_create_partition", {"Errors": [error]})
    with pytest.raises(PipelineError, match="the catalog refused a partition"):
        decided(buckets.put("a.csv", b"x"))


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"Error": "EngineError", "Cause": '{"errorMessage": "out of memory"}'}, "EngineError: out of memory"),
        ({"Error": "States.Timeout"}, "States.Timeout: no cause was given"),
        ({"Cause": "killed"}, "Error: killed"),
    ],
)
def test_a_failure_ends_in_a_verdict_and_gives_the_leases_back(
    buckets: Buckets, failure: dict[str, str], error: str
) -> None:
    event = buckets.put("a.csv", (SAMPLES / "01-orders.csv").read_bytes())
    held = [buckets.store(holder="execution:1").lock("content-1"), buckets.store(holder="other").lock("content-2")]
    for lease in held:
        lease.__enter__()  # and nobody is left to give it back
    told = validate_csv(announced(event) | {"failure": failure}, CONTEXT)
    assert (told["verdict"], ledger(buckets, event).error) == ("failed", error)
    assert list(names(buckets.store(), "processed/locks/")) == ["processed/locks/content-2"]
    # and it can be taken up again
    assert transformed(decided(event))["verdict"] == "valid"


def test_the_leases_of_a_job_that_may_still_run_are_kept(buckets: Buckets) -> None:
    event = buckets.put("a.csv", (SAMPLES / "01-orders.csv").read_bytes())
    buckets.store().put_new(f"processed/jobs/{event.file_id}-first-a1", b"{}")
    held = buckets.store(holder="execution:1").lock("content-1")
    held.__enter__()
    for error, left in (("States.Timeout", 1), ("GlueJob.FAILED", 0)):
        validate_csv(announced(event) | {"failure": {"Error": error}}, CONTEXT)
        assert len(list(names(buckets.store(), "processed/locks/"))) == left


@pytest.mark.parametrize("told", [{}, {"detail": {}}, {"detail": {"bucket": {"name": "raw"}, "object": {"key": "a"}}}])
def test_what_announces_no_object_is_refused(buckets: Buckets, told: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match="not an announcement of an object"):
        validate_csv({"event": told, "execution": "1"}, CONTEXT)


def test_a_replay_is_announced_as_the_object_was(buckets: Buckets) -> None:
    event = buckets.put("año 1.csv", b"x")
    assert event_of(announcement(event)) == event


def test_sequencers_of_any_length_compare_as_texts(buckets: Buckets) -> None:
    """The shorter one is padded with zeros on the right, as S3 has it; a replay changes nothing."""
    event = buckets.put("a.csv", b"")
    told = [announcement(replace(event, sequencer=each)) for each in ("0055aed6dca90281e5", "0055AED6DCA90281", None)]
    first, second, none = (event_of(each).sequencer for each in told)
    assert first is not None
    assert second is not None
    assert first > second
    assert len(first) == len(second) == 32
    assert none is None
    assert event_of(announcement(event_of(told[0]))).sequencer == first


def test_another_catalog_than_the_contract_s_is_told(buckets: Buckets) -> None:
    decision = decided(buckets.put("a.csv", (SAMPLES / "01-orders.csv").read_bytes()))
    for wrong, told in ((COLUMNS[1:], "missing client_id bigint"), (COLUMNS[::-1], "another order of columns")):
        with pytest.raises(PipelineError, match=told):
            transform_data({"decision": decision, "columns": wrong, "execution": "1"}, CONTEXT)


# Job runs


def large(buckets: Buckets) -> dict[str, Any]:
    data = (SAMPLES / "01-orders.csv").read_bytes()
    return decided(buckets.put("large.csv", data + b" " * 100_000))


def asked(decision: dict[str, Any], execution: str = "execution:1", attempt: int = 1) -> dict[str, Any]:
    return trigger_glue_job({"decision": decision, "execution": execution, "attempt": attempt}, CONTEXT)


def test_a_run_is_started_once_a_file_and_attempt(buckets: Buckets, glue: Stubber) -> None:
    decision = large(buckets)
    note = f"processed/jobs/{Decision.of(decision).event.file_id}-first-a"
    told = replace(Decision.of(decision), dialect=None).to_json()

    def wanted(attempt: int) -> dict[str, Any]:
        arguments = {"--decision": told, "--holder": "execution:1", "--note": f"{note}{attempt}"}
        return {"JobName": "transform", "WorkerType": "G.1X", "NumberOfWorkers": 2, "Arguments": arguments}

    glue.add_response("start_job_run", {"JobRunId": "jr_1"}, wanted(1))
    assert asked(decision) == {"job_run_id": "jr_1"}
    assert asked(decision) == {"job_run_id": "jr_1"}
    glue.add_response("start_job_run", {"JobRunId": "jr_2"}, wanted(2))
    assert asked(decision, attempt=2) == {"job_run_id": "jr_2"}


@pytest.mark.parametrize(("state", "run"), [("RUNNING", "jr_1"), ("SUCCEEDED", "jr_1"), ("FAILED", "jr_2")])
def test_another_execution_waits_for_the_run_unless_it_failed(
    buckets: Buckets, glue: Stubber, state: str, run: str
) -> None:
    decision = large(buckets)
    glue.add_response("start_job_run", {"JobRunId": "jr_1"})
    asked(decision)
    glue.add_response("get_job_run", {"JobRun": {"JobRunState": state}}, {"JobName": "transform", "RunId": "jr_1"})
    if run == "jr_2":
        glue.add_response("start_job_run", {"JobRunId": "jr_2"})
    assert asked(decision, "execution:2") == {"job_run_id": run}


def test_a_run_that_is_about_to_start_is_waited_for(buckets: Buckets, glue: Stubber) -> None:
    decision = large(buckets)
    glue.add_client_error("start_job_run", "ConcurrentRunsExceededException")
    with pytest.raises(Exception, match="ConcurrentRunsExceeded"):
        asked(decision)
    glue.add_response("get_job_runs", {"JobRuns": []})
    with pytest.raises(Busy):
        asked(decision, "execution:2")
    # the execution itself tries again
    glue.add_response("get_job_runs", {"JobRuns": []})
    glue.add_response("start_job_run", {"JobRunId": "jr_1"})
    assert asked(decision) == {"job_run_id": "jr_1"}


def test_a_run_whose_id_was_never_written_is_found(buckets: Buckets, glue: Stubber) -> None:
    decision = large(buckets)
    glue.add_client_error("start_job_run", "Interrupted")
    with pytest.raises(Exception, match="Interrupted"):
        asked(decision)
    (note,) = names(buckets.store(), "processed/jobs/")
    glue.add_response("get_job_runs", {"JobRuns": [{"Id": "jr_0"}, {"Id": "jr_1", "Arguments": {"--note": note}}]})
    assert asked(decision) == {"job_run_id": "jr_1"}


def test_a_key_of_any_script_comes_to_the_job_in_ascii(
    buckets: Buckets, glue: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command line may lose what is not."""
    given: list[str] = []
    start = boto3.client("glue").start_job_run

    def start_and_keep(**options: Any) -> Any:
        given.append(options["Arguments"]["--decision"])
        return start(**options)

    monkeypatch.setattr(boto3.client("glue"), "start_job_run", start_and_keep)
    glue.add_response("start_job_run", {"JobRunId": "jr_1"})
    data = (SAMPLES / "01-orders.csv").read_bytes()
    decision = decided(buckets.put("señal/北京 🍺.csv", data + b" " * 100_000))
    asked(decision)
    assert given[0].isascii()
    assert Decision.from_json(given[0]).event == Decision.of(decision).event


def test_a_state_machine_may_write_whole_numbers_as_it_likes(buckets: Buckets, glue: Stubber) -> None:
    """JSONata's are doubles: `1.0E8`."""
    glue.add_response("start_job_run", {"JobRunId": "jr_1"})
    decision = large(buckets)
    as_doubles = decision | {"event": decision["event"] | {"size": float(decision["event"]["size"])}}
    assert asked(as_doubles, attempt=1.0) == {"job_run_id": "jr_1"}  # type: ignore[arg-type]
    assert asked(decision) == {"job_run_id": "jr_1"}


def test_a_throttled_start_has_a_class_of_its_own(buckets: Buckets, glue: Stubber) -> None:
    glue.add_client_error("start_job_run", "ThrottlingException", "Rate exceeded")
    with pytest.raises(Throttled, match="Rate exceeded"):
        asked(large(buckets))


def test_a_replay_has_runs_of_its_own(buckets: Buckets, glue: Stubber) -> None:
    decision = Decision.of(large(buckets))
    replay = json.loads(json.dumps({**json.loads(decision.to_json()), "replay": True}))
    for number, given in enumerate((json.loads(decision.to_json()), replay), 1):
        glue.add_response("start_job_run", {"JobRunId": f"jr_{number}"})
        assert asked(given) == {"job_run_id": f"jr_{number}"}


def test_what_tools_keep_for_themselves_is_left_alone(buckets: Buckets) -> None:
    store = buckets.store()
    event = buckets.put(".rsync-partial/01-orders.csv", b"half")
    told = decided(event)
    assert (told["route"], told["key"]) == ("done", event.key)
    assert "tools keep such for themselves" in told["left_alone"]
    assert not list(names(store, "processed/events/"))


def test_an_object_of_any_other_name_has_a_verdict(buckets: Buckets) -> None:
    told = decided(buckets.put("orders.csv.zip", b"PK\x05\x06"))
    assert (told["route"], told["verdict"]) == ("done", "invalid")
    assert told["reason"].startswith("a ZIP archive, and not CSV: allowed are")
