"""Partners and their days as documents."""

from datetime import datetime, timedelta
from typing import Any

from duff_orders.clock import format_time
from duff_orders.lake.standing import Standing, Standings
from duff_orders.partners.calendar import slot_facts
from duff_orders.partners.days import Day, PartnerDays, summary
from duff_orders.partners.usual import Mark
from duff_orders.profiles.profile import Expected

#: Days that a summary is about.
SUMMARY_DAYS = 28
#: Digits of a share.
_DIGITS = 4


def open_of(of: PartnerDays, standings: Standings) -> list[Standing]:
    """A partner's files of which something is open, newest first."""
    return [each for each in standings.open() if of.under.holds(each.row.source_file)]


def partner_facts(of: PartnerDays, standings: Standings, now: datetime) -> dict[str, Any]:
    """A partner as a document: what it has promised, how four weeks went, and what is open."""
    expected, newest, opened = of.promised.expected, of.newest(now), open_of(of, standings)
    days = of.between(now.date() - timedelta(days=SUMMARY_DAYS - 1), now.date() + timedelta(days=1))
    told = summary(days)
    return {
        "name": of.name,
        "prefix": of.under.prefix,
        "promise": promise_facts(expected) if expected else None,
        "damaged": of.promised.damaged or None,
        "today": newest.word if newest else None,
        "on_time": told.on_time,
        "late": told.late,
        "missed": told.missed,
        "usual_arrival": f"{told.usual:%H:%M}" if told.usual else None,
        "latest_arrival": f"{told.latest:%H:%M}" if told.latest else None,
        "rows_read": told.rows,
        "rows_rejected": told.rejected,
        "files_open": len(opened),
        "rows_open": sum(each.open for each in opened),
    }


def promise_facts(expected: Expected) -> dict[str, Any]:
    """A promise as a document."""
    return {
        "zone": expected.zone,
        "days": [*expected.days],
        "by": f"{expected.by:%H:%M}",
        "grace_minutes": expected.grace_minutes,
        "files": expected.files,
        "except": [day.isoformat() for day in expected.except_],
        "since": expected.since.isoformat() if expected.since else None,
    }


def day_facts(day: Day) -> dict[str, Any]:
    """An expected day as a document."""
    arrived = day.slot.arrived
    return slot_facts(day.slot) | {
        "word": day.word,
        "arrived": format_time(arrived) if arrived else None,
        "rows_read": day.amount.rows,
        "rows_rejected": day.amount.rejected,
        "rows_open": day.open,
        "unusual": [*map(_mark_facts, day.marks)],
        "said_right": day.right,
    }


def _mark_facts(mark: Mark) -> dict[str, Any]:
    names = ("found", "bound", "middle", "least", "most")
    values = {name: getattr(mark, name) for name in names}
    shown = {name: f"{round(value, _DIGITS).normalize():f}" for name, value in values.items()}
    return {"what": mark.what, "days": mark.days} | shown
