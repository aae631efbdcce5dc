"""Today: is everything in, as one sentence and four figures; the calendar; all that is open, with what may be done."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.api.profiles import may_change
from duff_orders.clock import utc_now
from duff_orders.console.asking import by
from duff_orders.console.calendar import ITEMS, calendar, counts, lines
from duff_orders.console.page import backend, page, partner_names, words
from duff_orders.console.sample import sample
from duff_orders.console.texts import Words, place
from duff_orders.partners.days import Day, PartnerDays
from duff_orders.partners.work import KINDS, Balance, Item, balance, work

router = APIRouter(include_in_schema=False)

#: Days that the calendar may show, and how many it shows where nothing is asked for.
SPANS, SPAN = (14, 28), 14
#: Partners that a sentence names.
NAMED = 2


@router.get("/")
def get_today(
    request: Request, days: int = SPAN, until: date | None = None, kind: str = "", number: int = 1
) -> Response:
    """Whether everything is in."""
    t, source = words(request), backend(request)
    now = utc_now()
    local = now.astimezone(ZoneInfo(t.zone))
    rows = source.ledger.rows()
    waiting = request.app.state.progress.on_their_way(t)
    common = {"waiting": waiting, "partners": partner_names(source), "now": _now(t)}
    told = source.partner_days(now)
    if not rows and not any(each.promised.expected for each in told):
        return page(request, "empty.html", "today", common | {"sample": sample()})
    items = work(told, source.standings())
    day = balance(told, items, rows, local.date())
    chosen = [item for item in items if item.kind == kind] if kind in KINDS else items
    pages = max(1, -(-len(chosen) // ITEMS))
    number = min(max(1, number), pages)
    days = days if days in SPANS else SPAN
    last = min(until, local.date()) if until else local.date()
    first = last - timedelta(days=days - 1)
    listed = chosen[(number - 1) * ITEMS : number * ITEMS]
    asked = {name: value for name, value in (("days", days if days != SPAN else ""), ("until", until or "")) if value}
    shown = {
        "answer": answer(t, day, told),
        "look": _look(day),
        "who": _who(t, told, day, local.date()),
        "nobody": not any(each.promised.expected for each in told),
        "today": local.date(),
        "figures": _figures(t, told, items, day, local.date()),
        "calendar": calendar(t, told, first, last, local.date()),
        "days": days,
        "earlier": urlencode({"days": days, "until": first - timedelta(days=1)}),
        "kinds": counts(items),
        "kind": kind if kind in KINDS else "",
        "asked": f"&{urlencode(asked)}" if asked else "",
        "total": len(items),
        "number": number,
        "pages": pages,
        "work": lines(t, source, told, listed, with_address=may_change(request)),
    }
    return page(request, "today.html", "today", common | shown)


def _now(t: Words) -> str:
    """The day and the time, where the reader is and in UTC."""
    now = utc_now()
    local = now.astimezone(ZoneInfo(t.zone))
    day = t.long_day(local.date())
    if local.utcoffset() == timedelta(0):
        return t("now_utc", day=day, time=f"{now:%H:%M}")
    return t("now", day=day, time=f"{local:%H:%M}", place=place(t.zone), utc=f"{now:%H:%M}")


def answer(t: Words, day: Balance, told: Sequence[PartnerDays]) -> str:
    """The sentence that answers whether everything is in."""
    if not any(each.promised.expected for each in told):
        return t.many("answer_nobody", day.files)
    open_ = _open(t, day)
    if not day.expected:
        return t("answer_none_today_open", open=open_) if open_ else t("answer_none_today")
    if day.missing and day.due:
        missing = t.many("part_missing", day.missing, expected=day.expected)
        return t("answer_missing_due", missing=missing, due=t.many("part_due", day.due))
    if day.missing:
        return t.many("answer_missing", day.missing, expected=day.expected)
    if day.due:
        return t.many("answer_due", day.due)
    return t("answer_open", open=open_) if open_ else t("answer_all_in", expected=day.expected)


def _open(t: Words, day: Balance) -> str:
    """What came and is not published, in words."""
    parts = [t.many("part_invalid", day.invalid)] if day.invalid else []
    parts += [t.many("part_rows", day.rows)] if day.rows else []
    return ", ".join(parts)


def _look(day: Balance) -> Mapping[str, str]:
    """The sign beside the sentence, and its weight."""
    if day.missing:
        return {"look": "bad", "sign": "∅"}
    if day.invalid:
        return {"look": "bad", "sign": "✕"}
    if day.rows or day.unusual:
        return {"look": "warn", "sign": "▲"}
    return {"look": "", "sign": "○"} if day.due or not day.expected else {"look": "good", "sign": "✓"}


def _who(t: Words, told: Sequence[PartnerDays], day: Balance, today: date) -> str:
    """Who is meant: who should have sent, who has time, and what of what came is not published."""
    parts = list[str]()
    for key, named in (("who_missing", _missing(told, today)), ("who_due", _due(told, today))):
        parts += [t(key, name=of.name, by=by(of.promised.expected)) for of in named[:NAMED] if of.promised.expected]
    sentences = ["; ".join(parts) + "."] if parts else []
    but = [t.many("but_rows", day.rows)] if day.rows else []
    but += [t.many("but_files", day.invalid)] if day.invalid else []
    if (day.missing or day.due) and but:
        sentences.append(t("all_but", open=t.all_of(but)))
    return " ".join(sentences)


def _states(told: Sequence[PartnerDays], today: date) -> list[tuple[PartnerDays, Day]]:
    return [(each, day) for each in told if (day := each.on(today)) is not None]


def _missing(told: Sequence[PartnerDays], today: date) -> list[PartnerDays]:
    return [each for each, day in _states(told, today) if day.word in ("missing", "missed")]


def _due(told: Sequence[PartnerDays], today: date) -> list[PartnerDays]:
    return [each for each, day in _states(told, today) if day.slot.state == "due"]


def _figures(
    t: Words, told: Sequence[PartnerDays], items: Sequence[Item], day: Balance, today: date
) -> list[dict[str, Any]]:
    missing, due = _missing(told, today), _due(told, today)
    rows = [item for item in items if item.kind == "rows"]
    unusual = [item for item in items if item.kind == "unusual"]

    def named(key: str, of: Sequence[PartnerDays], none: str) -> str:
        texts = [t(key, name=each.name, by=by(each.promised.expected)) for each in of if each.promised.expected]
        return _first(t, texts) or t(none)

    oldest = t.short_day(rows[0].date) if rows else ""
    return [
        {
            "value": t.number(day.missing),
            "unit": t("of_expected", n=day.expected),
            "label": t("missing_today"),
            "line": named("since_by", missing, "nobody_missing"),
            "look": "bad" if day.missing else "",
            "href": "/?kind=missing#work",
        },
        {
            "value": t.number(day.due),
            "unit": "",
            "label": t("still_due"),
            "line": named("until_by", due, "none_due"),
            "look": "",
            "href": "#calendar",
        },
        {
            "value": t.number(day.rows),
            "unit": "",
            "label": t("to_correct"),
            "line": t.many("in_files", len(rows), day=oldest) if rows else t("nothing_open"),
            "look": "warn" if day.rows else "",
            "href": "/?kind=rows#work",
        },
        {
            "value": t.number(len(unusual)),
            "unit": "",
            "label": t("warnings"),
            "line": _first(t, [f"{each.partner}, {t.short_day(each.date)}" for each in unusual])
            or t("nothing_unusual"),
            "look": "warn" if unusual else "",
            "href": "/?kind=unusual#work",
        },
    ]


def _first(t: Words, texts: Sequence[str]) -> str:
    """The first of some texts, and how many more there are."""
    if len(texts) < 2:
        return "".join(texts)
    return t("and_more", first=texts[0], n=len(texts) - 1)
