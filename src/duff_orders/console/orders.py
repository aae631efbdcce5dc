"""Order lines with filters; one order, and the files that mention it."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from duff_orders.api.orders import MONEY, Id, Name, Sort, order_document, page_of_lines
from duff_orders.api.parameters import Day, OrderId, Status
from duff_orders.api.problems import Problem
from duff_orders.clock import parse_time
from duff_orders.console.page import backend, missing, page
from duff_orders.console.source import Source
from duff_orders.contract import STATUSES
from duff_orders.query import statements
from duff_orders.query.harmless import harmless
from duff_orders.query.statements import LineFilter

router = APIRouter(include_in_schema=False)

#: Lines of a page, and the files among which those that told of an order are looked for without being asked.
LINES, SEARCHED = 50, 200
#: Channels that are offered to choose from, and characters of a name.
CHANNELS, CHARACTERS = 100, 80
SORTS: tuple[Sort, ...] = get_args(Sort)
_FIELDS: Mapping[str, TypeAdapter[Any]] = {
    "order_id": TypeAdapter(Id),
    "client_id": TypeAdapter(Id),
    "product_id": TypeAdapter(Id),
    "client": TypeAdapter(Name),
    "product": TypeAdapter(Name),
    "status": TypeAdapter(Status | None),
    "channel": TypeAdapter(Name),
    "pa_date_from": TypeAdapter(Day | None),
    "pa_date_to": TypeAdapter(Day | None),
    "min_total": TypeAdapter(Annotated[str | None, Query(pattern=MONEY)]),
}


#: Clients and products that one name may mean.
NAMES = 500
#: By what is asked for: the dimension, its key, and its name.
_DIMENSIONS = {
    "client": ("dim_clients", "client_id", "client_name"),
    "product": ("dim_products", "product_id", "product_description"),
}
#: The columns of the CSV of what is shown.
_CSV = (
    *("order_id", "product_id", "product", "client_id", "client", "status", "channel"),
    *("product_price", "product_ccf", "total_price", "total_volume", "pa_date"),
)


@dataclass(slots=True)
class Form:
    """What was filled in: the texts, the filter that they make, and which of them are not allowed."""

    texts: dict[str, str]
    wanted: LineFilter = field(default_factory=LineFilter)
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, texts: Mapping[str, str], source: Source) -> "Form":
        """The form as it was sent; clients and products are looked for by their names."""
        form = cls({name: texts[name].strip() for name in _FIELDS if texts.get(name, "").strip()})
        values: dict[str, Any] = {}
        for name, text in form.texts.items():
            try:
                values[name] = _FIELDS[name].validate_python(text)
                if not text.isprintable():
                    raise ValueError
            except (ValidationError, ValueError):
                form.wrong.append(name)
        if not form.wrong:
            if "min_total" in values:
                values["min_total"] = Decimal(values["min_total"])
            for name, (table, key, column) in _DIMENSIONS.items():
                if (text := values.pop(name, None)) is not None:
                    rows = source.ask(statements.called(table, key, column, text, NAMES)).rows
                    if len(rows) > NAMES:
                        form.wrong.append(name)
                    values[f"{key}s"] = tuple(row[0] for row in rows[:NAMES])
            form.wanted = LineFilter(**values)
        return form


@router.get("/orders")
def list_orders(request: Request, sort: str = "-pa_date", cursor: str = "") -> Response:
    """Order lines, each in its latest state."""
    source = backend(request)
    form = Form.of(request.query_params, source)
    wanted_sort: Sort = next((each for each in SORTS if each == sort), "-pa_date")
    rows: list[dict[str, Any]] = []
    following = None
    if not form.wrong:
        lines, following = page_of_lines(source, form.wanted, wanted_sort, cursor or None, LINES)()
        rows = _with_names(source, lines.dictionaries())
    asked_for = form.texts | ({"sort": wanted_sort} if wanted_sort != "-pa_date" else {})
    shown = {
        "rows": rows,
        "count": _count(source, form.wanted) if not form.wrong else 0,
        "texts": form.texts,
        "wrong": form.wrong,
        "sort": wanted_sort,
        "sorts": SORTS,
        "statuses": STATUSES,
        "channels": _channels(source),
        "most": CHARACTERS,
        "next": urlencode({**asked_for, "cursor": following}) if following else "",
        "first": urlencode(asked_for) if cursor else None,
        "shown": urlencode(asked_for | ({"cursor": cursor} if cursor else {})),
        "document": None if asked_for.keys() & {"order_id", *_DIMENSIONS} else urlencode(asked_for),
    }
    return page(request, "orders.html", "orders", shown, status=422 if form.wrong else 200)


@router.get("/orders.csv")
def get_csv(request: Request, sort: str = "-pa_date", cursor: str = "") -> Response:
    """The lines that a page shows, as a file: exact values, and what a spreadsheet would run made harmless."""
    source = backend(request)
    form = Form.of(request.query_params, source)
    if form.wrong:
        raise Problem("invalid-parameter", ", ".join(form.wrong))
    wanted_sort: Sort = next((each for each in SORTS if each == sort), "-pa_date")
    lines, _ = page_of_lines(source, form.wanted, wanted_sort, cursor or None, LINES)()
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_CSV)
    for row in _with_names(source, lines.dictionaries()):
        cells = (row[name] for name in _CSV)
        writer.writerow(harmless(each) if isinstance(each, str) else each for each in cells)
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"', "Cache-Control": "no-store"}
    return Response(buffer.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/orders/{order_id}")
def get_order(request: Request, order_id: str, files: str = "") -> Response:
    """One order: its lines, their states, and which files told of it."""
    source = backend(request)
    try:
        number: int = TypeAdapter(OrderId).validate_python(order_id)
        document = order_document(number, source.order(number))
    except (ValidationError, Problem):
        return missing(request)
    last = {row[0]: row[1] for row in source.ask(statements.last_files(number)).rows}
    for line in document["lines"]:
        line["file"] = source.file(last[line["product_id"]]) if line["product_id"] in last else None
    seen = [(parse_time(line["first_seen"]), parse_time(line["last_seen"])) for line in document["lines"]]
    days = min(first for first, _ in seen).date(), max(latest for _, latest in seen).date()
    # Where there are many files of these days, a search takes a while: it waits until it is asked for.
    mentions = _told(source, number, *days, most=None if files == "all" else SEARCHED)
    shown = {"order": document, "told": mentions, "most": CHARACTERS, "added": statements.ADDED}
    return page(request, "order.html", "orders", shown)


def _with_names(source: Source, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order lines with the names of their clients and products."""
    for name, (table, key, column) in _DIMENSIONS.items():
        ids = sorted({row[key] for row in rows})
        names = dict(map(tuple, source.ask(statements.named(table, key, column, ids)).rows)) if ids else {}
        for row in rows:
            row[name] = names.get(row[key], "")
    return rows


def _count(source: Source, wanted: LineFilter) -> int:
    relation = source.lines(by_client=wanted.client_id is not None)
    (row,) = source.ask(statements.counted(relation, wanted)).rows
    return int(row[0])


def _channels(source: Source) -> list[str] | None:
    """The channels to choose from; None where they are too many, or too long."""
    names = [row[0] for row in source.ask(statements.channels()).rows]
    if len(names) > CHANNELS or any(len(name) > CHARACTERS for name in names):
        return None
    return names


def _told(source: Source, order_id: int, first: date, last: date, most: int | None) -> list[dict[str, Any]] | None:
    """The files with records of an order, oldest first, and what each said; None where they are more than `most`."""
    files = [row for row in source.ledger.rows() if row.published and first <= row.pa_date <= last]
    if most is not None and len(files) > most:
        return None
    documents = source.said_of_order(order_id, files).dictionaries() if files else []
    by_id = {row.file_id: row for row in files}
    return [{**each, "file": by_id[each["file_id"]]} for each in documents]
