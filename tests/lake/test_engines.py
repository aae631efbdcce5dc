"""Engines that are kept open between files."""

import shutil
from pathlib import Path

import pytest

from duff_orders.errors import EngineError
from duff_orders.lake import engines
from duff_orders.lake.engines import engines_kept, keep_engines, session
from duff_orders.lake.stores.disk import DiskStore

MEMORY = 100 * 10**6


def kept() -> int:
    return sum(map(len, engines._IDLE.engines.values()))


def ask(store: DiskStore, query: str) -> list[tuple[object, ...]]:
    with store.scratch() as scratch, session(store, scratch, memory=MEMORY, threads=1) as connection:
        connection.execute("create temp table mine as select 1")  # and the next file makes one of this name, too
        return connection.execute(query).fetchall()


def test_an_engine_is_kept_while_somebody_asks_for_that(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    assert (ask(store, "select 1"), kept()) == ([(1,)], 0)
    with engines_kept():
        for _ in range(3):
            ask(store, "select 1")
            assert kept() == 1
        with engines_kept():
            pass
        assert kept() == 1
    assert kept() == 0
    assert not list((tmp_path / "scratch").iterdir())


def test_an_engine_that_failed_is_not_used_again(tmp_path: Path) -> None:
    with engines_kept():
        with pytest.raises(EngineError):
            ask(DiskStore(tmp_path), "select no_such_column")
        assert kept() == 0


def test_a_function_keeps_its_engine_for_the_next_call(tmp_path: Path) -> None:
    keep_engines()
    keep_engines()
    ask(DiskStore(tmp_path), "select 1")
    assert kept() == 1


def test_a_lake_in_the_place_of_another_gets_an_engine_of_its_own(tmp_path: Path) -> None:
    with engines_kept():
        ask(DiskStore(tmp_path / "lake"), "select 1")
        shutil.rmtree(tmp_path / "lake")
        assert ask(DiskStore(tmp_path / "lake"), "select 1") == [(1,)]
