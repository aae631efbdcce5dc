"""A file that takes the place of an invalid one: tied by what is said where it is put, never by a name."""

from datetime import timedelta
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import LedgerRow
from duff_orders.errors import InputError
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process, run
from duff_orders.models.build import build
from duff_orders.query import rejects
from tests.lakes import NOON, drop, ingest, open_lake

HEADER = ",".join(COLUMN_NAMES)
GOOD = "1,Moe,{order},1,Duff,2.50,6,0.355,Retail,{status}\n"
INVALID = b"client_id;order_id\n1;77\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def text(*orders: int, status: str = "created", bad: int = 0) -> bytes:
    rows = [GOOD.format(order=order, status=status) for order in orders]
    return (f"{HEADER}\n" + "".join(rows) + "".join(rows[:bad]).replace(",6,", ",x,")).encode()


def replacement(lake: Lake, folder: Path, name: str, data: bytes, replaces: LedgerRow, days: int) -> LedgerRow:
    """Put a file in the place of another, some days later."""
    path = folder / name
    path.write_bytes(data)
    key = put(lake.disk, path, replaces=replaces.file_id)
    return process(lake, announce(lake.disk, key, when=NOON + timedelta(days=days)))


def holds(lake: Lake) -> None:
    build(lake)
    assert check(lake, deep=True).problems == []


def status_of(lake: Lake, order: int) -> list[tuple[object, ...]]:
    with lake.engine() as (connection, _):
        create_views(lake, connection)
        query = "select status_id, first_seen, last_seen from fact_orders where order_id = ?"
        return connection.execute(query, [order]).fetchall()


def test_all_its_rows_rank_at_the_time_of_the_file_that_it_replaces(lake: Lake, tmp_path: Path) -> None:
    monday = ingest(lake, "monday.csv", INVALID)
    ingest(lake, "tuesday.csv", text(77, status="delivered"), NOON + timedelta(days=1))
    again = replacement(lake, tmp_path, "monday again.csv", text(77, 78), monday, 2)
    assert (again.verdict, again.corrects, again.attempts) == ("valid", (monday.file_id,), None)
    holds(lake)
    noon = NOON.replace(tzinfo=None)
    assert status_of(lake, 77) == [(2, noon, noon + timedelta(days=1))]  # delivered, as Tuesday said
    assert status_of(lake, 78) == [(1, noon, noon)]
    standing = rejects.standings(lake).of(monday)
    assert (standing.whole, standing.is_open) == ("corrected", False)
    [*replay(lake, [again.file_id])]
    assert lake.ledger.find(again.file_id).corrects == (monday.file_id,)
    holds(lake)


def test_a_replacement_that_is_invalid_leaves_the_file_open_and_stands_for_it(lake: Lake, tmp_path: Path) -> None:
    monday = ingest(lake, "monday.csv", INVALID)
    second = replacement(lake, tmp_path, "second.csv", INVALID + b"2;78\n", monday, 1)
    assert (second.verdict, second.corrects, second.attempts) == ("invalid", None, (monday.file_id,))
    standings = rejects.standings(lake)
    assert [each.row.source_file for each in standings.open()] == ["second.csv", "monday.csv"]
    assert [each.row.file_id for each in standings.of(monday).tried_by] == [second.file_id]
    third = replacement(lake, tmp_path, "third.csv", text(77), second, 2)
    assert third.corrects == (monday.file_id,)
    holds(lake)
    noon = NOON.replace(tzinfo=None)
    assert status_of(lake, 77) == [(1, noon, noon)]


def test_what_it_replaces_must_have_its_outcome_first(lake: Lake, tmp_path: Path) -> None:
    drop(lake, "monday.csv", INVALID)
    event = announce(lake.disk, "monday.csv", when=NOON)
    path = tmp_path / "again.csv"
    path.write_bytes(text(77))
    again = announce(lake.disk, put(lake.disk, path, replaces=event.file_id), when=NOON)
    assert "has no outcome yet" in (process(lake, again).reason or "")
    process(lake, event)
    assert process(lake, again).corrects == (event.file_id,)
    holds(lake)


def test_an_attempt_to_correct_its_rows_leads_to_the_same_time(lake: Lake, tmp_path: Path) -> None:
    monday = ingest(lake, "monday.csv", INVALID)
    again = replacement(lake, tmp_path, "again.csv", text(77, 78, 79, bad=1), monday, 1)
    attempt = f"{HEADER},duff_corrects\n{GOOD.format(order=77, status='created').replace(',6,', ',y,').strip()},{{}}\n"
    tried = ingest(lake, "tried.csv", attempt.format(f"{again.file_id}:5").encode(), NOON + timedelta(days=2))
    assert tried.attempts == (f"{again.file_id}:5",)
    good = attempt.format(f"{tried.file_id}:2").replace(",y,", ",7,")
    row = ingest(lake, "good.csv", good.encode(), NOON + timedelta(days=3))
    assert row.corrects == (f"{again.file_id}:5",)
    holds(lake)
    noon = NOON.replace(tzinfo=None)
    assert status_of(lake, 77) == [(1, noon, noon)]


