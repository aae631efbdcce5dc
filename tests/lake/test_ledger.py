"""The ledger: a row is replaced by what it says, whoever wrote it in whatever form."""

import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from duff_orders.errors import CountMismatch, PipelineError, SettingsError, SourceChanged
from duff_orders.ingest.publish import publish
from duff_orders.lake import layout
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.disk import DiskStore
from duff_orders.lake.raw import announce
from duff_orders.local.replay import replay
from duff_orders.local.run import run
from duff_orders.local.watch import watch
from duff_orders.messages import Outcome, Staged, utc_now
from tests.lakes import ingest, open_lake

SAMPLE = Path(__file__).parents[2] / "samples" / "03-dirty.csv"


def rewrite(lake_folder: Path, name: str, **changed: object) -> None:
    """The row as another release would have written it: without a version and some fields, spaced otherwise."""
    path = lake_folder / name
    values = json.loads(path.read_bytes()) | changed
    values = {key: value for key, value in values.items() if key not in ("v", "revision")}
    path.write_text(json.dumps(values, indent=2))


def test_a_row_in_another_form_can_be_replaced(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    rewrite(tmp_path, layout.ledger_object(row.pa_date, row.file_id))
    [again] = replay(lake, [row.file_id])
    assert (again.verdict, again.revision) == ("valid_with_rejects", 1)
    assert lake.ledger.get(row.pa_date, row.file_id) == again


def test_a_row_that_says_something_else_is_not_replaced(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    _, token = lake.ledger.read(row.pa_date, row.file_id)
    rewrite(tmp_path, layout.ledger_object(row.pa_date, row.file_id), rows_read=7)
    assert not lake.ledger.write(replace(row, revision=1), token)
    stands = lake.ledger.get(row.pa_date, row.file_id)
    assert stands is not None
    assert stands.rows_read == 7


def test_a_replay_that_loses_its_race_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    event = announce(lake.disk, "a.csv")
    outcome = Outcome(verdict="invalid", reason="too late")
    late = Staged(event=event, outcome=outcome, started=utc_now(), replay=True)

    def somebody_else_is_faster(store: DiskStore) -> None:
        monkeypatch.undo()
        list(replay(lake, [row.file_id]))

    monkeypatch.setattr(DiskStore, "check_locks", somebody_else_is_faster)
    with pytest.raises(PipelineError, match="was replaced meanwhile; replay the file again"):
        publish(lake, late)
    assert [each.revision for each in lake.ledger.rows()] == [1]


def test_replaced_objects_are_kept_for_the_grace_period_from_when_they_were_replaced(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=60)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    [old] = [lake.disk.path(name) for name in layout.data_objects("tbl_duff_orders", row)]
    os.utime(old, (0, 0))  # written long ago, replaced now
    list(replay(lake, [row.file_id]))
    assert sweep(lake) == 0
    assert old.exists()
    assert sweep(open_lake(tmp_path, grace=0)) == 2
    assert not old.exists()


def test_a_wrong_set_up_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_java(settings: object) -> None:
        raise SettingsError("the engine spark needs Java 17")

    monkeypatch.setattr("duff_orders.ingest.on_spark.session", no_java)
    lake = open_lake(tmp_path, engine="spark", retries=2)
    with pytest.raises(SettingsError, match="Java 17"):
        ingest(lake, "a.csv", SAMPLE.read_bytes())
    assert list(lake.ledger.rows()) == []
    assert ingest(open_lake(tmp_path), "a.csv", SAMPLE.read_bytes()).verdict == "valid_with_rejects"


@pytest.mark.parametrize("missing", ["java", "pyspark"])
def test_without_its_engine_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    pytest.importorskip("pyspark", reason="needs the extra `spark`")
    lake = open_lake(tmp_path / "lake", engine="spark", retries=2)
    before = ingest(open_lake(tmp_path / "lake"), "a.csv", SAMPLE.read_bytes())
    if missing == "java":
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        monkeypatch.setattr("pyspark.SparkContext._active_spark_context", None)
    else:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    shutil.copyfile(SAMPLE, tmp_path / "b.csv")
    written = sorted((tmp_path / "lake").rglob("*"))
    tries = (
        lambda: list(run(lake, [tmp_path / "b.csv"])),
        lambda: list(replay(lake, [before.file_id])),
        lambda: watch(lake, threading.Event(), done=print),
    )
    for tried in tries:
        with pytest.raises(SettingsError, match="the engine spark needs"):
            tried()
    assert sorted((tmp_path / "lake").rglob("*")) == written
    fresh = open_lake(tmp_path / "fresh", engine="spark")
    for tried in (
        lambda: list(run(fresh, [tmp_path / "b.csv"])),
        lambda: watch(fresh, threading.Event(), done=print),
    ):
        with pytest.raises(SettingsError, match="the engine spark needs"):
            tried()
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (OSError("the disk is full"), 3),
        (PipelineError("held by another"), 3),
        (CountMismatch("one too many"), 1),
        (SourceChanged("overwritten"), 1),
        (TypeError("a mistake"), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int
) -> None:
    tried = []

    def fails(*_: object, **__: object) -> None:
        tried.append(error)
        raise error

    monkeypatch.setattr("duff_orders.local.run.attempt", fails)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    row = ingest(open_lake(tmp_path, retries=2), "a.csv", SAMPLE.read_bytes())
    assert (row.verdict, len(tried)) == ("failed", times)
