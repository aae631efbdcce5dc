"""A partner's four weeks as three small charts: the hour of arrival, rows, and the share of them that was rejected."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from duff_orders.console.calendar import percent
from duff_orders.console.charts import Figure, draw
from duff_orders.console.texts import Words, place
from duff_orders.partners.days import Day, PartnerDays, summary
from duff_orders.partners.usual import share_bound

#: Pixels of a chart, which is shown as wide as it is drawn.
WIDTH, HEIGHT = 300, 110
_NOON = 12


def partner_charts(t: Words, of: PartnerDays, first: date, last: date) -> list[Figure]:
    """The charts of some days, both included."""
    days = of.between(first, last)
    span = [f"{first + timedelta(days=number):%-d}" for number in range((last - first).days + 1)]
    return [_arrivals(t, of, days, span), _volumes(t, days, span), _shares(t, of, days, span)]


def _arrivals(t: Words, of: PartnerDays, days: Sequence[Day], span: Sequence[str]) -> Figure:
    told = summary(days)
    title = t("hour_chart", on_time=told.on_time, over=told.over) if told.over else t("hour_chart_none")
    expected = of.promised.expected
    due = expected.by.hour + expected.by.minute / 60 if expected else _NOON
    values = list[dict[str, Any]]()
    for day in days:
        came = day.arrived_there
        if came is not None:
            sign = "»" if day.slot.state == "late" else "●"
            values.append({"day": f"{day.slot.day:%-d}", "value": came.hour + came.minute / 60, "sign": sign})
        elif day.slot.state in ("missing", "missed"):
            values.append({"day": f"{day.slot.day:%-d}", "value": due, "sign": "∅"})
    y = {"scale": {"domain": [0, 24]}, "axis": {"values": [0, 12, 24]}}
    colour = {
        "condition": [
            {"test": "datum.sign == '∅'", "value": "var(--bad)"},
            {"test": "datum.sign == '»'", "value": "var(--warn)"},
        ],
        "value": "var(--link)",
    }
    layer = [
        {"mark": {"type": "text", "fontSize": 12}, "encoding": {"text": {"field": "sign"}, "color": colour}},
        *_rule(due, t("due_label", by=f"{expected.by:%H:%M}" if expected else "")),
    ]
    rows = [
        (t.short_day(day.slot.day), f"{day.arrived_there:%d.%m. %H:%M}" if day.arrived_there else t(f"word_{day.word}"))
        for day in reversed(days)
        if day.arrived_there or day.word in ("missing", "missed", "invalid", "failed")
    ]
    note = t("hour_note", place=place(expected.zone) if expected else "")
    svg = draw(t, title, _spec(values, span, y, layer) if values else None)
    return Figure(title, "", (t("day"), t("hour")), rows, svg, note)


def _volumes(t: Words, days: Sequence[Day], span: Sequence[str]) -> Figure:
    came = [day for day in days if day.slot.files]
    title = t("volume_chart", rows=sum(day.amount.rows for day in came))
    values = [
        {"day": f"{day.slot.day:%-d}", "value": day.amount.rows, "sign": _sign(day, {"fewer": "↓", "more": "↑"})}
        for day in came
    ]
    rows = [(t.short_day(day.slot.day), t.number(day.amount.rows)) for day in reversed(came)]
    middle = round(median([day.amount.rows for day in came])) if came else 0
    layer = [*_bars("var(--link)"), *_rule(middle, t("middle_label", rows=middle))]
    svg = draw(t, title, _spec(values, span, {"axis": {"tickCount": 3, "format": ",~r"}}, layer) if values else None)
    return Figure(title, "", (t("day"), t("rows")), rows, svg, t("volume_note"))


def _shares(t: Words, of: PartnerDays, days: Sequence[Day], span: Sequence[str]) -> Figure:
    came = [day for day in days if day.slot.files]
    told = summary(came)
    share = Decimal(told.rejected) / told.rows if told.rows else Decimal(0)
    title = t("share_chart", share=percent(t, share))
    amounts = [day.amount for day in of.days if day.slot.is_complete]
    found = share_bound(came[-1].slot.day, [each for each in amounts if each.day < came[-1].slot.day]) if came else None
    values = [
        {
            "day": f"{day.slot.day:%-d}",
            "value": float(day.amount.share * 100),
            "sign": _sign(day, {"rejects": "▲"}),
        }
        for day in came
    ]
    rows = [
        (t.short_day(day.slot.day), t.number(day.amount.rejected), percent(t, day.amount.share))
        for day in reversed(came)
    ]
    bound = percent(t, found[0]) if found else "1 %"
    layer = [
        *_bars("var(--warn)"),
        *(_rule(float(found[0] * 100), t("bound_label", bound=bound)) if found else ()),
    ]
    svg = draw(t, title, _spec(values, span, {"axis": {"tickCount": 3}}, layer) if values else None)
    heads = (t("day"), t("rejected"), t("share"))
    return Figure(title, "", heads, rows, svg, t("share_note", bound=bound))


def _sign(day: Day, signs: Mapping[str, str]) -> str:
    return next((signs[mark.what] for mark in day.marks if mark.what in signs), "")


def _spec(
    values: Sequence[Mapping[str, Any]], span: Sequence[str], y: Mapping[str, Any], layer: Sequence[Any]
) -> dict[str, Any]:
    """Layers over the days of a span; those with data of their own say where they stand."""
    axis = {"labelAngle": 0, "labelOverlap": True, "labelSeparation": 12, "ticks": False}
    x = {"field": "day", "type": "ordinal", "title": None, "scale": {"domain": [*span]}, "axis": axis}
    places = {"x": x, "y": {"field": "value", "type": "quantitative", "title": None, **y}}
    layers = [each if "data" in each else each | {"encoding": places | each.get("encoding", {})} for each in layer]
    return {"width": WIDTH - 30, "height": HEIGHT, "data": {"values": [*values]}, "layer": layers}


def _bars(colour: str) -> list[dict[str, Any]]:
    """Bars, and above them what marks them."""
    warned = {"condition": {"test": "datum.sign != ''", "value": "var(--warn)"}, "value": colour}
    return [
        {"mark": {"type": "bar"}, "encoding": {"color": warned}},
        {"mark": {"type": "text", "dy": -7, "color": "var(--warn)"}, "encoding": {"text": {"field": "sign"}}},
    ]


def _rule(value: float, label: str) -> list[dict[str, Any]]:
    """A dashed line with its label."""
    data = {"values": [{"at": value, "label": label}]}
    y = {"field": "at", "type": "quantitative"}
    text = {"y": y, "x": {"value": 2}, "text": {"field": "label"}}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "strokeDash": [4, 3], "color": "var(--warn)"},
            "encoding": {"y": y},
        },
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "dy": -7, "fontSize": 12, "color": "var(--warn)"},
            "encoding": text,
        },
    ]
