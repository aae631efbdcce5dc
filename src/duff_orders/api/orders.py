"""Order lines, orders, clients, products, channels."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from duff_orders.api import models, paging
from duff_orders.api.backend import Backend
from duff_orders.api.formats import Body, respond
from duff_orders.api.parameters import (
    CONDITIONAL,
    AnyFormat,
    BackendDependency,
    ClientId,
    Cursor,
    Day,
    Limit,
    OrderId,
    Status,
)
from duff_orders.api.problems import Problem, invalid
from duff_orders.contract import STATUSES
from duff_orders.query import statements
from duff_orders.query.result import Result
from duff_orders.query.statements import LineFilter, Statement

router = APIRouter(tags=["orders"])

Sort = Literal["-pa_date", "pa_date", "-order_id", "order_id", "-total_price", "total_price"]
Id = Annotated[int | None, Query(ge=1, le=10**18 - 1)]
Name = Annotated[str | None, Query(min_length=1, max_length=512)]
MONEY = r"^[0-9]{1,18}([.][0-9]{1,4})?$"


def _day(value: str) -> str:
    date.fromisoformat(value)
    return value


def _amount(value: str) -> str:
    if not Decimal(value).is_finite() or len(value) > 26:
        raise ValueError
    return value


_KEYS = {"pa_date": (_day,), "total_price": (_amount,), "order_id": ()}


@router.get("/orders", response_model=models.OrderLines, responses=CONDITIONAL)
def list_orders(
    request: Request,
    backend: BackendDependency,
    client_id: Id = None,
    product_id: Id = None,
    status: Status | None = None,
    channel: Name = None,
    pa_date_from: Day | None = None,
    pa_date_to: Day | None = None,
    min_total: Annotated[str | None, Query(pattern=MONEY, description="the least `total_price`")] = None,
    sort: Sort = "-pa_date",
    limit: Limit = 50,
    cursor: Cursor = None,
    format: AnyFormat = None,
) -> Response:
    """Order lines, each in its latest state."""
    wanted = LineFilter(
        client_id=client_id,
        product_id=product_id,
        status=status,
        channel=_printable("channel", channel),
        pa_date_from=pa_date_from,
        pa_date_to=pa_date_to,
        min_total=None if min_total is None else Decimal(min_total),
    )
    return _lines(request, backend, wanted, sort, limit, cursor)


@router.get("/orders/{order_id}", response_model=models.Order, responses=CONDITIONAL)
def get_order(request: Request, backend: BackendDependency, order_id: OrderId, format: AnyFormat = None) -> Response:
    """One order with its lines."""

    def make() -> Body:
        result = backend.order(order_id)
        return Body(order_document(order_id, result), result.columns[:-1], [row[:-1] for row in result.rows])

    return respond(request, backend.version(), make, name=f"order-{order_id}")


def order_document(order_id: int, result: Result) -> dict[str, Any]:
    """An order from its lines, whose last column is their client's name; raises Problem where there are none."""
    if not result.rows:
        raise Problem("not-found", f"no order {order_id}")
    lines = result.dictionaries()
    names = [line.pop("client_name") for line in lines]
    statuses = [line["status"] for line in lines]
    return {
        "order_id": order_id,
        "client_id": lines[0]["client_id"],
        "client_name": names[0],
        "total_price": f"{sum(Decimal(line['total_price']) for line in lines):f}",
        "statuses": {status: statuses.count(status) for status in STATUSES if status in statuses},
        "lines": lines,
    }


