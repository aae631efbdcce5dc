"""Order lines, orders, clients, products, channels: against the rows of the star schema, page by page."""

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from duff_orders import sql
from duff_orders.api.paging import cursor as make_cursor
from duff_orders.lake.lake import Lake
from duff_orders.query.statements import LINE, LineFilter
from tests.api.lakes import application
from tests.api.paths import ORDERS, OTHERS, whole
from tests.lakes import open_lake

pytestmark = pytest.mark.slow

Row = dict[str, Any]


def getter(client: TestClient) -> Callable[[str], tuple[int, Row]]:
    def get(path: str) -> tuple[int, Row]:
        answer = client.get(path)
        return answer.status_code, answer.json()

    return get


@pytest.fixture(scope="module")
def lines(samples: Lake) -> list[Row]:
    """All order lines, read by another way than the API's."""
    rows = sql(
        samples,
        "select f.*, s.status, c.point_of_sale_channel as channel from fact_orders f"
        " join dim_status s using (status_id) join dim_channels c using (channel_id)",
    )
    return [{name: row[name] for name in LINE.split(", ")} for row in rows]


def keys(rows: list[Row]) -> list[tuple[int, int]]:
    return [(row["order_id"], row["product_id"]) for row in rows]


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("sort", ["-pa_date", "pa_date", "-order_id", "order_id", "-total_price", "total_price"])
def test_pages_are_the_lines_in_order(api: TestClient, lines: list[Row], sort: str, limit: int) -> None:
    column, falls = sort.removeprefix("-"), sort.startswith("-")
    expected = sorted(lines, key=lambda row: (row["order_id"], row["product_id"]))
    if column == "order_id":
        expected = sorted(expected, key=lambda row: row["product_id"])
    expected = sorted(expected, key=lambda row: row[column], reverse=falls)
    if falls:  # sorted() keeps ties in their order, reversed or not
        assert [row[column] for row in expected] == sorted((row[column] for row in lines), reverse=True)
    found = whole(getter(api), f"/v1/orders?sort={sort}&limit={limit}")["data"]
    assert keys(found) == keys(expected)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("client_id=1001", lambda row: row["client_id"] == 1001),
        ("product_id=102", lambda row: row["product_id"] == 102),
        ("status=broken", lambda row: row["status"] == "broken"),
        ("channel=Retail", lambda row: row["channel"] == "Retail"),
        ("min_total=24.0000", lambda row: row["total_price"] >= 24),
        ("pa_date_from=2026-11-02", lambda row: str(row["pa_date"]) >= "2026-11-02"),
        ("pa_date_to=2026-11-01", lambda row: str(row["pa_date"]) <= "2026-11-01"),
        (
            "status=created&channel=Retail&min_total=15",
            lambda row: row["status"] == "created" and row["channel"] == "Retail" and row["total_price"] >= 15,
        ),
        ("channel=%27%3B%20drop%20table%20fact_orders", lambda row: False),
    ],
)
def test_filters(api: TestClient, lines: list[Row], query: str, holds: Callable[[Row], bool]) -> None:
    found = whole(getter(api), f"/v1/orders?{query}&limit=2&sort=order_id")["data"]
    expected = [row for row in lines if holds(row)]
    assert sorted(keys(found)) == sorted(keys(expected))


def test_a_line_has_every_digit(api: TestClient, lines: list[Row]) -> None:
    found = {(row["order_id"], row["product_id"]): row for row in api.get("/v1/orders?limit=1000").json()["data"]}
    for row in lines:
        line = found[row["order_id"], row["product_id"]]
        assert list(line) == LINE.split(", ")
        for name in ("product_price", "total_price", "total_volume"):
            assert line[name] == f"{row[name]:f}"
            assert len(line[name].partition(".")[2]) == 4
        assert line["pa_date"] == row["pa_date"].isoformat()
        assert line["first_seen"].endswith("Z")


def test_an_order_has_its_lines(api: TestClient, lines: list[Row]) -> None:
    for order_id in {row["order_id"] for row in lines}:
        own = [row for row in lines if row["order_id"] == order_id]
        order = api.get(f"/v1/orders/{order_id}").json()
        assert keys(order["lines"]) == sorted(keys(own))
        assert Decimal(order["total_price"]) == sum(row["total_price"] for row in own)
        assert sum(order["statuses"].values()) == len(own)
        assert order["client_name"]
        assert "client_name" not in order["lines"][0]


def test_clients_by_the_beginning_of_their_name(api: TestClient) -> None:
    assert {row["client_name"] for row in api.get("/v1/clients?name=Moe").json()["data"]} == {"Moe's Tavern"}
    assert api.get("/v1/clients?name=%25").json()["data"] == []
    assert api.get("/v1/clients?name=_").json()["data"] == []


def test_a_link_leads_to_the_next_page(api: TestClient) -> None:
    first = api.get("/v1/orders?status=created&limit=2")
    following = api.get(first.links["next"]["url"])
    assert first.json()["next_cursor"] in first.headers["link"]
    assert not set(keys(first.json()["data"])) & set(keys(following.json()["data"]))
    assert {row["status"] for row in following.json()["data"]} == {"created"}
    assert "link" not in api.get("/v1/orders?limit=1000").headers


SCOPE = f"orders {LineFilter()}"
GOOD = make_cursor(SCOPE, "-pa_date", ["2026-11-01", 1, 1])


def test_a_cursor_is_what_pages_give(api: TestClient) -> None:
    assert api.get("/v1/orders", params={"cursor": GOOD}).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", GOOD[:-4], GOOD + "====", "a" * 200, "%00", "e30", "bnVsbA", "W10", "MQ", "ñ"),
        make_cursor("orders of another filter", "-pa_date", ["2026-11-01", 1, 1]),
        *(
            make_cursor(SCOPE, sort, given)
            for sort, given in (
                ("pa_date", ["2026-11-01", 1, 1]),
                ("-pa_date", ["2026-11-01", 1]),
                ("-pa_date", ["yesterday", 1, 1]),
                ("-pa_date", ["2026-11-01' or '1'='1", 1, 1]),
                ("-pa_date", ["2026-11-01", "1", 1]),
                ("-pa_date", ["2026-11-01", 1.5, 1]),
                ("-pa_date", ["2026-11-01", True, 1]),
                ("-pa_date", ["2026-11-01", 10**18, 1]),
                ("-pa_date", ["2026-11-01", -1, 1]),
                ("-pa_date", [None, 1, 1]),
                ("-pa_date", [["2026-11-01"], 1, 1]),
            )
        ),
    ],
)
def test_a_forged_cursor_is_refused(api: TestClient, text: str) -> None:
    answer = api.get("/v1/orders", params={"cursor": text})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-cursor")


def test_without_the_serving_copy_the_answers_are_equal(samples: Lake, api: TestClient, tmp_path: Path) -> None:
    shutil.copytree(samples.disk.root, tmp_path / "lake", ignore=shutil.ignore_patterns("cache"))
    (tmp_path / "lake" / "cache").write_text("no folder: the copy cannot be made")
    with application(open_lake(tmp_path / "lake")) as (client, backend):
        assert not backend.serving.has_copy
        assert backend.version() == api.get("/v1/orders").json()["version"]
        for path in (*ORDERS, *OTHERS):
            assert whole(getter(client), path) == whole(getter(api), path), path
