"""Whether everything is in, over HTTP: what was promised, and what came."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from duff_orders.api import models
from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake import layout, partners
from duff_orders.lake.lake import Lake
from tests.api.lakes import application
from tests.lakes import NOON, ingest, open_lake

EXPECT = '[expect]\nzone = "America/Santiago"\ndays = ["mon", "tue", "wed"]\nby = "08:00"\nsince = "2026-03-02"\n'


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = open_lake(tmp_path)
    for name in ("acme", "moes"):
        partners.put(made.store, name, f'prefix = "{name}/"\n{EXPECT}', NOON)
    partners.put(made.store, "quiet", 'prefix = "quiet/"\n', NOON)
    return made


@pytest.fixture
def client(lake: Lake) -> Iterator[TestClient]:
    with application(lake) as (made, _):
        yield made


def came(lake: Lake, key: str, when: datetime, *, verdict: str = "valid") -> str:
    line = f"1,Moe,{when:%d%H%M},1,Duff,2.50,6,0.33,Retail,created"
    header = ",".join(COLUMN_NAMES) if verdict == "valid" else "no,header"
    row = ingest(lake, key, f"{header}\n{line}\n".encode(), when)
    assert row.verdict == verdict
    return row.file_id


def test_each_partner_that_promised_anything_has_its_days(lake: Lake, client: TestClient) -> None:
    first = came(lake, "acme/a.csv", datetime(2026, 3, 2, 10, 59, tzinfo=UTC))  # 07:59 in Santiago
    second = came(lake, "acme/b.csv", datetime(2026, 3, 3, 11, 1, tzinfo=UTC))
    bad = came(lake, "acme/c.csv", datetime(2026, 3, 4, 9, tzinfo=UTC), verdict="invalid")
    came(lake, "quiet/c.csv", datetime(2026, 3, 4, 8, tzinfo=UTC))
    told = client.get("/v1/calendar?from=2026-02-23&to=2026-03-08").json()
    models.Calendar.model_validate(told)
    assert (told["from"], told["to"]) == ("2026-02-23", "2026-03-08")
    acme, moes = told["data"]
    assert (acme["name"], acme["zone"], moes["name"]) == ("acme", "America/Santiago", "moes")
    assert [(slot["day"], slot["state"], slot["files"], slot["unusable"]) for slot in acme["slots"]] == [
        ("2026-03-02", "on_time", [first], []),
        ("2026-03-03", "late", [second], []),
        ("2026-03-04", "missed", [], [bad]),
    ]
    assert acme["slots"][0]["due"] == "2026-03-02T11:00:00.000000Z"
    assert {slot["state"] for slot in moes["slots"]} == {"missed"}


def test_four_weeks_until_today_are_told_where_nothing_is_asked_for(client: TestClient) -> None:
    told = client.get("/v1/calendar").json()
    span = datetime.fromisoformat(told["to"]) - datetime.fromisoformat(told["from"])
    assert span.days == 27
    assert {slot["day"] for slot in told["data"][0]["slots"]} >= {"2026-03-02"} or told["from"] > "2026-03-02"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("from=2025-01-01&to=2026-03-01", "from"),
        ("from=monday", "from"),
        ("to=0001-01-05", "to"),
        ("from=9999-12-31&to=9999-12-31", "from"),
        ("to=2026-02-30", "to"),
        ("date=2026-03-02", "date"),
        ("from=2026-03-02&from=2026-03-03", "from"),
    ],
)
def test_a_span_that_is_none_is_refused(client: TestClient, asked: str, name: str) -> None:
    answer = client.get(f"/v1/calendar?{asked}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == name
    assert all(client.get(f"/v1/calendar?to={day}").status_code == 200 for day in ("2000-01-01", "2999-12-31"))


def test_a_damaged_profile_is_told_and_hides_no_other(lake: Lake, client: TestClient) -> None:
    entry = partners.named(partners.partners(lake.store), "acme")
    (lake.disk.root / layout.profile_object("acme", entry.digest)).write_text("no profile")
    acme, moes = client.get("/v1/calendar?from=2026-03-02&to=2026-03-04").json()["data"]
    assert "it is not as it was written" in acme["damaged"]
    assert (acme["slots"], moes["damaged"], len(moes["slots"])) == ([], None, 3)


def test_each_partner_is_told_with_what_it_promised_and_what_is_open(lake: Lake, client: TestClient) -> None:
    came(lake, "acme/a.csv", datetime(2026, 3, 2, 10, 59, tzinfo=UTC))
    bad = came(lake, "acme/c.csv", datetime(2026, 3, 4, 9, tzinfo=UTC), verdict="invalid")
    told = client.get("/v1/partners").json()
    models.Partners.model_validate(told)
    acme, moes, quiet = told["data"]
    assert acme["promise"]["days"] == ["mon", "tue", "wed"]
    assert (acme["files_open"], acme["rows_open"]) == (1, 0)
    assert (moes["files_open"], quiet["promise"], quiet["today"]) == (0, None, None)
    one = client.get("/v1/partners/acme").json()
    models.PartnerDocument.model_validate(one)
    assert {name: one[name] for name in acme} == acme
    assert client.get("/v1/partners/nobody").status_code == 404
    assert "email" not in str(told)
    proven = client.get("/v1/proofs/2026-03-04").json()
    models.DayProof.model_validate(proven)
    assert [(each["partner"], each["file_id"], each["verdict"]) for each in proven["files"]] == [
        ("acme", bad, "invalid"),
        ("moes", None, None),
    ]
    assert (proven["expected"], proven["came"], proven["check"]["holds"]) == (2, 0, True)
    again = client.get("/v1/proofs/2026-03-04").json()
    assert (again["digest"], again["files"]) == (proven["digest"], proven["files"])
    assert client.get("/v1/proofs/1999-01-01").status_code == 422


def test_a_proof_does_not_hold_over_an_object_that_was_changed(lake: Lake, client: TestClient) -> None:
    came(lake, "acme/a.csv", datetime(2026, 3, 2, 10, 59, tzinfo=UTC))
    holds = client.get("/v1/proofs/2026-03-02").json()
    assert (holds["check"]["holds"], holds["check"]["objects"]) == (True, 1)
    (name,) = [each.name for each in lake.store.listed(f"{layout.PROCESSED}/orders/")]
    path = lake.disk.path(name)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    broken = client.get("/v1/proofs/2026-03-02").json()
    assert broken["check"]["holds"] is False
    assert name in broken["check"]["faults"][0]
    assert broken["digest"] != holds["digest"]
