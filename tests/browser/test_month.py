"""A month of four partners in a browser: the calendar says what happened, and each action leads to a quiet cell."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from duff_orders.clock import utc_now
from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake.lake import Lake
from duff_orders.models.build import build
from tests.api.test_serve import serving
from tests.browser.conftest import served
from tests.browser.tabs import Opened
from tests.browser.test_pages import forget_statuses
from tests.lakes import ingest, open_lake
from tests.month import HEADER, INVALID, ROWS, TENTH, make_month

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def month(tmp_path: Path) -> tuple[Lake, datetime]:
    lake, now = open_lake(tmp_path / "lake"), utc_now()
    make_month(lake, now)
    build(lake)
    return lake, now


@pytest.fixture
def address(month: tuple[Lake, datetime], tmp_path: Path) -> Iterator[str]:
    with served(tmp_path) as found:
        yield found


def file_of(lake: Lake, name: str, back: int) -> str:
    """The id of a partner's file of a day."""
    rows = sorted(
        (row for row in lake.ledger.rows() if row.source_file.startswith(f"{name}/")), key=lambda row: row.event_time
    )
    last = max(row.event_time for row in lake.ledger.rows())
    return next(row.file_id for row in rows if (last.date() - row.event_time.date()).days == back)


def open_cells(page: Any) -> set[str]:
    """The names of the cells that wait for somebody."""
    names = page.locator(".calendar a[aria-label]").evaluate_all("all => all.map(each => each.ariaLabel)")
    return {re.sub(r", \w+ \d+ \w+: ", ": ", name) for name in names}


def test_the_calendar_says_exactly_what_happened(opened: Opened, address: str) -> None:
    page = opened()
    page.goto(address)
    assert page.inner_text("h1") == "Not everything is in: 1 of 4 files is missing, 1 still has time."
    assert open_cells(page) == {
        "acme: invalid",
        "kwik-e-mart: invalid",
        "moe: missing",
        "moe: missed",
        "moe: 4 rows",
        "moe: 10 rows",
    }
    late = page.locator(".calendar a.late")
    assert (late.count(), late.inner_text().split()) == (1, ["»", "late"])
    assert page.locator(".calendar a.due").inner_text().split() == ["○", "20:00"]
    assert "all but 10 rows and 2 files" in page.inner_text(".head")
    assert "Open: 7, oldest first" in page.inner_text("main")
    for kind, count in (("Missing", 2), ("Invalid", 2), ("Rows", 1), ("Warnings", 2)):
        page.get_by_role("link", name=f"{kind} {count}").click()
        assert page.locator(".work > li").count() == count


