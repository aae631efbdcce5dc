"""What is open on the pages: counted for all time, corrected cell by cell, given up and taken back."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import LedgerRow
from duff_orders.lake.lake import Lake
from duff_orders.local.check import check
from duff_orders.models.build import build
from tests.api.lakes import application
from tests.lakes import ingest, open_lake

pytestmark = pytest.mark.slow

HEADER = ",".join(COLUMN_NAMES)
#: A year ago, so that nothing counts as new: on lines 2 and 3 units are wrong.
LONG_AGO = datetime.now(UTC) - timedelta(days=365)
OLD = f"""{HEADER}
1,Moe,77,1,Duff,2.50,x5,0.355,Retail,created
2,Apu,78,2,Dry,1.99,x0,0.5,B2B,created
5,Carl,81,1,Duff,2.50,6,0.355,Retail,created
5,Carl,82,1,Duff,2.50,6,0.355,Retail,created
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


@pytest.fixture
def old(lake: Lake) -> LedgerRow:
    row = ingest(lake, "old.csv", OLD.encode(), LONG_AGO)
    assert (row.verdict, row.rows_rejected) == ("valid_with_rejects", 2)
    ingest(lake, "unreadable.csv", b"client_id\n1\n", LONG_AGO + timedelta(days=1))
    build(lake)
    return row


@pytest.fixture
def console(lake: Lake, old: LedgerRow) -> Iterator[TestClient]:
    with application(lake) as (client, _):
        client.headers["accept"] = "text/html"
        yield client


def said(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def exported(client: TestClient, file_id: str) -> list[dict[str, str]]:
    text = client.get(f"/files/{file_id}/corrections.csv").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def written(rows: list[dict[str, str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def test_what_is_open_counts_however_old_it_is(console: TestClient, old: LedgerRow) -> None:
    today = said(console, "/")
    assert "Open: 2, oldest first" in today
    assert "rows to correct 2 in 1 file of" in today
    assert "old.csv · " in today
    assert "2 of 4 rows are open. 365 days" in today
    assert "most often product_ccf: not a whole number" in today
    listed = said(console, "/files?open=1")
    assert "old.csv" in listed
    assert "unreadable.csv" in listed
    assert "valid, some rows rejected ▲ 2 4" in listed
    assert "old.csv" not in said(console, "/files?open=1&verdict=invalid")
    assert "2 rows were not loaded = 2 open + 0 corrected + 0 given up" in said(console, f"/files/{old.file_id}")


def test_a_page_tells_what_was_changed_what_it_was_and_what_came(
    console: TestClient, lake: Lake, old: LedgerRow
) -> None:
    rows = exported(console, old.file_id)
    # a spreadsheet in a Spanish locale took 0.355 for 355; the other row is corrected as it should be
    corrected = [
        rows[0] | {"product_ccf": "5", "product_volume": "355"},
        rows[1] | {"product_ccf": "7"},
    ]
    attempt = ingest(lake, "somebody's.csv", written(corrected), LONG_AGO + timedelta(days=2))
    build(lake)
    page = said(console, f"/files/{attempt.file_id}")
    assert "355 changed, though nothing was wrong here; it was: 0.355" in page
    assert "▲ open for line 2 of old.csv" in page
    assert "Corrects: old.csv , lines 3" in page
    page = said(console, f"/files/{old.file_id}")
    assert "2 rows were not loaded = 1 open + 1 corrected + 0 given up" in page
    assert re.search(r"Corrected by somebody&#39;s.csv .*: lines 3 Corrections that were rejected themselves", page)
    (again,) = exported(console, attempt.file_id)
    assert again["duff_corrects"] == f"{old.file_id}:2"
    at_last = ingest(lake, "at last.csv", written([again | {"product_volume": "0.355"}]), LONG_AGO + timedelta(days=3))
    build(lake)
    assert at_last.verdict == "valid"
    assert "✓ corrected for line 2 of old.csv" in said(console, f"/files/{attempt.file_id}")
    assert "rows are open" not in said(console, "/")
    assert check(lake, deep=True).problems == []


def test_a_correction_of_nothing_is_told(console: TestClient, lake: Lake, old: LedgerRow) -> None:
    (first, _) = exported(console, old.file_id)
    wrong = first | {"product_ccf": "5", "duff_corrects": f"{old.file_id}:9"}
    row = ingest(lake, "wrong.csv", written([wrong]), LONG_AGO + timedelta(days=2))
    page = said(console, f"/files/{row.file_id}")
    assert "duff_corrects: names no rejected row that is known here" in page
    assert "what the download has there, or nothing" in page


def test_rows_are_given_up_and_taken_back(console: TestClient, lake: Lake, old: LedgerRow) -> None:
    path = f"/files/{old.file_id}"
    given = console.post(f"{path}/give-up", data={"why": "the partner is gone", "lines": "3"}, follow_redirects=False)
    assert (given.status_code, given.headers["location"]) == (303, f"{path}#standing")
    page = said(console, path)
    assert "= 1 open + 0 corrected + 1 given up" in page
    assert re.search(r"Given up \S+ \S+ \S+ \S+ UTC: lines 3: the partner is gone", page)
    assert "– given up 2 Apu 78" in page
    console.post(f"{path}/give-up", data={"why": "all of it", "lines": ""})
    assert "rows are open" not in said(console, "/")
    console.post(f"{path}/give-up", data={"undo": "1"})
    assert "= 2 open + 0 corrected + 0 given up" in said(console, path)
    assert check(lake).problems == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"why": " "}, "has 0 characters; allowed are 1 to 1000"),
        ({"why": "x", "lines": "4"}, "no rejected row of its own begins on 4; such are 2-3"),
        ({"why": "x", "lines": "<u>"}, "names no lines"),
        ({"undo": "1"}, "nothing of it was given up"),
    ],
)
def test_what_cannot_be_given_up_is_told_on_the_page(
    console: TestClient, old: LedgerRow, asked: dict[str, str], told: str
) -> None:
    answer = console.post(f"/files/{old.file_id}/give-up", data=asked)
    assert answer.status_code == 422
    assert told in answer.text
    assert "<u>" not in answer.text
    assert console.post(f"/files/{'0' * 32}/give-up", data=asked).status_code == 404


