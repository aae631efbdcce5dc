"""The pages as a browser gets them, without one: what they say, and that nothing in them runs."""

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from duff_orders import build_models
from duff_orders.contract import TABLES
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import KeptSnapshot
from tests.api.lakes import SAMPLES, application
from tests.console.evil import EVIL, HEADER, make_evil
from tests.lakes import ingest, open_lake

pytestmark = pytest.mark.slow

DIRTY = "40228693a13062e8cf6b1f1ac436c952"


@pytest.fixture(scope="module")
def console(samples: Lake) -> Iterator[TestClient]:
    with application(samples) as (client, _):
        yield client


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Lake]]:
    """A lake whose names, cells and keys are markup."""
    lake = open_lake(tmp_path_factory.mktemp("evil") / "lake", max_reject_share=Decimal(1))
    make_evil(lake)
    build_models(lake)
    with application(lake) as (client, _):
        yield client, lake


class Elements(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []

    @classmethod
    def of(cls, text: str) -> "Elements":
        found = cls()
        found.feed(text)
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


def shown(text: str) -> str:
    """The words of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


def test_nobody_has_said_what_to_expect(console: TestClient) -> None:
    said = shown(console.get("/").text)
    assert re.search(r"5 files, 40 rows, every one accounted for Tables as of \d+ \w{3} 20\d\d \d\d:\d\d UTC", said)
    assert "0 files came today. Nobody has said what to expect: say who sends when ." in said
    assert "Open: 2, oldest first" in said
    assert "03-dirty.csv" in said
    sales = shown(console.get("/sales?period=all").text)
    assert re.search(r"On all days Retail sold most: 257.20 .* Retail \d+ 257.20", sales)


def test_in_spanish_too(console: TestClient) -> None:
    page = console.get("/sales?period=all", headers={"Accept-Language": "es-CL"})
    assert '<html lang="es">' in page.text
    assert page.headers["content-language"] == "es"
    said = shown(page.text)
    assert "5 archivos, 40 filas, ninguna sin contar" in said
    assert re.search(r"En todos los días el canal que más vendió fue Retail: 257,20 .* Retail \d+ 257,20", said)


def test_a_file_tells_why_and_what_is_allowed(console: TestClient) -> None:
    page = console.get(f"/files/{DIRTY}").text
    said = shown(page)
    assert "11 rows of 03-dirty.csv are published, 11 are rejected and can be corrected." in said
    assert "24 read = 11 published + 2 repeated + 11 rejected + 0 withheld" in said
    assert "product_ccf: not a whole number" in said
    assert "a whole number from 1 to 2,147,483,647" in said
    assert re.search(r'<td class="wrong">six <strong>not a whole number</strong></td>', page)
    widths = [float(width) for width in re.findall(r'<rect class="\w+" x="[\d.]+" y="0" width="([\d.]+)"', page)]
    assert sum(widths) == pytest.approx(100)
    one = console.get(f"/files/{DIRTY}?reason=product_ccf:not_an_integer").text
    assert one.count('<td class="wrong">six ') == 1
    assert len(re.findall(r'<td class="wrong">(?!six)', one)) < len(re.findall(r'<td class="wrong">(?!six)', page))


def test_corrections_are_a_file_to_drop_again(console: TestClient) -> None:
    answer = console.get(f"/files/{DIRTY}/corrections.csv")
    assert 'filename="03-dirty-corrected.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 11


@pytest.mark.parametrize(
    ("language", "first"),
    [("en", "client_id,client_name"), ("es-CL", "client_id;client_name"), ("es-MX,es;q=0.9", "client_id,client_name")],
)
def test_corrections_are_written_for_their_reader(console: TestClient, language: str, first: str) -> None:
    text = console.get(f"/files/{DIRTY}/corrections.csv", headers={"Accept-Language": language}).text
    assert text.removeprefix("\ufeff").startswith(first)


def test_the_list_of_files_is_searched_and_has_verdicts(console: TestClient) -> None:
    def names(query: str) -> list[str]:
        page = console.get(f"/files{query}")
        assert page.status_code == 200
        return re.findall(r'<th scope="row"><a href="/files/[0-9a-f]{32}">([^<]*)</a>', page.text)

    assert len(names("")) == 5
    assert names("?verdict=invalid") == ["05-missing-column.csv"]
    assert names("?name=DIRTY") == ["03-dirty.csv"]
    assert names("?from=2026-11-02&to=2026-11-03") == ["03-dirty.csv", "02-orders-later.csv"]
    assert names("?open=1") == ["05-missing-column.csv", "03-dirty.csv"]
    assert names("?name=nothing") == names("?partner=nobody") == []
    assert len(names("?before=x&from=never&verdict=none")) == 5
    said = shown(console.get("/files").text)
    assert "11 published, 2 repeated, 11 rejected" in said
    assert "all published" in said
    for nothing in ("/files/x", f"/files/{'0' * 32}", f"/files/{'0' * 32}/corrections.csv", "/files/x/original"):
        assert console.get(nothing).status_code == 404
        assert "There is nothing at this address." in console.get(nothing).text


def test_a_file_is_downloaded_as_it_came(console: TestClient) -> None:
    answer = console.get(f"/files/{DIRTY}/original")
    assert answer.content == (SAMPLES / "03-dirty.csv").read_bytes()
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''03-dirty.csv"
    assert answer.headers["content-type"] == "application/octet-stream"


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


def test_nothing_on_any_page_runs(evil: tuple[TestClient, Lake]) -> None:
    client, lake = evil
    paths = [
        "/",
        "/sales?period=all",
        "/partners",
        "/files",
        "/orders",
        *(f"/files/{row.file_id}" for row in lake.ledger.rows()),
    ]
    paths += [f"/orders/{number + 1}" for number in (*range(len(EVIL)), 998)]
    paths += [f"/orders?{urlencode({'channel': text, 'client_id': '1'})}" for text in EVIL if text.isprintable()]
    for path in paths:
        for language in ("en", "es"):
            page = client.get(path, headers={"Accept-Language": language})
            assert page.status_code == 200, path
            assert "unsafe" not in page.headers["content-security-policy"]
            found = Elements.of(page.text)
            assert not found.names & {"img", "iframe", "object", "embed", "style", "textarea", "image", "foreignobject"}
            assert {*found.scripts} <= {"/static/console.js", "/static/calendar.js"}
            assert not {name for name in found.attributes if name.startswith("on") or name == "style"}
            assert len(page.content) < 150_000, path
    for row in lake.ledger.rows():
        export = client.get(f"/files/{row.file_id}/corrections.csv").content.decode("utf-8-sig")
        for cells in csv.reader(io.StringIO(export, newline="")):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
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


def test_orders_are_filtered_and_paged(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    rows = [f"{7 + n % 2},Ana,{n},1,Duff,2.50,{n + 1},0.33,Retail,created" for n in range(1, 121)]
    ingest(lake, "many.csv", "\n".join((HEADER, *rows)).encode())
    build_models(lake)
    with application(lake) as (client, _):
        seen: list[str] = []
        address = "/orders?client_id=7&sort=order_id&status=&channel=Retail"
        while address:
            text = client.get(address).text
            seen += re.findall(r'<th scope="row"><a href="/orders/(\d+)">', text)
            following = re.search(r'<a href="([^"]*)" rel="next">', text)
            address = html.unescape(following[1]) if following else ""
        assert seen == [str(number) for number in range(2, 121, 2)]
        assert "302.50" in shown(client.get("/orders?sort=-total_price").text)
        wrong = client.get("/orders?client_id=x&min_total=1.23456&pa_date_from=20261124")
        assert wrong.status_code == 422
        for name in ("client_id", "min_total", "pa_date_from"):
            assert f"{name}: this value is not allowed." in shown(wrong.text)
        assert "No order lines." in shown(client.get("/orders?client_id=9").text)
        named = shown(client.get("/orders?client=AN&product=duff&order_id=42").text)
        assert "Orders 1 order line" in named
        assert "Duff 1 Ana 7" in named
        assert "0 order lines" in shown(client.get("/orders?client=nobody").text)
        assert "Orders 120 order lines" in shown(client.get("/orders").text)
        text = client.get("/orders.csv?client=ana&sort=order_id").text.lstrip("\ufeff")
        lines = list(csv.DictReader(io.StringIO(text)))
        assert (len(lines), lines[0]["client"], lines[0]["total_price"]) == (50, "Ana", "5.0000")
        assert client.get("/orders.csv?client_id=x").status_code == 422


def test_an_order_shows_which_files_told_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path / "lake")
    for day, status in ((1, "created"), (2, "delivered")):
        row = f"7,Ana,42,1,Duff,2.50,6,0.33,Retail,{status}"
        ingest(lake, f"{status}.csv", f"{HEADER}\n{row}\n".encode(), when=datetime(2026, 11, day, tzinfo=UTC))
    build_models(lake)
    with application(lake) as (client, _):
        text = shown(client.get("/orders/42").text)
        assert re.search(r"Ana; order lines: 1; total: 15.00.*delivered Retail 2.50 6 15.00 1.98.*delivered.csv", text)
        assert re.search(r"created.csv 1 Nov 2026 00:00 UTC 1 created 6 15.00 delivered.csv", text)
        monkeypatch.setattr("duff_orders.console.orders.SEARCHED", 1)
        assert "Search all of them" in client.get("/orders/42").text
        assert "created.csv" in client.get("/orders/42?files=all").text
        for nothing in ("43", "x", "0", str(10**18), "-1"):
            assert client.get(f"/orders/{nothing}").status_code == 404


def test_sql_shows_the_tables_and_examples(console: TestClient, tmp_path: Path) -> None:
    page = console.get("/sql?example=sales_by_day").text
    assert "count(distinct f.order_id) as orders" in html.unescape(page)
    for table in TABLES.values():
        for column in table.all_fields:
            assert column.comment in html.unescape(page)
    with application(open_lake(tmp_path / "lake"), queries=False) as (client, _):
        assert "duff serve --queries" in client.get("/sql").text


def test_errors_are_pages_for_who_reads_pages(console: TestClient) -> None:
    reader = {"Accept": "text/html,*/*", "Accept-Language": "es"}
    for address, status, said in (
        ("/nothing", 404, "Aquí no hay nada."),
        ("/orders?cursor=x", 400, "Esto no se puede responder"),
    ):
        answer = console.get(address, headers=reader)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert said in shown(answer.text)
        assert console.get(address).headers["content-type"] == "application/problem+json"
    assert console.get("/v1/orders/x", headers=reader).headers["content-type"] == "application/problem+json"


def test_who_reads_pages_gets_a_page_even_where_nothing_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = open_lake(tmp_path)
    ingest(lake, "good.csv", (HEADER + "\n1,Moe,1,1,Duff,2.50,6,0.33,Retail,created\n").encode())
    build_models(lake)
    with application(lake) as (client, _):
        monkeypatch.setattr(KeptSnapshot, "current", lambda _: 1 / 0)
        answer = client.get("/", headers={"Accept": "text/html", "Accept-Language": "es"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "Algo falló aquí" in answer.text
    assert "good.csv" not in answer.text


def test_an_invalid_file_says_why_in_spanish(console: TestClient) -> None:
    listed = console.get("/files?verdict=invalid").text
    found = re.search(r'href="(/files/[0-9a-f]{32})"', listed)
    assert found
    said = shown(console.get(found[1], headers={"Accept-Language": "es"}).text)
    assert "05-missing-column.csv no está publicado: falta la columna `status`; se encontró:" in said


def test_charts_state_their_answer_and_have_their_table(console: TestClient) -> None:
    page = console.get("/sales?period=all").text
    assert page.count("<figure ") == page.count("<figcaption>") == 4
    assert page.count('<svg role="img" aria-label="') == 5  # that of days for a wide window and for a narrow one
    said = shown(page)
    assert re.search(r"\d+ % of \d+ order lines are delivered", said)
    assert "On all days" in said
    for address in re.findall(r'<a href="(/v1/reports/[^"]*)">CSV</a>', page):
        answer = console.get(html.unescape(address))
        assert answer.headers["content-type"].startswith("text/csv"), answer.text


@pytest.mark.parametrize(("day", "figures"), [(7, "802.75 969.25 166.50"), (10, "224.20 246.70 22.50"), (20, "")])
def test_all_figures_follow_the_period_and_say_what_they_leave_out(
    console: TestClient, monkeypatch: pytest.MonkeyPatch, day: int, figures: str
) -> None:
    """The samples came on the first five days of a month; the last of them has no rows."""
    now = datetime(2026, 11, day, 12, tzinfo=UTC)
    monkeypatch.setattr("duff_orders.console.sales.utc_now", lambda: now)
    said = shown(console.get("/sales?period=7").text)
    if not figures:
        assert said.count("In the last 7 days no") == 4
        return
    sold, total, broken = figures.split()
    assert f"In the last 7 days {sold} was sold" in said
    assert said.count("In the last 7 days") == 4
    assert said.count(f"Order lines that do not count as sales (broken) are left out: {broken}.") == 3
    assert f"worth {broken}; all lines: {total}." in said


def test_tables_that_lag_are_told_of(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    ingest(lake, "a.csv", f"{HEADER}\n7,Ana,42,1,Duff,2.50,6,0.33,Retail,created\n".encode())
    with application(lake) as (client, _):
        assert "Not in the tables yet: 1 of the files" in shown(client.get("/").text)
        build_models(lake)
        assert "Not in the tables yet" not in shown(client.get("/").text)
