"""What is asked of every backend: the paths whose answers must be equal."""

from collections.abc import Callable
from typing import Any

ORDERS = [
    "/v1/orders?limit=7",
    *(
        f"/v1/orders?limit=7&sort={sort}"
        for sort in ("pa_date", "order_id", "-order_id", "total_price", "-total_price")
    ),
    "/v1/orders?status=delivered&limit=3",
    "/v1/orders?channel=Retail&sort=-total_price",
    "/v1/orders?channel=Botiller%C3%ADa",
    "/v1/orders?channel=x'%20or%20'1'%3D'1",
    "/v1/orders?client_id=1001&limit=1",
    "/v1/orders?product_id=102&min_total=15.0000",
    "/v1/orders?pa_date_from=2000-01-01&pa_date_to=2999-12-31&limit=1000",
    "/v1/orders?pa_date_to=2000-01-01",
    "/v1/clients/1001/orders?limit=1",
]
OTHERS = [
    "/v1/orders/5678",
    "/v1/orders/5681",
    "/v1/clients?limit=5",
    "/v1/clients?name=Moe",
    "/v1/clients?name=%25",
    "/v1/clients/1001",
    "/v1/products",
    "/v1/channels",
    "/v1/reports",
    *(
        f"/v1/reports/{name}{parameters}"
        for name in (
            "average_order",
            "files_by_day",
            "lifecycle",
            "sales_by_channel",
            "sales_by_client",
            "sales_by_day",
        )
        for parameters in ("", "?from=2000-01-01&to=2999-12-31&limit=3", "?to=2000-01-01")
    ),
    "/v1/reports/sales_by_product?limit=2",
    "/v1/reports/status_summary",
]
MISSING = ["/v1/orders/999999999", "/v1/clients/999999999", "/v1/reports/nothing", "/v1/files/" + "0" * 32]
#: What tells of the moment or the place, not of the data.
OF_THE_MOMENT = frozenset({"version", "computed_at", "next_cursor", "request_id"})


#: A GET of a path: the status and the document.
Get = Callable[[str], tuple[int, dict[str, Any]]]


def whole(get: Get, path: str) -> dict[str, Any]:
    """An answer with the rows of all its pages, without what tells of the moment."""
    status, found = get(path)
    assert status == 200, (path, found)
    cursor, seen = found.get("next_cursor"), 1
    while cursor:
        assert seen < 200
        status, page = get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert status == 200, (path, page)
        assert page["data"], path
        found["data"] += page["data"]
        cursor, seen = page["next_cursor"], seen + 1
    return {name: value for name, value in found.items() if name not in OF_THE_MOMENT}
