"""The overview: is everything in, what broke, what to do; then sales and orders, as charts with their tables."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.api.files import reasons_of
from duff_orders.clock import utc_now
from duff_orders.console import charts
from duff_orders.console.charts import Figure
from duff_orders.console.page import backend, page, partner_names, words
from duff_orders.console.source import Source
from duff_orders.console.texts import Words
from duff_orders.contract import CONTRACT
from duff_orders.documents import VERDICTS
from duff_orders.lake.standing import Standing
from duff_orders.query import reports
from duff_orders.query.reports import Value

router = APIRouter(include_in_schema=False)

#: Files that are to be looked at.
TODO = 3
#: The days that a chart by day may show; "all" shows as many as a report has rows.
PERIODS = {"7": 7, "30": 30, "90": 90, "all": None}
#: Bars of channels and products.
TOP = 10


@router.get("/")
def get_overview(request: Request, period: str = "30") -> Response:
    """Three questions, answered in sentences; sales and orders; a place to drop files."""
    t, source = words(request), backend(request)
    period = period if period in PERIODS else "30"
    rows = source.ledger.rows()
    now = utc_now()
    to_do = source.standings().open()
    by_verdict = {verdict: sum(each.row.verdict == verdict for each in to_do) for verdict in VERDICTS}
    shown = {
        "today": sum(row.event_time.date() == now.date() for row in rows),
        "waiting": request.app.state.progress.waiting(),
        "partners": partner_names(source),
        "invalid": by_verdict["invalid"],
        "failed": by_verdict["failed"],
        "rows_open": sum(each.open for each in to_do),
        "todo": [{"row": each.row, "text": _to_do(t, source, each)} for each in to_do[:TODO]],
        "more": max(0, len(to_do) - TODO),
        "period": period,
        "periods": list(PERIODS),
        "figures": _kept_figures(request, t, source, period, now.date()),
    }
    return page(request, "overview.html", "overview", shown)


def _kept_figures(request: Request, t: Words, source: Source, period: str, today: date) -> list[Figure]:
    """The figures, made once for each build, day, period and language."""
    kept: dict[tuple[Any, ...], list[Figure]] = request.app.state.figures
    key = (source.version(), today, period, t.language)
    cached = kept.get(key)
    if cached is None:
        cached = figures(t, source, period, today)
        if any(other[:2] != key[:2] for other in list(kept)):
            kept.clear()
        if source.shows(source.snapshot.current().build_id):
            kept[key] = cached
    return cached


def figures(t: Words, source: Source, period: str, today: date) -> list[Figure]:
    """What was sold by day, status, channel and product."""
    days = PERIODS[period]
    since: dict[str, Value] = {} if days is None else {"from": today - timedelta(days=days - 1)}
    most = reports.report("sales_by_day").most_rows or 0
    wanted: dict[str, dict[str, Value]] = {
        "sales_by_day": since | {"limit": most},
        "status_summary": since,
        "sales_by_channel": since | {"limit": TOP + 1},  # one more tells whether some are left out
        "sales_by_product": since | {"limit": TOP + 1},
    }
    answers = source.reports([(reports.report(name), values) for name, values in wanted.items()])
    by_day, by_status, by_channel, by_product = (answer.dictionaries() for answer in answers)
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

    return [
        replace(charts.by_day(t, by_day[::-1], period, csv("sales_by_day", limit=most)), note=left_out),
        replace(
            charts.by_status(t, by_status, period, csv("status_summary")),
            note=t("with_unsold", **places),
        ),
        ranked("channel", by_channel, "point_of_sale_channel", "sales_by_channel"),
        ranked("product", by_product, "product_description", "sales_by_product"),
    ]


def _to_do(t: Words, source: Source, standing: Standing) -> str:
    row = standing.row
    counts = reasons_of(source, row) if row.rows_rejected else []
    if not counts:
        return t("do_look", verdict=t.verdict(row.verdict), reason=t.why(row.reason or row.error or ""))
    first = f"{counts[0]['column']}: {t.reason(counts[0]['code'])}"
    return t("do_correct", rows=standing.open, read=row.rows_read, reason=first)