def test_each_action_leads_to_a_quiet_cell(opened: Opened, month: tuple[Lake, datetime], address: str) -> None:
    """Asked for, not expected, said right, columns said, corrected, replaced: until nothing waits but today's file."""
    lake, _ = month
    page = opened()
    page.goto(address)
    asks = page.get_by_role("link", name="Ask for it").first.get_attribute("href")
    assert asks.startswith("mailto:edi@moe.example?subject=Orders%20of%20")
    # the day was a holiday
    page.goto(f"{address}/?kind=missing#work")
    page.get_by_role("link", name="Was not expected…").first.click()
    page.get_by_label("Why").fill("a holiday there")
    page.get_by_role("button", name="Say so").click()
    page.locator("#day", has_text="a holiday there").wait_for()
    # a tenth was right; so was the share
    for _ in range(2):
        page.goto(f"{address}/?kind=unusual#work")
        page.get_by_role("link", name="It is right…").first.click()
        page.get_by_label("Why").fill("they told us so")
        page.get_by_role("button", name="Say so").click()
        page.locator("#day", has_text="they told us so").first.wait_for()
    # rows are corrected: one text for another in all of them
    page.goto(f"{address}/?kind=rows#work")
    page.get_by_role("link", name="Correct 10 rows").click()
    page.get_by_label("In column").select_option("client_id")
    page.get_by_label("change", exact=True).fill("C-1001")
    page.get_by_label("to", exact=True).fill("1001")
    page.get_by_role("button", name="Show the rows").click()
    assert "10 rows hold exactly “C-1001”: lines 2-11. All would be right." in page.inner_text("main")
    page.get_by_role("button", name="Change 10 rows").click()
    page.get_by_role("button", name="Publish 10 corrected rows").click()
    page.wait_for_url("**/files/*")
    assert "Published 10 corrected rows as moe/orders-" in page.inner_text("main")
    # a column has another name
    page.goto(f"{address}/files/{file_of(lake, 'kwik-e-mart', HEADER)}/columns")
    page.get_by_label("Their column for product_price").select_option(label="precio: 2.50")
    page.get_by_role("button", name="Save and take up this file").click()
    page.wait_for_url("**/columns?saved=*")
    # the invalid file comes again, whole
    whole = lake.disk.path(f"raw/acme/orders-{day_of(lake, INVALID)}.csv").read_text()
    again = Path(lake.disk.root, "again.csv")
    again.write_text(whole.replace("C-1001", "1001"))
    page.goto(f"{address}/files/{file_of(lake, 'acme', INVALID)}")
    page.locator("[data-drop] input").set_input_files(str(again))
    page.locator("[data-uploads] li", has_text="valid, in the tables").wait_for()
    page.goto(address)
    page.wait_for_function(
        """async () => {
            const text = await (await fetch("/", { headers: { Accept: "text/html" } })).text();
            return text.includes("Open: 1, oldest first");
        }"""
    )
    page.reload()
    assert open_cells(page) == {"moe: missing"}
    assert page.locator(".calendar a.late").count() == 2  # what took the invalid file's place came late
    assert page.locator(".calendar td.none").count() == 1


def day_of(lake: Lake, back: int) -> str:
    """A day, so many days ago."""
    last = max(row.event_time for row in lake.ledger.rows()).date()
    return str(last - timedelta(days=back))


def test_ten_rows_are_corrected_with_few_keys(opened: Opened, month: tuple[Lake, datetime], address: str) -> None:
    """Beside the values: Enter after each, and Ctrl+Enter at the end."""
    lake, _ = month
    page = opened()
    page.goto(f"{address}/files/{file_of(lake, 'moe', ROWS)}/correct")
    strokes = 0
    for number in range(10):
        assert page.evaluate("document.activeElement.dataset.cell") == "client_id"
        page.keyboard.press("Control+a")
        page.keyboard.type(str(1001 + number))
        page.keyboard.press("Control+Enter" if number == 9 else "Enter")
        strokes += 2
    page.wait_for_url("**/files/*published=*")
    assert strokes < 25
    assert "Published 10 corrected rows" in page.inner_text("main")
    page.wait_for_function(
        """async () => (await (await fetch(location.pathname)).text()).includes("0 open + 10 corrected")"""
    )
    page.reload()
    assert "10 cells corrected" in page.inner_text("main")
    api = page.request.get(f"{address}/v1/files/{file_of(lake, 'moe', ROWS)}/corrections").json()
    assert len(api["published"][0]["changes"]) == 10


