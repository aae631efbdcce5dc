"""The watcher at work: what lands in the raw folder, how it lands, and what becomes of it when the watcher stops."""

import errno
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from duff_orders.documents import Event, LedgerRow
from duff_orders.generator.orders import generate
from duff_orders.lake import layout, snapshot
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.local.check import check
from duff_orders.local.condition import Condition
from duff_orders.local.raw_folder import Found
from duff_orders.local.run import process_together
from duff_orders.local.watch import _Watcher, look_after, watch
from duff_orders.models.build import BuildReport, build
from duff_orders.printable import printable
from tests.effort import PATIENCE
from tests.faults.commands import duff, finish, start, until
from tests.faults.scenario import lines
from tests.lakes import drop, ingest, open_lake

pytestmark = pytest.mark.slow

SETTLE = 0.15


def orders(number: int, rows: int = 1) -> bytes:
    """A file of its own content."""
    return lines(*(f"1,Moe,{number},{row},Duff,1.50,6,0.33,Retail,created" for row in range(1, rows + 1)))


@dataclass
class Watched:
    lake: Lake
    raw: Path
    rows: list[LedgerRow] = field(default_factory=list)

    def write(self, key: str, data: bytes) -> Path:
        path = self.raw / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    @property
    def verdicts(self) -> dict[str, str]:
        return {row.source_file: row.verdict for row in self.rows}

    def expect(self, *keys: str) -> None:
        """Wait until these files, and no others, were processed."""
        until(lambda: {row.source_file for row in self.rows} >= set(keys))
        assert self.verdicts == dict.fromkeys(keys, "valid")


@contextmanager
def watching(
    folder: Path, *, all_holds: bool = True, condition: Condition | None = None, **settings: Any
) -> Iterator[Watched]:
    """A watcher in a thread; what it raises is raised here."""
    lake = open_lake(folder, **{"settle": SETTLE, "workers": 2, **settings})
    watched = Watched(lake, lake.disk.path(layout.RAW))
    stop, ready, failures = threading.Event(), threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            watch(lake, stop, done=watched.rows.append, ready=ready.set, condition=condition)
        except BaseException as failure:
            failures.append(failure)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    try:
        yield watched
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
    if failures:
        raise failures[0]
    assert not all_holds or check(lake).problems == []


