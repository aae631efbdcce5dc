"""The state machine in a second interpreter, moto's: each of its ends as it is meant.

What the services answer stands in a script; what is looked at is the way that a file takes, and what each step is told.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.aws.emulator import CREDENTIALS, ENVIRONMENTS
from tests.aws.test_templates import FOLDER

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("interpreter")]
INTERPRETER = Path(__file__).parent / "emulator" / "interpreter.py"
SUBSTITUTED = {"RetrySeconds": "2", "PollSeconds": "30", "Partition": "aws", "TransformJob": "the-job"}
EVENT = {
    "time": "2026-03-01T12:00:00Z",
    "detail": {"bucket": {"name": "raw"}, "object": {"key": "señal.csv", "size": 100_000_000, "etag": "e"}},
}
SMALL = {"result": {"route": "small", "event": {"size": 100_000_000, "key": "señal.csv"}}}
LARGE = {"result": {"route": "large", "event": {"size": 2_000_000_000, "key": "señal.csv"}}}
DONE = {"result": {"route": "done", "verdict": "valid"}}
TABLE = {"result": {"Table": {"StorageDescriptor": {"Columns": [{"Name": "client_id", "Type": "bigint"}]}}}}
STARTED = {"result": {"job_run_id": "jr_1"}}
CLOSED = {"result": {"route": "done", "verdict": "failed"}}
TOLD = {"result": {"MessageId": "1"}}
BUSY, THROTTLED = {"error": "Busy"}, {"error": "Lambda.TooManyRequestsException"}
Answers = dict[str, list[dict[str, Any]]]


def state(name: str, **more: str) -> dict[str, Any]:
    return {"result": {"JobRun": {"JobRunState": name, **more}}}


def run(**answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What becomes of an announcement where the services answer so; spaces and hyphens of states are underscores."""
    text = (FOLDER / "orders-etl.asl.json").read_text()
    definition = json.loads(
        re.sub(
            r"\$\{(\w+)\}",
            lambda found: SUBSTITUTED.get(found[1], f"arn:aws:lambda:us-east-1:1:function:{found[1]}"),
            text,
        )
    )
    names = {re.sub("[ -]", "_", name): name for name in definition["States"]}
    asked = {"definition": definition, "input": EVENT, "answers": {names[each]: told for each, told in answers.items()}}
    done = subprocess.run(
        [ENVIRONMENTS / "interpreter" / "bin" / "python", INTERPRETER],
        # Where an emulator runs, the environment names it: this one has services of its own.
        env={**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, **CREDENTIALS},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_small_file() -> None:
    found = run(Validate_csv=[THROTTLED, THROTTLED, SMALL], Schema=[TABLE], Transform_data=[BUSY, DONE])
    assert found["entered"] == ["Validate_csv", "Route", "Schema", "Transform-data", "Done"]
    assert (found["status"], json.loads(found["output"])["verdict"]) == ("SUCCEEDED", "valid")
    assert [len(found["given"][name]) for name in ("Validate_csv", "Transform-data")] == [3, 2]
    (first, *_), (again, *_) = (found["given"][name] for name in ("Validate_csv", "Transform-data"))
    assert first["Payload"]["event"] == EVENT
    assert again["Payload"]["decision"] == SMALL["result"]
    assert again["Payload"]["columns"] == TABLE["result"]["Table"]["StorageDescriptor"]["Columns"]
    assert first["Payload"]["execution"] == again["Payload"]["execution"]


def test_a_file_that_is_done_or_invalid() -> None:
    found = run(Validate_csv=[DONE])
    assert (found["status"], found["entered"]) == ("SUCCEEDED", ["Validate_csv", "Route", "Done"])


def test_a_large_file_is_measured_once_its_job_is_done() -> None:
    found = run(
        Validate_csv=[LARGE],
        TriggerGlueJob=[{"error": "ConcurrentRunsExceededException"}] * 100 + [STARTED],
        Job_run=[state("RUNNING"), state("RUNNING"), state("SUCCEEDED")],
        Measure=[THROTTLED, DONE],
    )
    assert found["entered"][-4:] == ["Job done?", "Measure", "Verdict?", "Done"]
    assert (found["status"], found["entered"].count("Wait")) == ("SUCCEEDED", 3)
    assert found["given"]["Job run"][0] == {"JobName": "the-job", "RunId": "jr_1"}
    measured = found["given"]["Measure"][0]["Payload"]
    assert measured["since"] <= measured["since"].upper()
    assert measured["event"] == EVENT


def test_a_job_that_succeeds_without_a_verdict_is_closed() -> None:
    found = run(
        Validate_csv=[LARGE],
        TriggerGlueJob=[STARTED],
        Job_run=[state("SUCCEEDED")],
        Measure=[LARGE],
        Close=[CLOSED],
        Notify=[TOLD],
    )
    assert found["entered"][-5:] == ["Measure", "Verdict?", "Close", "Notify", "Failed"]
    assert (found["status"], found["error"]) == ("FAILED", "NoVerdict")
    assert found["given"]["Close"][0]["Payload"]["failure"]["Error"] == "NoVerdict"


def test_a_measurement_that_fails_costs_nothing_else() -> None:
    found = run(
        Validate_csv=[LARGE], TriggerGlueJob=[STARTED], Job_run=[state("SUCCEEDED")], Measure=[{"error": "Crashed"}]
    )
    assert (found["status"], found["entered"][-2:]) == ("SUCCEEDED", ["Measure", "Done"])
    assert len(found["given"]["Measure"]) == 6


def test_a_job_that_fails_twice() -> None:
    found = run(
        Validate_csv=[LARGE],
        TriggerGlueJob=[STARTED],
        Job_run=[state("FAILED", ErrorMessage="out of memory")],
        Close=[CLOSED],
        Notify=[TOLD],
    )
    assert [each["Payload"]["attempt"] for each in found["given"]["TriggerGlueJob"]] == [1, 2]
    assert found["entered"][-3:] == ["Close", "Notify", "Failed"]
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "GlueJobFAILED", "out of memory")
    message = json.loads(found["given"]["Notify"][0]["Message"])
    assert (message["event"], message["failure"]["Error"]) == (EVENT, "GlueJobFAILED")


