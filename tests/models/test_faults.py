"""Builds that are killed at every write, and builds that run at once."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import STAR_POINTER
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.models.build import build
from tests.models.stars import expected, file, line, open_lake, orphans, publish, tables

OLD = [
    file("one", "2026-03-01", [line(1), line(2, 2)]),
    file("two", "2026-03-02", [line(3), line(2, 2, status="delivered")]),
]
NEW = [file("zero", "2026-02-28", [line(3)]), file("three", "2026-03-03", [line(1, channel="B2B"), line(4)])]


class Killed(Exception):
    """Stands for the end of the process."""


class MortalStore(DiskStore):
    """Dies at the n-th write, before or after it takes place."""

    def __init__(self, root: Path, dies_at: int, after: bool) -> None:
        super().__init__(root)
        self.left, self.after = dies_at, after

    def _write(self, write: Callable[..., Any], *arguments: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        result = write(*arguments)
        if self.left == 0:
            raise Killed
        return result

    def publish(self, name: str, path: Path) -> None:
        self._write(super().publish, name, path)

    def replace(self, name: str, data: bytes, token: str | None) -> bool:
        return bool(self._write(super().replace, name, data, token))

    def delete(self, name: str) -> None:
        self._write(super().delete, name)


@pytest.mark.faults
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_build_killed_at_any_write_is_made_up_for(tmp_path: Path, after: bool) -> None:
    template = tmp_path / "template"
    lake = open_lake(template, grace=0)
    for each in OLD:
        publish(lake, each)
        build(lake)
    for each in NEW:
        publish(lake, each)

    for dies_at in range(1, 100):
        root = tmp_path / str(dies_at)
        shutil.copytree(template, root)
        lake = open_lake(root, grace=0)
        store = MortalStore(root, dies_at, after)
        try:
            build(Lake(lake.settings, store))
        except Killed:
            pass
        else:
            break
        # half a build shows nothing: all the old tables, or once the pointer is switched all the new ones
        assert tables(lake) in (expected(OLD), expected(OLD + NEW))
        build(lake)
        assert tables(lake) == expected(OLD + NEW)
        assert not orphans(lake)
        shutil.rmtree(root)
    # at the least: a superseded object removed, two dimensions, three partitions, the pointer
    assert dies_at > 7


@pytest.mark.faults
def test_builds_at_once_wait_for_each_other(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    for each in OLD + NEW:
        publish(lake, each)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: build(open_lake(tmp_path)), range(4)))
    assert sorted(report.kind for report in reports) == ["rebuild", "unchanged", "unchanged", "unchanged"]
    assert tables(lake) == expected(OLD + NEW)


BUILD = """
import os, signal, sys
from pathlib import Path
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.models.build import build
from duff_orders.settings import Settings

root, fatal = sys.argv[1:]
replace = DiskStore.replace

def dies(self, name, *arguments):
    if name == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, name, *arguments)

DiskStore.replace = dies
print(build(Lake.open(Settings(lake=Path(root)))).kind)
"""


@pytest.mark.faults
def test_processes_build_at_once_and_one_is_killed(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    for each in OLD + NEW:
        publish(lake, each)

    def start(fatal: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path), fatal], stdout=subprocess.PIPE, text=True)

    processes = [start(STAR_POINTER), start(""), start("")]
    kinds = [process.communicate()[0].strip() for process in processes]

    assert sorted(kinds[1:]) == ["rebuild", "unchanged"] or kinds[0] == "unchanged"
    assert processes[0].returncode in (0, -signal.SIGKILL)
    build(lake)
    assert tables(lake) == expected(OLD + NEW)
    assert not orphans(lake)