def test_it_is_told_in_the_language_of_the_page(console: TestClient, old: LedgerRow) -> None:
    asked = {"why": "x", "lines": "4"}
    answer = console.post(f"/files/{old.file_id}/give-up", data=asked, headers={"Accept-Language": "es"})
    assert "ninguna fila rechazada suya empieza en 4; las suyas son 2-3" in answer.text


def test_another_site_gives_nothing_up(console: TestClient, old: LedgerRow) -> None:
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = console.post(f"/files/{old.file_id}/give-up", data={"why": "x"}, headers=headers)
    assert answer.status_code == 403
    assert "= 2 open" in said(console, f"/files/{old.file_id}")


def test_the_api_tells_what_is_open_and_by_what_rows_were_corrected(
    console: TestClient, lake: Lake, old: LedgerRow
) -> None:
    console.headers["accept"] = "*/*"
    found = console.get("/v1/files?open=true&limit=1").json()
    assert [(row["source_file"], row["rows_open"]) for row in found["data"]] == [("unreadable.csv", 0)]
    found = console.get(f"/v1/files?open=true&limit=1&cursor={found['next_cursor']}").json()
    assert [(row["source_file"], row["rows_open"]) for row in found["data"]] == [("old.csv", 2)]
    assert found["next_cursor"] is None
    assert "rows_open" in console.get("/v1/files?open=true&format=csv").text.splitlines()[0]
    assert console.get("/v1/files?open=true&verdict=valid").json()["data"] == []
    rows = exported(console, old.file_id)
    row = ingest(lake, "fixed.csv", written([rows[0] | {"product_ccf": "5"}]), LONG_AGO + timedelta(days=2))
    console.post(f"/files/{old.file_id}/give-up", data={"why": "gone"})
    told = console.get(f"/v1/files/{old.file_id}/corrections").json()
    (given,) = told.pop("given_up")
    assert (given["lines"], given["why"], given["undo"], given["by"]) == ("3", "gone", False, None)
    (by,) = told.pop("corrected_by")
    assert (by["file_id"], by["lines"]) == (row.file_id, "2")
    assert told == {
        "file_id": old.file_id,
        "source_file": "old.csv",
        "verdict": "valid_with_rejects",
        "open": False,
        "rows_lost": 2,
        "rows_open": 0,
        "rows_corrected": 1,
        "rows_given_up": 1,
        "tried_by": [],
        "published": [],
    }
    assert [row["source_file"] for row in console.get("/v1/files?open=true").json()["data"]] == ["unreadable.csv"]
