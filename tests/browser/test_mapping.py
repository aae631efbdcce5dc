"""A partner's unknown file, mapped and published in a browser: with a script and without, in both languages."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duff_orders.lake import partners
from duff_orders.lake.raw import announce
from duff_orders.local.run import process
from tests.browser.conftest import served
from tests.browser.tabs import Opened
from tests.console.test_mapping import ACME, DATA
from tests.effort import PATIENCE
from tests.lakes import NOON, drop, open_lake

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

#: By language: the page's heading, its main button, what it says at the end, and what the file's page says then.
SAID = {
    "en-GB": ("Say which column is which", "Save and take up this file", "Saved for moes", "Read as moes writes"),
    "es-CL": (
        "Decir qué columna es cuál",
        "Guardar y procesar este archivo",
        "Guardado para moes",
        "tal como escribe moes",
    ),
}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    lake = open_lake(tmp_path / "lake")
    for name in ("moes/a.csv", "moes/b.csv"):
        drop(lake, name, DATA + f"1;{name}\n".encode())
        process(lake, announce(lake.disk, name, when=NOON))
    partners.put(lake.store, "acme", ACME, NOON)
    with served(tmp_path) as made:
        yield made


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("language", SAID)
def test_an_unknown_file_is_mapped_and_published(opened: Opened, address: str, language: str, script: bool) -> None:
    heading, save, saved, read_as = SAID[language]
    page = opened(locale=language, java_script_enabled=script)
    page.goto(f"{address}/files?verdict=invalid")
    page.get_by_role("link", name="moes/a.csv").click()
    page.get_by_role("link", name=heading).click()
    page.get_by_role("heading", level=1, name=heading).wait_for()
    assert page.get_by_role("button", name=save).is_disabled()
    map_columns(page, script=script)
    page.get_by_role("button", name=save).click()
    page.get_by_role("heading", level=1, name=saved).wait_for()
    assert page.get_by_role("link", name="moes/b.csv").is_visible()
    page.locator("button.main").click()
    page.wait_for_url("**/files?verdict=invalid")
    deadline = time.monotonic() + PATIENCE
    while page.locator(".chip.valid_with_rejects").count() < 2:
        assert time.monotonic() < deadline
        page.wait_for_timeout(200)
        page.goto(f"{address}/files")
    page.get_by_role("link", name="moes/b.csv").click()
    page.get_by_text(read_as).wait_for()


def map_columns(page: Any, *, script: bool) -> None:
    """Say of each column which it is, of numbers how they are written, of words what they mean."""

    def done() -> None:
        if not script:
            page.locator("aside button[name=try]").click()

    def choose(name: str, **what: Any) -> None:
        page.locator(f"select[name=column_{name}]").select_option(**what)
        if script:
            page.locator(f"[data-state={name}] .good").wait_for()

    page.locator("button[name=take]").click()  # as acme says
    page.locator("[data-state=product_ccf] .good").wait_for()
    choose("product_price", index=6)
    choose("status", index=9)
    choose("point_of_sale_channel", value="fixed")
    done()
    page.locator("input[name=fixed_point_of_sale_channel]").fill("Retail")
    page.locator("input[name=marks]").first.check()
    done()
    page.locator("select[name=word_0]").wait_for()
    page.locator("select[name=word_0]").select_option(value="delivered")
    done()
    page.locator("aside strong.good", has_text="4").wait_for()
