"""A file published in several parts: read whole, without those of an attempt before, and proved part by part."""

import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.events import events
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import DataObject, parse_data_object
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.stores.base import names
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process, run
from duff_orders.models.build import build
from duff_orders.query import rejects
from tests.effort import every
from tests.faults.scenario import Fault, FaultyStore
from tests.lakes import NOON, drop, in_parts, ingest, open_lake, rows, sql

BOTH = (ORDERS.name, REJECTED_ROWS.name)
LINE = "1,Moe,{order},1,Duff,2.50,6,0.33,Retail,created"
GOOD = [LINE.format(order=order) for order in range(1, 9)]
BAD = [LINE.format(order=f"x{order}") for order in range(5)]


def lines(*records: str) -> bytes:
    return "\n".join((",".join(COLUMN_NAMES), *records, "")).encode()


DATA = lines(*GOOD, *BAD)
OTHER = lines(*(LINE.format(order=order) for order in range(20, 28)), *BAD)


class Killed(BaseException):
    """Stands for the end of the process: nothing in the pipeline handles it."""


def kill() -> None:
    raise Killed


def killed_before_the_ledger_row(lake: Lake, data: bytes, *, parts: int) -> None:
    with in_parts(parts), mock.patch.object(Ledger, "write", side_effect=Killed), pytest.raises(Killed):
        ingest(lake, "f.csv", data)


def objects(lake: Lake, file_id: str) -> set[str]:
    """The objects of a file in the two tables, as a reader sees them who does not ask the ledger."""
    folders = [f"{layout.PROCESSED}/{layout.FOLDERS[table]}" for table in BOTH]
    return {name for folder in folders for name in names(lake.store, folder) if file_id in name}


def named(row: LedgerRow) -> set[str]:
    return {name for table in BOTH for name in layout.data_objects(table, row)}


def table_of(lake: Lake, table: str) -> Counter[tuple[Any, ...]]:
    with sql() as connection:
        create_views(lake, connection, [table])
        return Counter(connection.execute(f"select * from {table}").fetchall())


@contextmanager
def seen_when_published(lake: Lake) -> Iterator[list[set[str]]]:
    """The file's objects at the moment at which its ledger row is written."""
    write, seen = Ledger.write, list[set[str]]()

    def spy(ledger: Ledger, row: LedgerRow, token: str | None) -> bool:
        seen.append(objects(lake, row.file_id))
        return write(ledger, row, token)

    with mock.patch.object(Ledger, "write", spy):
        yield seen


@pytest.mark.slow
def test_a_file_in_three_parts_is_read_whole(tmp_path: Path) -> None:
    one, three = open_lake(tmp_path / "one"), open_lake(tmp_path / "three")
    expected = ingest(one, "f.csv", DATA)
    with in_parts(3):
        row = ingest(three, "f.csv", DATA)
    assert (expected.orders_objects, expected.rejected_objects) == (1, 1)
    assert (row.orders_objects, row.rejected_objects) == (3, 3)
    assert objects(three, row.file_id) == named(row)
    assert layout.data_objects(ORDERS.name, row) == [
        f"processed/orders/pa_date=2026-03-01/{row.file_id}-{part}.parquet" for part in range(3)
    ]
    with sql() as connection:  # no part is empty: whoever leaves one out loses rows
        for name in named(row):
            found = connection.execute(f"select count(*) from '{three.disk.path(name)}'").fetchone()
            assert found
            assert 0 < found[0] < len(BAD)
    for table, number in zip(BOTH, (len(GOOD), len(BAD)), strict=True):
        assert table_of(three, table).total() == number
        assert Counter(rows(three, row, table)) == Counter(rows(one, expected, table))
    assert table_of(three, ORDERS.name) == table_of(one, ORDERS.name)
    assert table_of(three, REJECTED_ROWS.name) == table_of(one, REJECTED_ROWS.name)
    assert list(rejects.read(three, row)) == list(rejects.read(one, expected))
    assert rejects.export(three, row, tmp_path / "rejects.csv") == len(BAD)
    for lake in (one, three):
        build(lake)
        assert check(lake).problems == []
    assert table_of(three, "fact_orders") == table_of(one, "fact_orders")
    assert table_of(three, "fact_orders").total() == len(GOOD)


def test_a_table_without_rows_has_no_objects(tmp_path: Path) -> None:
    with in_parts(3):
        clean = ingest(open_lake(tmp_path / "clean"), "f.csv", lines(*GOOD))
        invalid = ingest(open_lake(tmp_path / "invalid", max_reject_share=Decimal(0)), "f.csv", DATA)
        empty = ingest(open_lake(tmp_path / "empty"), "f.csv", lines())
    counts = [(row.orders_objects, row.rejected_objects) for row in (clean, invalid, empty)]
    assert counts == [(3, 0), (0, 3), (0, 0)]


