"""The promise on S3: killed before any request and after any write, raced in every way, nothing is lost or doubled.

The workers run in this process on emulated S3. A worker that is killed makes no further request, not even those that
would give its leases back.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duff_orders.contract import COUNTS
from duff_orders.documents import Event, LedgerRow
from duff_orders.errors import Busy
from duff_orders.ingest.publish import close
from duff_orders.lake import layout
from duff_orders.lake.events import record
from duff_orders.lake.given_up import all_given_up, give_up
from duff_orders.lake.lake import Lake
from duff_orders.lake.standing import Standings
from duff_orders.lake.stores.base import names
from duff_orders.local import run
from tests.effort import every
from tests.faults.cloud import Cloud, Killed

pytestmark = [pytest.mark.aws, pytest.mark.faults, pytest.mark.xdist_group("aws-store")]

HEADER = (
    "client_id,client_name,order_id,product_id,product_description,product_price,product_ccf,"
    "product_volume,point_of_sale_channel,status"
)


def orders(number: int) -> bytes:
    """Three good records, one of them twice, and a bad one; another content for each number."""
    good = [f"1,Moe,{number},{product},Duff,2.50,6,0.33,Retail,created" for product in (1, 2, 3)]
    return "\n".join([HEADER, *good, good[0], f"x,Moe,{number},9,Duff,2.50,6,0.33,Retail,created", ""]).encode()


def corrections(number: int, target: Event) -> bytes:
    """The bad record of `orders(number)`: corrected, in two records that are equal, and once not corrected."""
    fixed, wrong = (
        f"{client},Moe,{number},9,Duff,2.50,6,0.33,Retail,created,{target.file_id}:6" for client in ("1", "y")
    )
    return "\n".join([f"{HEADER},duff_corrects", fixed, fixed, wrong, ""]).encode()


def attempt(lake: Lake, event: Event, *, replay: bool = False) -> LedgerRow:
    """All that the functions do of an event: it is recorded, and taken to its ledger row."""
    return run.attempt(lake, record(lake.store, event), replay=replay)


@pytest.fixture
def cloud(aws: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return Cloud(monkeypatch)


def seen(lake: Lake, file_id: str) -> set[str]:
    """The objects of a file below the tables' locations: what Athena reads, whatever the ledger says."""
    folders = [f"{layout.PROCESSED}/{layout.FOLDERS[table]}/" for table in layout.OBJECT_COUNTS]
    return {name for folder in folders for name in names(lake.store, folder) if file_id in name}


def named(row: LedgerRow) -> set[str]:
    return {name for table in layout.OBJECT_COUNTS for name in layout.data_objects(table, row)}


def rows_in(lake: Lake, objects: set[str], folder: Path) -> Counter[tuple[Any, ...]]:
    """The rows that stand in objects, but for their lineage."""
    found: Counter[tuple[Any, ...]] = Counter()
    for name in objects:
        stored = lake.store.read(name)
        assert stored is not None
        path = folder / "object.parquet"
        path.write_bytes(stored.data)
        with duckdb.connect() as connection:
            query = f"select * exclude (source_file, file_id, ingested_at) from read_parquet('{path}')"
            found.update(connection.execute(query).fetchall())
    return found


def wrong(lake: Lake, event: Event, row: LedgerRow, folder: Path, *, published: int = 3) -> str:
    """What does not hold of a file at rest; nothing where all holds."""
    stands = lake.ledger.get(event.pa_date, event.file_id)
    problems = []
    if stands != row:
        problems.append(f"the ledger says {stands}, and {row} was returned")
    if seen(lake, event.file_id) != named(row):
        problems.append(f"Athena sees {seen(lake, event.file_id)}, and {named(row)} are named")
    if row.rows_read != sum(getattr(row, name) for name in COUNTS[1:]):
        problems.append("the counts do not add up")
    if row.verdict == "valid_with_rejects":
        if (row.rows_published, row.rows_duplicate, row.rows_rejected) != (published, 1, 1):
            problems.append("other counts")
        elif rows_in(lake, named(row), folder).total() != published + 1:
            problems.append("other rows")
    return "; ".join(problems)


def arrived(cloud: Cloud, what: str, key: str, number: int) -> Event:
    """A file that nobody has processed yet; what it corrects, or returns to, has been."""
    before = [orders(number)] if what == "correction" else [orders(number), orders(number + 1)]
    if what not in ("correction", "return"):
        return cloud.put(key, orders(number))
    events = [cloud.put(key if what == "return" else f"target-{key}", data) for data in before]
    for event in events:
        assert attempt(cloud.worker("before"), event).verdict == "valid_with_rejects"
    return cloud.put(key, corrections(number, events[0]) if what == "correction" else orders(number))


