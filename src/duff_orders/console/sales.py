"""Sales and orders of a period: the total as an answer, four figures, and charts with their tables."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.clock import utc_now
from duff_orders.console import charts
from duff_orders.console.charts import Figure
from duff_orders.console.page import backend, page, words
from duff_orders.console.source import Source
from duff_orders.console.texts import Words
from duff_orders.contract import CONTRACT
from duff_orders.query import reports
from duff_orders.query.reports import Value

router = APIRouter(include_in_schema=False)

#: The days that a chart by day may show; "all" shows as many as a report has rows.
PERIODS = {"7": 7, "30": 30, "90": 90, "all": None}
#: Bars of channels and products.
TOP = 10
#: The words of days that have less than all of their rows.
INCOMPLETE = ("missing", "missed", "invalid", "failed")


@router.get("/sales")
def get_sales(request: Request, period: str = "30") -> Response:
    """What was sold, in some period that moves every figure."""
    t, source = words(request), backend(request)
    period = period if period in PERIODS else "30"
    now = utc_now()
    sales = _kept_sales(request, t, source, period, now.date())
    gaps = _incomplete(source, PERIODS[period])
    shown = {
        "title": sales.title,
        "numbers": sales.numbers,
        "charts": sales.charts,
        "gaps": t.many("incomplete", len(gaps)) if gaps else "",
        "period": period,
        "periods": list(PERIODS),
    }
    return page(request, "sales.html", "sales", shown)


@dataclass(frozen=True, slots=True)
class Sales:
    """The page's answer, its large numbers, and its charts."""

    title: str
    numbers: list[dict[str, str]]
    charts: list[Figure]


def _incomplete(source: Source, days: int | None) -> list[date]:
    """The days of a period of which a partner's file is missing, or cannot be taken in."""
    now = utc_now()
    since = now.date() - timedelta(days=days - 1) if days else date.min
    told = (day for partner in source.partner_days(now) for day in partner.days)
    return sorted({each.slot.day for each in told if each.word in INCOMPLETE and each.slot.day >= since})


def _kept_sales(request: Request, t: Words, source: Source, period: str, today: date) -> Sales:
    """The figures, made once for each build, day, period, language, and days that are incomplete."""
    kept: dict[tuple[Any, ...], Sales] = request.app.state.figures
    gaps = tuple(_incomplete(source, PERIODS[period]))
    key = (source.version(), today, period, t.language, gaps)
    cached = kept.get(key)
    if cached is None:
        cached = sales_of(t, source, period, today, gaps)
        if any(other[:2] != key[:2] for other in list(kept)):
            kept.clear()
        if source.shows(source.snapshot.current().build_id):
            kept[key] = cached
    return cached


def sales_of(t: Words, source: Source, period: str, today: date, gaps: Collection[date] = ()) -> Sales:
    """What was sold by day, status, channel and product; `gaps` are the days that are incomplete."""
    days = PERIODS[period]
    since: dict[str, Value] = {} if days is None else {"from": today - timedelta(days=days - 1)}
    most = reports.report("sales_by_day").most_rows or 0
    wanted: dict[str, dict[str, Value]] = {
        "sales_by_day": since | {"limit": most},
        "status_summary": since,
        "sales_by_channel": since | {"limit": TOP + 1},  # one more tells whether some are left out
        "sales_by_product": since | {"limit": TOP + 1},
        "average_order": since,
    }
    answers = source.reports([(reports.report(name), values) for name, values in wanted.items()])
    by_day, by_status, by_channel, by_product, average = (answer.dictionaries() for answer in answers)
    worth = {row["status"]: Decimal(row["sales"]) for row in by_status}
    unsold = [status.name for status in CONTRACT.statuses if not status.sells]
    places = {
        "states": t.all_of(map(t.status, unsold)),
        "worth": t.money(sum((worth.get(name, Decimal(0)) for name in unsold), Decimal(0))),
        "total": t.money(sum(worth.values(), Decimal(0))),
    }
    left_out = t("without_unsold", **places)

    def csv(report: str, **more: int) -> str:
        return f"/v1/reports/{report}?{urlencode({'format': 'csv', **more, **since})}"

    def ranked(what: str, rows: list[dict[str, Any]], name: str, report: str) -> Figure:
        figure = charts.ranked(t, what, rows[:TOP], name, period, csv(report, limit=most))
        cut = f" {t('only_largest', top=TOP)}" if len(rows) > TOP else ""
        return replace(figure, note=left_out + cut)

    marked = f" {t('dashed')}" if gaps else ""
    drawn = [
        replace(charts.by_day(t, by_day[::-1], period, csv("sales_by_day", limit=most), gaps), note=left_out + marked),
        replace(
            charts.by_status(t, by_status, period, csv("status_summary")),
            note=t("with_unsold", **places),
        ),
        ranked("channel", by_channel, "point_of_sale_channel", "sales_by_channel"),
        ranked("product", by_product, "product_description", "sales_by_product"),
    ]
    sold = sum((amount for name, amount in worth.items() if name not in unsold), Decimal(0))
    return Sales(_title(t, sold, days), _numbers(t, sold, by_status, average), drawn)


def _title(t: Words, sold: Decimal, days: int | None) -> str:
    end = "" if days else "_all"
    if not sold:
        return t(f"sold_none{end}", days=days or 0)
    return t(f"sold_title{end}", days=days or 0, total=t.money(sold))


def _numbers(
    t: Words, sold: Decimal, by_status: list[dict[str, Any]], average: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """The four large numbers: what was sold, orders, what is delivered of them, and how large an order is."""
    lines = sum(row["order_lines"] for row in by_status)
    shares = {row["status"]: t.percent(row["order_lines"], lines) for row in by_status}
    others = ", ".join(f"{t.status(name)} {share}" for name, share in shares.items() if name != "delivered")
    orders = average[0]["orders"] if average else 0
    mean = t.money(_cents(average[0]["average_order"])) if average else "–"
    return [
        {
            "value": t.short_amount(sold),
            "unit": "",
            "label": t("figure_sold"),
            "line": t.money(sold),
            "look": "",
            "href": "",
        },
        {
            "value": t.number(orders),
            "unit": "",
            "label": t("figure_orders"),
            "line": t.many("order_lines_of", lines),
            "look": "",
            "href": "",
        },
        {
            "value": shares.get("delivered", t.percent(0, lines)),
            "unit": "",
            "label": t("figure_delivered"),
            "line": others,
            "look": "",
            "href": "",
        },
        {"value": mean, "unit": "", "label": t("figure_average"), "line": t("average_of"), "look": "", "href": ""},
    ]


def _cents(amount: Decimal | str) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"))
