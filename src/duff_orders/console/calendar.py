"""The calendar of partners and days, and the list of open work: what is said of each, and where it leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from duff_orders.api.files import reasons_of
from duff_orders.clock import utc_now
from duff_orders.console.asking import by, mail
from duff_orders.console.headers import is_about_the_header
from duff_orders.console.source import Source
from duff_orders.console.texts import Words
from duff_orders.documents import LedgerRow
from duff_orders.partners.days import OPEN, Day, PartnerDays, summary
from duff_orders.partners.usual import Mark
from duff_orders.partners.work import KINDS, Item, Kind

#: Partners that are all shown; of more, those of whom nothing is open are folded.
MOST_PARTNERS = 15
#: Items of a page of open work.
ITEMS = 20
#: Days of the calendar that a phone has room for.
_ON_A_PHONE = 7


def percent(t: Words, share: Decimal) -> str:
    """A share with one digit where it is small: `2.5 %`."""
    value = share * 100
    text = f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"
    return f"{t.number(text)} %"


def word(t: Words, day: Day) -> str:
    """What a day's cell says."""
    if day.word == "due":
        return t("word_due", by=f"{day.due_there:%H:%M}")
    if day.word == "rejects":
        return t("word_rejects", share=percent(t, day.amount.share))
    if day.word in ("rows", "fewer", "more"):
        return t.many(f"word_{day.word}", day.open if day.word == "rows" else day.amount.rows)
    return t(f"word_{day.word}")


def place_of(day: Day) -> str:
    """Where a day's cell leads: to what is to be done, or to the partner's day."""
    if day.word == "rows":
        open_files = [row for row in day.slot.files if row.rows_rejected]
        if len(open_files) == 1:
            return f"/files/{open_files[0].file_id}/correct"
    if day.word in ("invalid", "failed"):
        return place_of_broken(day.broken[0].row)
    return f"/partners/{day.partner}?day={day.slot.day}"


def place_of_broken(row: LedgerRow) -> str:
    """Where a file leads of which nothing could be taken in."""
    return f"/files/{row.file_id}/columns" if is_about_the_header(row) else f"/files/{row.file_id}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar of some days: its heads, the rows that are shown, and those that are folded."""

    days: Sequence[Mapping[str, Any]]
    shown: Sequence[Mapping[str, Any]]
    folded: Sequence[Mapping[str, Any]]
    damaged: Sequence[str]