@pytest.mark.parametrize("what", ["first", "replay", "correction", "return"])
def test_a_worker_killed_at_any_request(cloud: Cloud, tmp_path: Path, what: str) -> None:
    """... is made up for by the next attempt of the same execution at once, and by any other once its leases end."""
    replay = what == "replay"
    published = 1 if what == "correction" else 3
    cases = Counter[str]()
    found = []
    for dies_at in range(1, 200, every(5)):
        ended = False
        for taker in ("same", "other", "closed"):
            key = f"{what}-{dies_at}-{taker}.csv"
            event = arrived(cloud, what, key, 10_000 * len(what) + 1000 * dies_at + 2 * len(taker))
            if replay:
                attempt(cloud.worker("before"), event)
            requests = cloud.requests(dies_at)
            try:
                attempt(cloud.worker("dying"), event, replay=replay)
                ended = True
            except Killed:
                pass
            cloud.well()
            point = requests.passed[-1]
            with cloud.later(timedelta(seconds=0 if taker == "same" else 2000)):
                lake = cloud.worker("dying" if taker == "same" else taker)
                if taker == "closed":
                    close(lake, event, "Sandbox.Timedout: killed", replay=replay)
                    stands = lake.ledger.get(event.pa_date, event.file_id)
                    assert stands is not None
                    row = stands
                    if not replay and row.verdict not in ("failed", "valid_with_rejects"):
                        found.append(f"{taker} after {point}: {row.verdict}")
                else:
                    row = attempt(lake, event, replay=replay)
                    if row.verdict != "valid_with_rejects":
                        found.append(f"{taker} after {point}: {row.verdict}")
                if problem := wrong(lake, event, row, tmp_path, published=published):
                    found.append(f"{taker} after {point}: {problem}")
            cases[taker] += 1
        if ended:
            break
    assert found == []
    print(f"{cases.total()} cases, 0 wrong")
    assert cases["same"] == cases["other"] == cases["closed"] > 25 // every(5)


def test_a_small_file_costs_few_requests(cloud: Cloud) -> None:
    """One of them asks which profiles hold."""
    attempt(cloud.worker("one"), cloud.put("first.csv", orders(8)))  # a warm function knows its reading
    event = cloud.put("small.csv", orders(7))
    requests = cloud.requests()
    attempt(cloud.worker("one"), event)
    kinds = Counter(point.split()[1] for point in requests.passed if point.startswith("before "))
    assert kinds.total() <= 21, kinds


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run several workers; each begins at a moment of its own. Their outcomes, or the errors."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        gate.wait()
        time.sleep(random.random() * 0.1)
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def until_free(work: Callable[[], LedgerRow]) -> LedgerRow:
    """As the state machine does: Busy is tried again."""
    for _ in range(600):
        try:
            return work()
        except Busy:
            time.sleep(0.05)
    raise AssertionError("busy for ever")


ROUNDS = 12 // every(4)


def trying(lake: Lake, event: Event, *, replay: bool = False) -> Callable[[], LedgerRow]:
    """An attempt, tried again while others are at it."""
    return lambda: until_free(lambda: attempt(lake, event, replay=replay))


def standing(lake: Lake, event: Event) -> LedgerRow:
    row = lake.ledger.get(event.pa_date, event.file_id)
    assert row is not None
    return row


