"""What a build has to do, and what it asks of an engine."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from duff_orders.clock import utc_now
from duff_orders.contract import DIM_CHANNELS, DIM_STATUS, VERSION, Table
from duff_orders.documents import Entry, LedgerRow
from duff_orders.errors import DamagedObject
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.snapshot import Snapshot
from duff_orders.models import star

#: By the table's name, the object of each dimension.
Dimensions = dict[str, str]


class Partition(NamedTuple):
    """A partition of fact_orders: its objects, its number of rows, and the spans in which its order ids lie."""

    names: list[str]
    rows: int
    order_ids: list[list[int]] | None = None


#: The partitions that were written, by `pa_date`.
Partitions = dict[str, Partition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The files to add, in the order of their days, to the tables of `base`, under names of its own.

    `beaten` are files none of whose rows counts, since a later one replaces the same file. The tables before the build
    have the columns of the contract's `old_version`. `ledger` are the stamps of the rows of the ledger as it is,
    without those that are `left_out`, since they cannot be read.
    """

    build_id: str
    base: Snapshot
    added: Sequence[LedgerRow]
    beaten: Sequence[LedgerRow] = ()
    old_version: int = VERSION
    ledger: Mapping[str, str]
    ledger_read: datetime
    left_out: Sequence[DamagedObject] = ()

    @property
    def files(self) -> dict[str, int]:
        """The revision of each file that will be in the tables, by `file_id`."""
        return self.base.files | {row.file_id: row.revision for row in (*self.added, *self.beaten)}

    @property
    def correcting(self) -> list[LedgerRow]:
        """The files of which rows correct others."""
        return [row for row in self.added if row.corrects]


def make_plan(
    ledger: Ledger, old: Snapshot, *, rebuild: bool, without: Mapping[str, DamagedObject] | None = None
) -> Plan:
    """What is to be added to what, so that the tables are those of the ledger.

    Of the ledger only the rows are read that the last build did not take up as they are now. A file that is no longer
    published, or that a replay replaced, cannot be taken out again, since what it had superseded is gone, and neither
    can a row that corrects what a later one corrects again: then, too, everything is built from nothing. A row that
    cannot be read costs its own file alone: what the tables have of it stays, and what is built anew is without it. So
    do the files that the build is to be `without`, since their objects cannot be read.
    """
    began = utc_now()
    damaged: dict[str, DamagedObject] = {**(without or {})}

    def leave_out(error: DamagedObject) -> None:
        damaged[PurePosixPath(error.name).stem] = error

    stamps, changed = ledger.since(old.ledger, leave_out)
    new = [row for row in changed if row.file_id not in damaged]
    published = {row.file_id: row for row in new if _counts(row)}
    replaced = {row.file_id for row in new if old.files.get(row.file_id, row.revision) != row.revision}
    withdrawn = {row.file_id for row in new if row.file_id in old.files} - published.keys()
    base = old
    if (
        rebuild
        or replaced
        or withdrawn
        or not old.files.keys() <= stamps.keys()
        or (old.build_id and old.contract < VERSION)
        or _is_corrected_again(ledger, old, published)
    ):
        base = Snapshot()
        rows = ledger.rows(damaged=leave_out)
        published = {row.file_id: row for row in rows if _counts(row) and row.file_id not in damaged}
    added = [row for file_id, row in published.items() if file_id not in base.files]
    beaten = _beaten(added)
    added = sorted((row for row in added if row.file_id not in beaten), key=lambda row: (row.pa_date, row.file_id))
    build_id = f"{began:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
    return Plan(
        build_id=build_id,
        base=base,
        added=added,
        beaten=[*beaten.values()],
        old_version=old.contract,
        ledger={file_id: stamp for file_id, stamp in stamps.items() if file_id not in damaged},
        ledger_read=began,
        left_out=[*damaged.values()],
    )


def _is_corrected_again(ledger: Ledger, old: Snapshot, published: Mapping[str, LedgerRow]) -> bool:
    """Whether new files correct what a file in the tables corrects, too."""
    new = [row for row in published.values() if row.corrects and row.file_id not in old.files]
    taken = {place for row in new for place in _places(row)}
    if not taken:
        return False
    rows = ledger.rows(damaged=lambda _: None)  # told where it is read for the build
    return any(not taken.isdisjoint(_places(row)) for row in rows if row.corrects and row.file_id in old.files)


def _places(row: LedgerRow) -> Iterator[tuple[str, int | None]]:
    """What a file's rows take the place of: a row of a file, or all of one."""
    for entry in map(Entry.of, row.corrects or ()):
        yield from ((entry.file_id, line) for line in entry.lines or (None,))


def _beaten(rows: Iterable[LedgerRow]) -> dict[str, LedgerRow]:
    """Those that replace a file which a later one of them replaces, too."""
    by_replaced: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        for file_id, line in _places(row) if row.corrects else ():
            if line is None:
                by_replaced[file_id].append(row)
    return {row.file_id: row for same in by_replaced.values() for row in sorted(same, key=_event_order)[:-1]}


def _event_order(row: LedgerRow) -> tuple[datetime, str, str]:
    return row.event_time, row.sequencer or "", row.file_id


def _counts(row: LedgerRow) -> bool:
    """A file without rows leaves no trace in the tables, so it is none of the files they are made of."""
    return row.published and row.rows_published > 0


class Builder(Protocol):
    """An engine at work on a plan: it writes objects, and names them."""

    def has_grown(self, table: Table) -> bool:
        """Whether a table that only grows has."""

    def write_dimension(self, table: Table, select: str) -> str:
        """Write the rows of a select, in the order of the table's key, to an object; its name."""

    def write_union(self, table: Table, first: str, second: str) -> str:
        """Write the rows of two objects of a dimension, of equal keys the first's, to an interim object; its name."""

    def write_partitions(self) -> Partitions:
        """Write the partitions of fact_orders that change. One that has lost its last row has no object."""


class OpenBuilder(Protocol):
    """How an engine is set to work; what it staged on the way is gone at the end."""

    def __call__(self, lake: Lake, plan: Plan) -> AbstractContextManager[Builder]:
        """Raises SettingsError where there is no such engine."""


def write_dimensions(base: Snapshot, builder: Builder) -> Dimensions:
    """Write the dimensions that change; the object of each, by the table's name."""
    objects = dict(base.dimensions)
    if DIM_STATUS.name not in objects:
        objects[DIM_STATUS.name] = builder.write_dimension(DIM_STATUS, star.dim_status())
    if DIM_CHANNELS.name not in objects or builder.has_grown(DIM_CHANNELS):
        objects[DIM_CHANNELS.name] = builder.write_dimension(DIM_CHANNELS, f"select * from {DIM_CHANNELS.name}")
    for table in star.MOVING:
        objects[table.name] = builder.write_dimension(table, star.dimension(table))
    return objects


def write_interim(old: Snapshot, dimensions: Dimensions, builder: Builder) -> Dimensions:
    """Write the dimensions with the rows of before, too; the object of each, by the table's name.

    A build from nothing may drop a client whom facts of before still name. A catalog moves one table after the other:
    while it moves the facts, it shows these.
    """
    return {
        table.name: builder.write_union(table, dimensions[table.name], old.dimensions[table.name])
        for table in star.MOVING
        if table.name in old.dimensions
    }
