"""What a key holds is told by its content and by what it held before: contents that return, and wrong clocks."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Event, LedgerRow
from duff_orders.errors import DamagedObject
from duff_orders.lake import held, layout, raw
from duff_orders.lake.events import events
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.lake.stores.base import names
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import run
from duff_orders.local.watch import watch
from duff_orders.models.build import build
from tests.lakes import NOON, drop, ingest, open_lake

HEADER = ",".join(COLUMN_NAMES)
FIRST, OTHER = (
    f"{HEADER}\n1,Moe,77,1,Duff,2.50,6,0.355,Retail,{status}\n".encode() for status in ("delivered", "created  ")
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake", settle=0.05)


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def states(lake: Lake) -> list[int]:
    """The state of each order line; the lake holds."""
    build(lake)
    assert check(lake, deep=True).problems == []
    with lake.engine() as (connection, _):
        create_views(lake, connection)
        return [row[0] for row in connection.execute("select status_id from fact_orders").fetchall()]


def three(lake: Lake) -> list[LedgerRow]:
    """A content, another, and the first again, under one key."""
    return [ingest(lake, "a.csv", data, day(number)) for number, data in enumerate((FIRST, OTHER, FIRST))]


def test_a_content_that_returns_is_news(lake: Lake) -> None:
    found = []
    for number, data in enumerate((FIRST, OTHER, FIRST, OTHER, FIRST)):
        row = ingest(lake, "a.csv", data, day(number))
        assert row.verdict == "valid"
        found.append(row.file_id)
        assert states(lake) == [2 if data == FIRST else 1]
        assert ingest(lake, "a.csv", data, day(9)) == row  # the same event again, however late
    assert len({*found}) == 5
    assert [event.file_id for event in events(lake.store)] == found
    build(lake, rebuild=True)
    assert states(lake) == [2]


def test_what_comes_for_the_first_time_has_the_identity_that_it_always_had(lake: Lake) -> None:
    for row in three(lake)[:2]:
        event = Event(bucket=layout.RAW_BUCKET, key="a.csv", size=0, etag=row.etag, version=None, time=NOON)
        assert event.file_id == row.file_id


def test_under_another_key_a_content_is_known(lake: Lake) -> None:
    three(lake)
    row = ingest(lake, "b.csv", FIRST, day(5))
    assert (row.verdict, states(lake)) == ("duplicate", [2])


def test_all_of_them_are_replayed(lake: Lake) -> None:
    before = three(lake)
    after = [*replay(lake, everything=True)]
    assert [(row.file_id, row.verdict) for row in after] == [
        *((before[0].file_id, "valid"), (before[1].file_id, "failed"), (before[2].file_id, "valid"))
    ]
    assert lake.ledger.find(before[1].file_id) == before[1]  # its text is gone: the outcome of before stands
    assert states(lake) == [2]


@pytest.mark.parametrize("killed_at", ["note", "event"])
def test_a_crash_while_it_is_announced_makes_no_second_file(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    whole = three(open_lake(lake.settings.lake.parent / "whole"))
    ingest(lake, "a.csv", FIRST, day(0))
    ingest(lake, "a.csv", OTHER, day(1))
    drop(lake, "a.csv", FIRST)

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*{"note": (held, "note"), "event": (raw, "record")}[killed_at], kill)
        with pytest.raises(KeyboardInterrupt):
            announce(lake.disk, "a.csv", when=day(2))
    assert ingest(lake, "a.csv", FIRST, day(2)).file_id == whole[2].file_id
    assert states(lake) == [2]


@pytest.mark.parametrize("came", [1, 2])
def test_a_lake_of_a_release_that_noted_nothing(lake: Lake, came: int) -> None:
    contents = (FIRST, OTHER)[:came]
    before = [ingest(lake, "a.csv", data, day(number)) for number, data in enumerate(contents)]
    forget(lake)
    assert ingest(lake, "a.csv", contents[-1], day(5)) == before[-1]
    for number, data in enumerate((OTHER, FIRST) if came == 1 else (FIRST, OTHER)):
        row = ingest(lake, "a.csv", data, day(6 + number))
        assert row.verdict == "valid"
        assert states(lake) == [2 if data == FIRST else 1]


@pytest.mark.parametrize("between", [False, True])
def test_a_return_in_a_lake_of_a_release_that_noted_nothing(lake: Lake, between: bool) -> None:
    before = [ingest(lake, "a.csv", data, day(number)) for number, data in enumerate((FIRST, OTHER))]
    forget(lake)
    if between:
        before.append(ingest(lake, "a.csv", FIRST.replace(b"77", b"78"), day(4)))
    row = ingest(lake, "a.csv", FIRST, day(5))
    assert row.file_id not in {each.file_id for each in before}
    assert states(lake)[0] == 2


def forget(lake: Lake) -> None:
    """Make the lake one of a release that did not note what keys held."""
    for name in names(lake.store, f"{layout.PROCESSED}/keys/"):
        lake.store.delete(name)


def watched(lake: Lake) -> list[LedgerRow]:
    """What a watcher makes of the raw folder from its start on."""
    stop, found = threading.Event(), list[LedgerRow]()

    def done(row: LedgerRow) -> None:
        found.append(row)
        stop.set()

    timer = threading.Timer(3, stop.set)
    timer.start()
    watch(lake, stop, done=done)
    timer.cancel()
    return found


def test_a_file_overwritten_after_the_clock_was_put_back_is_taken_up(lake: Lake) -> None:
    """It was announced by a clock that ran years ahead; what came then is as large, and older by its times."""
    ingest(lake, "a.csv", FIRST, datetime.now(UTC) + timedelta(days=1000))
    drop(lake, "a.csv", OTHER)
    assert [each for each in check(lake).problems if "was never processed" in each]
    (row,) = watched(lake)
    assert (row.verdict, row.etag) == ("valid", announce(lake.disk, "a.csv").etag)
    assert not [each for each in check(lake).problems if "was never processed" in each]


def test_a_replay_books_no_new_content_under_an_old_file(lake: Lake) -> None:
    first = ingest(lake, "a.csv", FIRST, datetime.now(UTC) + timedelta(days=1000))
    drop(lake, "a.csv", OTHER)
    os.utime(lake.disk.path("raw/a.csv"), (1, 1))
    (row,) = replay(lake, everything=True)
    assert row.verdict == "failed"
    assert lake.ledger.find(first.file_id) == first


def test_a_backlog_is_announced_in_its_order(lake: Lake) -> None:
    """By modification time, then by name with numbers by value; the time is that of the first look, not of a worker."""
    content = {"b/orders-9.csv": 90, "b/orders-10.csv": 90, "c.csv": 50, "a.csv": 100, "b/orders-9-2.csv": 90}
    for number, (key, modified) in enumerate(content.items()):
        drop(lake, key, FIRST.replace(b",77,", b",%d," % number))
        os.utime(lake.disk.path(f"raw/{key}"), (modified, modified))
    stop, found = threading.Event(), list[LedgerRow]()

    def done(row: LedgerRow) -> None:
        found.append(row)
        if len(found) == len(content):
            stop.set()

    watch(lake, stop, done=done)
    ordered = sorted(found, key=lambda row: row.event_time)
    expected = ["c.csv", "b/orders-9-2.csv", "b/orders-9.csv", "b/orders-10.csv", "a.csv"]
    assert [row.source_file for row in ordered] == expected
    assert ordered[-1].event_time < min(row.finished for row in found)


def test_files_that_are_run_together_are_announced_in_their_order(lake: Lake, tmp_path: Path) -> None:
    paths = [tmp_path / f"orders-{number}.csv" for number in (10, 9, 1)]
    for path, modified in zip(paths, (5, 5, 9), strict=True):
        path.write_bytes(FIRST.replace(b",77,", b",%s," % path.stem[7:].encode()))
        os.utime(path, (modified, modified))
    rows = [*run(lake, paths)]
    assert [row.source_file for row in rows] == [path.name for path in paths]
    ordered = sorted(rows, key=lambda row: row.event_time)
    assert [row.source_file for row in ordered] == ["orders-9.csv", "orders-10.csv", "orders-1.csv"]


def test_a_damaged_note_is_told_and_the_file_stays_as_it_is(lake: Lake) -> None:
    row = ingest(lake, "a.csv", FIRST, day(0))
    (name,) = names(lake.store, f"{layout.PROCESSED}/keys/")
    lake.disk.path(name).write_bytes(b"{")
    with pytest.raises(DamagedObject, match=name):
        announce(lake.disk, "a.csv")
    assert [each.verdict for each in replay(lake, [row.file_id])] == ["valid"]
    build(lake)
    (told,) = check(lake, deep=True).problems
    assert told.startswith(f"the object {name} cannot be read")
