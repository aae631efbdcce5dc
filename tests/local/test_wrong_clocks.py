"""Clocks that ran ahead and were put right, or were put back: from outside, by libfaketime (Debian: `faketime`)."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import LedgerRow
from duff_orders.lake.lake import Lake
from duff_orders.local.check import check
from tests.effort import PATIENCE
from tests.faults.commands import until
from tests.lakes import open_lake
from tests.models import stars

FAKETIME = shutil.which("faketime")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FAKETIME is None, reason="needs faketime (Debian: faketime)"),
]

HEADER = ",".join(COLUMN_NAMES)
AHEAD, BEHIND = "+2h", "-1d"


def orders(*numbers: int, status: str = "created  ") -> bytes:
    rows = (f"1,Moe,{number},1,Duff,2.50,6,0.355,Retail,{status}\n" for number in numbers)
    return f"{HEADER}\n{''.join(rows)}".encode()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def command(lake: Lake, clock: str, *arguments: str | Path) -> list[str]:
    """`duff` by a clock that differs by so much; the time that passes is measured as ever."""
    differs = [str(FAKETIME), "--exclude-monotonic", "-f", clock] if clock else []
    return [*differs, sys.executable, "-m", "duff_orders", *map(str, arguments), "--lake", str(lake.settings.lake)]


def duff(lake: Lake, clock: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        command(lake, clock, *arguments), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr


def run(lake: Lake, clock: str, name: str, data: bytes) -> None:
    path = lake.settings.lake.parent / name
    path.write_bytes(data)
    duff(lake, clock, "run", path)


def watched(lake: Lake, clock: str, files: int) -> None:
    """Watch until the ledger has so many files."""
    watcher = subprocess.Popen(
        command(lake, clock, "watch", "--settle", "0.1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it is a child of what lends it the clock, and is to be interrupted, too
    )
    try:
        until(lambda: len(rows(lake)) >= files)
    finally:
        os.killpg(watcher.pid, signal.SIGINT)
        watcher.wait(PATIENCE)


def rows(lake: Lake) -> list[LedgerRow]:
    return sorted(lake.ledger.rows(), key=lambda row: row.event_time)


def lines(lake: Lake) -> dict[tuple[int, int], int]:
    """The state of each order line after `duff models`; the lake holds."""
    duff(lake, "", "models")
    assert check(lake, deep=True).problems == []
    return {line: fact[1] for line, fact in stars.tables(lake).fact_orders.items()}


@pytest.mark.parametrize("clock", [AHEAD, BEHIND])
def test_every_file_enters_the_star_schema(lake: Lake, clock: str) -> None:
    """What came by the wrong clock was built by it; what came since is not older than that build."""
    run(lake, clock, "first.csv", orders(1, 2, 3))
    duff(lake, clock, "models")
    for number, each in enumerate(("", clock, "")):
        run(lake, each, f"{number}.csv", orders(10 * number + 10, 10 * number + 11))
    assert len(lines(lake)) == 9
    times = {row.source_file: row.event_time for row in rows(lake)}
    assert abs((times["first.csv"] - times["0.csv"]).total_seconds()) > 3600  # the clock was another indeed


@pytest.mark.parametrize("clock", [AHEAD, BEHIND])
def test_a_file_that_is_overwritten_is_taken_up(lake: Lake, clock: str) -> None:
    run(lake, clock, "a.csv", orders(1))
    path = lake.disk.path("raw/a.csv")
    path.write_bytes(orders(2))  # as long, and written at another time than it seemed
    watched(lake, "", 2)
    assert {row.verdict for row in rows(lake)} == {"valid"}
    assert len(lines(lake)) == 2
    path.write_bytes(orders(1))
    watched(lake, clock, 3)
    assert [row.rows_published for row in rows(lake)] == [1, 1, 1]
    assert len(lines(lake)) == 2


@pytest.mark.parametrize("clock", [AHEAD, BEHIND])
def test_a_replay_books_no_content_under_another_file(lake: Lake, clock: str) -> None:
    run(lake, clock, "a.csv", orders(1))
    (before,) = rows(lake)
    lake.disk.path("raw/a.csv").write_bytes(orders(2))
    replay = command(lake, "", "replay", "--all")
    told = subprocess.run(replay, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert "overwritten" in told.stdout + told.stderr
    assert rows(lake) == [before]
    watched(lake, "", 2)
    assert len(lines(lake)) == 2
    assert sorted(row.etag for row in rows(lake)).count(before.etag) == 1