@pytest.mark.slow
def test_parts_of_a_killed_attempt_are_gone_when_the_file_is_published(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    with in_parts(4):
        neighbour = ingest(lake, "neighbour.csv", OTHER)
    killed_before_the_ledger_row(lake, DATA, parts=4)
    (event,) = (event for event in events(lake.store) if event.key == "f.csv")
    file_id = event.file_id
    assert len(objects(lake, file_id)) == 8
    with in_parts(3), seen_when_published(lake) as seen:
        row = process(lake, event)
    assert seen == [named(row)]
    assert len(named(row)) == 6
    assert objects(lake, file_id) == named(row)
    assert objects(lake, neighbour.file_id) == named(neighbour)
    build(lake)
    assert check(lake).problems == []


@pytest.mark.slow
def test_parts_of_a_table_that_now_has_none_are_gone_too(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    killed_before_the_ledger_row(lake, DATA, parts=4)
    strict = open_lake(tmp_path, max_reject_share=Decimal(0))
    with in_parts(2), seen_when_published(lake) as seen:
        row = ingest(strict, "f.csv", DATA)
    assert (row.verdict, row.orders_objects, row.rejected_objects) == ("invalid", 0, 2)
    assert seen == [named(row)]
    assert check(lake).problems == []


@pytest.mark.slow
@pytest.mark.parametrize("table", BOTH)
def test_a_missing_middle_part_is_told(tmp_path: Path, table: str) -> None:
    lake = open_lake(tmp_path)
    with in_parts(3):
        row = ingest(lake, "f.csv", DATA)
    build(lake)
    name = layout.data_objects(table, row)[1]
    lake.store.delete(name)
    assert check(lake).problems == [
        f"f.csv ({row.file_id}): the object {name} is missing; `duff repair` processes its file again"
    ]
    with in_parts(2):
        list(replay(lake, [row.file_id]))
    build(lake)
    assert check(lake).problems == []


@pytest.mark.slow
@pytest.mark.parametrize("table", BOTH)
def test_a_part_too_many_is_told_read_by_nobody_and_swept(tmp_path: Path, table: str) -> None:
    lake = open_lake(tmp_path, grace=3600)
    with in_parts(3):
        row = ingest(lake, "f.csv", DATA)
    build(lake)
    before = table_of(lake, table)
    extra = layout.data_object(table, row.pa_date, row.file_id, part=3)
    shutil.copyfile(lake.disk.path(layout.data_objects(table, row)[2]), lake.disk.path(extra))
    assert check(lake).problems == [f"{extra}: an orphan, no ledger row speaks of it; `duff repair` puts it aside"]
    assert table_of(lake, table) == before
    assert sweep(lake) == 1
    assert objects(lake, row.file_id) == named(row)
    assert check(lake).problems == []


@pytest.mark.slow
def test_superseded_parts_stay_for_the_grace(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=3600)
    with in_parts(3):
        old = ingest(lake, "f.csv", DATA)
    with in_parts(2):
        (new,) = replay(lake, [old.file_id])
    assert (new.revision, new.orders_objects, new.rejected_objects) == (1, 2, 2)
    build(lake)
    assert sweep(lake) == 0
    assert objects(lake, old.file_id) == named(old) | named(new)
    assert check(lake).problems == []
    assert sweep(open_lake(tmp_path, grace=0)) == 6
    assert objects(lake, old.file_id) == named(new)
    assert table_of(lake, ORDERS.name).total() == len(GOOD)
    assert check(lake).problems == []


@pytest.mark.slow
def test_run_and_replay_remove_what_nothing_names_any_more(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake", grace=0)
    (tmp_path / "f.csv").write_bytes(DATA)
    with in_parts(3):
        (old,) = run(lake, [tmp_path / "f.csv"])
    with in_parts(2):
        (new,) = replay(lake, [old.file_id])
    assert objects(lake, old.file_id) == named(new)
    extra = layout.data_object(BOTH[0], new.pa_date, new.file_id, part=2, revision=new.revision)
    shutil.copyfile(lake.disk.path(layout.data_objects(BOTH[0], new)[0]), lake.disk.path(extra))
    assert [row.verdict for row in run(lake, [tmp_path / "f.csv"])] == ["valid_with_rejects"]
    assert objects(lake, old.file_id) == named(new)


def test_what_a_failed_file_left_goes_with_its_verdict(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=3600)
    killed_before_the_ledger_row(lake, DATA, parts=3)
    (event,) = events(lake.store)
    drop(lake, "f.csv", OTHER)
    row = process(lake, event)
    assert (row.verdict, named(row)) == ("failed", set())
    assert objects(lake, row.file_id) == set()
    assert sweep(lake) == 0


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (f"processed/orders/pa_date=2026-03-01/{'0a' * 16}-0.parquet", DataObject("0a" * 16, 0, 0)),
        (f"{'0a' * 16}-r2-13.parquet", DataObject("0a" * 16, 2, 13)),
        (f"{'0a' * 16}.parquet", None),
        (f"{'0a' * 16}-r2.parquet", None),
        ("part-00000.parquet", None),
    ],
)
def test_names_of_data_objects(name: str, found: DataObject | None) -> None:
    assert parse_data_object(name) == found


@pytest.mark.slow
@pytest.mark.faults
def test_killed_at_any_point_of_publishing_parts(tmp_path: Path) -> None:
    """Each attempt makes another number of parts, more or fewer than that before it."""
    template = open_lake(tmp_path / "template")
    killed_before_the_ledger_row(template, DATA, parts=4)
    (event,) = events(template.store)
    for at in itertools.count(1, every(3)):
        root = tmp_path / str(at)
        shutil.copytree(template.settings.lake, root)
        lake = open_lake(root)
        store = FaultyStore(root, fault := Fault(at, kill))
        try:
            with in_parts(3):
                process(Lake(lake.settings, store), event)
        except Killed:
            pass
        else:
            break
        # nothing of the file is seen, or all of it
        published = lake.ledger.get(event.pa_date, event.file_id) is not None
        assert table_of(lake, ORDERS.name).total() == (len(GOOD) if published else 0), fault.passed[-1]
        with in_parts(2):
            row = process(lake, event)
        assert row.orders_objects == row.rejected_objects == (3 if published else 2)
        assert objects(lake, row.file_id) == named(row), fault.passed[-1]
        build(lake)
        assert check(lake).problems == [], fault.passed[-1]
    operations = Counter(point.split()[1] for point in fault.passed if point.startswith("before "))
    assert operations["publish"] == 6
    assert operations["delete"] == 2
    assert row.event_time == NOON