def test_the_grid_by_keyboard_says_what_is_wrong_and_undoes(
    opened: Opened, month: tuple[Lake, datetime], address: str
) -> None:
    lake, _ = month
    page = opened()
    page.goto(f"{address}/files/{file_of(lake, 'moe', ROWS)}/correct")
    first = page.locator("[data-cell]").first
    assert first.get_attribute("aria-label") == "line 2, client_id"
    assert first.get_attribute("aria-invalid") == "true"
    note = page.locator(f"#{first.get_attribute('aria-describedby')}")
    assert note.inner_text() == "✕ not a whole number: a whole number of 1 or more"
    first.fill("1.5")
    page.keyboard.press("Enter")
    page.locator("[data-kept]", has_text="Draft kept").wait_for()
    assert first.get_attribute("aria-invalid") == "true"
    page.keyboard.press("Shift+Enter")
    assert page.evaluate("document.activeElement.ariaLabel") == "line 2, client_id"
    first.fill("1001")
    page.keyboard.press("Enter")
    page.locator("[data-told]", has_text="line 2 is right").wait_for(state="attached")
    assert note.inner_text() == "✓ was C-1001"
    assert page.inner_text("[data-sum]") == "1 right, 9 still wrong"
    # the whole row, a cell of it that was right, and back by Esc
    first.focus()
    page.keyboard.press("F2")
    price = page.locator("tr[data-line='2'] [data-cell=product_price]")
    price.fill("x")
    price.press("Escape")
    assert price.input_value() == "2.50"
    price.fill("2,5 0")
    price.press("Enter")
    page.locator("[data-told]", has_text="line 2 is still wrong").wait_for(state="attached")
    page.locator("tr[data-line='2'] [data-cell=client_id]").press("Control+z")
    page.wait_for_load_state()
    page.locator("[data-sum]", has_text="1 right, 9 still wrong").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-redo]:enabled").wait_for()
    page.get_by_role("button", name="Redo").click()
    page.locator("[data-sum]", has_text="1 right, 9 still wrong").wait_for()
    # given up, and taken back
    page.get_by_role("link", name="Give up…").first.click()
    page.get_by_label("Why").fill("nobody knows")
    page.get_by_role("button", name="Give up").click()
    page.locator("[data-sum]", has_text="1 given up").wait_for()
    page.get_by_role("button", name="Take back").click()
    page.locator("[data-sum]", has_text="0 right, 10 still wrong").or_(
        page.locator("[data-sum]", has_text="1 right, 9 still wrong")
    ).wait_for()


def test_without_a_script_each_row_is_a_form(opened: Opened, month: tuple[Lake, datetime], address: str) -> None:
    lake, _ = month
    page = opened(java_script_enabled=False)
    page.goto(address)
    assert len(open_cells_of(page)) == 6
    page.goto(f"{address}/files/{file_of(lake, 'moe', ROWS)}/correct")
    page.get_by_label("line 3, client_id").fill("1001")
    page.locator("tr[data-line='3']").get_by_role("button", name="Check and keep").click()
    assert page.inner_text("[data-sum]") == "1 right, 9 still wrong"
    page.locator("tr[data-line='3']").get_by_role("link", name="Whole row").click()
    page.get_by_label("line 3, product_price").fill("nothing")
    page.locator("tr[data-line='3']").get_by_role("button", name="Check and keep").click()
    assert "not a number" in page.inner_text("tr[data-line='3']")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Publish 1 corrected row").click()
    assert "Published 1 corrected row" in page.inner_text("main")


def open_cells_of(page: Any) -> list[Any]:
    return list(page.locator(".calendar a[aria-label]").all())


