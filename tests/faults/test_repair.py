"""Every kind of object and every kind of fault: found, told, repaired, and the tables as those of an undamaged twin."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from duff_orders.contract import ORDERS, REJECTED_ROWS, STAR
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.repair import repair
from duff_orders.local.run import process
from duff_orders.models.build import build
from tests.effort import every
from tests.faults.scenario import Fault, FaultyStore, lines
from tests.lakes import NOON, age, ingest, open_lake

pytestmark = pytest.mark.faults


def orders(number: int) -> bytes:
    return lines(f"1,Moe,{number},1,Duff,1.50,6,0.33,Retail,created", f"1,Moe,{number},2,Duff,x,6,0.33,Retail,created")


def flip(place: float, bit: int = 0) -> Callable[[bytes], bytes]:
    """One bit of the byte at a part of the object."""

    def flipped(data: bytes) -> bytes:
        at = min(int(len(data) * place), len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

    return flipped


def digit(data: bytes) -> bytes:
    """The last digit within the object is another: what reads as well as before, and is wrong."""
    at = max((at for at, byte in enumerate(data[:-60]) if 48 <= byte <= 57), default=0)
    return data[:at] + (b"7" if data[at : at + 1] != b"7" else b"3") + data[at + 1 :]


#: What happens to the bytes of an object; None: it is gone.
FAULTS: dict[str, Callable[[bytes], bytes] | None] = {
    "a bit at the beginning": flip(0.0),
    "a bit": flip(0.3, 2),
    "a bit in the middle": flip(0.5, 5),
    "a bit further on": flip(0.8, 1),
    "the last bit": flip(1.0),
    "a digit": digit,
    "cut": lambda data: data[: len(data) // 2],
    "a byte short": lambda data: data[:-1],
    "zeroed": lambda data: bytes(len(data)),
    "zeroed in part": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    "emptied": lambda data: b"",
    "longer": lambda data: data + b"x",
    "removed": None,
}
#: The objects of each kind, as patterns below the lake's folder; the first that is found is harmed.
KINDS = {
    "orders": "processed/orders/*/*.parquet",
    "rejected rows": "processed/rejected_rows/*/*.parquet",
    "ledger row": "processed/files/*/*.json",
    "event": "processed/events/*.json",
    "content note": "processed/content/*",
    "note of a key": "processed/keys/*/*.json",
    "note of a replacement": "processed/replaces/*",
    "snapshot": "processed/star/current.json",
    "dimension": "processed/star/dim_clients/*/*.parquet",
    "facts": "processed/star/fact_orders/*/*/*.parquet",
}


def filled(folder: Path) -> Lake:
    """A lake in which each kind of object has its part: corrections, a replacement, a content that came twice."""
    lake = open_lake(folder, grace=0)
    first = ingest(lake, "a.csv", orders(1))
    ingest(lake, "a.csv", orders(2), NOON + timedelta(hours=1))
    ingest(lake, "copy.csv", orders(2), NOON + timedelta(hours=2))
    broken = ingest(lake, "broken.csv", b"no header\n1,2\n", NOON + timedelta(hours=3))
    instead = folder.parent / f"{folder.name}-instead.csv"
    instead.write_bytes(orders(3))
    ingest_put(lake, instead, broken.file_id)
    corrected = "duff_corrects,client_id,client_name,order_id,product_id,product_description,product_price,"
    corrected += "product_ccf,product_volume,point_of_sale_channel,status\n"
    corrected += f"{first.file_id}:3,1,Moe,1,2,Duff,2.50,6,0.33,Retail,created\n"
    ingest(lake, "corrections.csv", corrected.encode(), NOON + timedelta(hours=5))
    build(lake)
    return lake


def ingest_put(lake: Lake, path: Path, replaces: str) -> None:
    key = put(lake.disk, path, replaces=replaces)
    process(lake, announce(lake.disk, key, when=NOON + timedelta(hours=4)))


def tables(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of all tables, without the times at which a build or a replay wrote them."""
    with lake.engine(only_reads=True) as (connection, _):
        create_views(lake, connection)
        return {
            name: connection.execute(f"select * from {name} order by all").fetchall()
            for name in (ORDERS.name, REJECTED_ROWS.name, *(table.name for table in STAR))
        }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = filled(tmp_path_factory.mktemp("twin") / "lake")
    assert check(lake, deep=True).problems == []
    return lake


