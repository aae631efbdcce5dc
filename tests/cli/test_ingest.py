"""`duff run`, `watch` and `replay`, as a user types them and with what a user sees."""

import gzip
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from duff_orders.contract import FILES
from duff_orders.engines.duckdb import transform as on_duckdb
from duff_orders.errors import CountMismatch
from duff_orders.lake.raw import announce
from tests import lakes
from tests.cli.commands import BROKEN, DIRTY, FIRST, HEADER, LINE, Result, contents, count, duff, ids, write

pytestmark = pytest.mark.slow


# duff run


def test_run_shows_verdicts_counts_and_what_to_do_next(tmp_path: Path) -> None:
    result = duff("run", FIRST, DIRTY, BROKEN, "--lake", tmp_path / "lake")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["file", "verdict", "read", "published", "duplicate", "rejected", "withheld"]
    assert lines[1] == ["01-orders.csv", "valid", "5", "5", "0", "0", "0"]
    assert lines[2] == ["03-dirty.csv", "valid_with_rejects", "24", "11", "2", "11", "0"]
    assert lines[3] == ["05-missing-column.csv", "invalid", "0", "0", "0", "0", "0"]
    dirty = ids(tmp_path / "lake")["03-dirty.csv"]
    assert f"11 of 24 records rejected; `duff rejects {dirty[:12]}` shows which and why" in result.out
    assert "05-missing-column.csv: column `status` missing; found: client_id, client_name" in result.out
    assert "star schema: rebuild, 2 files added" in result.out
    assert (result.code, result.err) == (1, "")


def test_run_json_has_every_field_of_the_ledger(made: tuple[Path, Result]) -> None:
    lake, result = made
    assert result.code == 1
    assert [document["verdict"] for document in result.documents] == ["valid", "valid_with_rejects", "invalid"]
    names = [field.name for field in FILES.all_fields]
    assert all(list(document) == names for document in result.documents)
    first, dirty, broken = result.documents
    assert first["source_file"] == "01-orders.csv"
    assert first["size"] == FIRST.stat().st_size
    assert first["event_time"].startswith(first["pa_date"])
    assert (first["engine"], first["encoding"], first["delimiter"]) == ("duckdb", "utf-8", ",")
    assert (dirty["rows_read"], dirty["rows_published"], dirty["rows_rejected"]) == (24, 11, 11)
    assert dirty["nulls"]["client_name"] == 1
    objects = [(document["orders_objects"], document["rejected_objects"]) for document in result.documents]
    assert objects == [(1, 0), (1, 1), (0, 0)]
    assert "`status` missing" in broken["reason"]
    sql = "select file_id, verdict, rows_read, pa_date from tbl_duff_files"
    told = json.loads(duff("query", sql, "--format", "json", "--lake", lake).out)
    expected = [{name: document[name] for name in told[0]} for document in result.documents]
    assert sorted(told, key=str) == sorted(expected, key=str)


def test_run_ends_with_0_for_valid_rejects_and_duplicates(tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    shutil.copyfile(FIRST, copy)
    result = duff("run", FIRST, copy, DIRTY, "--json", "--lake", tmp_path / "lake")
    assert [document["verdict"] for document in result.documents] == ["valid", "duplicate", "valid_with_rejects"]
    assert result.documents[1]["reason"] == "its content was already published from 01-orders.csv"
    assert result.code == 0


def test_the_same_file_twice_changes_nothing(lake: Path, made: tuple[Path, Result]) -> None:
    duff("run", FIRST, DIRTY, "--lake", lake)  # this lake is a copy, whose files look other than they did
    before = contents(lake)
    result = duff("run", FIRST, DIRTY, FIRST, "--json", "--lake", lake)
    first, dirty, _ = made[1].documents
    assert result.documents == [first, dirty, first]
    assert contents(lake) == before


def test_a_file_that_is_known_is_told_to_be(lake: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.csv", LINE.format(order=900))
    told = [line for line in duff("run", FIRST, new, BROKEN, "--lake", lake).out.splitlines() if "known" in line]
    assert [line.partition(" since ")[0] for line in told] == [
        "01-orders.csv: known already, unchanged",
        "05-missing-column.csv: known already, unchanged",
    ]


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name / "orders.csv", LINE.format(order=name)) for name in "12")
    lake = tmp_path / "lake"
    keys = [document["source_file"] for document in duff("run", one, two, "--json", "--lake", lake).documents]
    assert keys[0] == "orders.csv"
    assert keys[1] == f"orders-{keys[1][7:15]}.csv"
    assert (lake / "raw" / keys[0]).read_bytes() == one.read_bytes()
    assert (lake / "raw" / keys[1]).read_bytes() == two.read_bytes()
    assert duff("run", two, "--json", "--lake", lake).documents[0]["source_file"] == keys[1]
    assert count(lake, "tbl_duff_orders") == 2