def test_two_authors_and_a_restart_lose_nothing(opened: Opened, month: tuple[Lake, datetime], tmp_path: Path) -> None:
    import hashlib

    lake, _ = month
    keys = ",".join(f"{name}:{hashlib.sha256(name.encode()).hexdigest()}" for name in ("ana", "lisa"))
    path = f"/files/{file_of(lake, 'moe', ROWS)}/correct"

    def signed_in(name: str, address: str) -> Any:
        page = opened()
        page.goto(address + path)
        page.get_by_label("Key").fill(name)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{path}")
        return page

    with serving(tmp_path / "lake", DUFF_API_KEYS=keys) as (address, _, _):
        ana = signed_in("ana", address)
        ana.get_by_label("line 2, client_id").fill("1001")
        ana.keyboard.press("Enter")
        ana.locator("[data-sum]", has_text="1 right, 9 still wrong").wait_for()
    with serving(tmp_path / "lake", DUFF_API_KEYS=keys) as (address, _, _):
        lisa = signed_in("lisa", address)
        assert "ana is correcting this file since" in lisa.inner_text("main")
        assert lisa.locator("[data-cell]").count() == 0  # she can read along
        assert "1001" in lisa.inner_text("tr[data-line='2']")
        lisa.get_by_role("button", name="Take over").click()
        lisa.get_by_label("line 3, client_id").fill("1002")
        lisa.keyboard.press("Enter")
        lisa.locator("[data-sum]", has_text="2 right, 8 still wrong").wait_for()
        ana = signed_in("ana", address)
        assert "lisa is correcting this file since" in ana.inner_text("main")
        lisa.get_by_role("button", name="Publish 2 corrected rows").click()
        lisa.wait_for_url("**/files/*published=*")
        assert "lisa" in lisa.inner_text("aside")
    forget_statuses(opened)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_and_a_phone_has_room(
    opened: Opened, month: tuple[Lake, datetime], address: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    lake, _ = month
    day = day_of(lake, TENTH)
    page = opened(color_scheme=scheme, locale="es-CL" if scheme == "dark" else "en-GB")
    file = file_of(lake, "moe", ROWS)
    paths = [
        "/",
        "/?days=28",
        "/partners",
        f"/partners/moe?day={day}",
        f"/partners/moe/settle?what=right&day={day}",
        f"/files/{file}",
        f"/files/{file}/correct?column=client_id&from=C-1001&to=1",
        f"/files/{file}/correct/give-up?line=2",
        "/sales",
    ]
    for path in paths:
        page.goto(address + path)
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
        for width in (320, 360, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over == 0, (path, width)
        page.set_viewport_size({"width": 1280, "height": 800})


def test_the_calendar_is_one_stop_and_arrows_move(opened: Opened, address: str) -> None:
    page = opened()
    page.goto(address)
    assert page.locator(".calendar tbody td a[tabindex='0']").count() == 1
    page.locator(".calendar a[tabindex='0']").first.focus()
    for key, what in (("End", "acme"), ("ArrowDown", "kwik-e-mart"), ("ArrowDown", "moe")):
        page.keyboard.press(key)
        row = page.evaluate("document.activeElement.closest('tr').cells[0].innerText")
        assert row == what
    assert "missing" in page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.className") == "in"
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.closest('td, th').cellIndex") == 0


def test_times_are_the_readers_beside_utc(opened: Opened, address: str, month: tuple[Lake, datetime]) -> None:
    lake, _ = month
    page = opened(timezone_id="America/Santiago")
    page.goto(address)
    page.reload()
    assert re.search(r"in Santiago \(\d\d:\d\d UTC\)", page.inner_text(".head"))
    page.goto(f"{address}/files/{file_of(lake, 'moe', ROWS)}")
    assert re.search(r"Came .* \d\d:\d\d Santiago \(\d\d:\d\d UTC\)", page.inner_text("aside"))


def test_the_proof_of_twenty_files_is_one_sheet(opened: Opened, tmp_path: Path) -> None:
    lake, now = open_lake(tmp_path / "lake"), utc_now()
    header = ",".join(COLUMN_NAMES)
    for number in range(20):
        line = f"{number + 1},Moe,{number + 1},1,Duff,2.50,6,0.33,Retail,created"
        ingest(lake, f"partner-{number}/orders-{now:%Y-%m-%d}.csv", f"{header}\n{line}\n".encode(), now)
    with served(tmp_path) as address:
        page = opened()
        page.goto(f"{address}/proof/{now.date()}")
        assert page.locator(".sheet tbody tr").count() == 20
        assert page.inner_text(".sheet tfoot").split()[:2] == ["All", "20"]
        page.emulate_media(media="print")
        for gone in ("header.frame", "footer", ".not-printed"):
            assert not page.locator(gone).is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        printed = page.pdf(prefer_css_page_size=True)
        assert re.findall(rb"/Count (\d+)", printed) == [b"1"]
