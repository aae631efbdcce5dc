"""The whole of it: files come, are overwritten, return, are corrected, given up, replayed; by any clock, on any engine.

After each step the tables are what the obvious recomputation says (`tests.history`), each rejected row is in the state
that it says, `check --deep` finds nothing, and after a build the star schema is that of all that is published.
"""

import gzip
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.events import events
from duff_orders.lake.given_up import give_up, take_back
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process
from duff_orders.models.build import build
from duff_orders.query import rejects
from tests.effort import examples
from tests.history import ORDINARY, File, History
from tests.lakes import NOON, drop, open_lake, sql
from tests.models import stars
from tests.oracle import Rejected

HEADER = ",".join(COLUMN_NAMES)
KEYS = ("a.csv", "b.csv", "c.csv.gz")
UNITS = ("6", "x5", "0", "")
STATUSES = ("created", "delivered", "broken")
#: What a person does with a rejected row: correct it, fail to, change another cell, change it and say so.
HANDS = ("good", "wrong", "changed", "named", "unknown")

hands = st.lists(st.tuples(st.integers(0, 99), st.sampled_from(HANDS)), min_size=1, max_size=4)
records = st.builds(
    lambda order, price, units, status: f"1,Moe,{order},1,Duff,{price},{units},0.355,Retail,{status}",
    st.integers(1, 3),
    st.sampled_from(("2.50", "1.75")),
    st.sampled_from((*UNITS[:1] * 4, *UNITS[1:])),
    st.sampled_from(STATUSES),
)
contents = st.lists(records, max_size=4).map(lambda rows: "\n".join((HEADER, *rows, "")).encode()) | st.just(b"none\n")
times = st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=6 * hours))
shares = st.sampled_from((ORDINARY, Decimal("0.1"), Decimal(1)))
some = st.integers(0, 99)


