"""What a build is to do, from the ledger and the snapshot alone: and how little of the ledger it reads for that."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from duff_orders.contract import VERSION
from duff_orders.documents import LedgerRow, Verdict
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores.base import Stored
from duff_orders.models.plan import Plan, make_plan
from tests.memory import MemoryStore

LONG_AGO = datetime(2026, 3, 1, 12, tzinfo=UTC)


class CountedStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()

    def read(self, name: str) -> Stored | None:
        self.reads[name] += 1
        return super().read(name)


class Lake:
    """A ledger, and the snapshot of the last build."""

    def __init__(self) -> None:
        self.store = CountedStore()
        self.ledger = Ledger(self.store)
        self.snapshot = Snapshot()

    def write(self, number: int, *, verdict: Verdict = "valid", rows: int = 1, revision: int = 0) -> None:
        file_id, pa_date = f"{number:032x}", date(2026, 3, 1 + number % 28)
        row = LedgerRow(
            file_id=file_id,
            source_file=f"{number}.csv",
            size=1,
            etag="0",
            version=None,
            event_time=LONG_AGO + timedelta(days=number % 28),
            verdict=verdict,
            rows_published=rows,
            revision=revision,
            started=LONG_AGO,
            finished=LONG_AGO,
            pa_date=pa_date,
        )
        assert self.ledger.write(row, self.ledger.read(pa_date, file_id)[1])

    def age(self, by: timedelta, of: str = "") -> None:
        """Let time pass since everything that was written, and the last build; or since what is `of` one file."""
        for name, (data, modified) in self.store.objects.items():
            if not of or f'"{of}"'.encode() in data:
                self.store.objects[name] = data, modified - by
        if self.snapshot.ledger_read and not of:
            self.snapshot = replace(self.snapshot, ledger_read=self.snapshot.ledger_read - by)

    def build(self, *, rebuild: bool = False) -> Plan:
        self.store.reads.clear()
        plan = make_plan(self.ledger, self.snapshot, rebuild=rebuild)
        self.snapshot = Snapshot(
            build_id=plan.build_id,
            files=plan.files,
            ledger=dict(plan.ledger),
            ledger_read=plan.ledger_read,
            contract=VERSION,
        )
        return plan

    @property
    def rows_read(self) -> int:
        return self.store.reads.total()


@pytest.fixture
def lake() -> Lake:
    """A hundred files that were built long ago."""
    made = Lake()
    for number in range(100):
        made.write(number)
    made.age(timedelta(days=1))
    assert len(made.build().added) == made.rows_read == 100
    made.age(timedelta(days=1))
    return made


def test_only_what_was_written_since_the_last_build_is_read(lake: Lake) -> None:
    lake.write(100)
    lake.write(101, verdict="invalid", rows=0)
    lake.write(102, rows=0)
    plan = lake.build()
    assert lake.rows_read == 3
    assert [row.source_file for row in plan.added] == ["100.csv"]
    assert len(plan.files) == 101
    assert lake.build().added == []
    assert lake.rows_read == 0


@pytest.mark.parametrize("hours", [-48, -2, 2, 48])
def test_a_clock_that_is_put_right_hides_no_file(lake: Lake, hours: int) -> None:
    """What is written by a clock far behind that of the last build, or far ahead of it, is taken up all the same."""
    lake.write(100)
    lake.build()
    lake.write(101)
    lake.age(timedelta(hours=hours), "101.csv")
    lake.write(7, revision=1)
    lake.age(timedelta(hours=hours), "7.csv")
    plan = lake.build()
    assert (plan.base, plan.files[f"{7:032x}"], plan.files[f"{101:032x}"]) == (Snapshot(), 1, 0)
    lake.write(102)
    lake.age(timedelta(hours=hours), "102.csv")
    plan = lake.build()
    assert [row.source_file for row in plan.added] == ["102.csv"]
    assert lake.rows_read == 1


def test_files_are_added_in_the_order_of_their_events(lake: Lake) -> None:
    for number in (130, 101, 128, 102):
        lake.write(number)
    assert [row.source_file for row in lake.build().added] == ["128.csv", "101.csv", "102.csv", "130.csv"]


@pytest.mark.parametrize("what", ["replaced", "withdrawn", "emptied", "gone", "asked for"])
def test_what_cannot_be_taken_out_is_built_from_nothing(lake: Lake, what: str) -> None:
    if what == "replaced":
        lake.write(7, revision=1)
    elif what == "withdrawn":
        lake.write(7, verdict="invalid", rows=0, revision=1)
    elif what == "emptied":
        lake.write(7, rows=0, revision=1)
    elif what == "gone":
        lake.store.delete(next(name for name in lake.store.objects if name.endswith(f"{7:032x}.json")))
    plan = lake.build(rebuild=what == "asked for")
    assert plan.base == Snapshot()
    assert len(plan.added) == len(plan.files) == {"replaced": 100, "asked for": 100}.get(what, 99)
    assert plan.files.get(f"{7:032x}") == {"replaced": 1, "asked for": 0}.get(what)


def test_a_snapshot_of_an_older_release_reads_everything_once(lake: Lake) -> None:
    lake.snapshot = replace(lake.snapshot, ledger={}, ledger_read=None)
    plan = lake.build()
    assert (plan.added, len(plan.base.files), lake.rows_read) == ([], 100, 100)
    lake.build()
    assert lake.rows_read == 0