@router.get("/clients", response_model=models.Clients, responses=CONDITIONAL)
def list_clients(
    request: Request,
    backend: BackendDependency,
    name: Annotated[str | None, Query(min_length=1, max_length=512, description="how the name begins")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    format: AnyFormat = None,
) -> Response:
    """Clients by their id."""
    after = paging.read(cursor, f"clients {name}", "client_id", (paging.integer,))
    start = _printable("name", name)

    def make() -> Body:
        result = backend.ask(statements.clients(start, after[0] if after else None, limit))
        return _page(backend, *_cut(result, limit, f"clients {name}", "client_id", ("client_id",)))

    return respond(request, backend.version(), make, name="clients")


@router.get("/clients/{client_id}", response_model=models.Client, responses=CONDITIONAL)
def get_client(request: Request, backend: BackendDependency, client_id: ClientId, format: AnyFormat = None) -> Response:
    """One client in its latest state."""

    def make() -> Body:
        result = backend.ask(statements.client(client_id))
        if not result.rows:
            raise Problem("not-found", f"no client {client_id}")
        return Body(result.dictionaries()[0], result.columns, result.rows)

    return respond(request, backend.version(), make, name=f"client-{client_id}")


@router.get("/clients/{client_id}/orders", response_model=models.OrderLines, responses=CONDITIONAL)
def list_orders_of_client(
    request: Request,
    backend: BackendDependency,
    client_id: ClientId,
    sort: Sort = "-pa_date",
    limit: Limit = 50,
    cursor: Cursor = None,
    format: AnyFormat = None,
) -> Response:
    """A client's order lines."""
    return _lines(request, backend, LineFilter(client_id=client_id), sort, limit, cursor)


@router.get("/products", response_model=models.Products, responses=CONDITIONAL)
def list_products(request: Request, backend: BackendDependency, format: AnyFormat = None) -> Response:
    """All products."""
    return _whole(request, backend, statements.products(), "products")


@router.get("/channels", response_model=models.Channels, responses=CONDITIONAL)
def list_channels(request: Request, backend: BackendDependency, format: AnyFormat = None) -> Response:
    """All channels: their names are their keys."""
    return _whole(request, backend, statements.channels(), "channels")


def _lines(
    request: Request, backend: BackendDependency, wanted: LineFilter, sort: Sort, limit: int, cursor: str | None
) -> Response:
    page = page_of_lines(backend, wanted, sort, cursor, limit)

    def make() -> Body:
        shown, following = page()
        return _page(backend, shown, following)

    return respond(request, backend.version(), make, name="orders")


def page_of_lines(
    backend: Backend, wanted: LineFilter, sort: Sort, cursor: str | None, limit: int
) -> Callable[[], tuple[Result, str | None]]:
    """What gives a page of order lines, and the next one's cursor; raises Problem for a wrong cursor."""
    column = sort.removeprefix("-")
    scope = f"orders {wanted}"
    after = paging.read(cursor, scope, sort, (*_KEYS[column], paging.integer, paging.integer))
    if after is not None and column == "order_id":
        after = [None, *after]

    def page() -> tuple[Result, str | None]:
        relation = backend.lines(by_client=wanted.client_id is not None)
        result = backend.ask(statements.lines(relation, wanted, sort, after, limit))
        keys = ("order_id", "product_id") if column == "order_id" else (column, "order_id", "product_id")
        return _cut(result, limit, scope, sort, keys)

    return page


def _cut(result: Result, limit: int, scope: str, sort: str, keys: tuple[str, ...]) -> tuple[Result, str | None]:
    """A page, of which one row more than `limit` was asked for, and a cursor that names the last one shown."""
    shown = replace(result, rows=result.rows[:limit])
    if len(result.rows) <= limit:
        return shown, None
    names = [name for name, _ in result.columns]
    return shown, paging.cursor(scope, sort, [shown.rows[-1][names.index(key)] for key in keys])


def _page(backend: Backend, shown: Result, following: str | None) -> Body:
    document = {"data": shown.dictionaries(), "next_cursor": following, "version": backend.version()}
    return Body(document, shown.columns, shown.rows, following)


def _whole(request: Request, backend: Backend, statement: Statement, name: str) -> Response:
    def make() -> Body:
        result = backend.ask(statement)
        return Body({"data": result.dictionaries(), "version": backend.version()}, result.columns, result.rows)

    return respond(request, backend.version(), make, name=name)


def _printable(name: str, value: str | None) -> Any:
    if value is not None and not value.isprintable():
        raise invalid("query", name, value, "characters that can be printed")
    return value