class Whole(RuleBasedStateMachine):
    """One lake, and its history."""

    engines: Sequence[str] = ("duckdb",)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.lakes = {engine: open_lake(self.folder / "lake", engine=engine, grace=0) for engine in self.engines}
        self.lake = self.lakes["duckdb"]
        self.history = History()
        self.contents: list[bytes] = []
        self.built = True
        self.number = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def on(self, at: int) -> Lake:
        """The lake, by one of the engines."""
        return self.lakes[self.engines[at % len(self.engines)]]

    def take(self, key: str, data: bytes, time: object, *, late: bool = False, at: int = 0) -> None:
        event = announce(self.lake.disk, key, when=time)  # type: ignore[arg-type]
        file = self.history.announce(event.file_id, key, data, event.time)
        if not late:
            self.work(file, at)

    def work(self, file: File, at: int) -> None:
        """Process a file that was announced."""
        (event,) = (each for each in events(self.lake.store) if each.file_id == file.file_id)
        row = process(self.on(at), event)
        self.history.process(file)
        assert row.verdict == file.verdict
        self.built = False

    def files(self, *verdicts: str) -> list[File]:
        return [each for each in self.history.files.values() if not verdicts or each.verdict in verdicts]

    @rule(key=st.sampled_from(KEYS), content=contents, level=st.integers(1, 2), time=times, late=st.booleans(), at=some)
    def arrives(self, key: str, content: bytes, level: int, time: object, late: bool, at: int) -> None:
        self.contents.append(content)
        self.put(key, content, level, time, late=late, at=at)

    @precondition(lambda self: self.contents)
    @rule(key=st.sampled_from(KEYS), which=some, level=st.integers(1, 2), time=times, at=some)
    def comes_again(self, key: str, which: int, level: int, time: object, at: int) -> None:
        self.put(key, self.contents[which % len(self.contents)], level, time, at=at)

    def put(self, key: str, content: bytes, level: int, time: object, *, late: bool = False, at: int = 0) -> None:
        data = gzip.compress(content, level, mtime=0) if key.endswith(".gz") else content
        drop(self.lake, key, data)
        self.take(key, data, time, late=late, at=at)

    @precondition(lambda self: self.files("waiting", "failed"))
    @rule(which=some, at=some)
    def late_event_is_worked_on(self, which: int, at: int) -> None:
        waiting = self.files("waiting", "failed")
        self.work(waiting[which % len(waiting)], at)

    @precondition(lambda self: self.files())
    @rule(which=some, at=some)
    def event_comes_twice(self, which: int, at: int) -> None:
        self.work(self.files()[which % len(self.files())], at)

    def rejected(self) -> list[tuple[File, Rejected]]:
        return [(each, row) for each in self.files() if each.outcome for row in each.outcome.rejected]

    @precondition(lambda self: self.rejected())
    @rule(hands=hands, ordinary=st.none() | records, time=times, at=some)
    def corrections_come(self, hands: list[tuple[int, str]], ordinary: str | None, time: object, at: int) -> None:
        self.number += 1
        rejected = self.rejected()
        lines = [_corrected(*rejected[which % len(rejected)], hand) for which, hand in hands]
        lines += [f"{ordinary},,"] if ordinary else []
        content = "\n".join((f"{HEADER},duff_corrects,duff_changes", *lines, "")).encode()
        self.contents.append(content)
        self.put(f"fixed-{self.number}.csv", content, 1, time, at=at)

    @precondition(lambda self: self.files("invalid", "failed"))
    @rule(which=some, content=contents, again=st.booleans(), time=times, at=some)
    def replacement_comes(self, which: int, content: bytes, again: bool, time: object, at: int) -> None:
        self.number += 1
        if again and self.contents:
            content = self.contents[which % len(self.contents)]
        lost = self.files("invalid", "failed")
        replaced = lost[which % len(lost)]
        path = self.folder / f"instead-{self.number}.csv"
        path.write_bytes(content)
        key = put(self.lake.disk, path, replaces=replaced.file_id)
        event = announce(self.lake.disk, key, when=time)  # type: ignore[arg-type]
        self.work(self.history.announce(event.file_id, key, content, event.time, replaced.file_id), at)

    @precondition(lambda self: any(self.history.standing(each)["open"] for each in self.files()))
    @rule(which=some, one_line=st.booleans())
    def somebody_gives_up(self, which: int, one_line: bool) -> None:
        found = [each for each in self.files() if self.history.standing(each)["open"]]
        file = found[which % len(found)]
        row = self.lake.ledger.find(file.file_id)
        standing, own = rejects.standings(self.lake).of(row), rejects.lines(self.lake, row)
        lines = [each for each in own if standing.of(each) == "open"]
        if one_line and lines:
            give_up(self.lake.store, standing, own, "lost", lines[:1])
            file.given_lines |= {*lines[:1]}
        else:
            give_up(self.lake.store, standing, own, "lost")
            if file.verdict == "invalid":
                file.given_whole = True
            else:
                file.given_lines |= {*lines}

    @precondition(lambda self: any(each.given_whole or each.given_lines for each in self.files()))
    @rule(which=some)
    def it_is_taken_back(self, which: int) -> None:
        found = [each for each in self.files() if each.given_whole or each.given_lines]
        file = found[which % len(found)]
        take_back(self.lake.store, rejects.standings(self.lake).of(self.lake.ledger.find(file.file_id)))
        file.given_whole, file.given_lines = False, set()

    @precondition(lambda self: self.files())
    @rule(which=some, share=shares, at=some)
    def is_replayed(self, which: int, share: Decimal, at: int) -> None:
        file = self.files()[which % len(self.files())]
        lake = self.on(at)
        (row,) = replay(replace(lake, settings=replace(lake.settings, max_reject_share=share)), [file.file_id])
        is_there = self.history.raw[file.key] == file.data
        self.history.process(file, replay=True, share=share)
        assert row.verdict == (file.verdict if is_there else "failed")
        self.built = False

    @rule(rebuild=st.booleans(), at=some)
    def is_built(self, rebuild: bool, at: int) -> None:
        build(self.on(at), rebuild=rebuild)
        sweep(self.lake)
        self.built = True
        expected = stars.expected(self.history.published())
        found = stars.tables(self.lake)
        if not expected.fact_orders:  # a lake into which nothing ever came has no words for statuses either
            expected = replace(expected, dim_status=found.dim_status)
        assert found == expected

    @invariant()
    def tables_are_as_they_should_be(self) -> None:
        with sql() as connection:
            create_views(self.lake, connection, [ORDERS.name, REJECTED_ROWS.name])
            listed = ", ".join((*COLUMN_NAMES, "total_price"))
            query = f"select file_id, {listed}, corrects, effective_at, ingested_at from {ORDERS.name}"
            agree(connection.execute(query).fetchall(), Counter(_orders(self.history)))
            listed = ", ".join((*COLUMN_NAMES, "reasons", "record", "line"))
            query = f"select file_id, {listed}, corrects from {REJECTED_ROWS.name}"
            agree(connection.execute(query).fetchall(), self.history.rejected())

    @invariant()
    def each_rejected_row_is_accounted_for(self) -> None:
        standings = rejects.standings(self.lake)
        for row in standings.rows():
            found = standings.of(row)
            told = Counter(open=found.open, corrected=found.corrected, given_up=found.given_up)
            assert +told == self.history.standing(self.history.files[row.file_id]), row

    @invariant()
    def all_holds(self) -> None:
        problems = check(self.lake, deep=True).problems
        if not self.built:
            problems = [each for each in problems if "the star schema is behind" not in each]
        waiting = {each.file_id for each in self.files("waiting")}
        assert [each for each in problems if not any(file_id in each for file_id in waiting)] == []


def agree(rows: Sequence[tuple[object, ...]], expected: Counter[tuple[object, ...]]) -> None:
    """The same rows; else those of one side alone are told."""
    found = Counter(rows)
    assert [*(found - expected).elements()] == [*(expected - found).elements()]


def _corrected(file: File, row: Rejected, hand: str) -> str:
    """A line of a file of corrections, as a hand writes it."""
    texts = row._asdict() | {"product_ccf": "x7" if hand == "wrong" else "5"}
    if hand in ("changed", "named"):
        texts["client_name"] = "Apu"
    named = f"{'f' * 32}:2" if hand == "unknown" else f"{file.file_id}:{row.line}"
    cells = [texts[name] or "" for name in COLUMN_NAMES]
    return ",".join((*cells, named, "client_name" if hand == "named" else ""))


def _orders(history: History) -> Iterator[tuple[object, ...]]:
    for file in history.published():
        for row, place in zip(file.rows, file.places, strict=True):
            yield (file.file_id, *row, *(place or (None, file.event_time)), file.event_time)


class OnBoth(Whole):
    """Each step on one of the engines."""

    engines = ("duckdb", "spark")


def search(machine: type[Whole], number: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(number),
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.reuse, Phase.generate],  # to make a history shorter takes many minutes
        ),
    )


@pytest.mark.slow
@pytest.mark.property
def test_whatever_comes_in_whatever_order() -> None:
    search(Whole, 80, 20)


# Py4J leaves the sockets of its ended threads to the garbage collector.
@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.property
@pytest.mark.xdist_group("spark-parity")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_whatever_comes_on_either_engine(spark_context: object) -> None:
    search(OnBoth, 10, 12)
