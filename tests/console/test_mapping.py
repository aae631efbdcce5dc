"""Which column is which: said on a page once, tried by the rules, saved; nothing is chosen beforehand."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.local.mapping import meanings, name_of
from duff_orders.profiles.profile import load
from tests.api.lakes import application
from tests.effort import PATIENCE
from tests.lakes import NOON, ingest, open_lake

HEADER = "client_id;client_name;order_id;product_id;product_description;Precio;Unidades;product_volume;Estado;Vendedor"
LINES = [f"1;Moe;{n};1;Duff;1.234,5{n};{n};0,33;Entregado;x" for n in range(1, 5)] + [
    "1;Moe;9;1;Duff;x;6;0,33;perdido;x"
]
DATA = "\n".join((HEADER, *LINES, "")).encode()
ACME = 'prefix = "acme/"\n[headers]\nproduct_ccf = "Unidades"\n'
HTML = {"Accept": "text/html", "Accept-Language": "en"}
PRICE, UNITS, STATE = 5, 6, 8


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = open_lake(tmp_path)
    for name in ("moes/a.csv", "moes/b.csv", "alone.csv"):
        ingest(made, name, DATA + f"1;{name}\n".encode())
    partners.put(made.store, "acme", ACME, NOON)
    return made


@pytest.fixture
def client(lake: Lake) -> Iterator[TestClient]:
    with application(lake) as (made, _):
        made.headers.update(HTML)
        yield made


def page_of(lake: Lake, key: str) -> str:
    row = next(row for row in lake.ledger.rows() if row.source_file == key)
    return f"/files/{row.file_id}/columns"


def selected(text: str, name: str) -> str:
    """What is chosen in a list."""
    (field,) = re.findall(rf'<select name="{name}".*?</select>', text, re.DOTALL)
    chosen = re.findall(r'<option(?: value="([^"]*)")? selected>', field)
    return chosen[0] if chosen else ""


def said(**more: str) -> dict[str, str]:
    """What a form holds once all is said."""
    names = dict(zip(COLUMN_NAMES, ["0", "1", "2", "3", "4", "5", "6", "7", "fixed", "8"], strict=True))
    return {
        **{f"column_{name}": place for name, place in names.items()},
        "fixed_point_of_sale_channel": "Retail",
        "marks": ",.",
        "prefix": "moes/",
        "name": "moes",
        **more,
    }


def test_the_file_leads_there_and_nothing_is_chosen_but_the_very_names(client: TestClient, lake: Lake) -> None:
    place = page_of(lake, "moes/a.csv")
    assert f'href="{place}"' in client.get(place.removesuffix("/columns")).text
    text = client.get(place).text
    assert "Of our 10 columns 4 do not stand in the file under their own names" in text
    for name in ("product_price", "product_ccf", "point_of_sale_channel", "status"):
        assert selected(text, f"column_{name}") == ""
    assert "? acme says “Unidades”" in text
    assert "1.234,51 · 1.234,52 · 1.234,53" in text
    assert re.search(r'name="marks" value=",\."> 1234\.51', text)
    assert re.search(r'name="marks" value="" checked', text)
    assert "First say which is product_price, product_ccf, point_of_sale_channel and status." in text
    assert re.search(r'name="save" value="1" disabled', text)
    assert 'value="moes/"' in text
    assert 'value="moes"' in text


def test_a_proposal_is_taken_by_its_button(client: TestClient, lake: Lake) -> None:
    text = client.post(page_of(lake, "moes/a.csv"), data={"take": f"product_ccf:{UNITS}"}).text
    assert selected(text, "column_product_ccf") == str(UNITS)
    assert "as acme does, you took it" in text


def test_what_is_said_is_tried_and_nothing_is_stored(client: TestClient, lake: Lake) -> None:
    text = client.post(page_of(lake, "moes/a.csv"), data=said() | {"try": "1"}).text
    assert "The file would be invalid" in text
    assert "Entregado".lower() in text
    assert selected(text, "word_0") == ""
    words = {"text_0": "entregado", "word_0": "delivered", "text_1": "perdido", "word_1": ""}
    text = client.post(page_of(lake, "moes/a.csv"), data=said(**words) | {"try": "1"}).text
    assert '<strong class="good">4</strong>' in text
    assert '<strong class="warn">2</strong>' in text
    assert "Line 6, product_price: not a number (x)" in text
    assert "Vendedor" in text
    assert not re.search(r'name="save" value="1" disabled', text)
    assert [each.name for each in partners.partners(lake.store).profiles] == ["acme"]


def test_it_is_saved_the_file_taken_up_and_then_the_others(client: TestClient, lake: Lake) -> None:
    place = page_of(lake, "moes/a.csv")
    words = {"text_0": "entregado", "word_0": "delivered"}
    answer = client.post(place, data=said(**words, save="1"), follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{place}?saved=moes")
    profile = load(partners.text_of(lake.store, partners.named(partners.partners(lake.store), "moes")))
    assert profile.headers == {"product_price": ("Precio",), "product_ccf": ("Unidades",), "status": ("Estado",)}
    assert (profile.delimiter, profile.decimal_mark, profile.thousands_mark) == (";", ",", ".")
    assert (profile.ignored, profile.defaults) == (("Vendedor",), {"point_of_sale_channel": "Retail"})
    text = client.get(answer.headers["location"]).text
    assert "More invalid files lie under moes/: 1." in text
    assert "moes/b.csv" in text
    assert ">alone.csv<" not in text
    assert client.post("/profiles/moes/take-up", follow_redirects=False).status_code == 303
    deadline = time.monotonic() + PATIENCE
    while [row.verdict for row in lake.ledger.rows() if row.profile == "moes"] != ["valid_with_rejects"] * 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    text = client.get(place.removesuffix("/columns")).text
    assert "Read as moes writes (" in text
    assert "Precio is product_price" in text
    assert 'data-partner="moes"' in text


def test_a_file_without_a_folder_asks_for_the_prefix(client: TestClient, lake: Lake) -> None:
    place = page_of(lake, "alone.csv")
    assert 'name="prefix" value="" required' in client.get(place).text
    for prefix, why in (("", "prefix"), ("moes/", "alone.csv does not begin with moes/"), ("alone", "it ends with /")):
        answer = client.post(place, data=said(prefix=prefix, name="alone", save="1"))
        assert answer.status_code == 422
        assert why in answer.text
    answer = client.post(place, data=said(prefix="alone.", name="alone", save="1"), follow_redirects=False)
    assert answer.status_code == 303


def test_a_partner_s_further_file_keeps_what_its_profile_says(client: TestClient, lake: Lake) -> None:
    before = 'prefix = "moes/"\n[headers]\nproduct_price = "Preis"\n[notify]\nemail = "a@b.example"\n'
    partners.put(lake.store, "moes", before, NOON)
    answer = client.post(page_of(lake, "moes/a.csv"), data=said(save="1"), follow_redirects=False)
    assert answer.status_code == 303
    profile = load(partners.text_of(lake.store, partners.named(partners.partners(lake.store), "moes")))
    assert profile.headers["product_price"] == ("Preis", "Precio")
    assert profile.email == "a@b.example"


def test_who_may_not_sees_and_tries_but_saves_nothing(lake: Lake) -> None:
    with application(lake, admins=None) as (client, _):
        place = page_of(lake, "moes/a.csv")
        text = client.get(place, headers=HTML).text
        assert "you may not" in text
        assert 'name="save"' not in text
        assert client.post(place, data=said() | {"try": "1"}, headers=HTML).status_code == 200
        assert client.post(place, data=said(save="1"), headers=HTML).status_code == 403
        assert client.post("/profiles/acme/take-up", headers=HTML).status_code == 403


def test_files_are_dropped_for_a_partner(client: TestClient, lake: Lake) -> None:
    assert "<option>acme</option>" in client.get("/files").text
    sent = client.put("/console/uploads/nov.csv?partner=acme", content=DATA)
    assert (sent.status_code, sent.json()["key"]) == (202, "acme/nov.csv")
    assert client.put("/console/uploads/nov.csv?partner=none", content=DATA).status_code == 422


def test_a_file_that_is_gone_has_no_columns(client: TestClient, lake: Lake) -> None:
    lake.disk.path("raw/moes/a.csv").unlink()
    assert "The columns of this file cannot be told" in client.get(page_of(lake, "moes/a.csv")).text


def test_names_and_words_are_text_and_nothing_else(lake: Lake) -> None:
    evil = "<script>alert(1)</script>"
    data = DATA.decode().replace("Precio", evil).replace("Entregado", f'"{evil}"').encode()
    row = ingest(lake, f"evil/{len(evil)}.csv", data)
    with application(lake) as (client, _):
        for form in ({}, said(prefix=evil, name=evil, **{"text_0": evil})):
            answer = client.post(f"/files/{row.file_id}/columns", data=form | {"try": "1"}, headers=HTML)
            assert evil not in answer.text
            assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1.234,50", {",.": "1234.50"}),
        ("1.234", {".": "1.234", ",.": "1234"}),
        ("1,5", {",": "1.5"}),
        ("1 234,5", {", ": "1234.5"}),
        ("1,2,3", {}),
    ],
)
def test_a_number_is_whatever_its_marks_allow(text: str, values: dict[str, str]) -> None:
    assert {each.key: str(each.value) for each in meanings(text)} == values


def test_a_partner_s_name_is_made_of_the_prefix() -> None:
    assert [*map(name_of, ("acme/", "botiller\u00eda-pe\u00f1\u00f3n/", "a/B_", "\u6570/"))] == [
        "acme",
        "botilleria-penon",
        "a-b",
        "",
    ]
