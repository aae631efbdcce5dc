"""Every page in a browser: accessible, on a phone, in the dark, by keyboard, in both languages; and nothing runs."""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from duff_orders import build_models
from tests.browser.conftest import served
from tests.browser.tabs import Opened
from tests.console.evil import EVIL, make_evil
from tests.lakes import open_lake

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

DIRTY, MISSING = "03-dirty.csv", "05-missing-column.csv"
#: Swagger UI is not among them: its own page has findings (contrast, nested buttons) that only its makers can mend.
PAGES = (
    "/",
    "/sales?period=all",
    "/partners",
    "/files",
    "/files/DIRTY",
    "/files/DIRTY/correct",
    "/files/MISSING/columns",
    "/orders",
    "/orders?client_id=x",
    "/orders/5684",
    "/sql",
    "/nothing",
)


def visit(page: Any, address: str, path: str) -> None:
    if "DIRTY" in path:
        page.goto(f"{address}/files")
        page.get_by_role("link", name=DIRTY).click()
        page.wait_for_url("**/files/*")
        if path.endswith("/correct"):
            page.goto(page.url + "/correct")
    elif "MISSING" in path:
        page.goto(f"{address}/files")
        page.get_by_role("link", name=MISSING).click()
        page.locator("a[href$='/columns']").click()
        page.wait_for_url("**/columns")
    else:
        page.goto(address + path)


