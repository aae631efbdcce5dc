"""The same events at the same time, late and out of order: the same lake."""

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import pytest

from duff_orders.contract import STAR
from duff_orders.generator.orders import generate
from duff_orders.lake import layout, snapshot
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.lake.tables import create_views
from duff_orders.local.replay import replay
from duff_orders.local.run import process, run
from duff_orders.models.build import build
from duff_orders.query import rejects
from tests.effort import PATIENCE
from tests.faults.commands import duff, finish, start, until
from tests.faults.scenario import HEADER, UPDATE, VALID, lines, noon, open_lake, problems
from tests.lakes import drop, ingest

pytestmark = pytest.mark.faults

T = TypeVar("T")


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "orders.csv"
    generate(path, rows=20_000, bad=0.01, duplicates=0.01)
    return path


def at_once(*tasks: Callable[[], T]) -> list[T]:
    """What tasks return that start at the same moment, each in its thread."""
    barrier = Barrier(len(tasks))

    def task(each: Callable[[], T]) -> T:
        barrier.wait()
        return each()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(task, tasks))


def stars(lake: Lake) -> dict[str, Counter[Any]]:
    with lake.engine() as (connection, _):
        create_views(lake, connection)
        return {table.name: Counter(connection.execute(f"select * from {table.name}").fetchall()) for table in STAR}


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(2))
def test_two_processes_run_the_same_file(orders: Path, tmp_path: Path, attempt: int) -> None:
    processes = [start(tmp_path, "run", "--json", orders) for _ in range(2)]
    (first,), (second,) = map(finish, processes)
    assert first == second
    assert first["verdict"] == "valid_with_rejects"
    assert problems(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(2))
def test_two_processes_run_the_same_content_under_two_names(orders: Path, tmp_path: Path, attempt: int) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(orders.read_bytes())
    processes = [start(tmp_path / "lake", "run", "--json", path) for path in (orders, other)]
    verdicts = sorted(row["verdict"] for started in processes for row in finish(started))
    assert verdicts == ["duplicate", "valid_with_rejects"]
    assert problems(tmp_path / "lake") == []


@pytest.mark.slow
def test_two_processes_run_different_files_of_one_name(tmp_path: Path) -> None:
    sources = []
    for name, data in (("one", VALID), ("two", UPDATE)):
        sources.append(tmp_path / name / "orders.csv")
        sources[-1].parent.mkdir()
        sources[-1].write_bytes(data)
    rows = [
        row
        for started in [start(tmp_path / "lake", "run", "--json", path) for path in sources]
        for row in finish(started)
    ]
    assert [row["verdict"] for row in rows] == ["valid", "valid"]
    assert len({row["source_file"] for row in rows}) == 2
    assert problems(tmp_path / "lake") == []


def test_threads_run_the_same_file(orders: Path, tmp_path: Path) -> None:
    lakes = [open_lake(tmp_path), *[open_lake(tmp_path)] * 3]
    outcomes = at_once(*(lambda lake=lake: list(run(lake, [orders])) for lake in lakes))
    assert all(rows == outcomes[0] for rows in outcomes)
    build(lakes[0])
    assert problems(tmp_path) == []