def test_files_in_any_folder(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.write("a.csv", orders(1))
        watched.write("new/deep/er/b.csv", orders(2))  # before anyone could watch these folders
        watched.write("node_modules/c.csv/d.csv", orders(3))  # orders folders, whatever their names mean elsewhere
        watched.write("node_modules/.git/e.csv", orders(4))  # what a tool keeps for itself
        watched.expect("a.csv", "new/deep/er/b.csv", "node_modules/c.csv/d.csv")


def test_a_folder_that_is_moved_in_with_its_files(tmp_path: Path) -> None:
    with watching(tmp_path / "lake") as watched:
        outside = tmp_path / "outside"
        (outside / "sub").mkdir(parents=True)
        (outside / "a.csv").write_bytes(orders(1))
        (outside / "sub" / "b.csv").write_bytes(orders(2))
        outside.rename(watched.raw / "inside")
        watched.expect("inside/a.csv", "inside/sub/b.csv")


def test_other_names_are_left_alone_until_renamed(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        names = (".a.csv", "~a.csv", "_a.csv", "a.csv.part", "a.csv~")
        paths = [watched.write(name, orders(number)) for number, name in enumerate(names, 1)]
        watched.write("b.csv", orders(9))
        watched.expect("b.csv")
        time.sleep(2 * SETTLE)
        watched.expect("b.csv")
        renamed = [f"a{number}.csv" for number in range(len(names))]
        for path, name in zip(paths, renamed, strict=True):
            path.rename(watched.raw / name)
        watched.expect("b.csv", *renamed)


@pytest.mark.parametrize("years", [-3, 3], ids=["old", "in the future"])
def test_renamed_into_the_folder_with_another_time(tmp_path: Path, years: int) -> None:
    moment = time.time() + years * 365 * 86400
    with watching(tmp_path / "lake") as watched:
        outside = tmp_path / "a.csv"
        outside.write_bytes(orders(1))
        os.utime(outside, (moment, moment))
        outside.rename(watched.raw / "a.csv")
        watched.expect("a.csv")


def test_files_that_were_there_before(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    ingest(lake, "done.csv", orders(1))
    raw = lake.disk.path(layout.RAW)
    (raw / "sub").mkdir()
    (raw / "sub" / "waiting.csv").write_bytes(orders(2))
    later = time.time() - 60
    with watching(tmp_path) as watched:
        os.utime(raw / "sub" / "waiting.csv", (later, later))
        until(lambda: "sub/waiting.csv" in watched.verdicts)


def test_what_was_processed_is_not_taken_up_again(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.write("a.csv", orders(1))
        watched.expect("a.csv")
    with watching(tmp_path) as watched:
        watched.write("b.csv", orders(2))
        watched.expect("b.csv")


def test_a_file_that_lands_while_the_watcher_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the folder was listed, before the first change is waited for."""
    listed = _Watcher._unprocessed

    def listing(self: _Watcher) -> list[str]:
        keys = listed(self)
        (self.raw / "a.csv").write_bytes(orders(1))
        return keys

    monkeypatch.setattr(_Watcher, "_unprocessed", listing)
    with watching(tmp_path) as watched:
        watched.expect("a.csv")


def test_a_lake_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "disk")
    with watching(tmp_path / "lake") as watched:
        watched.write("sub/a.csv", orders(1))
        watched.expect("sub/a.csv")


def test_a_lake_with_a_relative_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with watching(Path("lake")) as watched:
        watched.write("sub/a.csv", orders(1))
        watched.expect("sub/a.csv")


def test_several_files_at_once(tmp_path: Path) -> None:
    keys = [f"{number}.csv" for number in range(12)]
    with watching(tmp_path, workers=3) as watched:
        for number, key in enumerate(keys):
            watched.write(key, orders(number + 1, rows=3))
        watched.expect(*keys)
        assert len(watched.rows) == len(keys)
        assert {row.rows_published for row in watched.rows} == {3}


def test_many_that_wait_go_together_and_the_others_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = list[int]()

    def counted(lake: Lake, events: list[Event], **options: Any) -> dict[str, LedgerRow]:
        rows = process_together(lake, events, **options)
        together.append(len(rows))
        return rows

    monkeypatch.setattr("duff_orders.local.watch.process_together", counted)
    monkeypatch.setattr("duff_orders.local.watch.FILES", 20)
    lake = open_lake(tmp_path, settle=SETTLE)
    for number in range(1, 46):
        drop(lake, f"{number:02}.csv", orders(number))
    drop(lake, "twice.csv", lines(*["1,Moe,99,1,Duff,1.50,6,0.33,Retail,created"] * 2))
    drop(lake, "again.csv", orders(1))
    with watching(tmp_path) as watched:
        until(lambda: len(watched.rows) == 47)
        until(lambda: snapshot.current(lake.store).files)
    assert max(together) == 20
    assert sum(together) >= 40  # as many as were whole at once
    assert sorted(watched.verdicts.values()) == ["duplicate", *["valid"] * 46]
    assert check(lake).problems == []


@pytest.mark.parametrize("other", [orders(2), orders(1, rows=2)], ids=["of the same size", "longer"])
def test_overwritten_later_it_is_a_new_file(tmp_path: Path, other: bytes) -> None:
    with watching(tmp_path) as watched:
        watched.write("a.csv", orders(1))
        watched.expect("a.csv")
        watched.write("a.csv", other)
        until(lambda: len(watched.rows) == 2)
        first, second = watched.rows
        assert (first.source_file, first.verdict) == (second.source_file, second.verdict)
        assert first.file_id != second.file_id


class Clock:
    """The time by which the watcher tells whether files have settled; it stands still until the test moves it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = time.time()
        patch.setattr("duff_orders.local.watch.time", SimpleNamespace(time=lambda: self.now, monotonic=time.monotonic))


def test_deleted_before_it_was_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with watching(tmp_path, settle=1000) as watched:
        watched.write("a.csv", orders(1)).unlink()
        path = watched.write("b.csv", orders(2))
        clock.now += 500
        path.unlink()
        watched.write("c.csv", orders(3))
        clock.now += 1000
        watched.expect("c.csv")


def test_a_file_is_left_until_it_settles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with watching(tmp_path, settle=1000) as watched:
        data = orders(1, rows=6)
        path = watched.write("a.csv", b"")
        for part in range(6):
            clock.now += 100
            with path.open("ab") as handle:
                handle.write(data[part * len(data) // 6 : (part + 1) * len(data) // 6])
        clock.now += 1000
        watched.expect("a.csv")
        assert [row.rows_published for row in watched.rows] == [6]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times of the builds."""
    times: list[float] = []

    def counting(lake: Lake) -> None:
        times.append(time.monotonic())
        build(lake)

    monkeypatch.setattr("duff_orders.local.watch.build", counting)
    return times


def test_models_follow_once_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.local.watch.BATCH", 1000.0)  # however long the files take
    builds = counted(monkeypatch)
    keys = [f"batch/{number}.csv" for number in range(6)]
    with watching(tmp_path, workers=1) as watched:
        until(lambda: len(builds) == 1)  # one may have been cut off
        outside = tmp_path / "outside"
        outside.mkdir()
        for number, key in enumerate(keys):
            (outside / Path(key).name).write_bytes(orders(number + 1))
        outside.rename(watched.raw / "batch")  # all at once
        watched.expect(*keys)
        until(lambda: len(snapshot.current(watched.lake.store).files) == len(keys))
    assert len(builds) == 2


def test_a_slow_upload_does_not_hold_up_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.local.watch.BATCH", 0.5)
    with watching(tmp_path) as watched:
        slow = watched.write("slow.csv", orders(1))
        watched.write("a.csv", orders(2))

        def built() -> bool:
            slow.touch()
            return bool(snapshot.current(watched.lake.store).files)

        until(built)
        assert set(watched.verdicts) == {"a.csv"}
        watched.expect("a.csv", "slow.csv")


def test_a_build_that_fails_does_not_end_the_watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def failing(lake: Lake) -> None:
        failed.set()
        raise OSError("no space left")

    with watching(tmp_path) as watched:
        monkeypatch.setattr("duff_orders.local.watch.build", failing)
        watched.write("a.csv", orders(1))
        until(failed.is_set)
        monkeypatch.setattr("duff_orders.local.watch.build", build)
        watched.write("b.csv", orders(2))
        watched.expect("a.csv", "b.csv")
        until(lambda: len(snapshot.current(watched.lake.store).files) == 2)


def test_a_build_that_failed_is_made_though_nothing_more_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = list[Lake]()

    def failing(lake: Lake) -> BuildReport:
        if len(failed) < 2:
            failed.append(lake)
            raise OSError("no space left")
        return build(lake)

    monkeypatch.setattr("duff_orders.local.watch.AGAIN", 0.1)
    with watching(tmp_path) as watched:
        monkeypatch.setattr("duff_orders.local.watch.build", failing)
        watched.write("a.csv", orders(1))
        until(lambda: snapshot.current(watched.lake.store).files)
        assert len(failed) == 2


def none_together(*_: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_file_that_could_not_be_processed_is_taken_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that is full, too many files that are open: they end, and nobody touches the file again."""
    failures = {"a.csv": 3}

    def full(store: DiskStore, key: str, **more: Any) -> Event:
        if failures.get(key):
            failures[key] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return announce(store, key, **more)

    monkeypatch.setattr("duff_orders.local.watch.AGAIN", 0.1)
    monkeypatch.setattr("duff_orders.local.watch.announce", full)
    monkeypatch.setattr("duff_orders.local.watch.announce_all", none_together)
    with watching(tmp_path) as watched:
        watched.write("a.csv", orders(1))
        watched.write("b.csv", orders(2))
        watched.expect("a.csv", "b.csv")
    told = [each.message for each in caplog.records if "a.csv" in each.message]
    assert told == ["a.csv could not be processed, and is tried again: [Errno 28] No space left on device"]


def test_a_damaged_ledger_row_keeps_no_other_file_waiting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", orders(1))
    path = lake.disk.path(layout.ledger_object(row.pa_date, row.file_id))
    good = path.read_bytes()
    path.write_bytes(good[:40])
    with watching(tmp_path, all_holds=False) as watched:
        watched.write("b.csv", orders(2))
        watched.expect("b.csv")
        until(lambda: "a.csv could not be processed" in caplog.text)
    assert row.file_id in caplog.text


def folder_not_utf8(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(orders(91))


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:  # only root may make one, but anybody may point to one
        path.symlink_to("/dev/null")


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have no more than 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def link_to_a_folder(path: Path) -> None:
    outside = path.parent.parent.parent / "outside"
    outside.mkdir()
    (outside / "y.csv").write_bytes(orders(92))
    path.symlink_to(outside)


#: What somebody may leave in the raw folder: its name, how it comes there, and what is said of it.
Odd = dict[str, tuple[Callable[[Path], object], str]]
ODD: Odd = {
    "loop.csv": (lambda path: path.symlink_to("loop.csv"), "it is a link that leads back"),
    "dangling.csv": (lambda path: path.symlink_to("gone"), "it is a link that leads now"),
    "link": (link_to_a_folder, "it is a link to a folder, which is not followed"),
    "loop": (lambda path: path.symlink_to(path.parent), "it is a link to a folder"),
    "pipe.csv": (os.mkfifo, "it is a named pipe, not a file"),
    "socket.csv": (unix_socket, "it is a socket, not a file"),
    "device.csv": (device, "it is a device, not a file"),
}
NOT_UTF8: dict[str, Odd] = {
    "name": {"caf\udce9.csv": (lambda path: path.write_bytes(orders(90)), "its name is not UTF-8; rename it")},
    "folder": {"\udce9/x.csv": (folder_not_utf8, "its name is not UTF-8; rename it")},
}


def left_alone_and_told_once(folder: Path, odd: Odd, *, before: bool, told: pytest.LogCaptureFixture) -> None:
    raw = folder / "lake" / "raw"
    raw.mkdir(parents=True)
    sentences = [f"{printable(name)} is left alone: {why}" for name, (_, why) in odd.items()]

    def leave() -> None:
        for name, (make, _) in odd.items():
            make(raw / name)

    if before:
        leave()
    with watching(folder / "lake", all_holds=False) as watched:
        watched.write("a.csv", orders(1))
        watched.expect("a.csv")
        if not before:
            leave()
        watched.write("b.csv", orders(2))
        watched.expect("a.csv", "b.csv")
        until(lambda: all(sentence in told.text for sentence in sentences))
        watched.write("sub/c.csv", orders(3))
        watched.expect("a.csv", "b.csv", "sub/c.csv")
    assert [told.text.count(sentence) for sentence in sentences] == [1] * len(odd)
    assert "Traceback" not in told.text
    problems = check(watched.lake).problems
    assert len(problems) == len(odd)
    for name, (_, why) in odd.items():
        assert any(name in problem and why in problem for problem in problems)


@pytest.mark.parametrize("before", [True, False], ids=["before", "meanwhile"])
def test_what_is_no_file_is_left_alone_and_told_once(
    tmp_path: Path, before: bool, caplog: pytest.LogCaptureFixture
) -> None:
    left_alone_and_told_once(tmp_path, ODD, before=before, told=caplog)


@pytest.mark.parametrize("odd", NOT_UTF8.values(), ids=NOT_UTF8.keys())
@pytest.mark.parametrize("before", [True, False], ids=["before", "meanwhile"])
def test_what_is_not_utf8_is_left_alone_and_told_once(
    tmp_path: Path, before: bool, odd: Odd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duff_orders.local.watch.PAUSE", 0.3)
    left_alone_and_told_once(tmp_path, odd, before=before, told=caplog)


NAMES = ["a\nb.csv", "\x1b[31m.csv", "é" * 125 + "x.csv", "* ?[a]{b}.csv", "it's \"#%20.csv", "\\.csv", "pa_date=x.csv"]


def test_any_name_will_do_for_a_file(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        keys = [key for name in NAMES for key in (name, f"{name.removesuffix('.csv')}/{name}")]
        for number, key in enumerate(keys, 1):
            watched.write(key, orders(number))
        watched.expect(*keys)


@contextmanager
def process(lake: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """`duff watch` in a process of its own, watching."""
    started = start(lake, "watch", "--json", "--settle", str(SETTLE), *options)
    assert started.stderr is not None
    assert "watching" in started.stderr.readline()
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
            started.communicate()


def stop(started: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> list[dict[str, Any]]:
    started.send_signal(number)
    return finish(started)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a file open for writing")
def test_a_file_held_open_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    data = orders(1, rows=4)
    with process(tmp_path) as watcher:
        with (tmp_path / "raw" / "a.csv").open("wb", buffering=0) as handle:
            for part in range(4):
                handle.write(data[part * len(data) // 4 : (part + 1) * len(data) // 4])
                time.sleep(4 * SETTLE)
            assert not any(tmp_path.glob("processed/events/*"))
        until(lambda: any(tmp_path.glob("processed/files/*/*")))
        (row,) = stop(watcher)
    assert (row["verdict"], row["rows_published"]) == ("valid", 4)
    duff(tmp_path, "check")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_finishes_what_is_in_work(tmp_path: Path, number: int) -> None:
    generate(tmp_path / "orders.csv", rows=60_000)
    lake = tmp_path / "lake"
    with process(lake) as watcher:
        (tmp_path / "orders.csv").rename(lake / "raw" / "orders.csv")
        until(lambda: any(lake.glob("processed/events/*")))
        (row,) = stop(watcher, number)
    assert (row["verdict"], row["rows_published"]) == ("valid", 60_000)
    duff(lake, "check")  # which tells of models that are behind, too


@pytest.mark.slow
def test_killed_and_started_again_it_takes_up_the_rest(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    (lake / "raw").mkdir(parents=True)
    for number in range(6):
        rows = 20_000  # too many to go together
        generate(lake / "raw" / f"{number}.csv", rows=rows, seed=number, first_order=1 + rows * number)
    with process(lake, "--workers", "2") as watcher:
        until(lambda: len(list(lake.glob("processed/files/*/*.json"))) >= 2)
        watcher.kill()
        watcher.communicate()
    before = {path: path.read_bytes() for path in lake.glob("processed/files/*/*.json")}
    with process(lake, "--workers", "2") as watcher:
        until(lambda: len(list(lake.glob("processed/files/*/*.json"))) == 6)
        told = stop(watcher)
    assert len(before) < 6
    assert len(told) == 6 - len(before)
    assert all(path.read_bytes() == data for path, data in before.items())
    assert {row["rows_published"] for row in told} == {rows}
    assert not any((lake / "scratch").iterdir())
    duff(lake, "check")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets root give up that it may read everything")
def test_what_may_not_be_read_is_left_alone_and_told_once(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    (lake / "raw" / "closed").mkdir(parents=True)
    (lake / "raw" / "closed" / "b.csv").write_bytes(orders(2))
    (lake / "raw" / "closed").chmod(0)
    (lake / "raw" / "a.csv").write_bytes(orders(1))
    (lake / "raw" / "a.csv").chmod(0)
    (lake / "raw" / "c.csv").write_bytes(orders(3))
    root = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*root, sys.executable, "-m", "duff_orders", "--lake", str(lake)]
    watcher = subprocess.Popen([*command, "watch", "--settle", str(SETTLE)], stderr=subprocess.PIPE, text=True)
    until(lambda: any(lake.glob("processed/files/*/*")))
    time.sleep(4 * SETTLE)
    watcher.send_signal(signal.SIGTERM)
    _, told = watcher.communicate(timeout=PATIENCE)
    assert told.count("a.csv is left alone: this user may not read it\n") == 1
    assert told.count("closed is left alone: the folder cannot be listed: Permission denied\n") == 1
    assert "Traceback" not in told
    checked = subprocess.run([*command, "check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert checked.stdout.count("lies in the raw folder, but is left alone") == 2
    (lake / "raw" / "closed").chmod(0o700)


def test_a_watcher_that_ends_is_told_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path, settle=SETTLE)
    condition, stop, rows, failed = Condition(), threading.Event(), list[LedgerRow](), threading.Event()

    def broken(root: Path) -> Iterator[Found]:
        failed.set()
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root))

    monkeypatch.setattr("duff_orders.local.watch.AGAIN", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr("duff_orders.local.raw_folder.everything", broken)
        thread = threading.Thread(target=look_after, args=(lake, stop, condition), kwargs={"done": rows.append})
        thread.start()
        until(condition.amiss)
        (told,) = condition.amiss()
        assert (told.kind, "Permission denied" in told.why) == ("watcher", True)
    try:
        until(lambda: not condition.amiss())
        (tmp_path / "raw" / "a.csv").write_bytes(orders(1))
        until(lambda: rows)
    finally:
        stop.set()
        thread.join()
    assert [row.source_file for row in rows] == ["a.csv"]


@pytest.mark.parametrize("how", ["moved away", "removed", "replaced"])
def test_a_raw_folder_that_is_another_is_watched_without_a_restart(tmp_path: Path, how: str) -> None:
    with watching(tmp_path / "lake", all_holds=False) as watched:
        watched.write("a.csv", orders(1))
        watched.expect("a.csv")
        if how == "removed":
            shutil.rmtree(watched.raw)
        else:
            watched.raw.rename(tmp_path / "aside")
        if how == "replaced":
            watched.raw.mkdir()
        until(watched.raw.is_dir)  # it is made anew
        watched.write("b.csv", orders(2))
        watched.expect("a.csv", "b.csv")


def test_what_is_amiss_is_told_until_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails = threading.Event()
    fails.set()

    def full(store: DiskStore, key: str, **more: Any) -> Event:
        if fails.is_set():
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return announce(store, key, **more)

    monkeypatch.setattr("duff_orders.local.watch.AGAIN", 0.1)
    monkeypatch.setattr("duff_orders.local.watch.AGAIN_AT_MOST", 0.2)
    monkeypatch.setattr("duff_orders.local.watch.announce", full)
    monkeypatch.setattr("duff_orders.local.watch.announce_all", none_together)
    condition = Condition()
    with watching(tmp_path, condition=condition) as watched:
        watched.write("a.csv", orders(1))
        watched.write("b.csv", orders(2))
        until(lambda: len(condition.amiss()) == 2)
        assert {each.kind for each in condition.amiss()} == {"file"}
        fails.clear()
        watched.expect("a.csv", "b.csv")
        assert condition.amiss() == []


def test_too_many_open_files_and_then_no_more(tmp_path: Path) -> None:
    """From outside: the limit of a running `duff watch` is lowered, and lifted again."""
    (tmp_path / "raw").mkdir(parents=True)
    process = start(tmp_path, "watch", "--settle", "0.1")
    assert process.stderr is not None
    try:
        told = process.stderr.readline()
        assert told.startswith("watching"), told
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        used = len([*Path(f"/proc/{process.pid}/fd").iterdir()])
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used, hard))
        (tmp_path / "raw" / "a.csv").write_bytes(orders(1))
        while "Too many open files" not in told:
            told = process.stderr.readline()
            assert told, "it has ended"
        assert [*open_lake(tmp_path).ledger.rows()] == []
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        until(lambda: [*open_lake(tmp_path).ledger.rows()], PATIENCE)
    finally:
        process.terminate()
        process.communicate()
    assert [row.verdict for row in open_lake(tmp_path).ledger.rows()] == ["valid"]
    assert check(open_lake(tmp_path)).problems == []
