"""A promise as a table of a profile, and what a partner's history looks like as one."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from duff_orders.documents import LedgerRow
from duff_orders.partners.slots import only_corrects
from duff_orders.profiles.profile import DAYS, Expected
from duff_orders.profiles.written import expect_lines

#: A table of TOML begins so.
_TABLE = re.compile(r"\s*\[")
_EXPECT = re.compile(r"\s*\[\s*expect\s*\]\s*(#.*)?")
_REMARK = re.compile(r"\s*(#.*)?")


def with_expected(text: str, expected: Expected) -> str:
    """A profile's text with another calendar; all else in it stays as it was written, remarks too."""
    tables: list[list[str]] = [[]]
    for line in text.splitlines():
        if _TABLE.match(line):
            tables.append([])
        tables[-1].append(line)
    kept = list[str]()
    for table in tables:
        kept += _last_remarks(table) if table and _EXPECT.fullmatch(table[0]) else table
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join((*kept, *expect_lines(expected), ""))


def _last_remarks(table: list[str]) -> list[str]:
    """What stands behind the last key of a table: it is about what follows."""
    end = len(table)
    while end and _REMARK.fullmatch(table[end - 1]):
        end -= 1
    return table[end:]


def suggested(rows: Iterable[LedgerRow], zone: str, now: datetime, weeks: int = 8) -> Expected | None:
    """What a partner's history looks like: the weekdays on which files came in most weeks, and by when; None: too few.

    It is said, and never taken by itself.
    """
    from zoneinfo import ZoneInfo

    local = ZoneInfo(zone)
    since = now - timedelta(weeks=weeks)
    sent = (row for row in rows if row.published and row.event_time >= since and not only_corrects(row))
    came = [row.event_time.astimezone(local) for row in sent]
    by_day: dict[str, dict[date, datetime]] = {}
    for when in sorted(came):
        by_day.setdefault(DAYS[when.weekday()], {})[when.date()] = when
    usual = {day: times for day, times in by_day.items() if len(times) > weeks / 2}
    if not usual:
        return None
    latest = sorted(when.time() for times in usual.values() for when in times.values())
    by = latest[min(len(latest) - 1, len(latest) * 19 // 20)]
    files = max(1, round(len(came) / sum(map(len, by_day.values()))))
    hour = by.replace(minute=0, second=0, microsecond=0)
    rounded = hour.replace(hour=min(23, hour.hour + 1)) if by != hour else hour
    days = tuple(day for day in DAYS if day in usual)
    return Expected(zone=zone, days=days, by=rounded, grace_minutes=60, files=files)
