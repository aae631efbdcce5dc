"""Today's page: the sentence, whoever is meant, and what it weighs with fifty partners; in both languages."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from duff_orders.clock import utc_now
from duff_orders.console.texts import Words
from duff_orders.console.today import answer
from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.models.build import build
from duff_orders.partners.work import Balance
from tests.api.lakes import application
from tests.lakes import ingest, open_lake
from tests.month import ROWS, make_month

pytestmark = pytest.mark.slow

EN, ES = Words("en"), Words("es")
HEADER = ",".join(COLUMN_NAMES)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = open_lake(tmp_path_factory.mktemp("month") / "lake")
    make_month(lake, utc_now())
    build(lake)
    return lake


@pytest.fixture(scope="module")
def console(month: Lake) -> Iterator[TestClient]:
    with application(month) as (client, _):
        client.headers["accept"] = "text/html"
        yield client


def said(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def balanced(**counts: int) -> Balance:
    return Balance(
        **{"expected": 8, "missing": 0, "due": 0, "invalid": 0, "rows": 0, "unusual": 0, "files": 8, **counts}
    )


@pytest.mark.parametrize(
    ("day", "english", "spanish"),
    [
        (
            {},
            "Everything is in: 8 of 8 files, every row published.",
            "Llegó todo: 8 de 8 archivos, todas las filas publicadas.",
        ),
        (
            {"due": 2},
            "All that was due is in; 2 files still have time.",
            "Llegó todo lo que vencía; 2 archivos aún tienen plazo.",
        ),
        (
            {"due": 1},
            "All that was due is in; 1 file still has time.",
            "Llegó todo lo que vencía; 1 archivo aún tiene plazo.",
        ),
        (
            {"missing": 1, "due": 1},
            "Not everything is in: 1 of 8 files is missing, 1 still has time.",
            "No llegó todo: falta 1 de 8 archivos, 1 aún tiene plazo.",
        ),
        ({"missing": 2}, "Not everything is in: 2 of 8 files are missing.", "No llegó todo: faltan 2 de 8 archivos."),
        (
            {"invalid": 1, "rows": 90},
            "Everything is in, not everything is published: 1 file is invalid, 90 rows are to be corrected.",
            "Llegó todo, pero no todo está publicado: 1 archivo es inválido, 90 filas por corregir.",
        ),
        ({"expected": 0}, "No file is expected today.", "Hoy no se espera ningún archivo."),
        (
            {"expected": 0, "rows": 1},
            "No file is expected today; of days before 1 row is to be corrected.",
            "Hoy no se espera ningún archivo; de días anteriores 1 fila por corregir.",
        ),
    ],
)
def test_the_sentence(month: Lake, day: dict[str, int], english: str, spanish: str) -> None:
    with application(month) as (_, backend):
        told = backend.partner_days(utc_now())
    assert answer(EN, balanced(**day), told) == english
    assert answer(ES, balanced(**day), told) == spanish


def test_nobody_has_promised_anything() -> None:
    assert answer(EN, balanced(files=6), []) == "6 files came today. Nobody has said what to expect:"
    assert answer(ES, balanced(files=1), []) == "Hoy llegó 1 archivo. Nadie ha dicho qué se espera:"


def test_an_empty_lake_has_one_invitation_with_the_sample(tmp_path: Path) -> None:
    with application(open_lake(tmp_path)) as (client, _):
        page = said(client.get("/", headers={"Accept": "text/html"}).text)
        assert "No file has come yet." in page
        assert "Take the sample: 5 files" in page
        assert "duff partner expect acme" in page
        assert client.post("/console/sample", follow_redirects=False).headers["location"] == "/files"
        assert len([*(tmp_path / "raw").glob("*.csv")]) == 5


def test_the_calendar_of_fifty_partners_is_light(tmp_path: Path) -> None:
    lake, now = open_lake(tmp_path), utc_now()
    since = now.date() - timedelta(days=40)
    for number in range(50):
        name = f"partner-{number}"
        expect = (
            f'zone = "UTC"\nby = "00:01"\nsince = "{since}"\ndays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n'
        )
        partners.put(lake.store, name, f'prefix = "{name}/"\n[expect]\n{expect}', datetime(2026, 1, 1, tzinfo=UTC))
    with application(lake) as (client, _):
        style = len(client.get("/static/style.css").content)
        scripts = sum(len(client.get(f"/static/{name}").content) for name in ("console.js", "calendar.js"))
        for days in (14, 28):
            page = client.get(f"/?days={days}", headers={"Accept": "text/html"})
            # none of them ever sent anything: the worst that there can be, for all cells have their whole names
            assert page.text.count('class="missed"') + page.text.count('class="missing"') >= 50 * (days - 1)
            if days == 14:
                assert len(page.content) + style + scripts < 230_000
        packed = client.get("/", headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
        assert int(packed.headers["content-length"]) + style // 3 < 30_000


def test_a_mail_is_a_link_that_holds_no_more_than_its_text(month: Lake, console: TestClient) -> None:
    page = console.get("/?kind=missing").text
    (link, *_) = re.findall(r'href="(mailto:[^"]*)"', page)
    assert re.fullmatch(r"mailto:edi@moe\.example\?subject=[\w%.~-]+&amp;body=[\w%.~-]+", link)
    with application(month, admins=None) as (client, _):
        page = client.get("/?kind=missing", headers={"Accept": "text/html"}).text
        assert "edi@" not in page
        assert "mailto:?subject=" in page


def test_a_partners_page_tells_four_weeks(console: TestClient) -> None:
    page = said(console.get("/partners/moe").text)
    assert "Expected Monday to Sunday by 12:00" in page
    assert "On time on 25 of 28 days." in page
    assert "usual arrival 07:55 latest 15:55" in page
    assert "client_id: not a whole number" in page
    assert console.get("/partners/moe").text.count('<svg role="img"') == 3
    listed = said(console.get("/partners").text)
    assert "4 partners; 3 with something open." in listed
    assert console.get("/partners/nobody").status_code == 404


def test_the_feedback_file_says_what_is_wrong_and_what_is_allowed(month: Lake, console: TestClient) -> None:
    text = console.get("/partners/moe/feedback.csv", headers={"Accept-Language": "es-CL"}).content.decode("utf-8-sig")
    head, first, *rest = text.splitlines()
    assert head.startswith("Archivo;Línea;Motivo;Qué se permite;client_id;")
    assert re.match(r"moe/orders-[\d-]+\.csv;2;client_id: no es un número entero;client_id: un número entero", first)
    assert len(rest) == 9
    english = console.get("/partners/moe/feedback.csv").text
    assert "client_id: a whole number of 1 or more" in english


@pytest.mark.parametrize("what", ["not_expected", "right"])
def test_what_is_said_of_a_day_needs_a_reason_and_stays_itself(console: TestClient, what: str) -> None:
    day = utc_now().date() - timedelta(days=20)
    asked = {"what": what, "day": str(day), "why": ""}
    answer = console.post("/partners/moe/settle", data=asked)
    assert answer.status_code == 422
    assert "Say why, in 1 to 1,000 characters." in answer.text
    evil = "<script>alert(1)</script>"
    assert console.post("/partners/moe/settle", data=asked | {"why": evil}, follow_redirects=False).status_code == 303
    page = console.get(f"/partners/moe?day={day}").text
    assert "&lt;script&gt;alert(1)" in page
    assert evil not in page
    undo = console.get(f"/partners/moe/settle?what={what}&day={day}").text
    assert evil not in undo
    assert console.post("/partners/moe/settle", data=asked | {"undo": "1"}, follow_redirects=False).status_code == 303
    assert "alert(1)" not in console.get(f"/partners/moe?day={day}").text
    assert console.post("/partners/moe/settle", data={"what": what, "day": "monday"}).status_code == 404
    assert console.get(f"/partners/moe/settle?what=other&day={day}").status_code == 404


def test_the_proof_of_a_day(console: TestClient, month: Lake) -> None:
    last = max(row.event_time for row in month.ledger.rows()).date()
    page = said(console.get(f"/proof/{last - timedelta(days=ROWS)}").text)
    assert "check holds" in page
    assert "4 of 4 expected files came." in page
    assert "Of 160 rows 150 are published and 0 repeat others; 10 were rejected" in page
    assert "None is unaccounted for." in page
    assert "∅ missing" in said(console.get(f"/proof/{last}").text)
    assert "No file was expected on this day, and none came." in said(console.get("/proof/2001-01-01").text)
    for wrong in ("2026-02-30", "today", str(date.max)):
        assert console.get(f"/proof/{wrong}").status_code in (200, 404)


def test_a_cell_and_a_text_of_a_draft_are_text_and_nothing_else(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    lake = open_lake(tmp_path)
    good = "".join(f"1,Moe,{number},1,Duff,2.50,6,0.33,Retail,created\n" for number in range(1, 5))
    cell = '"' + evil.replace('"', '""') + '"'
    row = ingest(lake, "a.csv", f"{HEADER}\n{cell},{cell},9,1,Duff,2.50,6,0.33,{cell},created\n{good}".encode())
    with application(lake) as (client, _):
        client.headers["accept"] = "text/html"
        path = f"/files/{row.file_id}/correct"
        told = client.post(f"{path}/cell", data={"line": "2", "column": "client_id", "text": evil}).json()
        assert told["state"] == "wrong"
        client.post(path, data={"action": "give-up", "line": "2", "why": evil})
        pages = [client.get(path).text, client.get(f"{path}?column=client_name&from={evil}&to={evil}").text]
        client.post(path, data={"action": "undo"})
        pages += [client.get(path).text, client.get(f"{path}?open=2").text, client.get(f"{path}/give-up?line=2").text]
        pages.append(client.get(f"/files/{row.file_id}?published={evil}&rows=1").text)
        for page in pages:
            assert "<script>alert" not in page
            assert page.count("<script") <= 2


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"line": "2", "column": "client_id", "text": "5"}, 200),
        ({"line": "3", "column": "client_id", "text": "5"}, 422),
        ({"line": "x", "column": "client_id", "text": "5"}, 422),
        ({"line": "2", "column": "nothing", "text": "5"}, 422),
        ({}, 422),
    ],
)
def test_a_cell_is_judged_or_refused(tmp_path: Path, fields: dict[str, str], status: int) -> None:
    lake = open_lake(tmp_path)
    good = "".join(f"1,Moe,{number},1,Duff,2.50,6,0.33,Retail,created\n" for number in range(1, 5))
    row = ingest(lake, "a.csv", f"{HEADER}\nx,Moe,9,1,Duff,2.50,6,0.33,Retail,created\n{good}".encode())
    with application(lake) as (client, _):
        answer = client.post(f"/files/{row.file_id}/correct/cell", data=fields)
        assert answer.status_code == status
        assert ("detail" in answer.json()) is (status != 200)
        assert client.post(f"/files/{'0' * 32}/correct/cell", data=fields).status_code == 404
        cross = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert client.post(f"/files/{row.file_id}/correct", data={"action": "undo"}, headers=cross).status_code == 403
