"""Stored objects that are damaged: each costs its own file alone, is told, and comes back by the advice given."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duff_orders.cli.main import app
from duff_orders.contract import ORDERS
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.local.check import check
from duff_orders.local.repair import repair
from duff_orders.local.replay import replay
from duff_orders.local.run import run
from duff_orders.models.build import build
from tests.faults.scenario import lines
from tests.lakes import ingest, open_lake, sql
from tests.models import stars

pytestmark = pytest.mark.faults


def orders(number: int) -> bytes:
    return lines(f"1,Moe,{number},1,Duff,1.50,6,0.33,Retail,created", f"1,Moe,{number},2,Duff,x,6,0.33,Retail,created")


#: What happens to the bytes of an object.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "zeroed": lambda data: bytes(len(data)),
    "a letter": lambda data: data.replace(b'"verdict"', b'"verdiht"'),
    "not UTF-8": lambda data: data.replace(b"valid", b"v\xe9lid"),
}
damaged = pytest.mark.parametrize("damage", DAMAGES.values(), ids=[*DAMAGES])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake", grace=0)


def spoil(lake: Lake, row: LedgerRow, damage: Callable[[bytes], bytes]) -> Path:
    path = lake.disk.path(layout.ledger_object(row.pa_date, row.file_id))
    data = path.read_bytes()
    assert damage(data) != data
    path.write_bytes(damage(data))
    return path


def facts(lake: Lake) -> set[int]:
    return {order for order, _ in stars.tables(lake).fact_orders}


@damaged
def test_a_damaged_ledger_row_costs_its_own_file_alone(
    lake: Lake, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = ingest(lake, "a.csv", orders(1))
    build(lake)
    twin = ingest(open_lake(tmp_path / "twin"), "a.csv", orders(1))
    path = spoil(lake, first, damage)
    other = tmp_path / "b.csv"
    other.write_bytes(orders(2))
    again = tmp_path / "a.csv"
    again.write_bytes(orders(1))
    rows = [*run(lake, [again, other])]
    assert [row.verdict for row in rows] == ["failed", "valid_with_rejects"]
    assert "`duff repair` mends it" in (rows[0].reason or "")
    spoilt = path.read_bytes()
    (told,) = build(lake).left_out
    assert first.file_id in told
    assert facts(lake) == {1, 2}  # what was in the tables stays
    (told,) = build(lake, rebuild=True).left_out
    assert facts(lake) == {2}
    assert any(first.file_id in each for each in check(lake).problems)
    assert path.read_bytes() == spoilt
    (row,) = replay(lake, [first.file_id])
    assert (row.verdict, row.rows_published, row.rows_rejected) == ("valid_with_rejects", 1, 1)
    assert (row.file_id, row.content, row.revision) == (twin.file_id, twin.content, 1)
    assert build(lake).left_out == ()
    assert facts(lake) == {1, 2}
    assert check(lake, deep=True).problems == []


@damaged
def test_all_that_failed_takes_it_up_too(lake: Lake, damage: Callable[[bytes], bytes]) -> None:
    rows = [ingest(lake, f"{number}.csv", orders(number)) for number in (1, 2)]
    [*replay(lake, [rows[0].file_id])]
    spoil(lake, rows[0], damage)
    assert [row.revision for row in replay(lake, failed=True)] == [2]
    build(lake)
    assert check(lake, deep=True).problems == []
    assert facts(lake) == {1, 2}


@pytest.mark.parametrize("damage", [DAMAGES["cut"], lambda data: data.replace(b"12:00", b"13:00")])
def test_a_damaged_announcement_costs_its_own_file_alone(
    lake: Lake, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = ingest(lake, "a.csv", orders(1))
    path = lake.disk.path(layout.event_object(first.file_id))
    path.write_bytes(damage(path.read_bytes()))
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for number, file in enumerate(files, 1):
        file.write_bytes(orders(number))
    rows = [*run(lake, files)]
    assert [(row.verdict, row.file_id == first.file_id) for row in rows] == [
        ("failed", True),
        ("valid_with_rejects", False),
    ]
    told = CliRunner().invoke(app, ["replay", "--all", "--lake", str(lake.settings.lake)])
    assert (told.exit_code, first.file_id in told.stderr) == (1, True), told.output
    assert "b.csv" in told.stdout
    told = CliRunner().invoke(app, ["replay", first.file_id, "--lake", str(lake.settings.lake)])
    assert (told.exit_code, "`duff repair` mends it" in str(told.exception)) == (1, True), told.output
    assert "Traceback" not in told.output
    assert facts(lake) == {1, 2}
    told = CliRunner().invoke(app, ["repair", "--dry-run", "--lake", str(lake.settings.lake)])
    assert (told.exit_code, first.file_id in told.stdout) == (1, True), told.output
    told = CliRunner().invoke(app, ["repair", "--lake", str(lake.settings.lake)])
    assert (told.exit_code, "made anew: " in told.stdout) == (0, True), told.output
    told = CliRunner().invoke(app, ["repair", "--lake", str(lake.settings.lake)])
    assert (told.exit_code, told.stdout) == (0, "nothing is damaged\n")
    assert lake.ledger.of(first.file_id) == first
    assert check(lake, deep=True).problems == []


@pytest.mark.parametrize("damage", [DAMAGES["cut"], DAMAGES["zeroed"], None])
@pytest.mark.parametrize("rebuild", [False, True])
def test_a_damaged_object_costs_its_own_file_alone(
    lake: Lake, damage: Callable[[bytes], bytes] | None, rebuild: bool
) -> None:
    row = ingest(lake, "a.csv", orders(1))
    if rebuild:
        build(lake)
    path = lake.disk.path(layout.data_object(ORDERS.name, row.pa_date, row.file_id))
    if damage:
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    ingest(lake, "b.csv", orders(2))
    (told,) = build(lake, rebuild=rebuild).left_out
    assert row.file_id in told
    assert facts(lake) == {2}
    (told,) = build(lake).left_out
    (again,) = repair(lake).again
    assert (again.file_id, again.revision) == (row.file_id, 1)
    assert build(lake).left_out == ()
    assert facts(lake) == {1, 2}
    assert check(lake, deep=True).problems == []


@pytest.mark.parametrize("harmed", ["a ledger row", "an object"])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_query_leaves_out_what_cannot_be_read_and_says_so(
    lake: Lake, tmp_path: Path, harmed: str, format: str
) -> None:
    row = ingest(lake, "a.csv", orders(1))
    ingest(lake, "b.csv", orders(2))
    if harmed == "a ledger row":
        spoil(lake, row, DAMAGES["cut"])
    else:
        lake.disk.path(layout.data_object(ORDERS.name, row.pa_date, row.file_id)).write_bytes(b"x")
    words = ["query", "select order_id from tbl_duff_orders", "--lake", str(lake.settings.lake), "--format", format]
    told = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "out")])
    assert (told.exit_code, told.stderr.count(row.file_id)) == (1, 1), told.output
    if format == "csv":
        assert (tmp_path / "out").read_text().split() == ["order_id", "2"]
    else:
        assert sql().execute(f"select * from read_parquet('{tmp_path / 'out'}')").fetchall() == [(2,)]
    told = CliRunner().invoke(app, ["query", "select 1 as one", "--lake", str(lake.settings.lake)])
    assert told.exit_code == 0


def test_the_ledger_and_rejected_rows_are_told_without_what_cannot_be_read(lake: Lake, tmp_path: Path) -> None:
    row, other = (ingest(lake, f"{name}.csv", orders(number)) for number, name in enumerate("ab", 1))
    spoil(lake, row, DAMAGES["cut"])
    for words in (["files"], ["files", "--json"], ["rejects", other.file_id, "--csv", str(tmp_path / "out.csv")]):
        told = CliRunner().invoke(app, [*words, "--lake", str(lake.settings.lake)])
        assert (told.exit_code, told.stderr.count(row.file_id)) == (1, 1), told.output
        assert "b.csv" in told.stdout or (tmp_path / "out.csv").stat().st_size


def test_commands_say_what_they_leave_out(lake: Lake) -> None:
    first = ingest(lake, "a.csv", orders(1))
    ingest(lake, "b.csv", orders(2))
    spoil(lake, first, DAMAGES["cut"])
    told = CliRunner().invoke(app, ["models", "--lake", str(lake.settings.lake)])
    assert told.exit_code == 1
    assert first.file_id in told.stderr
    assert "1 files added" in told.stdout
    assert "Traceback" not in told.output
    told = CliRunner().invoke(app, ["replay", first.file_id, "--lake", str(lake.settings.lake)])
    assert told.exit_code == 0, told.output
    assert check(lake, deep=True).problems == []
