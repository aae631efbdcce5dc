"""A disk that is full: no verdict and no loss, room is left to others, and all goes on once there is room again."""

import gzip
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from duff_orders.documents import LedgerRow
from duff_orders.drivers.duckdb import connect
from duff_orders.errors import NoRoom
from duff_orders.lake.raw import announce
from duff_orders.local import watch
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process, run
from duff_orders.room import LEFT, room
from duff_orders.settings import MIB
from tests.effort import PATIENCE
from tests.faults.scenario import VALID, lines
from tests.lakes import drop, open_lake

pytestmark = pytest.mark.faults
SIZE = 64


class Disk:
    """A small disk of its own; `size` in MiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}M", self.folder], check=True)

    @property
    def free(self) -> int:
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def fill(self, left: int = 0) -> Path:
        """Let something else take all but some bytes."""
        ballast = self.folder / "ballast"
        with ballast.open("wb") as handle:
            os.posix_fallocate(handle.fileno(), 0, max(self.free - left, 1))
        return ballast


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}M", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def packed() -> bytes:
    """Three times what the disk has; CRLF, which the engine does not read as it lies."""
    record = b"1,Moe,1,1,Duff,1.50,6,0.33,Retail,created\r\n"
    return gzip.compress(lines("").strip(b"\n") + b"\r\n" + record * (3 * SIZE * MIB // len(record)))


def test_a_small_file_that_unpacks_to_more_than_the_disk_has(disk: Disk) -> None:
    lake = open_lake(disk.folder / "lake")
    drop(lake, "bomb.csv.gz", packed())
    event = announce(lake.disk, "bomb.csv.gz")
    least = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.001):
            least.append(disk.free)

    looking = threading.Thread(target=look)
    looking.start()
    with pytest.raises(NoRoom, match="make room"):
        process(lake, event)
    done.set()
    looking.join()
    assert min(least) > SIZE * MIB * LEFT / 2
    assert [*lake.ledger.rows()] == []
    assert room(disk.folder) > SIZE * MIB * 0.8  # nothing of it is left behind
    (told,) = replay(lake, failed=True)
    assert (told.verdict, "make room" in (told.reason or "")) == ("failed", True)
    assert [*lake.ledger.rows()] == []
    disk.resize(10 * SIZE)
    (row,) = replay(lake, failed=True)
    assert (row.verdict, row.rows_published) == ("valid", 1)


def test_the_engine_spills_no_more_than_half_of_the_room(disk: Disk) -> None:
    most = room(disk.folder)
    with (
        pytest.raises(NoRoom, match="make room"),
        connect(disk.folder, memory=40 * 10**6, threads=1) as connection,
    ):
        connection.execute("create table t as select range as n, md5(range::text) as text from range(20_000_000)")
    with connect(disk.folder, memory=40 * 10**6) as connection:
        (limit,) = connection.execute("select current_setting('max_temp_directory_size')").fetchone() or ("",)
    assert 0 < _bytes(limit) <= most // 2


def _bytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]


@pytest.mark.parametrize("fills", ["before it is announced", "before it is processed"])
def test_a_watcher_goes_on_once_there_is_room(disk: Disk, monkeypatch: pytest.MonkeyPatch, fills: str) -> None:
    monkeypatch.setattr(watch, "AGAIN", 0.1)
    monkeypatch.setattr(watch, "AGAIN_AT_MOST", 0.5)
    lake = open_lake(disk.folder / "lake", settle=0.0)
    drop(lake, "a.csv", VALID)
    if fills == "before it is processed":
        announce(lake.disk, "a.csv")
    ballast = disk.fill()
    stop, ready, rows = threading.Event(), threading.Event(), list[LedgerRow]()
    tried = threading.Event()
    monkeypatch.setattr(watch.log, "warning", lambda *_: tried.set())
    watching = threading.Thread(target=watch.watch, args=(lake, stop), kwargs={"done": rows.append, "ready": ready.set})
    watching.start()
    try:
        assert tried.wait(PATIENCE)
        assert rows == []
        ballast.unlink()
        until = time.monotonic() + PATIENCE
        while not rows and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        stop.set()
        watching.join()
    assert [row.verdict for row in rows] == ["valid"]
    assert check(lake, deep=True).problems == []


def test_one_file_too_large_keeps_no_other_waiting(disk: Disk, tmp_path: Path) -> None:
    lake = open_lake(disk.folder / "lake")
    bomb, small = tmp_path / "bomb.csv.gz", tmp_path / "small.csv"
    bomb.write_bytes(packed())
    small.write_bytes(VALID)
    assert [row.verdict for row in run(lake, [bomb, small])] == ["failed", "valid"]
    assert [row.source_file for row in lake.ledger.rows()] == ["small.csv"]
