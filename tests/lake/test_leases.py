"""Leases and names of the store on S3, over buckets in memory, by a clock of the test's own."""

import pytest

from duff_orders.errors import Busy, InputError
from duff_orders.lake.stores.base import names
from duff_orders.lake.stores.objects import MARGIN
from duff_orders.lake.stores.s3 import S3Store
from tests.buckets import Buckets

DEADLINE = 1_000_000.0


class Clock:
    """The time, as the test has it."""

    now = DEADLINE - 900

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def buckets() -> Buckets:
    return Buckets()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def worker(buckets: Buckets, clock: Clock, holder: str, deadline: float = DEADLINE) -> S3Store:
    return buckets.store(holder=holder, deadline=deadline, clock=clock)


def test_a_lock_counts_as_lost_from_the_deadline_on(buckets: Buckets, clock: Clock) -> None:
    store = worker(buckets, clock, "one")
    clock.now = DEADLINE + 1
    store.check_locks()  # it holds none
    with store.lock("file-1"):
        clock.now = DEADLINE
        store.check_locks()
        clock.now = DEADLINE + 1
        with pytest.raises(Busy) as raised:
            store.check_locks()
        assert raised.value.until == DEADLINE + MARGIN


def test_a_lease_is_anothers_once_it_is_over(buckets: Buckets, clock: Clock) -> None:
    store, rival = worker(buckets, clock, "one"), worker(buckets, clock, "rival", DEADLINE + 900)
    with store.lock("file-1"):
        clock.now = DEADLINE + MARGIN - 1
        with pytest.raises(Busy), rival.lock("file-1"):
            pass
        clock.now = DEADLINE + MARGIN
        with rival.lock("file-1"):
            held = store.read("processed/locks/file-1")
    # the rival has given it back; the first has not taken it from anybody
    assert held is not None
    assert b"rival" in held.data
    assert list(names(store, "processed/locks/")) == []


@pytest.mark.parametrize("late", [0, 1])
def test_a_lease_is_not_given_back_after_its_end(buckets: Buckets, clock: Clock, late: int) -> None:
    """Between a look at it and its removal another could have taken it."""
    store = worker(buckets, clock, "one")
    with store.lock("file-1"):
        clock.now = DEADLINE + MARGIN - 1 + late
    assert list(names(store, "processed/locks/")) == ["processed/locks/file-1"] * late


def test_the_leases_of_a_worker_that_was_ended_are_given_back(buckets: Buckets, clock: Clock) -> None:
    ended, other = worker(buckets, clock, "one"), worker(buckets, clock, "other")
    held = ended.lock("file-1")
    held.__enter__()  # and nobody is left to give it back
    with other.lock("file-2"):
        assert len(list(names(other, "processed/locks/"))) == 2
        worker(buckets, clock, "one").release()
        assert list(names(other, "processed/locks/")) == ["processed/locks/file-2"]


@pytest.mark.parametrize("character", [chr(0), chr(10), chr(15), chr(16), chr(27), chr(31)])
def test_no_name_holds_a_control_character(buckets: Buckets, clock: Clock, character: str) -> None:
    store = worker(buckets, clock, "one")
    with pytest.raises(InputError, match="is not a name inside the lake"):
        store.put_new(f"processed/a{character}b", b"")
    assert store.put_new("processed/a b", b"")
