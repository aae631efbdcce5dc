"""Lakes of earlier releases, whose files were judged under earlier versions of the contract, in this one's hands."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from duff_orders.contract import FILES, ORDERS, REJECTED_ROWS, STAR
from duff_orders.lake import layout
from duff_orders.lake.events import events
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.repair import repair
from duff_orders.local.replay import replay
from duff_orders.local.run import process
from duff_orders.models.build import build
from duff_orders.query import rejects, reports
from duff_orders.query.duckdb import answer
from duff_orders.query.serving import Serving
from tests.cases import CASES, data_of
from tests.lakes import KEPT_LAKES, drop, ingest, kept_lake, open_lake

#: What each replay makes anew, and what says when.
OWN = ("revision", "started", "finished", "engine")


@pytest.fixture
def old(tmp_path: Path) -> Lake:
    """The oldest."""
    return kept_lake(tmp_path, 1)


def ask(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    with lake.engine() as (connection, _):
        create_views(lake, connection)
        return connection.execute(query).fetchall()


def told(lake: Lake) -> dict[str, Counter[str]]:
    """All that the tables hold, but for what is a replay's own."""
    found = {}
    for table in (ORDERS, REJECTED_ROWS, FILES, *STAR):
        fields = ", ".join(field.name for field in table.all_fields if field.name not in OWN)
        found[table.name] = Counter(map(str, ask(lake, f"select {fields} from {table.name}")))
    return found


def test_it_is_read_as_it_is(old: Lake) -> None:
    assert set(ask(old, "select contract, remarks, count(*) from tbl_duff_files group by all")) == {(None, None, 7)}
    assert ask(old, "select count(*), count(line) from tbl_duff_rejected_rows") == [(16, 0)]
    # what version 1 published, and version 2 would not
    assert ask(old, "select count(*) from tbl_duff_orders where product_price = 1.99") == [(1,)]
    proof = check(old, deep=True)
    assert (proof.problems, proof.reread) == ([], 6)
    dirty = next(row for row in old.ledger.rows() if row.source_file == "03-dirty.csv")
    assert {each["line"] for each in rejects.read(old, dirty)} == {None}


def test_objects_of_both_versions_stand_side_by_side(old: Lake) -> None:
    row = ingest(old, "totals.csv", data_of("totals"))
    found = ask(old, "select line, count(*) from tbl_duff_rejected_rows group by all order by all")
    assert found == [(7, 1), (8, 1), (9, 1), (None, 16)]
    assert ask(old, f"select count(*) from tbl_duff_files where contract = 2 and file_id = '{row.file_id}'") == [(1,)]
    build(old)
    proof = check(old, deep=True)
    assert (proof.problems, proof.reread) == ([], 7)


def test_a_replay_lifts_it_to_what_this_release_makes_alone(old: Lake, tmp_path: Path) -> None:
    new = open_lake(tmp_path / "new")
    ingest(old, "sep.csv", data_of("sep"))
    for event in events(old.store):
        drop(new, event.key, old.disk.path(f"{layout.RAW}/{event.key}").read_bytes())
        process(new, announce(new.disk, event.key, when=event.time))
    list(replay(old, everything=True))
    for lake in (old, new):
        build(lake)
        assert check(lake, deep=True).problems == []
    assert told(old) == told(new)
    for row in new.ledger.rows():
        if case := CASES.get(row.source_file.removesuffix(".csv")):
            assert (row.verdict, row.contract) == (case.verdict, 2)


@pytest.mark.parametrize("contract", KEPT_LAKES)
def test_it_is_served_before_any_build_of_this_release(tmp_path: Path, contract: int) -> None:
    lake = kept_lake(tmp_path, contract)
    serving = Serving(lake.disk, memory=200_000_000)
    assert serving.refresh()
    for report in (each for each in map(reports.report, reports.names()) if each.over == "star"):
        with answer(lake, report.text(), left_out=[]) as asked:
            told = [[*map(str, row)] for row in asked.fetchall()]
        assert [[*map(str, row)] for row in serving.report(report, {}).rows] == told
        assert told
    serving.close()


@pytest.mark.parametrize("without_ledger", [False, True])
@pytest.mark.parametrize("contract", KEPT_LAKES)
def test_what_is_whole_of_a_file_without_its_raw_object_stays_readable(
    tmp_path: Path, contract: int, without_ledger: bool
) -> None:
    lake = kept_lake(tmp_path, contract)
    count = f"select count(*) from {ORDERS.name}"
    told = ask(lake, count)
    for event in events(lake.store):
        lake.disk.path(f"{layout.RAW}/{event.key}").unlink()
    for row in list(lake.ledger.rows()):
        if without_ledger:
            lake.store.delete(layout.ledger_object(row.pa_date, row.file_id))
        elif row.rejected_objects and row.orders_objects:
            lake.store.delete(layout.data_objects(REJECTED_ROWS.name, row)[0])
    assert repair(lake).lost
    assert ask(lake, count) == told
    build(lake)
    assert ask(lake, count) == told
    for table in (REJECTED_ROWS, *STAR):
        assert ask(lake, f"select count(*) from (select * from {table.name})")
