"""Writes docs/screenshots/: each page of the console, in English and the first ones in Spanish and in the dark.

Run as `make screenshots`. The pages show times and keys of their own, so the pictures differ a little each time.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from duff_orders.clock import utc_now
from duff_orders.lake import partners
from duff_orders.models.build import build
from tests.api.lakes import SAMPLES
from tests.browser.conftest import served
from tests.browser.tabs import NAMES
from tests.browser.test_loop import drop, wait_for
from tests.browser.test_mapping import map_columns
from tests.browser.test_month import day_of
from tests.console.test_mapping import ACME, DATA
from tests.lakes import ingest, open_lake
from tests.month import ROWS, TENTH, make_month

OUT = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE: ViewportSize = {"width": 1120, "height": 800}


def shoot(page: Any, name: str) -> None:
    """One picture, of what a window shows."""
    page.screenshot(path=str(OUT / f"{name}.png"))


def main() -> None:
    """Drop the samples in a browser, and take a picture of each page."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        sys.exit("needs Chromium (Debian, Ubuntu: apt-get install chromium)")
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        samples(browser)
        month(browser)
        browser.close()


def samples(browser: Browser) -> None:
    """The pages that files, orders and SQL have."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address:
        lake = open_lake(Path(folder) / "lake")
        partners.put(lake.store, "acme", ACME, utc_now())
        ingest(lake, "moes/orders-20261120.csv", DATA, utc_now())
        page = browser.new_page(viewport=SIZE, locale="en-GB")
        page.goto(address)
        drop(page, *sorted(SAMPLES.glob("*.csv")))
        for name in ("01-orders.csv", "02-orders-later.csv", "04-export-es.csv"):
            wait_for(page, name, "valid, in the tables")
        wait_for(page, "03-dirty.csv", "in the tables")
        page.goto(f"{address}/files")
        page.get_by_role("link", name="03-dirty.csv").click()
        page.wait_for_url("**/files/*")
        file = page.url
        for name, place in (("files", "/files"), ("orders", "/orders"), ("order", "/orders/5684")):
            page.goto(address + place)
            shoot(page, name)
        page.goto(file)
        shoot(page, "file")
        page.goto(f"{file}/correct")
        shoot(page, "correct")
        page.goto(f"{address}/sql?example=sales_by_channel")
        page.get_by_role("button", name="Run").click()
        page.locator("[data-state]", has_text="rows in").wait_for()
        shoot(page, "sql")
        show_columns(page, address)
        spanish = browser.new_page(viewport=SIZE, locale="es-CL", color_scheme="dark")
        for name, place in (("file-es", file), ("correct-es", f"{file}/correct")):
            spanish.goto(place)
            shoot(spanish, name)
        show_columns(spanish, address)


def month(browser: Browser) -> None:
    """The pages of partners and days."""
    with tempfile.TemporaryDirectory() as folder:
        lake = open_lake(Path(folder) / "lake")
        make_month(lake, utc_now())
        build(lake)
        with served(Path(folder)) as address:
            page = browser.new_page(viewport=SIZE, locale="en-GB", timezone_id="America/Santiago")
            page.goto(address)  # where the reader is, is told from here on
            places = {
                "today": "/",
                "partners": "/partners",
                "partner": f"/partners/moe?day={day_of(lake, TENTH)}",
                "proof": f"/proof/{day_of(lake, ROWS)}",
                "sales": "/sales",
            }
            for name, place in places.items():
                page.goto(address + place)
                shoot(page, name)
            spanish = browser.new_page(
                viewport=SIZE, locale="es-CL", color_scheme="dark", timezone_id="America/Santiago"
            )
            for _ in range(2):
                spanish.goto(address)
            shoot(spanish, "today-es")


def show_columns(page: Any, address: str) -> None:
    """A partner's file whose columns are half said: what another says is taken, what is rejected is shown."""
    name = "columns-es" if "es" in page.evaluate("navigator.language") else "columns"
    page.goto(f"{address}/files?verdict=invalid")
    page.get_by_role("link", name="moes/orders-20261120.csv").click()
    page.locator("a[href$='/columns']").click()
    map_columns(page, script=True)
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, name)


if __name__ == "__main__":
    main()