def test_run_takes_gzip_in_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "ORDERS.CSV.GZ"
    path.write_bytes(gzip.compress(FIRST.read_bytes(), mtime=0))
    result = duff("run", path, "--json", "--lake", tmp_path / "lake")
    assert (result.code, result.documents[0]["rows_published"]) == (0, 5)


def test_run_takes_a_file_that_lies_in_the_raw_folder(lake: Path) -> None:
    path = write(lake / "raw" / "2026" / "late.csv", LINE.format(order=9))
    assert duff("run", path, "--json", "--lake", lake).documents[0]["source_file"] == "2026/late.csv"
    assert len(list((lake / "raw").rglob("*.csv"))) == 4


@pytest.mark.parametrize("name", ["or'ders [1] *?.csv", "[red]pedidos[bold].csv", "año 2026;enero.csv"])
def test_run_takes_odd_names(tmp_path: Path, name: str) -> None:
    lake = tmp_path / "it's a [lake]"
    result = duff("run", write(tmp_path / name, LINE.format(order=1)), "--lake", lake)
    assert result.code == 0
    assert result.out.splitlines()[1].startswith(name)
    assert duff("check", "--lake", lake).code == 0


def test_run_obeys_max_reject_share(tmp_path: Path) -> None:
    result = duff("run", DIRTY, "--json", "--max-reject-share", "0.4", "--lake", tmp_path / "lake")
    assert (result.code, result.documents[0]["verdict"], result.documents[0]["rows_withheld"]) == (1, "invalid", 13)
    assert "more than the share of 0.4 that is allowed" in result.documents[0]["reason"]


def test_a_wrong_name_stops_the_run_before_anything_is_made(tmp_path: Path) -> None:
    wrong = write(tmp_path / "orders.txt", LINE.format(order=1))
    result = duff("run", FIRST, wrong, "--lake", tmp_path / "lake")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"duff: {wrong}: an orders file is named *.csv or *.csv.gz\n"
    assert not (tmp_path / "lake").exists()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.symlink_to("/proc/self/mem")  # an ordinary file for `stat`, and an error for whoever reads it, root too
    if not path.is_file():
        pytest.skip("needs Linux's /proc")
    result = duff("run", path, "--lake", tmp_path / "lake")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("duff: ")
    assert "Traceback" not in result.err


