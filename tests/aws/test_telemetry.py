"""What the functions tell of a file, line by line."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from duff_orders.aws.telemetry import failures_logged, log, measure
from duff_orders.documents import LedgerRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = LedgerRow(
    file_id="1" * 32,
    source_file="año\n1.csv",
    size=1234,
    etag="0",
    version=None,
    event_time=NOON,
    verdict="valid_with_rejects",
    rows_read=10,
    rows_published=6,
    rows_duplicate=1,
    rows_rejected=3,
    started=NOON,
    finished=NOON.replace(microsecond=250_000),
    pa_date=date(2026, 3, 1),
)


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def test_a_line_is_a_document_that_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    log("decided", ROW.file_id, ROW.source_file, route="small", when=NOON)
    (line,) = lines(capsys)
    assert line == {
        "message": "decided",
        "file_id": ROW.file_id,
        "key": "año\n1.csv",
        "route": "small",
        "when": "2026-03-01 12:00:00+00:00",
    }


def test_metrics_are_in_the_embedded_metric_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYMENT", "acme-duff-orders")
    measure(ROW)
    (line,) = lines(capsys)
    (about,) = line["_aws"]["CloudWatchMetrics"]
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert (about["Namespace"], about["Dimensions"]) == (
        "duff-orders",
        [["Deployment"], ["Deployment", "Verdict"]],
    )
    told = {each["Name"]: (line[each["Name"]], each["Unit"]) for each in about["Metrics"]}
    assert told == {
        "Files": (1, "Count"),
        "Bytes": (1234, "Bytes"),
        "Seconds": (0.25, "Seconds"),
        "RowsRead": (10, "Count"),
        "RowsPublished": (6, "Count"),
        "RowsDuplicate": (1, "Count"),
        "RowsRejected": (3, "Count"),
        "RowsWithheld": (0, "Count"),
        "RejectedPercent": (30.0, "Percent"),
    }
    assert line["Deployment"] == "acme-duff-orders"
    assert (line["Verdict"], line["file_id"]) == ("valid_with_rejects", ROW.file_id)


@pytest.mark.parametrize(("read", "told"), [(10, 0.0), (0, None)])
def test_a_clean_file_counts_in_the_share_of_rejects_and_one_without_rows_does_not(
    capsys: pytest.CaptureFixture[str], read: int, told: float | None
) -> None:
    measure(replace(ROW, rows_read=read, rows_published=read, rows_duplicate=0, rows_rejected=0))
    (line,) = lines(capsys)
    assert line.get("RejectedPercent") == told
    (about,) = line["_aws"]["CloudWatchMetrics"]
    assert ({"Name": "RejectedPercent", "Unit": "Percent"} in about["Metrics"]) == (told is not None)


def test_an_error_is_logged_with_its_file_and_ends_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="bad"), failures_logged(ROW.file_id, ROW.source_file):
        raise ValueError("bad")
    (line,) = lines(capsys)
    assert line == {
        "message": "failed",
        "file_id": ROW.file_id,
        "key": ROW.source_file,
        "kind": "ValueError",
        "error": "bad",
    }
