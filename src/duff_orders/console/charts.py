"""Charts, drawn as SVG on the server: a title that states the answer, the picture, the table, a link to its CSV.

Vega-Lite describes them and `vl-convert` draws them, so that the browser runs nothing. Colours are the page's own
custom properties: one drawing serves light and dark. Positions are floats, as pixels are; every number that can be
read comes from the exact decimals. Without the extra `charts` there are the tables alone.
"""

import json
import re
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from duff_orders.console.texts import Words
from duff_orders.contract import CONTRACT

Row = dict[str, Any]

#: Pixels of a chart, which is shown as wide as it is drawn: in a column, and alone in a row of a wide window.
WIDTH, WIDE, HEIGHT, BAR = 300, 900, 130, 22
#: Pixels that the vertical axis takes.
_AXIS = 60
#: Days that are shown as bars, and days that the table lists; the CSV has them all.
BARS, LISTED = 60, 100
#: Characters of a name beside a bar.
NAME = 24
_ROLES = re.compile(r' (?:role|aria-roledescription)="[^"<>]*"')
_drawing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with all that stands around it. `svg` is empty where nothing can be drawn.

    `heads` are the table's columns; the values of `rows` are written as the reader's language does. `note` says what
    the figure leaves out, or counts where others do not.
    """

    title: str
    csv: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    svg: Markup = field(default=Markup(""))
    note: str = ""


def by_day(t: Words, rows: Sequence[Row], period: str, csv: str, gaps: Collection[date] = ()) -> Figure:
    """Sales of each day, those of `gaps` marked, and in the table orders, too."""
    total = sum((Decimal(row["sales"]) for row in rows), Decimal(0))
    when = t(f"period_{period}")
    if rows:
        best = max(rows, key=lambda row: Decimal(row["sales"]))
        title = t("by_day", when=when, total=t.money(total), day=t.day(best["pa_date"]), best=t.money(best["sales"]))
    else:
        title = t("by_day_none", when=when)
    many = len(rows) > BARS
    values = [
        {
            "day": row["pa_date"] if many else t.day(row["pa_date"]),
            "sales": float(row["sales"]),
            "gap": "∅" if _day(row) in gaps else "",
        }
        for row in rows
    ]
    table = [
        (t.day(row["pa_date"]), t.number(row["orders"]), t.money(row["sales"])) for row in reversed(rows[-LISTED:])
    ]
    drawn = [_by_day(t, title, values, width, many=many) for width in (WIDE, WIDTH)] if rows else []
    # of the two a page shows the one that it has room for
    svg = Markup("").join(
        Markup('<div class="{}">{}</div>').format(place, each)
        for place, each in zip(("if-wide", "if-narrow"), drawn, strict=False)
        if each
    )
    return Figure(title, csv, (t("day"), t("orders"), t("sales")), table, svg)


def _by_day(t: Words, title: str, values: Sequence[Row], width: int, *, many: bool) -> Markup:
    """Bars, those of days that are incomplete dashed; or for many days a line, whose axis tells the time."""
    x: dict[str, Any] = {"field": "day", "title": None, "type": "temporal" if many else "ordinal"}
    x |= {} if many else {"sort": None}  # as they come: these are days in the reader's words
    x["axis"] = {"labelAngle": 0, "labelOverlap": True, "labelSeparation": 8}
    if many:
        x |= {"scale": {"type": "utc"}}
        x["axis"] |= {"format": "%d-%m-%Y" if t.language == "es" else "%-d %b %Y", "tickCount": 5}
    y = {"field": "sales", "type": "quantitative", "title": None, "axis": {"tickCount": 3, "format": ",~r"}}
    colour = "var(--link)"
    chart: Row = {"mark": {"type": "line", "interpolate": "step", "color": colour}}
    if not many:
        whole = {"condition": {"test": "datum.gap != ''", "value": "var(--link-soft)"}, "value": colour}
        dashed = {"condition": {"test": "datum.gap != ''", "value": [3, 2]}, "value": [1, 0]}
        encoding = {"fill": whole, "stroke": {"value": colour}, "strokeDash": dashed}
        chart = {"mark": {"type": "bar"}, "encoding": encoding}
    layer = [chart]
    if any(each["gap"] for each in values) and not many:
        mark = {"type": "text", "dy": -8, "color": "var(--bad)"}
        only = [{"filter": "datum.gap != ''"}]
        layer.append({"transform": only, "mark": mark, "encoding": {"text": {"field": "gap"}}})
    shape = {"width": width - _AXIS, "height": HEIGHT, "data": {"values": [*values]}}
    return draw(t, title, {**shape, "encoding": {"x": x, "y": y}, "layer": layer})


def by_status(t: Words, rows: Sequence[Row], period: str, csv: str) -> Figure:
    """The states of the order lines as one bar."""
    lines = sum(row["order_lines"] for row in rows)
    delivered = sum(row["order_lines"] for row in rows if row["status"] == "delivered")
    when = t(f"period_{period}")
    if lines:
        title = t("by_status", when=when, share=t.percent(delivered, lines), lines=lines)
    else:
        title = t("by_status_none", when=when)
    states = [CONTRACT.status(row["status"]) for row in rows]
    values = [
        {
            "status": row["status"],
            "place": number,
            "lines": row["order_lines"],
            "label": " ".join(
                (status.symbol, t.status(status.name), t.percent(row["order_lines"], lines)),
            ),
        }
        for number, (row, status) in enumerate(zip(rows, states, strict=True))
    ]
    spec = {
        "data": {"values": values},
        "width": WIDTH,
        "height": 2 * BAR,
        "mark": {"type": "bar", "stroke": "var(--back)"},
        "encoding": {
            "x": {"field": "lines", "type": "quantitative", "stack": "zero", "axis": None, "scale": {"nice": False}},
            "order": {"field": "place"},
            "color": {
                "field": "label",
                "type": "nominal",
                "sort": {"field": "place"},
                "scale": {
                    "domain": [each["label"] for each in values],
                    "range": [f"var(--{status.colour})" for status in states],
                },
                "legend": {"orient": "bottom", "title": None, "labelFontSize": 13, "columns": 1},
            },
        },
    }
    table = [
        (t.status(row["status"]), t.number(row["orders"]), t.number(row["order_lines"]), t.money(row["sales"]))
        for row in rows
    ]
    heads = (t("status"), t("orders"), t("order_lines"), t("sales"))
    return Figure(title, csv, heads, table, draw(t, title, spec if lines else None))


def ranked(t: Words, what: str, rows: Sequence[Row], name: str, period: str, csv: str) -> Figure:
    """The sales of the largest few, each with its value."""
    when = t(f"period_{period}")
    if rows:
        title = t(f"by_{what}", when=when, name=_short(rows[0][name] or "–"), sales=t.money(rows[0]["sales"]))
    else:
        title = t(f"by_{what}_none", when=when)
    values = [
        {
            "place": number,
            "name": _short(row[name] or "–"),
            "sales": float(row["sales"]),
            "label": t.money(row["sales"]),
        }
        for number, row in enumerate(rows)
    ]
    y = {"field": "place", "type": "ordinal", "axis": None}
    x = {"field": "sales", "type": "quantitative", "axis": None, "scale": {"domainMin": 0, "nice": False}}
    above = {"dy": -BAR // 2 + 1}
    left = {"type": "text", "align": "left", **above}
    right = {"type": "text", "align": "right", "fontWeight": 600, **above}
    spec = {
        "data": {"values": values},
        "width": WIDTH,
        "height": {"step": 2 * BAR - 4},
        "encoding": {"y": y},
        "layer": [
            {"mark": {"type": "bar", "color": "var(--link)", "height": 10, "yOffset": 8}, "encoding": {"x": x}},
            {"mark": left, "encoding": {"x": {"value": 0}, "text": {"field": "name"}}},
            {"mark": right, "encoding": {"x": {"value": WIDTH}, "text": {"field": "label"}}},
        ],
    }
    table = [(_short(row[name] or "–"), t.number(row["units"]), t.money(row["sales"])) for row in rows]
    heads = (t(what), t("units"), t("sales"))
    return Figure(title, csv, heads, table, draw(t, title, spec if rows else None))


def draw(t: Words, title: str, spec: dict[str, Any] | None) -> Markup:
    """The picture of a Vega-Lite specification; empty without one, and where nothing can draw."""
    if spec is None:
        return Markup("")
    drawn = _drawn(json.dumps(spec, sort_keys=True), t.language)
    if not drawn:
        return Markup("")
    # A name for those who cannot see it; the drawing itself holds no text of ours but what was escaped by who drew it.
    return Markup('<svg role="img" aria-label="{}" ').format(title) + Markup(drawn.removeprefix("<svg "))


@lru_cache(maxsize=64)
def _drawn(spec: str, language: str) -> str:
    """SVG without a size of its own; it is drawn once for each lot of numbers."""
    try:
        import vl_convert
    except ImportError:  # the extra `charts` is not installed
        return ""
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "background": None, "config": _CONFIG}
    thousands = {"decimal": ",", "thousands": "."} if language == "es" else {"decimal": ".", "thousands": ","}
    locale = {**thousands, "grouping": [3], "currency": ["", ""]}
    with _drawing:
        drawn = str(vl_convert.vegalite_to_svg(whole | json.loads(spec), format_locale=locale))
    # The picture as a whole has a role and a name; its parts are to have neither.
    return _ROLES.sub("", drawn)


def _day(row: Row) -> date:
    """The day of a row, which a local answer and one of Athena give as text or as a date."""
    return date.fromisoformat(str(row["pa_date"])[:10])


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


_TEXT = {"labelColor": "currentColor", "titleColor": "currentColor"}
_CONFIG = {
    "font": "system-ui, sans-serif",
    "axis": {
        **_TEXT,
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "aria": False,
    "legend": {"labelColor": "currentColor", "labelLimit": 300},
    "text": {"color": "currentColor", "fontSize": 13},
    "view": {"stroke": None},
    "padding": 2,
}
