"""Two versions of the contract compared: a later one may only add; old files stay readable, and no query breaks."""

from collections.abc import Iterator
from dataclasses import fields
from typing import NamedTuple

from duff_orders.contract.load import Column, Contract, Status

#: What of a column or status may change: it alters no value.
_FREE = {"comment", "aliases", "may_default", "words", "symbol", "colour", "labels", "fact"}


class Change(NamedTuple):
    """A difference between two versions, and whether the later one may make it."""

    what: str
    allowed: bool

    def __str__(self) -> str:
        return f"{'allowed' if self.allowed else 'forbidden'}: {self.what}"


def compare(old: Contract, new: Contract) -> list[Change]:
    """All differences, those of columns first."""
    return [*_numbers(old, new), *_columns(old, new), *_statuses(old, new)]


def _numbers(old: Contract, new: Contract) -> Iterator[Change]:
    if new.version < old.version:
        yield Change(f"version {new.version} comes before {old.version}", False)


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({column.name: column for column in each.columns} for each in (old, new))
    yield from (Change(f"column {name} is gone", False) for name in before if name not in after)
    yield from _order([*before], [*after])
    for name, column in after.items():
        if name in before:
            yield from _altered(f"column {name}", before[name], column)
            lost = {*before[name].aliases} - {*column.aliases}
            yield from (Change(f"column {name} has the further name {each} no more", False) for each in sorted(lost))
        elif column.required:
            yield Change(f"column {name} is new and required: older files do not have it", False)
        else:
            yield Change(f"column {name} is new", column.since > old.version)


def _order(before: list[str], after: list[str]) -> Iterator[Change]:
    kept = [name for name in after if name in before]
    if kept != [name for name in before if name in after] or after[: len(kept)] != kept:
        yield Change("columns stand in another order, or new ones before old ones", False)


def _statuses(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({status.name: status for status in each.statuses} for each in (old, new))
    yield from (Change(f"status {name} is gone", False) for name in before if name not in after)
    for name, status in after.items():
        if name in before:
            yield from _altered(f"status {name}", before[name], status)
        else:
            yield Change(f"status {name} is new", status.id > len(before))


def _altered(what: str, before: Column | Status, after: Column | Status) -> Iterator[Change]:
    for each in fields(before):
        then, now = getattr(before, each.name), getattr(after, each.name)
        if then != now:
            yield Change(f"{what}: {each.name} was {then!r} and is {now!r}", each.name in _FREE)
