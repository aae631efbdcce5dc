"""Identifiers of 18 digits, beyond what JavaScript's numbers hold, are shown digit for digit."""

from pathlib import Path

import pytest

from duff_orders import build_models
from tests.browser.conftest import served
from tests.browser.tabs import Opened
from tests.faults.scenario import lines
from tests.lakes import ingest, open_lake

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LONG = "123456789012345678"


def test_identifiers_keep_their_digits(opened: Opened, tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    ingest(
        lake, "a.csv", lines(f"999999999999999999,Moe,{LONG},1,Duff \\\\ 9007199254740993,2.50,6,0.33,Retail,created")
    )
    build_models(lake)
    with served(tmp_path) as address:
        page = opened()
        page.goto(f"{address}/sql")
        sql = "select order_id, client_id, product_description, total_price from fact_orders join dim_products"
        page.get_by_label("Query").fill(f"{sql} using (product_id)")
        page.get_by_role("button", name="Run").click()
        page.locator("[data-result] td").first.wait_for()
        cells = page.locator("[data-result] td").all_inner_texts()
        assert cells == [LONG, "999999999999999999", "Duff \\\\ 9007199254740993", "15.0000"]
        page.goto(f"{address}/docs")
        route = page.locator(".opblock", has_text="/v1/orders/{order_id}").first
        route.locator("button.opblock-summary-control").click()
        route.get_by_placeholder("order_id").fill(LONG)
        route.get_by_role("button", name="Execute").click()
        shown = route.locator(".live-responses-table .response-col_description .highlight-code").first
        shown.wait_for()
        assert f'"order_id": {LONG}' in shown.inner_text()
        assert '"client_id": 999999999999999999' in shown.inner_text()
