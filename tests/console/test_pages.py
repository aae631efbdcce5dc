"""The pages as a browser gets them, without one: what they say, and that nothing in them runs."""

import csv
import html
import io
import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient

from duff_orders import build_models
from duff_orders.lake.lake import Lake
from tests.api.lakes import application, sample_lake
from tests.lakes import ingest, open_lake

DIRTY = "40228693a13062e8cf6b1f1ac436c952"
HEADER = (
    "client_id,client_name,order_id,product_id,product_description,product_price,product_ccf,"
    "product_volume,point_of_sale_channel,status"
)
#: What somebody may put into a cell or a name.
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; alert(1); //",
    "{{ 7*7 }}",
    "\u202egnp.exe",
    "=HYPERLINK(1)",
    "</textarea><svg onload=alert(1)>",
]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with application(sample_lake(tmp_path_factory.mktemp("samples") / "lake")) as (client, _):
        yield client


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Lake]]:
    """A lake whose names, cells and keys are markup."""
    lake = open_lake(tmp_path_factory.mktemp("evil") / "lake", max_reject_share=Decimal(1))
    for number, text in enumerate(EVIL):
        cell = '"' + text.replace('"', '""') + '"'
        rows = [f"1,{cell},{number + 1},1,{cell},2.50,6,0.33,{cell},created", f"{cell},{cell},x,1,d,2,1,1,R,{cell}"]
        ingest(lake, f"{text.replace('/', '_')}.csv", "\n".join((HEADER, *rows)).encode())
    ingest(lake, "long.csv", f"{HEADER}\n{'9' * 100_000},a,1,1,d,2,1,1,R,created\n".encode())
    build_models(lake)
    with application(lake) as (client, _):
        yield client, lake


def shown(text: str) -> str:
    """The words of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


def test_the_overview_answers_three_questions(console: TestClient) -> None:
    said = shown(console.get("/").text)
    assert "5 files · 40 rows, every one accounted for · tables as of 20" in said
    for question in ("Is everything in?", "What broke?", "What to do?"):
        assert question in said
    assert "Retail 6 257.2000" in said


def test_in_spanish_too(console: TestClient) -> None:
    page = console.get("/", headers={"Accept-Language": "es-CL"})
    assert '<html lang="es">' in page.text
    assert page.headers["content-language"] == "es"
    said = shown(page.text)
    assert "5 archivos · 40 filas, todas contadas" in said
    assert "Retail 6 257,2000" in said


def test_a_file_tells_why_and_what_is_allowed(console: TestClient) -> None:
    page = console.get(f"/files/{DIRTY}").text
    said = shown(page)
    assert "11 rows of 03-dirty.csv are published, 11 are rejected and can be corrected." in said
    assert "24 rows read = 11 published + 2 repeated + 11 rejected + 0 withheld" in said
    assert "product_ccf: no whole number" in said
    assert "a whole number from 1 to 2,147,483,647" in said
    assert re.search(r'<td class="wrong">six <strong>no whole number</strong></td>', page)
    widths = [float(width) for width in re.findall(r'<rect class="\w+" x="[\d.]+" y="0" width="([\d.]+)"', page)]
    assert sum(widths) == pytest.approx(100)
    one = shown(console.get(f"/files/{DIRTY}?reason=status:missing").text)
    assert "The first" in one


def test_corrections_are_a_file_to_drop_again(console: TestClient) -> None:
    answer = console.get(f"/files/{DIRTY}/corrections.csv")
    assert 'filename="03-dirty-corrected.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 11


def test_the_list_of_files_has_pages_and_verdicts(console: TestClient) -> None:
    assert shown(console.get("/files").text).count(" rows read = ") == 5
    assert shown(console.get("/files?verdict=invalid").text).count(" rows read = ") == 1
    assert console.get("/files?cursor=x").status_code == 400
    for nothing in ("/files/x", f"/files/{'0' * 32}", f"/files/{'0' * 32}/corrections.csv"):
        assert console.get(nothing).status_code == 404
        assert "There is nothing here." in console.get(nothing).text


@pytest.mark.parametrize(
    ("to", "leads"),
    [
        ("/files?verdict=invalid", "/files?verdict=invalid"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_a_language_is_kept_and_leads_back_inside(console: TestClient, to: str, leads: str) -> None:
    answer = console.get("/lang/es", params={"to": to}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    assert answer.headers["set-cookie"].startswith("lang=es; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax")
    console.cookies.clear()


@pytest.mark.slow
def test_nothing_on_any_page_runs(evil: tuple[TestClient, Lake]) -> None:
    client, lake = evil
    paths = ["/", "/files", *(f"/files/{row.file_id}" for row in lake.ledger.rows())]
    for path in paths:
        for language in ("en", "es"):
            page = client.get(path, headers={"Accept-Language": language})
            assert page.status_code == 200, path
            assert "unsafe" not in page.headers["content-security-policy"]
            tags = set(re.findall(r"<([a-z0-9]+)", page.text))
            assert not tags & {"img", "iframe", "object", "embed", "style", "textarea"}
            assert re.findall(r"<script[^>]*>", page.text) == ['<script src="/static/console.js" defer>']
            assert not re.search(r"<[^>]*\s(on\w+|style)\s*=", page.text)
    told = {row.source_file for row in lake.ledger.rows()}
    listed = html.unescape(client.get("/files").text)
    for name in told:
        assert name in listed


def test_pages_load_nothing_from_elsewhere(console: TestClient) -> None:
    for path in ("/", "/files", f"/files/{DIRTY}"):
        for address in re.findall(r'(?:src|href)="([^"]*)"', console.get(path).text):
            assert address.startswith(("/", "?", "#")), address
            assert not address.startswith("//")
    for name in ("style.css", "console.js"):
        asset = console.get(f"/static/{name}")
        assert not re.search(r"https?://|@import|innerHTML|eval\(", asset.text)
    assert console.get("/static/../pages.py").status_code == 404


def test_pages_are_light(console: TestClient) -> None:
    weight = sum(len(console.get(path).content) for path in ("/static/style.css", "/static/console.js"))
    for path in ("/", "/files", f"/files/{DIRTY}"):
        assert weight + len(console.get(path).content) < 150_000
