"""The ledger, one file, its rejected rows."""

import csv
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake.lake import Lake
from tests.api.lakes import application
from tests.api.paths import whole
from tests.api.test_orders import getter
from tests.cases import data_of
from tests.lakes import ingest, open_lake

pytestmark = pytest.mark.slow

DIRTY = "40228693a13062e8cf6b1f1ac436c952"


def test_files_newest_first(api: TestClient) -> None:
    rows = whole(getter(api), "/v1/files?limit=2")["data"]
    names = ["01-orders.csv", "02-orders-later.csv", "03-dirty.csv", "04-export-es.csv", "05-missing-column.csv"]
    assert [row["source_file"] for row in rows] == names[::-1]
    for row in rows:
        assert row["rows_read"] == sum(
            row[f"rows_{fate}"] for fate in ("published", "duplicate", "rejected", "withheld")
        )
    invalid = whole(getter(api), "/v1/files?verdict=invalid")["data"]
    assert [row["source_file"] for row in invalid] == names[-1:]


def test_a_file_is_its_row_of_the_ledger(api: TestClient, samples: Lake) -> None:
    for row in samples.ledger.rows():
        found = api.get(f"/v1/files/{row.file_id}").json()
        assert found["verdict"] == row.verdict
        assert found["nulls"] == row.nulls
        assert (found["event_time"], found["pa_date"]) == (f"{row.event_time:%Y-%m-%dT%H:%M:%S.%fZ}", str(row.pa_date))


def test_rejected_rows_with_their_reasons(api: TestClient) -> None:
    rows = whole(getter(api), f"/v1/files/{DIRTY}/rejects?limit=3")["data"]
    assert len(rows) == 11
    (six,) = [row for row in rows if row["fields"] and row["fields"]["product_ccf"] == "six"]
    assert six["reasons"] == [{"column": "product_ccf", "code": "not_an_integer"}]
    assert list(six["fields"]) == list(COLUMN_NAMES)
    told = api.get(f"/v1/files/{DIRTY}/rejects?summary=true").json()["summary"]
    assert [each["rows"] for each in told] == sorted((each["rows"] for each in told), reverse=True)
    for each in told:
        reason = f"{each['column']}:{each['code']}"
        own = whole(getter(api), f"/v1/files/{DIRTY}/rejects?reason={reason}&limit=2")["data"]
        assert len(own) == each["rows"], reason
        assert all({"column": each["column"], "code": each["code"]} in row["reasons"] for row in own)
    assert whole(getter(api), f"/v1/files/{DIRTY}/rejects?reason=a:b")["data"] == []


def test_rejected_rows_as_csv(api: TestClient) -> None:
    answer = api.get(f"/v1/files/{DIRTY}/rejects?format=csv&limit=1000")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 11
    assert list(rows[0]) == [*COLUMN_NAMES, "reasons", "record", "line", "corrects"]
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''rejects-{DIRTY}.csv"


def test_a_file_without_rejected_rows_has_none(api: TestClient, samples: Lake) -> None:
    (row,) = [row for row in samples.ledger.rows() if row.source_file == "01-orders.csv"]
    body = api.get(f"/v1/files/{row.file_id}/rejects?summary=true").json()
    assert body == {"data": [], "next_cursor": None, "summary": []}


def test_lists_tell_what_is_worth_a_look(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    for name in ("swallow", "sep"):
        ingest(lake, f"{name}.csv", data_of(name))
    with application(lake) as (client, _):
        for each in client.get("/v1/files").json()["data"]:
            expected = ["lines_within_quotes:1"] if each["source_file"] == "swallow.csv" else []
            assert each["remarks"] == client.get(f"/v1/files/{each['file_id']}").json()["remarks"] == expected
        told = client.get("/v1/files?format=csv").text
        assert {row["source_file"]: row["remarks"] for row in csv.DictReader(io.StringIO(told, newline=""))} == {
            "swallow.csv": "lines_within_quotes:1",
            "sep.csv": "",
        }
        assert client.get("/files").text.count("Worth a look") == 1


def test_only_a_whole_id_will_do(api: TestClient) -> None:
    for wrong in (DIRTY[:31], DIRTY + "0", DIRTY.upper(), "..%2f..%2fetc%2fpasswd", "%00", "x" * 32):
        assert api.get(f"/v1/files/{wrong}").status_code in (404, 422)
    assert api.get(f"/v1/files/{'0' * 32}/rejects").json()["type"] == "/problems/not-found"