# duff watch


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch(tmp_path: Path, number: signal.Signals) -> None:
    lake = tmp_path / "lake"
    write(lake / "raw" / "before.csv", LINE.format(order=1))
    command = [sys.executable, "-m", "duff_orders", "watch", "--settle", "0.1", "--lake", str(lake)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stderr.readline() == f"watching {lake / 'raw'}; Ctrl-C stops\n"
            assert process.stdout.readline().startswith("before.csv: valid, 1 read, 1 published, 0 duplicate, ")
            write(lake / "raw" / "a" / "b" / "later.csv", LINE.format(order=2), "x")
            line = process.stdout.readline()
            assert line.startswith("a/b/later.csv: valid_with_rejects, 2 read, 1 published, ")
            assert line.endswith("): 1 of 2 records rejected\n")
            process.send_signal(number)
            assert process.wait(30) == 0
            assert process.stdout.read() == ""
            assert process.stderr.read() == ""
        finally:
            process.kill()
    assert duff("check", "--lake", lake).out.startswith("all holds: 2 files, 3 rows")
    assert count(lake, "fact_orders") == 2


@pytest.mark.slow
def test_watch_json(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    write(lake / "raw" / "orders.csv", LINE.format(order=1))
    command = [sys.executable, "-m", "duff_orders", "watch", "--settle", "0", "--json", "--lake", str(lake)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            assert list(json.loads(process.stdout.readline())) == [field.name for field in FILES.all_fields]
        finally:
            process.terminate()
        assert process.wait(30) == 0


# duff replay


def test_replay_takes_a_prefix_and_changes_nothing_under_the_same_rules(lake: Path) -> None:
    before = {row["file_id"]: row for row in duff("files", "--json", "--lake", lake).documents}
    dirty = ids(lake)["03-dirty.csv"]
    result = duff("replay", dirty[:8], "--json", "--lake", lake)
    assert result.code == 0
    [row] = result.documents
    for name in ("revision", "started", "finished", "object_digests"):  # when they were written, the rows tell
        row[name] = before[dirty][name]
    assert row == before[dirty]
    assert duff("check", "--lake", lake).code == 0


def test_replay_under_another_share_changes_the_verdict_and_back(lake: Path) -> None:
    dirty = ids(lake)["03-dirty.csv"]
    strict = duff("replay", dirty, "--max-reject-share", "0.1", "--json", "--lake", lake)
    assert (strict.code, strict.documents[0]["verdict"], strict.documents[0]["revision"]) == (1, "invalid", 1)
    assert (count(lake, "tbl_duff_orders"), count(lake, "fact_orders")) == (5, 5)
    assert duff("check", "--lake", lake).code == 0
    usual = duff("replay", dirty, "--json", "--lake", lake)
    assert (usual.code, usual.documents[0]["verdict"], usual.documents[0]["revision"]) == (0, "valid_with_rejects", 2)
    assert (count(lake, "tbl_duff_orders"), count(lake, "fact_orders")) == (16, 16)
    assert duff("check", "--lake", lake).code == 0


def test_replay_all(lake: Path) -> None:
    result = duff("replay", "--all", "--lake", lake)
    assert result.code == 1  # one of them is still invalid
    assert [line.split()[1] for line in result.out.splitlines()[1:4]] == ["valid", "valid_with_rejects", "invalid"]
    assert {row["revision"] for row in duff("files", "--json", "--lake", lake).documents} == {1}
    assert duff("check", "--lake", lake).code == 0


def test_replay_failed_takes_up_what_failed_or_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tmp_path / "lake"

    def fails(*_: object, **__: object) -> None:
        raise CountMismatch("the engine lost its glasses")

    with monkeypatch.context() as patched:
        patched.setattr(on_duckdb, "scan", fails)
        result = duff("run", FIRST, "--lake", lake, DUFF_RETRIES="0")
    assert result.code == 1
    assert "01-orders.csv: the pipeline failed: the engine lost its glasses" in result.out
    assert duff("files", "--json", "--lake", lake).documents[0]["error"] == "CountMismatch: the engine lost its glasses"
    opened = lakes.open_lake(lake)
    lakes.drop(opened, "cut-off.csv", DIRTY.read_bytes())
    announce(opened.disk, "cut-off.csv")
    assert duff("check", "--lake", lake).code == 1
    again = duff("replay", "--failed", "--json", "--lake", lake)
    assert again.code == 0
    assert [row["source_file"] for row in again.documents] == ["01-orders.csv", "cut-off.csv"]
    assert duff("check", "--lake", lake).code == 0
    assert duff("replay", "--failed", "--json", "--lake", lake) == Result(0, "", "")


def test_a_replay_that_fails_takes_nothing_away(lake: Path) -> None:
    (lake / "raw" / FIRST.name).unlink()
    before = contents(lake)
    result = duff("replay", ids(lake)[FIRST.name], "--lake", lake)
    assert result.code == 1
    assert "the pipeline failed: 01-orders.csv is gone from the raw folder" in result.out
    assert "the outcome of before still stands" in result.out
    assert contents(lake) == before


def test_replay_never_takes_another_content_for_the_old_one(lake: Path) -> None:
    raw = lake / "raw" / FIRST.name
    raw.write_bytes(raw.read_bytes().replace(b"2.50,6", b"9.99,6"))  # of the same size
    before = contents(lake)
    result = duff("replay", ids(lake)[FIRST.name], "--lake", lake)
    assert result.code == 1
    assert "was overwritten in the raw folder" in result.out
    assert contents(lake) == before


def test_replay_refuses_an_ambiguous_prefix(lake: Path) -> None:
    before = contents(lake)
    opened = lakes.open_lake(lake)
    taken = {file_id[0] for file_id in ids(lake).values()}
    for number in range(1000):
        row = lakes.ingest(opened, f"{number}.csv", f"{HEADER}\n{LINE.format(order=number + 1)}\n".encode())
        if row.file_id[0] in taken:
            break
    result = duff("replay", row.file_id[0], "--lake", lake)
    assert (result.code, result.out) == (2, "")
    assert f"no file {row.file_id[0]!r} in the ledger" in result.err
    assert "the first characters are enough if unique" in result.err
    assert before.items() <= contents(lake).items()
