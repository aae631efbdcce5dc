"""A promise within a profile's text: written twice, nothing else in it changes; and what history suggests."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from duff_orders.partners.promise import suggested, with_expected
from duff_orders.profiles.profile import Expected, load
from tests.calendar.test_slots import came

FIRST = Expected(zone="Europe/Madrid", days=("mon", "tue"), by=time(8), since=date(2026, 3, 2))
SECOND = Expected(zone="America/Santiago", days=("fri",), by=time(20, 30), grace_minutes=15, files=2)
TEXTS = [
    'prefix = "acme/"\n',
    '# how acme writes\nprefix = "acme/"\n\n[numbers]\ndecimal_mark = ","  # as in Spain\n',
    'prefix = "acme/"\n[expect]  # by mail\nzone = "UTC"\ndays = ["sun"]\nby = "01:00"\n\n'
    '# about the numbers\n[numbers]\ndecimal_mark = ","\n',
    'prefix = "acme/"\n[expect]\nzone = "UTC"\ndays = ["sun"]\nby = "01:00"\n# at the very end\n',
]


@pytest.mark.parametrize("text", TEXTS)
def test_all_else_stays_as_it_was_written(text: str) -> None:
    once = with_expected(text, FIRST)
    twice = with_expected(with_expected(once, SECOND), FIRST)
    assert twice == once
    assert load(once).expected == FIRST
    for line in text.splitlines():
        is_of_the_table = line.startswith(("[expect]", "zone", "days", "by"))
        assert (line in once.splitlines()) or is_of_the_table or not line, line


def test_history_suggests_the_days_of_most_weeks() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    days = [now - timedelta(days=number) for number in range(1, 57)]
    rows = [came(f"{day:%Y-%m-%d}T07:50", name=str(day)) for day in days if day.weekday() < 5]
    found = suggested(rows, "Europe/Madrid", now)
    assert found is not None
    assert (found.days, found.by, found.files) == (("mon", "tue", "wed", "thu", "fri"), time(9), 1)
    assert suggested(rows[:3], "Europe/Madrid", now) is None
