"""The Spark driver killed: at every step of publishing what Spark staged, and while Spark itself works."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.documents import Event
from duff_orders.engines.duckdb import transform as on_duckdb
from duff_orders.engines.spark import transform as on_spark
from duff_orders.ingest.header import dialect_of
from duff_orders.ingest.staged import Source, Transformed
from duff_orders.lake.raw import announce
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process
from duff_orders.models.build import build
from tests.lakes import NOON, drop, open_lake, rows
from tests.readings import AS_CONTRACT

pytestmark = [pytest.mark.spark, pytest.mark.faults, pytest.mark.xdist_group("spark")]

GOOD = "{0},Moe,{0},1,Duff,1.50,2,0.33,Retail,created\n"
BAD = "{0},Moe,{0},1,Duff,dear,2,0.33,Retail,created\n"
DATA = (",".join(COLUMN_NAMES) + "\n" + "".join((BAD if n % 5 == 0 else GOOD).format(n) for n in range(1, 60))).encode()
WRITES = ("put_new", "put_new_file", "publish", "replace", "delete")


@contextmanager
def killed_at(step: int) -> Iterator[list[int]]:
    """SIGKILL for this process at the given write to the store; the writes are counted, too."""
    count = [0]
    originals = {name: getattr(DiskStore, name) for name in WRITES}
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:

            def counted(self: DiskStore, *args: Any, _write: Any = originals[name]) -> Any:
                count[0] += 1
                if count[0] == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return _write(self, *args)

            patch.setattr(DiskStore, name, counted)
        yield count


@contextmanager
def staged_by_spark(folder: Path) -> Iterator[tuple[Transformed, Event]]:
    """What Spark really made of the file, in several parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_spark, "SOURCE_BYTES", len(DATA) // 3)
        patch.setattr(on_spark, "COUNTED_BYTES", len(DATA) // 3)
        patch.setattr(on_spark, "LEAST_BYTES", 0)
        lake = open_lake(folder, engine="spark", master="local[2]")
        drop(lake, "f.csv", DATA)
        event = announce(lake.disk, "f.csv", when=NOON)
        path = lake.disk.path("raw/f.csv")
        source = Source(
            path=path, event=event, dialect=dialect_of(DATA, "f.csv", AS_CONTRACT, whole=True), reading=AS_CONTRACT
        )
        with on_spark.transform(lake, source, memory_fraction=1.0, phase=lambda *_: None) as transformed:
            assert len(transformed.orders) > 2
            yield transformed, event


def test_driver_killed_at_every_step_of_publishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spark_context: object
) -> None:
    with staged_by_spark(tmp_path / "staged") as (made, _):

        @contextmanager
        def again(lake: Any, source: Source, **_: Any) -> Iterator[Transformed]:
            with lake.store.scratch() as scratch:  # publishing moves the files: give it copies
                orders, rejected = (
                    [Path(shutil.copy(path, scratch / f"{kind}{n}")) for n, path in enumerate(paths)]
                    for kind, paths in (("o", made.orders), ("r", made.rejected))
                )
                yield replace(made, orders=orders, rejected=rejected)

        monkeypatch.setattr(on_duckdb, "transform", again)
        whole = open_lake(tmp_path / "whole")
        drop(whole, "f.csv", DATA)
        event = announce(whole.disk, "f.csv", when=NOON)
        with killed_at(-1) as steps:
            expected = process(whole, event)
        assert expected.orders_objects > 2
        for step in range(1, steps[0] + 1):
            lake = open_lake(tmp_path / f"killed-{step}")
            drop(lake, "f.csv", DATA)
            event = announce(lake.disk, "f.csv", when=NOON)
            child = os.fork()
            if not child:
                with killed_at(step):
                    process(lake, event)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            assert not list(lake.ledger.rows()) or step == steps[0]
            row = process(lake, event)
            assert replace(row, started=expected.started, finished=expected.finished) == expected
            for table in (ORDERS.name, REJECTED_ROWS.name):
                assert sorted(map(str, rows(lake, row, table))) == sorted(map(str, rows(whole, expected, table)))
            build(lake)
            assert check(lake).problems == []


def test_driver_killed_while_spark_writes(tmp_path: Path, spark_context: object) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(DATA)
    lake = open_lake(tmp_path / "lake")
    run = subprocess.Popen(
        [sys.executable, "-m", "duff_orders", "run", "--engine", "spark", "--master", "local[1]", "--lake",
         str(tmp_path / "lake"), str(file)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list((tmp_path / "lake" / "scratch").glob("*/*/*/_temporary")):
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.01)
    run.kill()
    run.wait()
    assert list(lake.ledger.rows()) == []
    (row,) = replay(open_lake(tmp_path / "lake", engine="spark", master="local[2]"), failed=True)
    assert (row.verdict, row.engine, row.rows_read) == ("valid_with_rejects", "spark", 59)
    build(lake)
    assert check(lake).problems == []
    lake.store.sweep_scratch()
    assert not list((tmp_path / "lake" / "scratch").iterdir())