def test_threads_replay_the_same_file(orders: Path, tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    (row,) = run(lake, [orders])
    strict = open_lake(tmp_path, share="0")
    outcomes = at_once(*(lambda each=each: next(replay(each, [row.file_id])) for each in (lake, strict, lake)))
    assert sorted(outcome.revision for outcome in outcomes) == [1, 2, 3]
    last = max(outcomes, key=lambda outcome: outcome.revision)
    assert lake.ledger.get(row.pa_date, row.file_id) == last
    build(lake)
    sweep(lake)
    assert problems(tmp_path) == []


@pytest.mark.slow
def test_two_processes_correct_one_line_and_a_third_gives_it_up(tmp_path: Path) -> None:
    """All of it is kept. Which correction counts is told by order, and one that is published counts most."""
    source, lake = tmp_path / "spoilt.csv", open_lake(tmp_path / "lake")
    source.write_bytes(lines("1,Moe,1,1,Duff,1.50,six,0.33,Retail,created"))
    (row,) = run(lake, [source])
    paths = [tmp_path / f"{units}.csv" for units in (6, 7)]
    for path in paths:
        record = f"1,Moe,1,1,Duff,1.50,{path.stem},0.33,Retail,created,{row.file_id}:2"
        path.write_bytes(lines(record, header=f"{HEADER},duff_corrects"))
    at_work = [start(tmp_path / "lake", "run", "--json", path) for path in paths]
    at_work.append(start(tmp_path / "lake", "give-up", row.file_id, "--why", "nobody knows"))
    *corrected, _ = (process.communicate(timeout=PATIENCE) for process in at_work)
    assert {process.returncode for process in at_work[:2]} == {0}
    found = [lake.ledger.find(json.loads(out)["file_id"]) for out, _ in corrected]
    assert {each.corrects for each in found} == {(f"{row.file_id}:2",)}
    standing = rejects.standings(lake).of(row)
    assert (standing.open, standing.corrected, standing.given_up) == (0, 1, 0)
    build(lake)
    assert problems(tmp_path / "lake") == []
    (units,) = (each[6] for each in stars(lake)["fact_orders"])
    later = max(found, key=lambda each: (each.event_time, each.file_id))
    assert f"{units}.csv" == later.source_file
    incremental = stars(lake)
    build(lake, rebuild=True)
    assert stars(lake) == incremental


@pytest.mark.slow
def test_run_while_watched(orders: Path, tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    watcher = start(tmp_path / "lake", "watch", "--json", "--settle", "0.1")
    assert watcher.stderr is not None
    watcher.stderr.readline()
    sources = [tmp_path / f"{number}.csv" for number in range(4)]
    for number, source in enumerate(sources):
        source.write_bytes(VALID.replace(b"Moe", b"Moe %d" % number))
    rows = duff(tmp_path / "lake", "run", "--json", *sources, orders)
    until(lambda: len(snapshot.current(lake.store).files) == len(sources) + 1)
    watcher.terminate()
    finish(watcher)
    assert [row["rows_published"] for row in rows[:-1]] == [3] * len(sources)
    assert {row.file_id for row in lake.ledger.rows()} == {row["file_id"] for row in rows}
    assert all(row.revision == 0 for row in lake.ledger.rows())
    assert problems(tmp_path / "lake") == []


def test_two_builds_at_once(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    ingest(lake, "a.csv", VALID, noon(1))
    reports = at_once(*[lambda: build(lake)] * 3)
    assert sorted(report.kind for report in reports) == ["rebuild", "unchanged", "unchanged"]
    ingest(lake, "b.csv", UPDATE, noon(2))
    # a rebuild beside an incremental build
    at_once(lambda: build(lake), lambda: build(lake, rebuild=True))
    assert problems(tmp_path) == []


@pytest.mark.slow
def test_two_processes_build_at_once(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    ingest(lake, "a.csv", VALID, noon(1))
    for started in [start(tmp_path, "models", "--rebuild") for _ in range(2)]:
        finish(started)
    assert problems(tmp_path) == []


LATER = lines(
    "1,Moe Szyslak,1,1,Duff,2.00,5,0.33,Bar,broken",
    "2,Apu,2,1,Duff,2.00,24,0.33,Export,delivered",
    "1,Moe Szyslak,1,3,Duff Dry,2.00,5,0.33,Bar,created",
)


def test_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    """Late events, too: a build comes after each file."""
    files = (("a.csv", VALID, noon(1)), ("b.csv", UPDATE, noon(2)), ("c.csv", LATER, noon(3)))
    expected: dict[str, Counter[Any]] | None = None
    for order in itertools.permutations(files):
        lake = open_lake(tmp_path / "".join(name[0] for name, *_ in order))
        for name, data, when in order:
            ingest(lake, name, data, when)
            assert build(lake).files == 1
        assert problems(lake.disk.root) == []
        found = stars(lake)
        expected = expected or found
        assert found == expected
        build(lake, rebuild=True)
        assert stars(lake) == expected


def test_an_event_delivered_again_changes_nothing(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    drop(lake, "a.csv", VALID)
    event = announce(lake.disk, "a.csv", when=noon(1))
    first = process(lake, event)
    again = announce(lake.disk, "a.csv", when=noon(9))
    assert again == event
    assert process(lake, again) == first


@pytest.fixture(params=["overwritten", "replaced", "touched"])
def changed(request: pytest.FixtureRequest) -> Callable[[Path, bytes], None]:
    """Ways to bring other content of the same size under a name."""

    def change(path: Path, data: bytes) -> None:
        before = path.stat()
        if request.param == "replaced":
            new = path.with_name(".new")
            new.write_bytes(data)
            new.replace(path)
        else:
            path.write_bytes(data)
        if request.param == "touched":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def test_other_content_of_the_same_size_is_another_file(tmp_path: Path, changed: Callable[[Path, bytes], None]) -> None:
    lake = open_lake(tmp_path)
    drop(lake, "a.csv", VALID)
    event = announce(lake.disk, "a.csv")
    changed(lake.disk.path(f"{layout.RAW}/a.csv"), VALID.replace(b"Moe", b"Ned"))
    row = process(lake, event)
    assert (row.verdict, row.rows_published) == ("failed", 0)
    assert "overwritten" in (row.reason or "")
    newer = announce(lake.disk, "a.csv")
    assert newer.etag != event.etag
    assert process(lake, newer).verdict == "valid"
    build(lake)
    assert problems(tmp_path) == []