def calendar(t: Words, told: Sequence[PartnerDays], first: date, last: date, today: date) -> Calendar:
    """The calendar of some days, both included."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    heads = [
        {
            "day": day,
            "weekday": t.weekday(day),
            "number": day.day,
            "today": day == today,
            "early": number < len(days) - _ON_A_PHONE,
        }
        for number, day in enumerate(days)
    ]
    promising = [each for each in told if each.promised.expected is not None]
    rows = [_row(t, each, heads) for each in promising]
    damaged = [
        t("damaged_profile", name=each.name, why=each.promised.damaged) for each in told if each.promised.damaged
    ]
    if len(rows) <= MOST_PARTNERS:
        return Calendar(heads, rows, (), damaged)
    return Calendar(heads, [row for row in rows if row["open"]], [row for row in rows if not row["open"]], damaged)


def _row(t: Words, of: PartnerDays, heads: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    by_day = {each.slot.day: each for each in of.days}
    shown = [by_day.get(head["day"]) for head in heads]
    told = summary([each for each in shown if each is not None])
    cells = [
        {
            "head": head,
            "word": each.word,
            "text": (text := word(t, each)),
            "href": place_of(each),
            "whole": t("cell", name=of.name, day=t.short_day(each.slot.day), word=text) if each.word in OPEN else "",
        }
        if each is not None
        else {"head": head, "word": ""}
        for head, each in zip(heads, shown, strict=True)
    ]
    return {
        "name": of.name,
        "cells": cells,
        "open": any(each is not None and each.word in (*OPEN, "due") for each in shown),
        "rate": t.percent(told.on_time, told.over),
    }


def counts(items: Sequence[Item]) -> dict[Kind, int]:
    """How much there is of each kind."""
    return {kind: sum(item.kind == kind for item in items) for kind in KINDS}


def lines(
    t: Words, source: Source, told: Sequence[PartnerDays], items: Sequence[Item], *, with_address: bool
) -> list[dict[str, Any]]:
    """Items of open work as they are shown: sign, whose, when, what, why, and what may be done."""
    by_name = {each.name: each for each in told}
    now = utc_now()
    return [_line(t, source, by_name.get(item.partner or ""), item, now, with_address) for item in items]


def _line(
    t: Words, source: Source, of: PartnerDays | None, item: Item, now: datetime, with_address: bool
) -> dict[str, Any]:
    what, more = _said(t, source, of, item)
    actions = list[dict[str, str]]()
    row = item.standing.row if item.standing else None
    if row is not None and item.kind == "rows" and item.standing is not None:
        actions.append({"text": t.many("do_rows", item.standing.open), "href": f"/files/{row.file_id}/correct"})
        actions.append({"text": t("do_give_up"), "href": f"/files/{row.file_id}#give-up"})
    elif row is not None:
        about = is_about_the_header(row)
        if row.rows_rejected and not about:
            actions.append({"text": t.many("do_rows", row.rows_rejected), "href": f"/files/{row.file_id}/correct"})
        else:
            actions.append({"text": t("do_columns" if about else "do_see"), "href": place_of_broken(row)})
    if of is not None and item.kind != "rows":
        text = t("do_ask" if item.kind == "missing" else "do_ask_again")
        actions.append({"text": text, "href": mail(t, of, item, what, with_address=with_address)})
        if item.kind in ("missing", "unusual") and item.days:
            kind = "not_expected" if item.kind == "missing" else "right"
            asked = {"what": kind, "day": item.days[0].slot.day, "to": item.days[-1].slot.day}
            actions.append({"text": t(f"do_{kind}"), "href": f"/partners/{of.name}/settle?{urlencode(asked)}"})
    is_today = item.word == "missing"
    return {
        "word": item.word,
        "chip": _chip(t, item),
        "partner": of.name if of is not None else None,
        "file": row,
        "day": t("today_day") if is_today else t.short_day(item.date),
        "what": what,
        "more": " · ".join((t.age(item.since, now), *more))
        if not is_today
        else t("late_by", age=t.age(item.since, now)),
        "actions": actions,
        "urgent": is_today,
    }


def _chip(t: Words, item: Item) -> str:
    if item.word in ("fewer", "more", "rejects"):
        return t(f"chip_{item.word}")
    if item.word == "rows":
        return t.many("word_rows", item.standing.open if item.standing else 0)
    return t(f"word_{item.word}")


def _said(t: Words, source: Source, of: PartnerDays | None, item: Item) -> tuple[str, list[str]]:
    """What is to be said of an item, and what more."""
    if item.kind == "missing" and of is not None and item.day is not None and of.promised.expected:
        slot, due = item.day.slot, by(of.promised.expected)
        if slot.files:
            return t("came_of", n=len(slot.files), needed=slot.needed, by=due), []
        return t("has_not_come" if item.word == "missing" else "did_not_come", by=due), []
    if item.kind == "unusual" and item.day is not None:
        return "; ".join(mark_text(t, mark, item.day.slot.day) for mark in _marks(item)), [t("published_as_came")]
    standing = item.standing
    if standing is None:
        return "", []
    row = standing.row
    if item.kind == "rows":
        told = reasons_of(source, row)
        first = f"{told[0]['column']}: {t.reason(told[0]['code'], told[0]['column'])}" if told else ""
        return (
            t.many("rows_rejected_of", standing.open, read=row.rows_read),
            [t("most_often", reason=first)] if first else [],
        )
    return t.why(row.reason or row.error or ""), [t.many("rows_wait", row.rows_read)] if row.rows_read else []


def _marks(item: Item) -> list[Mark]:
    """The marks that an item is about."""
    day = item.days[-1]
    return [mark for mark in day.marks if (mark.what == "rejects") == (item.word == "rejects")]


def mark_text(t: Words, mark: Mark, day: date) -> str:
    """What is unusual, with the days that it is compared with."""
    if mark.what == "rejects":
        return t("more_rejected", share=percent(t, mark.found), bound=percent(t, mark.bound))
    weekday = t(f"weekday_{day.weekday()}")
    least, most = int(mark.least), int(mark.most)
    return t.many("volume", int(mark.found), days=mark.days, weekday=weekday, least=least, most=most)
