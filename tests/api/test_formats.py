"""JSON, CSV, Parquet; entity tags; compression."""

import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient

from duff_orders.api import formats
from duff_orders.api.documents import openapi
from duff_orders.api.formats import Body, write
from duff_orders.lake.lake import Lake
from tests.api.lakes import application

pytestmark = pytest.mark.slow

LISTS = ["/v1/orders", "/v1/orders/5678", "/v1/clients", "/v1/products", "/v1/channels", "/v1/reports/sales_by_day"]
LISTS += ["/v1/files"]


def cell(value: Any) -> str:
    """A value of JSON as CSV has it."""
    return ";".join(value) if isinstance(value, list) else str(value if value is not None else "")


@pytest.mark.parametrize("path", LISTS)
def test_csv_and_parquet_hold_what_json_does(api: TestClient, path: str, tmp_path: Path) -> None:
    document = api.get(path).json()
    expected = document.get("data", document.get("lines"))
    told = api.get(path, headers={"Accept": "text/csv"})
    assert told.headers["content-type"].startswith("text/csv")
    assert told.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    rows = list(csv.DictReader(io.StringIO(told.text, newline="")))
    assert [[cell(value) for value in row.values()] for row in expected] == [
        [value.removeprefix(" ") for value in row.values()] for row in rows
    ]
    answer = api.get(path, params={"format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    (tmp_path / "a.parquet").write_bytes(answer.content)
    found = duckdb.connect().sql(f"select * from '{tmp_path}/a.parquet'")
    assert found.columns == list(rows[0])
    assert len(found.fetchall()) == len(rows)
    for name, kind in zip(found.columns, found.types, strict=True):
        if name in ("total_price", "sales", "product_price"):
            assert str(kind).startswith("DECIMAL")


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("*/*", "application/json"),
        ("text/html, application/xhtml+xml;q=0.9, */*;q=0.8", "application/json"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/*", "text/csv"),
        ("application/*;q=0.1", "application/json"),
        ("text/csv;q=0, application/json", "application/json"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
    ],
)
def test_the_best_that_is_accepted(api: TestClient, accept: str, format: str) -> None:
    answer = api.get("/v1/products", headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == format
    assert answer.headers["vary"].startswith("Accept")


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "nonsense", "text/csv;q=x"])
def test_nothing_that_is_accepted(api: TestClient, accept: str) -> None:
    answer = api.get("/v1/products", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable")
    assert "application/json, text/csv" in answer.json()["detail"]


def test_what_has_not_changed_is_not_sent_again(api: TestClient) -> None:
    first = api.get("/v1/orders?limit=2&status=created")
    tag = first.headers["etag"]
    same = api.get("/v1/orders?status=created&limit=2", headers={"If-None-Match": f'"other", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    for path in ("/v1/orders?limit=3&status=created", "/v1/orders?limit=2&status=created&format=csv"):
        other = api.get(path, headers={"If-None-Match": tag})
        assert other.status_code == 200
        assert other.headers["etag"] != tag


def test_large_answers_are_compressed_where_that_is_accepted(api: TestClient) -> None:
    packed = api.get("/v1/orders", headers={"Accept-Encoding": "gzip"})
    plain = api.get("/v1/orders", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content) / 2


def test_a_cell_that_a_spreadsheet_would_run() -> None:
    cells = ["=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "-2+3", "@x", "-2.50", "plain", None, True, 7]
    made = Body({}, [(str(number), "varchar") for number in range(len(cells))], [cells])
    shown = list(csv.reader(io.StringIO(write(made, "csv").decode(), newline="")))[1]
    assert shown == [
        *(" =HYPERLINK(1)", " +1+cmd|' /C calc'!A0", " -2+3", " @x", "-2.50", "plain", "", "true", "7"),
    ]
    exact = list(csv.reader(io.StringIO(write(made, "csv", raw=True).decode(), newline="")))[1]
    assert exact[0] == "=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("limit", "cut"), [("?limit=2", True), ("?limit=5", False), ("?limit=10000", False), ("", False)]
)
def test_a_report_that_was_cut_says_so_in_every_format(api: TestClient, limit: str, cut: bool) -> None:
    document = api.get(f"/v1/reports/sales_by_channel{limit}").json()
    assert (document["truncated"], len(document["data"])) == (cut, 2 if cut else 5)
    assert document["parameters"]["limit"] == int(limit.removeprefix("?limit=") or 1000)
    for accepted in ("application/json", "text/csv", "application/vnd.apache.parquet"):
        answer = api.get(f"/v1/reports/sales_by_channel{limit}", headers={"Accept": accepted})
        assert answer.headers["truncated"] == str(cut).lower()


def test_days_are_told_newest_first(api: TestClient) -> None:
    for name in ("sales_by_day", "lifecycle"):
        days = [row["pa_date"] for row in api.get(f"/v1/reports/{name}").json()["data"]]
        assert days == sorted(days, reverse=True)
        assert len(days) > 1
        assert api.get(f"/v1/reports/{name}?limit=1").json()["data"][0]["pa_date"] == days[0]


def test_the_document_tells_the_default_limits() -> None:
    for name, most in (("sales_by_client", 10), ("sales_by_day", 1000)):
        parameters = openapi()["paths"][f"/v1/reports/{name}"]["get"]["parameters"]
        (limit,) = (each for each in parameters if each["name"] == "limit")
        assert limit["description"] == f"the most rows; 1 to 10000, by default {most}"


def test_what_is_kept_has_room_for_eight_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "KEPT", 80)
    kept = formats.Kept()
    kept.put("too large", b"x" * 11, {})
    assert kept.get("too large") is None
    for number in range(8):
        kept.put(f"{number}", b"x" * 10, {})
    kept.put("0", b"other", {})  # it is kept already
    assert [kept.get(tag) is not None for tag in "01234567"] == [True] * 8
    assert kept.get("0") == (b"x" * 10, {})  # and was asked last
    kept.put("8", b"y" * 10, {})
    assert [tag for tag in "012345678" if kept.get(tag) is None] == ["1"]
    assert kept.size == 80


def test_an_answer_is_kept_until_the_tables_change(samples: Lake) -> None:
    with application(samples) as (client, backend):
        first = client.get("/v1/reports/lifecycle").json()
        assert client.get("/v1/reports/lifecycle").json()["computed_at"] == first["computed_at"]
        assert client.get("/v1/reports/lifecycle?limit=5").json()["computed_at"] != first["computed_at"]
        assert backend.version() == first["version"]