@pytest.fixture
def lake(tmp_path: Path, whole: Lake) -> Lake:
    """A copy of it."""
    shutil.copytree(whole.disk.root, tmp_path / "lake")
    return open_lake(tmp_path / "lake", grace=0)


def harm(lake: Lake, pattern: str, fault: Callable[[bytes], bytes] | None, which: int = 0) -> str:
    """Harm one of the objects of a kind; its name."""
    path = sorted(lake.disk.root.glob(pattern))[which]
    before = path.read_bytes()
    if fault is None:
        path.unlink()
    else:
        assert fault(before) != before
        path.write_bytes(fault(before))
    return path.relative_to(lake.disk.root).as_posix()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_found_and_mended(lake: Lake, whole: Lake, kind: str, fault: str) -> None:
    name = harm(lake, KINDS[kind], FAULTS[fault])
    problems = check(lake).problems
    assert problems
    assert all("; `duff" in each for each in problems), problems
    assert FAULTS[fault] is None or any(name in each for each in problems), problems
    assert list(repair(lake).lost) == []
    assert check(lake, deep=True).problems == []
    assert tables(lake) == tables(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lake_of_a_release_before_is_mended_too(lake: Lake, whole: Lake, kind: str) -> None:
    """Whose documents prove neither themselves nor objects."""
    age(lake.disk.root)
    assert check(lake, deep=True).problems == []
    harm(lake, KINDS[kind], FAULTS["cut"])
    assert check(lake).problems
    assert list(repair(lake).lost) == []
    assert check(lake, deep=True).problems == []
    assert tables(lake) == tables(whole)


def test_nothing_is_deleted(lake: Lake) -> None:
    # of the star schema the pointer in a test of its own: without it nobody knows what was part of it
    names = [harm(lake, pattern, FAULTS["a bit"]) for kind, pattern in KINDS.items() if kind != "snapshot"]
    harmed = {name: lake.disk.path(name).read_bytes() for name in names}
    done = repair(lake)
    kept = {name.split("/", 3)[3]: lake.disk.path(name).read_bytes() for name in done.aside}
    assert {name: kept[name.removeprefix("processed/")] for name in harmed} == harmed
    assert check(lake, deep=True).problems == []
    assert [*repair(lake).faults] == []


@pytest.mark.parametrize("kind", ["orders", "rejected rows", "ledger row"])
@pytest.mark.parametrize("fault", ["a bit", "removed"])
def test_without_the_raw_file_what_is_whole_stays_and_the_loss_is_told(
    lake: Lake, whole: Lake, kind: str, fault: str
) -> None:
    (row,) = [
        row
        for row in lake.ledger.rows()
        if row.source_file == "instead.csv" or row.source_file.endswith("-instead.csv")
    ]
    pattern = KINDS[kind].replace("*/*.", f"*/{row.file_id}*.")
    harm(lake, pattern, FAULTS[fault])
    lake.disk.path(f"raw/{row.source_file}").unlink()
    done = repair(lake)
    (told,) = done.lost
    assert row.source_file in told
    assert kind == "ledger row" or "2 rows read, 1 published, 1 rejected" in told
    again = lake.ledger.of(row.file_id)
    assert again is not None
    problems = check(lake, deep=True).problems
    if kind == "orders":
        assert (again.verdict, again.rows_published, again.rows_rejected) == ("failed", 0, 0)
        assert problems == []
    else:
        (problem,) = problems
        assert "the raw object is missing" in problem
        assert (again.verdict, again.rows_published) == ("valid_with_rejects", 1)
        assert again.rows_rejected == (0 if kind == "rejected rows" else 1)
        found, before = tables(lake), tables(whole)
        assert found[ORDERS.name] == before[ORDERS.name]
        assert found["fact_orders"] == before["fact_orders"]
    assert [*repair(lake).faults] == []


def test_the_pointer_to_the_star_schema_is_kept(lake: Lake) -> None:
    harm(lake, KINDS["snapshot"], FAULTS["a bit"])
    harmed = lake.disk.path("processed/star/current.json").read_bytes()
    assert build(lake).kind == "rebuild"
    (kept,) = lake.disk.root.glob("processed/set_aside/*/star/current.json")
    assert kept.read_bytes() == harmed
    assert check(lake, deep=True).problems == []


class Killed(BaseException):
    """The repair is gone."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("raw", ["there", "gone"])
def test_a_repair_that_is_killed_at_any_point_is_made_up_for_by_the_next(
    lake: Lake, whole: Lake, tmp_path: Path, raw: str
) -> None:
    for kind in ("orders", "event", "content note", "note of a key", "note of a replacement", "facts"):
        harm(lake, KINDS[kind], FAULTS["a bit"])
    harm(lake, KINDS["ledger row"], FAULTS["a bit"], which=-1)
    if raw == "gone":
        row = next(row for row in lake.ledger.rows(damaged=lambda _: None) if row.source_file == "corrections.csv")
        lake.disk.path("raw/corrections.csv").unlink()
        harm(lake, f"processed/rejected_rows/*/{row.file_id}*", None) if row.rejected_objects else None
        harm(lake, f"processed/orders/*/{row.file_id}*", FAULTS["cut"])
    expected = None
    for dies_at in range(1, 1000, every(9)):
        shutil.copytree(lake.disk.root, tmp_path / "tried")
        fault = Fault(dies_at, die)
        ended = False
        try:
            repair(Lake(lake.settings, FaultyStore(tmp_path / "tried", fault)))
            ended = True
        except Killed:
            pass
        tried = open_lake(tmp_path / "tried", grace=0)
        repair(tried)
        assert check(tried, deep=True).problems == [], fault.passed[-1]
        found = tables(tried)
        if raw == "there":
            assert found == tables(whole), fault.passed[-1]
        assert expected is None or found == expected, fault.passed[-1]
        expected = found
        shutil.rmtree(tmp_path / "tried")
        if ended:
            break
    assert ended
    assert dies_at > 40
    print(f"killed at {dies_at // every(9)} points")


def test_a_row_of_a_file_without_objects(lake: Lake, whole: Lake) -> None:
    (row,) = [row for row in lake.ledger.rows() if row.source_file == "broken.csv"]
    harm(lake, f"processed/files/*/{row.file_id}.json", FAULTS["cut"])
    (again,) = repair(lake).again
    assert (again.verdict, again.reason) == (row.verdict, row.reason)
    assert check(lake, deep=True).problems == []
    assert tables(lake) == tables(whole)


def test_the_part_of_a_killed_replay_goes(lake: Lake, whole: Lake) -> None:
    (row,) = [row for row in lake.ledger.rows() if row.source_file == "lake-instead.csv"]
    part = lake.disk.path(layout.data_object(ORDERS.name, row.pa_date, row.file_id, revision=1))
    part.write_bytes(b"half")
    (told,) = check(lake).problems
    assert told.endswith("an orphan, no ledger row speaks of it; `duff repair` puts it aside")
    assert not repair(lake).again
    assert check(lake, deep=True).problems == []
    assert tables(lake) == tables(whole)


def test_a_file_that_is_renamed_while_it_is_processed_leaves_all_whole(lake: Lake) -> None:
    (lake.disk.root / "raw" / "before.csv").write_bytes(orders(8))
    event = announce(lake.disk, "before.csv")
    (lake.disk.root / "raw" / "before.csv").rename(lake.disk.root / "raw" / "after.csv")
    assert process(lake, event).verdict == "failed"
    assert process(lake, announce(lake.disk, "after.csv")).verdict == "valid_with_rejects"
    build(lake)
    assert check(lake, deep=True).problems == []


def test_rows_tell_when_their_file_came(lake: Lake, whole: Lake) -> None:
    """Its announcement and its ledger row are gone at once, and the raw file was overwritten long ago."""
    (row,) = [row for row in lake.ledger.rows() if row.source_file == "a.csv" and row.event_time == NOON]
    harm(lake, f"processed/files/*/{row.file_id}.json", FAULTS["removed"])
    harm(lake, f"processed/events/{row.file_id}.json", FAULTS["removed"])
    (told,) = repair(lake).lost
    assert told.startswith("a.csv (")
    again = lake.ledger.of(row.file_id)
    assert again is not None
    assert (again.pa_date, again.rows_published) == (row.pa_date, row.rows_published)
    assert again.event_time == row.event_time
    assert check(lake, deep=True).problems == []
    assert repair(lake).faults == []
    assert tables(lake) == tables(whole)