def forget_statuses(opened: Opened) -> None:
    """Of answers like 404 the browser itself makes a note."""
    said = opened.said  # type: ignore[attr-defined]
    said[:] = [each for each in said if "Failed to load resource: the server responded with a status of 4" not in each]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(opened: Opened, samples_served: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(color_scheme=scheme, locale="es-CL" if scheme == "dark" else "en-GB")
    for path in PAGES:
        visit(page, samples_served, path)
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
    forget_statuses(opened)


@pytest.mark.parametrize("language", ["en-GB", "es-CL"])
def test_a_phone_has_room_for_every_page(opened: Opened, samples_served: str, language: str) -> None:
    page = opened(viewport={"width": 360, "height": 740}, locale=language)
    for path in PAGES:
        visit(page, samples_served, path)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, path
    forget_statuses(opened)


def test_the_dark_is_dark(opened: Opened, samples_served: str) -> None:
    shades = []
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        page.goto(samples_served + "/sales?period=all")
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        bar = page.locator("figure svg [fill='var(--link)']").first.evaluate("each => getComputedStyle(each).fill")
        shades.append((back, bar))
    assert shades[0][0] == "rgb(246, 247, 249)"
    assert shades[0][0] != shades[1][0]
    assert shades[0][1] != shades[1][1]


def test_the_pages_need_no_script(opened: Opened, samples_served: str) -> None:
    page = opened(java_script_enabled=False)
    page.goto(samples_served + "/sales?period=all")
    assert page.locator("figure svg[role=img]:visible").count() == 4
    page.goto(samples_served)
    assert "Nobody has said what to expect" in page.inner_text("main")
    page.goto(samples_served + "/sql")
    assert "this browser does not run" in page.inner_text("main")


def test_a_language_is_chosen_and_kept(opened: Opened, samples_served: str) -> None:
    page = opened()
    page.goto(samples_served + "/files?verdict=invalid")
    page.get_by_role("link", name="Español").click()
    assert page.url.endswith("/files?verdict=invalid")
    assert page.locator("html").get_attribute("lang") == "es"
    page.get_by_role("link", name="Hoy").click()
    assert "Nadie ha dicho qué se espera" in page.inner_text("main")
    page.goto(samples_served + "/sales?period=all")
    assert "257,20" in page.inner_text("main")


def test_the_keyboard_is_enough(opened: Opened, samples_served: str, tmp_path: Path) -> None:
    page = opened()
    page.on("filechooser", lambda _: None)  # asked for only before the key, it may come to the browser after the key
    page.goto(samples_served)

    def focused(script: str = "each.innerText || each.name || each.type") -> Any:
        return page.evaluate(f"(each => {script})(document.activeElement)")

    def tab_to(text: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if str(focused()).strip() == text:
                return
        raise AssertionError(f"{text} cannot be reached")

    page.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    assert focused("getComputedStyle(each).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'content'")
    tab_to("file")
    with page.expect_file_chooser():
        page.keyboard.press("Space")
    page.goto(samples_served + "/files")
    tab_to(DIRTY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/files/*")
    tab_to("Open rows (CSV)")
    with page.expect_download():
        page.keyboard.press("Enter")
    page.goto(samples_served + "/sql")
    tab_to("textarea")
    page.keyboard.press("Control+a")
    page.keyboard.type("select count(*) as files from tbl_duff_files")
    page.keyboard.press("Control+Enter")
    page.locator("[data-state]", has_text="1 rows in").wait_for()
    page.keyboard.press("Tab")
    assert focused() == "Run"


def test_sql_is_run_cancelled_and_refused(opened: Opened, samples_served: str) -> None:
    page = opened()
    page.goto(samples_served + "/sql?example=sales_by_channel")
    page.get_by_role("button", name="Run").click()
    page.locator("[data-state]", has_text="5 rows in").wait_for()
    assert page.locator("[data-result] tbody tr").first.inner_text().split("\t")[0] == "Retail"
    assert "?q=select" in page.url  # the question is in the address
    drawn = page.locator("[data-drawing] svg")
    assert drawn.locator("rect").count() == 5
    assert drawn.locator("text").first.text_content() == "Retail"
    page.locator("[data-of]").select_option("orders")
    page.get_by_role("button", name="Line").click()
    assert drawn.locator("polyline").count() == 1
    with page.expect_download() as told:
        page.get_by_role("link", name="CSV").click()
    assert (
        Path(told.value.path()).read_text(encoding="utf-8-sig").startswith("point_of_sale_channel,orders,units,sales")
    )
    page.get_by_label("Query").fill(
        "select count(*) from fact_orders a, fact_orders b, fact_orders c, fact_orders d, "
        "fact_orders e, fact_orders f, fact_orders g, fact_orders h"
    )
    page.get_by_role("button", name="Run").click()
    page.locator("[data-cancel]:enabled").click()
    page.locator("[data-state]", has_text="Cancelled.").wait_for()
    page.get_by_label("Query").fill("drop table fact_orders")
    page.get_by_role("button", name="Run").click()
    page.locator("[data-state].bad", has_text="This question is not one that can be asked here:").wait_for()
    page.get_by_label("Query").fill("")
    page.locator("summary", has_text="dim_clients").click()
    page.get_by_role("button", name="Insert dim_clients").click()
    assert page.get_by_label("Query").input_value() == "dim_clients"
    forget_statuses(opened)


def test_a_question_is_kept_and_found_by_its_address(opened: Opened, samples_served: str) -> None:
    page = opened()
    page.goto(f"{samples_served}/sql?q=select%20count(*)%20as%20lines%20from%20fact_orders")
    assert page.get_by_label("Query").input_value() == "select count(*) as lines from fact_orders"
    page.get_by_label("Query").fill("select count(*) as orders_lines from fact_orders")
    page.locator("summary", has_text="Keep as…").click()
    page.get_by_label("Name").fill("how_many_lines")
    page.get_by_label("What it asks").fill("How many lines?")
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/sql?example=how_many_lines")
    told = page.request.get(f"{samples_served}/v1/reports/how_many_lines").json()
    assert [column["name"] for column in told["columns"]] == ["orders_lines"]
    page.get_by_role("link", name="How many lines?").wait_for()
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/sql")
    assert page.get_by_role("link", name="How many lines?").count() == 0


def test_the_documents_have_both_schemes_and_a_way_back(opened: Opened, samples_served: str) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        page.goto(f"{samples_served}/docs")
        page.locator(".opblock-summary-description", has_text="Order lines, each in its latest state").wait_for()
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.get_by_role("link", name="Back to today").click()
        page.wait_for_url(f"{samples_served}/")
    assert grounds == ["rgb(255, 255, 255)", "rgb(23, 27, 32)"]


def test_a_key_opens_the_pages(opened: Opened, tmp_path: Path) -> None:
    keys = f"ana:{hashlib.sha256(b'secret').hexdigest()}"
    with served(tmp_path, DUFF_API_KEYS=keys) as address:
        page = opened()
        page.goto(f"{address}/files?verdict=valid")
        page.get_by_label("Key").fill("wrong")
        page.keyboard.press("Enter")
        page.locator("[role=alert]", has_text="not known").wait_for()
        page.get_by_label("Key").fill("secret")
        page.keyboard.press("Enter")
        page.wait_for_url("**/files?verdict=valid")
        assert page.evaluate("document.cookie").startswith("zone=")  # no script sees the session
        assert "duff" not in page.evaluate("document.cookie")
        page.goto(f"{address}/sql")
        page.get_by_label("Query").fill("select 1 as one")
        page.get_by_role("button", name="Run").click()
        page.locator("[data-state]", has_text="1 rows in").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.goto(address)
        page.get_by_label("Key").wait_for()
        forget_statuses(opened)


def test_nothing_that_a_file_holds_runs(opened: Opened, tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake", max_reject_share=Decimal(1))
    make_evil(lake)
    build_models(lake)
    with served(tmp_path) as address:
        page = opened()
        paths = ["/sales?period=all", "/files", "/orders", *(f"/files/{row.file_id}" for row in lake.ledger.rows())]
        for path in (*paths, *(f"/orders/{number + 1}" for number in range(len(EVIL)))):
            answer = page.goto(address + path)
            assert answer.status == 200, path
            assert page.evaluate("document.scripts.length") == 1
        page.goto(address + "/sql")
        page.get_by_label("Query").fill("select client_name, point_of_sale_channel from tbl_duff_orders")
        page.get_by_role("button", name="Run").click()
        page.locator("[data-state]", has_text=f"{len(EVIL) + 1} rows in").wait_for()
        assert page.locator("[data-result] td").locator("*").count() == 0
