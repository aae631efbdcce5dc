"""What was promised and what came: states of slots, over both changes of the clocks, in several zones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duff_orders.documents import Event, LedgerRow, Outcome, Staged, Verdict
from duff_orders.ingest.publish import row_of
from duff_orders.partners.slots import Slot, due_at, slots, today
from duff_orders.profiles.profile import DAYS, Expected
from tests.effort import examples

MONDAY = date(2026, 3, 2)
WORKDAYS = Expected(zone="Europe/Madrid", days=DAYS[:5], by=time(8), grace_minutes=60)


def came(when: str, verdict: Verdict = "valid", name: str = "a") -> LedgerRow:
    """A file that came at a time in UTC."""
    at = datetime.fromisoformat(when).replace(tzinfo=UTC)
    event = Event(bucket="raw", key=f"{name}-{when}.csv", size=1, etag=name, version=None, time=at)
    return row_of(Staged(event=event, outcome=Outcome(verdict=verdict), started=at))


def told(expected: Expected, rows: Sequence[LedgerRow], now: str, first: date = MONDAY, days: int = 1) -> list[Slot]:
    last = first + timedelta(days=days - 1)
    return slots(expected, rows, first, last, datetime.fromisoformat(now).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("rows", "now", "state"),
    [
        ([], "2026-03-02T07:59", "due"),
        ([], "2026-03-02T08:00", "due"),  # 09:00 in Madrid: the grace ends
        ([], "2026-03-02T08:01", "missing"),
        ([], "2026-03-03T07:01", "missed"),  # the next is due
        ([came("2026-03-02T06:00")], "2026-03-02T06:01", "on_time"),
        ([came("2026-03-02T08:00")], "2026-03-04T00:00", "on_time"),
        ([came("2026-03-02T08:01")], "2026-03-04T00:00", "late"),
        ([came("2026-03-02T20:00")], "2026-03-02T21:00", "late"),
        ([came("2026-03-03T06:59")], "2026-03-04T00:00", "missed"),  # in time for the next
        ([came("2026-03-03T06:58"), came("2026-03-03T06:59")], "2026-03-04T00:00", "late"),  # one more than that needs
        ([came("2026-02-27T12:00")], "2026-03-04T00:00", "on_time"),  # that of Friday had come
        ([came("2026-02-27T06:00"), came("2026-02-28T12:00")], "2026-03-04T00:00", "on_time"),
        ([came("2026-03-02T06:00", "invalid")], "2026-03-02T09:00", "missing"),
        ([came("2026-03-02T06:00", "duplicate")], "2026-03-02T09:00", "missing"),
        ([came("2026-03-02T06:00", "failed")], "2026-03-02T09:00", "missing"),
        ([came("2026-03-02T06:00", "valid_with_rejects")], "2026-03-02T09:00", "on_time"),
    ],
)
def test_the_state_of_a_slot(rows: list[LedgerRow], now: str, state: str) -> None:
    (slot,) = told(WORKDAYS, [came("2026-02-27T05:00", name="friday"), *rows], now)
    assert slot.state == state
    assert slot.is_open is (state in ("due", "missing"))
    assert [row.verdict for row in slot.unusable] == [
        row.verdict for row in rows if row.verdict in ("invalid", "failed")
    ]


def test_a_late_file_goes_to_the_day_before_while_that_is_open() -> None:
    monday, tuesday = told(WORKDAYS, [came("2026-02-27T06:00"), came("2026-03-02T20:00")], "2026-03-02T21:00", days=2)
    assert (monday.state, tuesday.state) == ("late", "due")
    monday, tuesday = told(WORKDAYS, [came("2026-02-27T06:00"), came("2026-03-03T07:30")], "2026-03-03T09:00", days=2)
    assert (monday.state, tuesday.state) == ("missed", "on_time")


def test_a_day_that_was_missed_makes_no_later_one_late() -> None:
    rows = [came("2026-02-27T06:00"), *(came(f"2026-03-{day:02}T06:00") for day in range(3, 7))]
    week = told(WORKDAYS, rows, "2026-03-06T12:00", days=5)
    assert [slot.state for slot in week] == ["missed", *["on_time"] * 4]
    evening = Expected(zone="UTC", days=DAYS, by=time(0, 30))  # files come the evening before
    rows = [came(f"2026-03-{day:02}T23:00") for day in (1, 2, 4, 5)]
    assert [slot.state for slot in told(evening, rows, "2026-03-06T12:00", days=5)] == [
        *["on_time"] * 2,
        "missed",
        *["on_time"] * 2,
    ]


def test_what_came_long_before_the_first_day_counts_for_none() -> None:
    begun = replace(WORKDAYS, since=MONDAY)
    (slot,) = told(begun, [came("2026-01-05T06:00"), came("2026-02-27T06:59")], "2026-03-02T09:00")
    assert (slot.state, slot.files) == ("missing", [])
    (slot,) = told(begun, [came("2026-03-01T18:00")], "2026-03-02T09:00")
    assert slot.state == "on_time"


def test_the_days_that_are_asked_for_change_no_state() -> None:
    rows = [came(f"2026-02-{day:02}T{4 + day % 12:02}:00") for day in range(2, 28) if day % 5]
    february = told(WORKDAYS, rows, "2026-03-01T00:00", first=date(2026, 2, 2), days=26)
    assert {slot.state for slot in february} == {"on_time", "late", "missed"}
    for slot in february:
        assert told(WORKDAYS, rows, "2026-03-01T00:00", first=slot.day) == [slot]


def test_of_several_files_the_last_that_is_needed_counts() -> None:
    twice = Expected(zone="UTC", days=DAYS, by=time(8), files=2)
    rows = [came("2026-03-01T05:00"), came("2026-03-01T06:00"), came("2026-03-02T05:00"), came("2026-03-02T09:00")]
    (slot,) = told(twice, rows, "2026-03-02T10:00")
    assert (slot.state, len(slot.files), slot.needed) == ("late", 2, 2)
    more = [*rows[:3], came("2026-03-02T07:00"), came("2026-03-02T09:00")]
    one, other = told(twice, more, "2026-03-02T10:00", days=2)
    assert (one.state, len(one.files), other.state, len(other.files)) == ("on_time", 2, "due", 1)


def test_days_that_are_excepted_or_before_the_first_are_none() -> None:
    expected = Expected(
        zone="Europe/Madrid", days=DAYS[:5], by=time(8), except_=(date(2026, 3, 3),), since=date(2026, 3, 2)
    )
    week = told(expected, [], "2026-03-09T00:00", first=date(2026, 2, 23), days=14)
    assert [slot.day.isoformat() for slot in week] == ["2026-03-02", "2026-03-04", "2026-03-05", "2026-03-06"]


@pytest.mark.parametrize(
    ("zone", "day", "by", "due"),
    [
        ("Europe/Madrid", date(2026, 3, 29), time(2, 30), "2026-03-29T01:30"),  # left out: it is 03:30 there
        ("Europe/Madrid", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # twice: the first
        ("America/Santiago", date(2026, 4, 4), time(23, 30), "2026-04-05T02:30"),  # twice: the first
        ("America/Santiago", date(2026, 9, 6), time(0, 30), "2026-09-06T04:30"),  # left out: it is 01:30 there
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:45"),  # half an hour is left out
        ("Pacific/Kiritimati", date(2026, 3, 2), time(0, 0), "2026-03-01T10:00"),
    ],
)
def test_a_time_is_an_instant_even_where_clocks_change(zone: str, day: date, by: time, due: str) -> None:
    expected = Expected(zone=zone, days=DAYS, by=by)
    assert due_at(expected, day) == datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert today(expected, due_at(expected, day)) == day


@given(
    zone=st.sampled_from(["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "UTC"]),
    hours=st.lists(st.integers(0, 24 * 20), max_size=30),
    days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    files=st.integers(1, 3),
    now=st.integers(0, 24 * 22),
)
@settings(max_examples=examples(500), deadline=None)
def test_each_file_counts_for_one_slot_within_its_time_and_none_lacks_what_the_next_has_too_many_of(
    zone: str, hours: list[int], days: list[str], files: int, now: int
) -> None:
    start = datetime(2026, 3, 20, tzinfo=UTC)
    rows = [
        came((start + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M"), name=f"{n}") for n, hour in enumerate(hours)
    ]
    expected = Expected(zone=zone, days=tuple(days), by=time(2, 30), grace_minutes=30, files=files)
    found = slots(expected, rows, date(2026, 3, 10), date(2026, 4, 20), start + timedelta(hours=now))
    counted = [row.file_id for slot in found for row in slot.files]
    assert len(counted) == len({*counted}) == len(rows)
    for one, other in pairwise(found):
        assert one.due < other.due
        assert all(row.event_time <= other.due for row in one.files)
        assert all(row.event_time > one.due for row in other.files)
        if len(one.files) < files < len(other.files):
            assert all(row.event_time > other.due for row in other.files)
        assert one.state != "missing" or now <= (other.due - start) / timedelta(hours=1)
