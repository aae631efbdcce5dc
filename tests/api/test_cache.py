"""The ledger in memory: what changed is read again, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from duff_orders.api.cache import CachedLedger, FolderLedger, ListedLedger
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.stores.base import Stored
from tests.lakes import ingest, open_lake
from tests.memory import MemoryStore


class Read(MemoryStore):
    """Tells which objects were read."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def read(self, name: str) -> Stored | None:
        self.names.append(name)
        return super().read(name)


@pytest.fixture
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[LedgerRow]:
    lake = open_lake(tmp_path_factory.mktemp("rows"))
    return [ingest(lake, f"{number}.csv", b"a,b\n%d,2\n" % number) for number in range(3)]


def test_only_what_changed_is_read(rows: list[LedgerRow]) -> None:
    store = Read()
    kept, ledger = ListedLedger(store, look=0.0), Ledger(store)
    assert kept.rows() == []
    versions = {kept.version()}
    for row in rows:
        assert ledger.write(row, None)
    assert sorted(kept.rows(), key=lambda row: row.source_file) == rows
    versions.add(kept.version())
    store.names.clear()
    assert kept.of(rows[1].file_id) == rows[1]
    assert kept.version() in versions
    assert store.names == []
    # one of the same size, in the same moment
    name = layout.ledger_object(rows[1].pa_date, rows[1].file_id)
    again = replace(rows[1], revision=1)
    modified = store.objects[name][1]
    store.objects[name] = again.stored(), modified
    store.names.clear()
    assert kept.of(rows[1].file_id) == again
    assert store.names == [name]
    versions.add(kept.version())
    store.delete(name)
    assert kept.of(rows[1].file_id) is None
    versions.add(kept.version())
    assert len(versions) == 4


def test_it_is_not_listed_again_within_some_time(rows: list[LedgerRow]) -> None:
    store = Read()
    kept = ListedLedger(store, look=60.0)
    assert kept.rows() == []
    Ledger(store).write(rows[0], None)
    assert kept.rows() == []


def by_folder(lake: Lake) -> CachedLedger:
    return FolderLedger(lake)


def by_listing(lake: Lake) -> CachedLedger:
    return ListedLedger(lake.store, look=0.0)


@pytest.mark.parametrize("made", [by_folder, by_listing])
def test_a_damaged_row_is_left_out(tmp_path: Path, made: Callable[[Lake], CachedLedger]) -> None:
    lake = open_lake(tmp_path)
    good, bad = ingest(lake, "good.csv", b"a,b\n"), ingest(lake, "bad.csv", b"b,a\n")
    lake.disk.path(layout.ledger_object(bad.pa_date, bad.file_id)).write_text("{")
    assert made(lake).rows() == [good]
