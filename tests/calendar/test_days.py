"""What is said of each day in one word, what is unusual and within which bounds, and what waits for somebody."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from duff_orders.clock import utc_now
from duff_orders.documents import LedgerRow
from duff_orders.errors import InputError
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.local.run import process
from duff_orders.partners.days import PartnerDays, all_days, summary
from duff_orders.partners.settled import all_settled, settle
from duff_orders.partners.usual import Amount, share_mark, volume_mark
from duff_orders.partners.work import balance, work
from duff_orders.query.rejects import standings
from tests.lakes import drop, open_lake
from tests.month import HEADER, INVALID, LATE, MISSED, NAMES, ROWS, TENTH, make_month


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, datetime]:
    lake, now = open_lake(tmp_path_factory.mktemp("month")), utc_now()
    make_month(lake, now)
    return lake, now


def told(lake: Lake, now: datetime) -> list[PartnerDays]:
    rows = [*lake.ledger.rows()]
    return all_days(lake.store, rows, standings(lake), all_settled(lake.store), now)


def here(of: PartnerDays, now: datetime) -> date:
    newest = of.newest(now)
    assert newest is not None
    return newest.slot.day


def words(of: PartnerDays, now: datetime) -> dict[int, str]:
    """What is said of each day that is not as it should be, by how many days ago it was."""
    today = here(of, now)
    return {(today - day.slot.day).days: day.word for day in of.days if day.word != "in" and day.slot.day <= today}


def test_the_calendar_says_exactly_what_happened(month: tuple[Lake, datetime]) -> None:
    lake, now = month
    by_name = {each.name: words(each, now) for each in told(lake, now)}
    assert by_name == {
        "acme": {INVALID: "invalid"},
        "kwik-e-mart": {HEADER: "invalid"},
        "moe": {0: "missing", ROWS: "rows", TENTH: "fewer", LATE: "late", MISSED: "missed"},
        "stadium": {0: "due"},
    }


def test_all_that_waits_is_listed_oldest_first(month: tuple[Lake, datetime]) -> None:
    lake, now = month
    days = told(lake, now)
    items = work(days, standings(lake))
    assert [(item.partner, item.word) for item in items] == [
        ("moe", "missed"),
        ("moe", "fewer"),
        ("kwik-e-mart", "invalid"),
        ("acme", "invalid"),
        ("moe", "rows"),
        ("moe", "rejects"),
        ("moe", "missing"),
    ]
    assert [item.since for item in items] == sorted(item.since for item in items)
    found = balance(days, items, lake.ledger.rows(), here(days[0], now))
    assert (found.expected, found.missing, found.due, found.came) == (len(NAMES), 1, 1, 2)
    assert (found.invalid, found.rows, found.unusual) == (2, 10, 2)
    moe = summary(next(each for each in days if each.name == "moe").between(date.min, here(days[0], now)))
    assert (moe.on_time, moe.late, moe.missed, moe.rejected) == (25, 1, 2, 10)
    assert (f"{moe.usual:%H:%M}", f"{moe.latest:%H:%M}") == ("07:55", "15:55")


def test_what_somebody_said_of_a_day_counts_until_it_is_taken_back(tmp_path: Path) -> None:
    lake, now = open_lake(tmp_path), utc_now()
    make_month(lake, now)
    moe = next(each for each in told(lake, now) if each.name == "moe")
    days = {(here(moe, now) - day.slot.day).days: day.slot.day for day in moe.days}

    def of_moe() -> dict[int, str]:
        return words(next(each for each in told(lake, now) if each.name == "moe"), now)

    before = of_moe()
    settle(lake.store, "moe", [days[MISSED]], "not_expected", "a holiday there", by="ana")
    settle(lake.store, "moe", [days[TENTH]], "right", "half of them were shut")
    settle(lake.store, "moe", [days[TENTH]], "right", "said twice")
    assert of_moe() == {back: word for back, word in before.items() if back not in (MISSED, TENTH)}
    said = all_settled(lake.store)["moe", days[TENTH]]
    assert [each.why for each in said.said] == ["half of them were shut"]
    settle(lake.store, "moe", [days[MISSED]], "not_expected", "", undo=True)
    settle(lake.store, "moe", [days[TENTH]], "right", "", undo=True)
    assert of_moe() == before
    with pytest.raises(InputError, match="allowed are 1 to 1,000"):
        settle(lake.store, "moe", [days[MISSED]], "right", " ")


def test_a_file_that_takes_anothers_place_is_that_ones_and_corrections_are_no_delivery(tmp_path: Path) -> None:
    """Days later the invalid file is replaced, and rows are corrected: neither makes the day on which it was done."""
    lake, now = open_lake(tmp_path), utc_now()
    make_month(lake, now)
    rows = {row.source_file: row for row in lake.ledger.rows()}
    day = here(next(each for each in told(lake, now) if each.name == "acme"), now)
    invalid = rows[f"acme/orders-{day - timedelta(days=INVALID)}.csv"]
    good = lake.disk.path(f"raw/acme/orders-{day - timedelta(days=INVALID + 1)}.csv").read_bytes()
    path = tmp_path / "again.csv"
    path.write_bytes(good.replace(b",Retail,", b",B2B,"))
    key = put(lake.disk, path, prefix="acme/", replaces=invalid.file_id)
    assert process(lake, announce(lake.disk, key, when=now)).replaces == invalid.file_id
    acme = next(each for each in told(lake, now) if each.name == "acme")
    assert words(acme, now) == {INVALID: "late"}
    open_rows = rows[f"moe/orders-{day - timedelta(days=ROWS)}.csv"]
    text = lake.disk.path(f"raw/{open_rows.source_file}").read_text()
    header, *lines = text.splitlines()
    corrected = [f"{header},duff_corrects"]
    corrected += [
        f"{line.replace('C-1001', '1001')},{open_rows.file_id}:{number}"
        for number, line in enumerate(lines, 2)
        if "C-1001" in line
    ]
    drop(lake, "moe/corrected.csv", "\n".join(corrected).encode())
    row = process(lake, announce(lake.disk, "moe/corrected.csv", when=now))
    assert (row.verdict, row.rows_published) == ("valid", 10)
    moe = next(each for each in told(lake, now) if each.name == "moe")
    # the day is as it came: rejects were up; today's file is missing still
    assert {back: word for back, word in words(moe, now).items() if back in (0, ROWS)} == {
        0: "missing",
        ROWS: "rejects",
    }


def amounts(rows: list[int], rejected: int = 0, step: int = 7) -> list[Amount]:
    """Amounts of days up to the one before 2026-03-02, `step` days apart."""
    last = date(2026, 3, 2)
    return [
        Amount(day=last - timedelta(days=step * (len(rows) - number)), rows=each, rejected=rejected)
        for number, each in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("found", "before", "what"),
    [
        (49, [100] * 8, "fewer"),
        (50, [100] * 8, None),
        (200, [100] * 8, None),
        (201, [100] * 8, "more"),
        (0, [100] * 3, "fewer"),
        (0, [100] * 2, None),  # too few to tell
        (40, [1000] * 4 + [60] * 8, None),  # only the last eight count
        (12, [96, 131, 118, 118, 118, 118, 118, 118], "fewer"),
    ],
)
def test_a_volume_is_marked_beyond_half_and_twice_the_middle(found: int, before: list[int], what: str | None) -> None:
    mark = volume_mark(Amount(day=date(2026, 3, 2), rows=found, rejected=0), amounts(before))
    assert (mark.what if mark else None) == what
    if mark and before[0] == 96:
        assert (int(mark.least), int(mark.most), int(mark.middle), int(mark.bound), mark.days) == (96, 131, 118, 59, 8)


@pytest.mark.parametrize(
    ("rejected", "usual", "days", "marked"),
    [
        (2, 0, 28, False),  # two rows are chance
        (3, 0, 28, True),
        (10, 5, 28, False),  # exactly twice the usual
        (11, 5, 28, True),
        (50, 0, 4, False),  # too few days to tell
        (1, 0, 28, False),
    ],
)
def test_a_share_is_marked_beyond_twice_the_middle_and_one_in_a_hundred(
    rejected: int, usual: int, days: int, marked: bool
) -> None:
    before = amounts([100] * days, usual, step=1)
    mark = share_mark(Amount(day=date(2026, 3, 2), rows=100, rejected=rejected), before)
    assert (mark is not None) is marked
    if mark:
        assert mark.bound == max(Decimal("0.01"), Decimal(2 * usual) / 100)


def test_a_partner_that_promised_nothing_has_no_days_and_its_files_wait_all_the_same(tmp_path: Path) -> None:
    from duff_orders.lake import partners
    from tests.lakes import ingest

    lake, now = open_lake(tmp_path), datetime(2026, 3, 2, 12, tzinfo=UTC)
    partners.put(lake.store, "quiet", 'prefix = "quiet/"\n', now)
    row: LedgerRow = ingest(lake, "quiet/a.csv", b"no,header\n", now)
    days = told(lake, now)
    assert [(each.name, [*each.days], each.newest(now)) for each in days] == [("quiet", [], None)]
    (item,) = work(days, standings(lake))
    assert (item.partner, item.word, item.days, item.standing and item.standing.row) == ("quiet", "invalid", (), row)