def test_rejected_rows_of_a_replacement_are_its_own_and_rank_as_it_does(lake: Lake, tmp_path: Path) -> None:
    monday = ingest(lake, "monday.csv", INVALID)
    again = replacement(lake, tmp_path, "again.csv", text(77, 78, 79, bad=1), monday, 1)
    assert (again.verdict, again.corrects, again.attempts) == (
        *("valid_with_rejects", (monday.file_id,), (monday.file_id,)),
    )
    standing = rejects.standings(lake).of(again)
    assert (standing.lost, standing.open, standing.is_open) == (1, 1, True)
    assert rejects.standings(lake).of(monday).tried_by == ()
    holds(lake)
    out = tmp_path / "out.csv"
    assert rejects.export(lake, again, out) == 1
    corrected = out.read_text("utf-8-sig").replace(",x,", ",7,")
    assert f"{again.file_id}:5" in corrected
    row = ingest(lake, "corrected.csv", corrected.encode(), NOON + timedelta(days=5))
    assert row.corrects == (f"{again.file_id}:5",)
    holds(lake)
    with lake.engine() as (connection, _):
        create_views(lake, connection)
        times = connection.execute("select distinct effective_at from tbl_duff_orders").fetchall()
    assert times == [(NOON.replace(tzinfo=None),)]


def test_of_two_replacements_the_later_one_counts(lake: Lake, tmp_path: Path) -> None:
    monday = ingest(lake, "monday.csv", INVALID)
    replacement(lake, tmp_path, "first.csv", text(77, 78), monday, 1)
    holds(lake)
    replacement(lake, tmp_path, "second.csv", text(77, status="broken"), monday, 2)
    holds(lake)
    assert status_of(lake, 77)[0][0] == 3
    assert status_of(lake, 78) == []


def test_a_file_of_corrections_says_itself_what_it_corrects(lake: Lake, tmp_path: Path) -> None:
    """Dropped on the page of an invalid file, its own corrected export is no replacement of all of it."""
    mostly_bad = ingest(lake, "mostly bad.csv", text(77, bad=1) + text(78, bad=1).splitlines(keepends=True)[-1])
    assert mostly_bad.verdict == "invalid"
    rejects.export(lake, mostly_bad, tmp_path / "out.csv")
    corrected = (tmp_path / "out.csv").read_bytes().replace(b",x,", b",7,")
    row = replacement(lake, tmp_path, "corrected.csv", corrected, mostly_bad, 1)
    assert row.corrects
    assert all(":" in each for each in row.corrects)
    assert rejects.standings(lake).of(mostly_bad).open == mostly_bad.rows_withheld
    holds(lake)


def test_only_a_file_that_could_not_be_taken_in_is_replaced(lake: Lake, tmp_path: Path) -> None:
    good = ingest(lake, "good.csv", text(1))
    path = tmp_path / "other.csv"
    path.write_bytes(text(2))
    with pytest.raises(InputError, match="is valid: only a file that is invalid or failed is replaced"):
        [*run(lake, [path], replaces=good.file_id)]
    with pytest.raises(InputError, match="no file 'ffff'"):
        [*run(lake, [path], replaces="ffff")]
    assert not lake.store.exists("raw/other.csv")
    monday = ingest(lake, "monday.csv", INVALID)
    [*run(lake, [path])]
    with pytest.raises(InputError, match="this very file came before, and not to replace"):
        [*run(lake, [path], replaces=monday.file_id)]
    path.write_bytes(text(3))
    (row,) = run(lake, [path], replaces=monday.file_id[:8])
    assert row.corrects == (monday.file_id,)
    (again,) = run(lake, [path], replaces=monday.file_id[:8])  # the same twice changes nothing
    assert again == row


def test_a_content_that_is_there_already_replaces_nothing(lake: Lake, tmp_path: Path) -> None:
    monday = ingest(lake, "monday.csv", INVALID)
    ingest(lake, "good.csv", text(1))
    row = replacement(lake, tmp_path, "same.csv", text(1), monday, 1)
    assert (row.verdict, row.corrects, row.attempts) == ("duplicate", None, (monday.file_id,))
    assert rejects.standings(lake).of(monday).is_open
    holds(lake)


def test_one_that_is_to_replace_what_nobody_knows_is_invalid(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text(1))
    row = process(lake, announce(lake.disk, put(lake.disk, path, replaces="0" * 32), when=NOON))
    assert (row.verdict, row.reason) == (
        *("invalid", f"it is to replace the file {'0' * 32}, which the ledger does not know"),
    )
    holds(lake)


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_on_spark_too(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake", engine="spark")
    monday = ingest(lake, "monday.csv", INVALID)
    again = replacement(lake, tmp_path, "again.csv", text(77, 78, 79, bad=1) + b"1,2\n", monday, 1)
    assert (again.engine, again.corrects, again.attempts) == ("spark", (monday.file_id,), (monday.file_id,))
    holds(lake)
