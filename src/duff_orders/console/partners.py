"""Partners: one row each; one of them with four weeks of arrivals, what is open, a day; and what is said of a day."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from duff_orders.api.files import reasons_of
from duff_orders.api.profiles import may_change
from duff_orders.clock import utc_now
from duff_orders.console.calendar import lines, mark_text, percent, word
from duff_orders.console.page import backend, locale, missing, page, words
from duff_orders.console.partner_charts import partner_charts
from duff_orders.console.source import Source
from duff_orders.console.texts import Words, place
from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Said
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import partners as profiles
from duff_orders.lake.given_up import LONGEST_WHY
from duff_orders.lake.standing import Standing, Standings
from duff_orders.partners.days import Day, PartnerDays, summary
from duff_orders.partners.facts import SUMMARY_DAYS, open_of
from duff_orders.partners.settled import settle
from duff_orders.partners.usual import Mark
from duff_orders.partners.work import work
from duff_orders.profiles.profile import DAYS, Expected, Profile
from duff_orders.query import rejects
from duff_orders.query.harmless import harmless
from duff_orders.query.readers import reader_in

router = APIRouter(include_in_schema=False)

#: Open files, and reasons, that a partner's page lists; days that may be settled at once.
FILES, REASONS, MOST_DAYS = 20, 12, 366
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
    of = _found(source, name, now)
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
    actions = [each for each in lines(t, source, [of], items, with_address=with_address) if each["urgent"]]
    shown = {
        "of": of,
        "newest": newest,
        "newest_word": word(t, newest) if newest else "",
        "promise": promise(t, expected),
        "on_time": t("on_time_of", on_time=told.on_time, over=told.over) if told.over else "",
        "actions": actions[-1]["actions"] if actions else [],
        "figures": _figures(t, days, opened),
        "charts": partner_charts(t, of, first, last) if expected else [],
        "open": [_open_row(t, source, each) for each in opened[:FILES]],
        "more": max(0, len(opened) - FILES),
        "open_rows": sum(each.open for each in opened),
        "weeks": _weeks(t, source, of, first, last),
        "day": _day(t, source, of, chosen, day, with_address=with_address),
        "writes": _writes(t, source, of, with_address=with_address),
    }
    return page(request, "partner.html", "partners", shown)


@router.get("/partners/{name}/feedback.csv")
def get_feedback(request: Request, name: str) -> Response:
    """All open rows of a partner, each with its line, its reasons and what is allowed, in the reader's language."""
    t, source = words(request), backend(request)
    of = _found(source, name, utc_now())
    if of is None:
        return missing(request)
    standings = source.standings()
    delimiter = reader_in(locale(request)).delimiter
    headers = {"Content-Disposition": f'attachment; filename="{name}-feedback.csv"', "Cache-Control": "no-store"}
    told = _feedback(t, source, open_of(of, standings), standings, delimiter)
    return StreamingResponse(told, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/partners/{name}/settle")
def get_settle(request: Request, name: str, what: str, day: date, to: date | None = None) -> Response:
    """What is about to be said of a day, and why; or to be taken back."""
    of = _found(backend(request), name, utc_now())
    if of is None or what not in ("not_expected", "right"):
        return missing(request)
    return _settle_page(request, of, "right" if what == "right" else "not_expected", day, to or day)


@router.post("/partners/{name}/settle")
async def post_settle(request: Request, name: str) -> Response:
    """Say it, or take it back."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    fields = {key: values[0].strip() for key, values in form.items()}
    return await run_in_threadpool(_settle, request, name, fields)


def _settle(request: Request, name: str, fields: Mapping[str, str]) -> Response:
    source = backend(request)
    of = _found(source, name, utc_now())
    what: Said = "right" if fields.get("what") == "right" else "not_expected"
    try:
        first, last = date.fromisoformat(fields["day"]), date.fromisoformat(fields.get("to") or fields["day"])
    except (KeyError, ValueError):
        return missing(request)
    days = [first + timedelta(days=number) for number in range(min((last - first).days, MOST_DAYS) + 1)]
    if of is None or not days:
        return missing(request)
    if what == "right":  # of the days between those alone that files are expected on
        days = [day for day in days if of.on(day)] or days[:1]
    undo = bool(fields.get("undo"))
    try:
        settle(source.lake.store, name, days, what, fields.get("why", ""), by=request.scope.get("caller"), undo=undo)
    except InputError:
        wrong = words(request)("settle_needs_why", most=LONGEST_WHY)
        return _settle_page(request, of, what, first, last, wrong=wrong)
    source.ledger.look_again()
    return RedirectResponse(f"/partners/{name}?day={last}#day", 303)


def _settle_page(
    request: Request, of: PartnerDays, what: Said, first: date, last: date, *, wrong: str = ""
) -> Response:
    t, source = words(request), backend(request)
    said = source.settled().get((of.name, first))
    held = said.holds(what) if said else None
    day = t.long_day(first) if first == last else f"{t.long_day(first)} – {t.long_day(last)}"
    shown = {
        "of": of,
        "what": what,
        "title": t(f"settle_{what}", name=of.name, day=day),
        "held": held,
        "first": first,
        "last": last,
        "wrong": wrong,
        "most": LONGEST_WHY,
    }
    return page(request, "settle.html", "partners", shown, status=422 if wrong else 200)


def _found(source: Source, name: str, now: datetime) -> PartnerDays | None:
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
    t: Words, source: Source, of: PartnerDays, day: Day | None, asked: date | None, *, with_address: bool
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
    items = [item for item in work([of], source.standings()) if day in item.days]
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
        "lines": lines(t, source, [of], items, with_address=with_address),
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


def _feedback(
    t: Words, source: Source, opened: Sequence[Standing], standings: Standings, delimiter: str
) -> Iterator[bytes]:
    """The lines of a feedback file, with a mark by which spreadsheets tell its encoding."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow((t("name"), t("line"), t("reason"), t("allowed"), *COLUMN_NAMES, "record"))
    yield b"\xef\xbb\xbf"
    for standing in opened:
        is_open = rejects.open_ones(standing.row, standings)
        for record in rejects.read(source.lake, standing.row):
            if not is_open(record):
                continue
            parts = [each.partition(":") for each in record["reasons"].split(";")]
            reasons = "; ".join(f"{column}: {t.reason(code, column)}" for column, _, code in parts)
            allowed = "; ".join(f"{column}: {t.allowed(column)}" for column, _, _ in parts)
            texts = (record[name] for name in (*COLUMN_NAMES, "record"))
            cells = (standing.row.source_file, record["line"], reasons, allowed, *texts)
            writer.writerow(harmless(each) if isinstance(each, str) else each for each in cells)
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