@pytest.mark.parametrize(
    ("error", "tries"), [("SourceChanged", 1), ("PipelineError", 4), ("Busy", 31), ("Lambda.ServiceException", 121)]
)
def test_what_fails_is_tried_as_often_as_that_may_help_and_closed(error: str, tries: int) -> None:
    found = run(Validate_csv=[SMALL], Schema=[TABLE], Transform_data=[{"error": error}], Close=[CLOSED], Notify=[TOLD])
    assert len(found["given"]["Transform-data"]) == tries
    assert (found["status"], found["error"]) == ("FAILED", error)
    assert found["given"]["Close"][0]["Payload"]["failure"]["Error"] == error


def test_closing_waits_as_long_as_it_takes() -> None:
    """Who is to say that a file failed must come through, however long all functions are throttled."""
    found = run(
        Validate_csv=[{"error": "SourceChanged"}],
        Close=[THROTTLED] * 1500 + [BUSY] * 10 + [CLOSED],
        Notify=[TOLD],
    )
    assert len(found["given"]["Close"]) == 1511
    assert found["entered"] == ["Validate_csv", "Close", "Notify", "Failed"]


def test_even_where_the_closing_fails_somebody_is_told() -> None:
    found = run(Validate_csv=[{"error": "SourceChanged"}], Close=[{"error": "Crashed"}], Notify=[TOLD])
    assert found["entered"] == ["Validate_csv", "Close", "Notify", "Failed"]
    assert (found["status"], found["error"]) == ("FAILED", "SourceChanged")
    silent = run(Validate_csv=[{"error": "SourceChanged"}], Close=[CLOSED], Notify=[{"error": "SNS.Refused"}])
    assert (silent["status"], silent["entered"][-1]) == ("FAILED", "Failed")
