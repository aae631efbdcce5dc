"""`run`, `replay` and `watch`: what is tried again, and what must be there before anything is written."""

import shutil
import sys
import threading
from pathlib import Path

import pytest

from duff_orders.errors import CountMismatch, PipelineError, SettingsError, SourceChanged
from duff_orders.local.replay import replay
from duff_orders.local.run import run
from duff_orders.local.watch import watch
from tests.lakes import ingest, open_lake

SAMPLE = Path(__file__).parents[2] / "samples" / "03-dirty.csv"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SettingsError("the engine spark needs Java 17"), "Java 17"),
        (
            ModuleNotFoundError("No module named 'obstore'", name="obstore"),
            r"obstore.*pip install '\.\[aws\]'",
        ),
        (ModuleNotFoundError("No module named 'duckdb'", name="duckdb"), "duckdb.*--force-reinstall"),
    ],
)
def test_a_wrong_set_up_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def wrong(engine: str) -> None:
        raise error

    monkeypatch.setattr("duff_orders.ingest.transform.engine", wrong)
    lake = open_lake(tmp_path, retries=2)
    with pytest.raises(SettingsError, match=told):
        ingest(lake, "a.csv", SAMPLE.read_bytes())
    assert list(lake.ledger.rows()) == []
    monkeypatch.undo()
    assert ingest(open_lake(tmp_path), "a.csv", SAMPLE.read_bytes()).verdict == "valid_with_rejects"


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["java", "pyspark", "py4j"])
def test_without_its_engine_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    lake = open_lake(tmp_path / "lake", engine="spark", retries=2)
    before = ingest(open_lake(tmp_path / "lake"), "a.csv", SAMPLE.read_bytes())
    if missing == "java":
        pytest.importorskip("pyspark", reason="needs the extra `spark`")
        no_java(monkeypatch, tmp_path)
    else:
        for name in [name for name in sys.modules if name.partition(".")[0] == "pyspark"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, missing, None)
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


def no_java(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A machine without Java, and without the one that the extra brings."""
    monkeypatch.setenv("JAVA_HOME", str(folder))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", None)


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