def test_the_same_event_twice_at_once(cloud: Cloud, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        event = cloud.put(f"twice-{number}.csv", orders(20_000 + number))
        lakes = [cloud.worker(f"{number}-{each}") for each in "ab"]
        rows = at_once(*(trying(lake, event) for lake in lakes))
        assert rows[0] == rows[1] == standing(lakes[0], event)
        assert wrong(lakes[0], event, standing(lakes[0], event), tmp_path) == ""


def test_equal_content_under_two_keys_at_once(cloud: Cloud, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        events = [cloud.put(f"equal-{number}-{each}.csv", orders(30_000 + number)) for each in "ab"]
        lakes = [cloud.worker(f"{number}-{each}") for each in "ab"]
        at_once(*(trying(lake, event) for lake, event in zip(lakes, events, strict=True)))
        rows = [standing(lakes[0], event) for event in events]
        assert sorted(row.verdict for row in rows) == ["duplicate", "valid_with_rejects"]
        for event, row in zip(events, rows, strict=True):
            assert wrong(lakes[0], event, row, tmp_path) == ""


def test_closing_against_a_running_attempt(cloud: Cloud, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        event = cloud.put(f"closing-{number}.csv", orders(40_000 + number))
        one, other = cloud.worker(f"{number}-a"), cloud.worker(f"{number}-b")

        def closing(lake: Lake = other, event: Event = event) -> LedgerRow:
            return until_free(lambda: close(lake, event, "Timeout: too late"))

        at_once(trying(one, event), closing)
        # one that was closed first got its attempt all the same
        assert standing(one, event).verdict == "valid_with_rejects"
        assert wrong(one, event, standing(one, event), tmp_path) == ""


def test_two_replays_at_once_and_a_late_duplicate(cloud: Cloud, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        event = cloud.put(f"replayed-{number}.csv", orders(50_000 + number))
        attempt(cloud.worker("first"), event)
        strict = cloud.worker(f"{number}-strict", max_reject_share=Decimal("0.1"))
        loose, late = cloud.worker(f"{number}-loose"), cloud.worker(f"{number}-late")
        at_once(trying(strict, event, replay=True), trying(loose, event, replay=True), trying(late, event))
        row = standing(loose, event)
        assert (row.revision, row.verdict in ("invalid", "valid_with_rejects")) == (2, True)
        assert wrong(loose, event, row, tmp_path) == ""


def test_two_corrections_of_one_line_at_once(cloud: Cloud, tmp_path: Path) -> None:
    """Both are published, and tell of it; which of them counts is told by their order, not by who was faster."""
    for number in range(ROUNDS):
        target = cloud.put(f"target-{number}.csv", orders(60_000 + number))
        attempt(cloud.worker("first"), target)
        events = [
            cloud.put(f"corrected-{number}-{each}.csv", corrections(60_000 + number, target).replace(b",6,", units))
            for each, units in (("a", b",7,"), ("b", b",8,"))
        ]
        lakes = [cloud.worker(f"{number}-{each}") for each in "ab"]
        # nobody corrects a cell that had no reason: the records are rejected unless they say so
        at_once(*(trying(lake, event) for lake, event in zip(lakes, events, strict=True)))
        rows = [standing(lakes[0], event) for event in events]
        assert [row.attempts for row in rows] == [(f"{target.file_id}:6,6,6",)] * 2
        events = [
            cloud.put(f"good-{number}-{each}.csv", corrections(60_000 + number, target).replace(b"Moe", each.encode()))
            for each in ("Moe", "Moe ")
        ]
        at_once(*(trying(lake, event) for lake, event in zip(lakes, events, strict=True)))
        for event in events:
            row = standing(lakes[0], event)
            assert row.corrects == (f"{target.file_id}:6",)
            assert wrong(lakes[0], event, row, tmp_path, published=1) == ""


def test_a_correction_beside_a_replay_of_what_it_corrects(cloud: Cloud, tmp_path: Path) -> None:
    """It finds the rows of before or of after, which are the same; never none."""
    for number in range(ROUNDS):
        target = cloud.put(f"moving-{number}.csv", orders(70_000 + number))
        attempt(cloud.worker("first"), target)
        event = cloud.put(f"beside-{number}.csv", corrections(70_000 + number, target))
        one, other = cloud.worker(f"{number}-a"), cloud.worker(f"{number}-b")
        at_once(trying(one, target, replay=True), trying(other, event))
        row = standing(one, event)
        assert (row.corrects, row.attempts) == ((f"{target.file_id}:6",),) * 2
        assert wrong(one, event, row, tmp_path, published=1) == ""
        assert standing(one, target).revision == 1


def test_many_give_up_at_once(cloud: Cloud) -> None:
    """No word is lost; the document is written by compare and swap."""
    event = cloud.put("given-up.csv", orders(80_000))
    row = attempt(cloud.worker("first"), event)
    lakes = [cloud.worker(each) for each in "abcd"]

    def said(lake: Lake) -> None:
        give_up(lake.store, Standings([row], {}, lambda _: [6]).of(row), [6], f"by {lake.store}")

    assert at_once(*(lambda lake=lake: said(lake) for lake in lakes)) == [None] * 4
    assert len(all_given_up(lakes[0].store)[row.file_id].said) == 4
