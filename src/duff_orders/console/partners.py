"""Partners: one row each; and one of them with four weeks of arrivals, what is open, and a day."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.api.files import reasons_of
from duff_orders.api.profiles import may_change
from duff_orders.clock import utc_now
from duff_orders.console.calendar import lines, mark_text, percent, word
from duff_orders.console.page import backend, missing, page, words
from duff_orders.console.partner_charts import partner_charts
from duff_orders.console.source import Source
from duff_orders.console.texts import Words, place
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import partners as profiles
from duff_orders.lake.standing import Standing, Standings
from duff_orders.partners.days import Day, PartnerDays, summary
from duff_orders.partners.facts import SUMMARY_DAYS, open_of
from duff_orders.partners.usual import Mark
from duff_orders.partners.work import Item, work
from duff_orders.profiles.profile import DAYS, Expected, Profile

router = APIRouter(include_in_schema=False)

#: Open files, and reasons, that a partner's page lists.
FILES, REASONS = 20, 12
_WEEK = 7


@router.get("/partners")
def list_partners(request: Request) -> Response:
    """All partners, one row each."""
    t, source, now = words(request), backend(request), utc_now()
    told, standings = source.partner_days(now), source.standings()
    rows = [_row(t, each, standings, now) for each in told]
    return page(request, "partners.html", "partners", {"rows": rows, "busy": sum(row["busy"] for row in rows)})


@router.get("/partners/{name}")
def get_partner(request: Request, name: str, day: date | None = None) -> Response:
    """One partner."""
    t, source, now = words(request), backend(request), utc_now()
    of = found(source, name, now)
    if of is None:
        return missing(request)
    first, last = _four_weeks(of, now)
    days, standings = of.between(first, last), source.standings()
    opened = open_of(of, standings)
    newest = of.newest(now)
    chosen = of.on(day) if day else newest
    items = [item for item in work([of], standings) if item.partner == name]
    expected = of.promised.expected
    told = summary(days)
    with_address = may_change(request)
    missing_today = [item for item in items if item.word == "missing"][-1:]
    actions = lines(t, source, [of], missing_today, with_address=with_address)
    shown = {
        "of": of,
        "newest": newest,
        "newest_word": word(t, newest) if newest else "",
        "promise": promise(t, expected),
        "on_time": t("on_time_of", on_time=told.on_time, over=told.over) if told.over else "",
        "actions": actions[0]["actions"] if actions else [],
        "figures": _figures(t, days, opened),
        "charts": partner_charts(t, of, first, last) if expected else [],
        "open": [_open_row(t, source, each) for each in opened[:FILES]],
        "more": max(0, len(opened) - FILES),
        "open_rows": sum(each.open for each in opened),
        "weeks": _weeks(t, source, of, first, last),
        "day": _day(t, source, of, chosen, day, items, with_address=with_address),
        "writes": _writes(t, source, of, with_address=with_address),
    }
    return page(request, "partner.html", "partners", shown)


def found(source: Source, name: str, now: datetime) -> PartnerDays | None:
    """A partner with its days; None where there is none of this name."""
    return next((each for each in source.partner_days(now) if each.name == name), None)


def _four_weeks(of: PartnerDays, now: datetime) -> tuple[date, date]:
    zone = of.promised.expected.zone if of.promised.expected else "UTC"
    last = now.astimezone(ZoneInfo(zone)).date()
    return last - timedelta(days=SUMMARY_DAYS - 1), last


def promise(t: Words, expected: Expected | None) -> str:
    """What a partner has promised, as a sentence."""
    if expected is None:
        return t("promise_none")
    names = t("weekdays").split()
    days = [DAYS.index(day) for day in expected.days]
    if len(days) > 2 and days == [*range(days[0], days[-1] + 1)]:
        spoken = t("day_to_day", first=names[days[0]], last=names[days[-1]])
    else:
        spoken = t.all_of(names[day] for day in days)
    key = "promise_one" if expected.files == 1 else "promise"
    said = t(key, days=spoken, by=f"{expected.by:%H:%M}", place=place(expected.zone), files=expected.files)
    return f"{said} {t('grace', n=expected.grace_minutes)}" if expected.grace_minutes else said


def _row(t: Words, of: PartnerDays, standings: Standings, now: datetime) -> dict[str, Any]:
    days, opened, newest = of.between(*_four_weeks(of, now)), open_of(of, standings), of.newest(now)
    told = summary(days)
    share = f"{told.rejected}/{told.rows}" if told.rows else ""
    return {
        "name": of.name,
        "word": newest.word if newest else "",
        "text": word(t, newest) if newest else "–",
        "promise": promise(t, of.promised.expected),
        "damaged": of.promised.damaged,
        "rate": t.percent(told.on_time, told.over),
        "usual": f"{told.usual:%H:%M}" if told.usual else "–",
        "share": percent(t, _share(told.rejected, told.rows)) if share else "–",
        "open": sum(each.open for each in opened),
        "files": len(opened),
        "busy": bool(opened) or (newest is not None and newest.word in ("missing", "missed")),
    }


def _share(part: int, whole: int) -> Decimal:
    return Decimal(part) / whole if whole else Decimal(0)


def _figures(t: Words, days: Sequence[Day], opened: Sequence[Standing]) -> list[dict[str, Any]]:
    told = summary(days)
    line = t("days_line", on_time=told.on_time, over=told.over, late=told.late, missed=told.missed)
    latest = told.latest
    arrival = t("latest_arrival", time=f"{latest:%H:%M}", day=t.short_day(latest.date())) if latest else ""
    rows = sum(each.open for each in opened)
    oldest = t.short_day(opened[-1].row.event_time.date()) if opened else ""
    return [
        {
            "value": t.percent(told.on_time, told.over),
            "unit": "",
            "label": t("on_time"),
            "line": line if told.over else t("no_days_over"),
            "look": "",
            "href": "",
        },
        {
            "value": f"{told.usual:%H:%M}" if told.usual else "–",
            "unit": "",
            "label": t("usual_arrival"),
            "line": arrival or t("nothing_came"),
            "look": "",
            "href": "",
        },
        {
            "value": percent(t, _share(told.rejected, told.rows)),
            "unit": "",
            "label": t("rejected_share"),
            "line": t("of_rows", n=told.rejected, rows=told.rows),
            "look": "warn" if any(mark.what == "rejects" for day in days for mark in day.marks) else "",
            "href": "",
        },
        {
            "value": t.number(rows),
            "unit": "",
            "label": t("rows_open"),
            "line": t.many("in_files", len(opened), day=oldest) if opened else t("nothing_open"),
            "look": "warn" if rows else "",
            "href": "#open" if opened else "",
        },
    ]


def _open_row(t: Words, source: Source, standing: Standing) -> dict[str, Any]:
    row = standing.row
    reasons = reasons_of(source, row) if row.rows_rejected else []
    first = f"{reasons[0]['column']}: {t.reason(reasons[0]['code'], reasons[0]['column'])}" if reasons else ""
    return {
        "row": row,
        "open": standing.open,
        "most": f"{first} {t.number(reasons[0]['rows'])}" if reasons else t.why(row.reason or row.error or ""),
    }


def _weeks(t: Words, source: Source, of: PartnerDays, first: date, last: date) -> dict[str, Any]:
    """Reasons by week, most first; a week begins with the first of the days that are shown, and every seventh."""
    begins = [first + timedelta(days=_WEEK * number) for number in range(SUMMARY_DAYS // _WEEK)]
    counts: list[Counter[tuple[str, str]]] = [Counter() for _ in begins]
    for row in of.rows:
        day = row.event_time.date()
        if row.rows_rejected and first <= day <= last:
            for reason in reasons_of(source, row):
                week = counts[min((day - first).days // _WEEK, len(begins) - 1)]
                week[reason["column"], reason["code"]] += reason["rows"]
    whole = sum(counts, Counter[tuple[str, str]]())
    heads = (t("reason"), *(t("week_of", day=t.short_day(day)) for day in begins), t("all_weeks"))
    rows = [
        (f"{column}: {t.reason(code, column)}", *(t.number(each[column, code]) for each in (*counts, whole)))
        for (column, code), _ in whole.most_common(REASONS)
    ]
    return {"heads": heads, "rows": rows}


def _day(
    t: Words,
    source: Source,
    of: PartnerDays,
    day: Day | None,
    asked: date | None,
    items: Sequence[Item],
    *,
    with_address: bool,
) -> dict[str, Any] | None:
    """A day beside the figures: what was due, what came, what is unusual and within which bounds, what may be done."""
    when = day.slot.day if day is not None else asked
    if when is None:
        return None
    settled = source.settled().get((of.name, when))
    said = [
        {"text": t(f"said_{what}", why=held.why), "what": what}
        for what in ("not_expected", "right")
        if settled and (held := settled.holds("right" if what == "right" else "not_expected"))
    ]
    if day is None:
        return {"title": t.long_day(when), "date": when, "day": None, "said": said}
    of_day = [item for item in items if day in item.days]
    came = day.arrived_there
    return {
        "title": t.long_day(when),
        "date": when,
        "day": day,
        "word": word(t, day),
        "due": f"{day.due_there:%H:%M}, {t.moment(day.slot.due)}",
        "came": f"{came:%H:%M}, " if came else "",
        "files": [*day.slot.files, *day.slot.unusable],
        "marks": [{"what": mark.what, "text": f"{mark_text(t, mark, when)} {_bounds(t, mark)}"} for mark in day.marks],
        "said": said,
        "lines": lines(t, source, [of], of_day, with_address=with_address),
    }


def _bounds(t: Words, mark: Mark) -> str:
    if mark.what == "rejects":
        return t("middle_told", middle=percent(t, mark.middle), direction=t("above"), bound=percent(t, mark.bound))
    direction = t("below" if mark.what == "fewer" else "above")
    return t("middle_told", middle=t.number(round(mark.middle)), direction=direction, bound=t.number(round(mark.bound)))


def _writes(t: Words, source: Source, of: PartnerDays, *, with_address: bool) -> list[tuple[str, str]]:
    """How the partner writes, as its profile says."""
    store = source.lake.store
    try:
        entry = profiles.named(profiles.partners(store), of.name)
        profile: Profile = profiles.known(store, entry).profile
    except (DamagedObject, InputError) as error:
        return [(t("write_prefix"), of.under.prefix), ("✕", str(error))]
    share = profile.max_reject_share
    share = source.lake.settings.max_reject_share if share is None else share
    told = [
        (t("write_prefix"), of.under.prefix),
        (t("write_delimiter"), repr(profile.delimiter)[1:-1] if profile.delimiter else t("write_any")),
        (t("write_decimal"), profile.decimal_mark or t("write_any")),
        (
            t("write_columns"),
            t.many("write_names", len(profile.headers)) if profile.headers else t("write_own_names"),
        ),
        (t("write_limit"), t("write_limit_at", share=percent(t, share))),
    ]
    if with_address and of.email:
        told.append((t("write_contact"), of.email))
    return [*told, ("", t("profile_since", day=t.day(entry.since.date())))]
