"""A failing store, or a killed process, at every one of the points where the lake changes: at least 300 of them."""

import contextlib
import errno
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.effort import every
from tests.faults.scenario import Scenario

pytestmark = [pytest.mark.faults, pytest.mark.slow]

POINTS = 260
PARTS = 4  # so that workers share the points
STEP = every(7)  # a quick run takes one in seven of them all

# One worker takes a part in all ways: many faults leave the same behind, which is then played out once.
part = pytest.mark.parametrize(
    "part",
    [
        pytest.param(number, marks=pytest.mark.xdist_group(f"points-{number}"))
        for number in range(PARTS if STEP == 1 else 1)
    ],
)


def points_of(scenario: Scenario, part: int) -> range:
    end = len(scenario.points)
    if STEP > 1:
        return range(1, end + 1, STEP)
    return range(part * end // PARTS + 1, (part + 1) * end // PARTS + 1)


def _nothing(descriptor: object) -> None:
    pass


@pytest.fixture(autouse=True)
def _without_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that it wrote: syncing guards against power cuts, and would cost half the time."""
    monkeypatch.setattr(os, "fsync", _nothing)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return Scenario.record(tmp_path_factory.mktemp("undisturbed"))


def failing(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_there_are_enough_points(scenario: Scenario) -> None:
    operations = Counter(" ".join(name.split()[:2]) for name in scenario.points)
    assert len(scenario.points) >= POINTS
    for operation in ("put_new", "put_new_file", "replace", "publish", "delete"):
        assert operations[f"before {operation}"] == operations[f"after {operation}"] > 0
    assert operations["in scratch"]
    assert operations["written for"]


@part
def test_a_process_killed_at_any_point(scenario: Scenario, tmp_path: Path, part: int) -> None:
    # Children of a server that has imported everything and started nothing: forking there is cheap and safe.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.scenario"])
    for at in points_of(scenario, part):
        root = tmp_path / str(at)
        child = context.Process(target=_killed, args=(scenario, root, at))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL, scenario.points[at - 1]
        assert not scenario.aftermath(root), scenario.points[at - 1]


def _killed(scenario: Scenario, root: Path, at: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", _nothing)
        scenario.disturb(root, at, kill)


@part
def test_a_store_that_fails_once_at_any_point(scenario: Scenario, tmp_path: Path, part: int) -> None:
    """Without retries: what the first attempt left must not be in the way of the next run."""
    for at in points_of(scenario, part):
        root = tmp_path / str(at)
        with contextlib.suppress(OSError):  # what is no file's failure ends the command
            scenario.disturb(root, at, failing(errno.EIO))
        # Where the first of two files with the same content fails, the other is published.
        assert not scenario.aftermath(root, either=True), scenario.points[at - 1]


@part
def test_a_disk_that_is_full_from_some_point_on(scenario: Scenario, tmp_path: Path, part: int) -> None:
    for at in points_of(scenario, part)[::4]:
        root = tmp_path / str(at)
        with contextlib.suppress(OSError):  # the last steps need no space where a replay before them failed
            scenario.disturb(root, at, failing(errno.ENOSPC), stays=True)
        assert not scenario.aftermath(root), scenario.points[at - 1]
