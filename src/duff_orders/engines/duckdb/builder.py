"""The star schema built by DuckDB in process, day by day, in as little memory as possible."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.contract import DIM_CHANNELS, FACT_ORDERS, ORDERS, PARTITION, STAR, VERSION, Table
from duff_orders.documents import LedgerRow
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import ROW_GROUP_BYTES, read_parquet
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.lake import relation
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import interim, star_object
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores.base import Store
from duff_orders.lake.tables import create_view
from duff_orders.models import star
from duff_orders.models.plan import Builder, Partition, Partitions, Plan

if TYPE_CHECKING:
    import duckdb

#: Order lines that appear again, of which the new states are worked out in one go.
LINES_AT_ONCE = 200_000


@contextmanager
def open_builder(lake: Lake, plan: Plan) -> Iterator[Builder]:
    """A build in a connection of its own.

    Raises EngineError where a published object cannot be read or the memory does not suffice, OSError where nothing
    can be written.
    """
    with lake.engine() as (connection, scratch):
        builder = DuckDBBuilder(connection, lake.store, scratch, plan)
        builder.stage()
        yield builder


@dataclass(frozen=True, slots=True)
class DuckDBBuilder:
    """One build."""

    connection: "duckdb.DuckDBPyConnection"
    store: Store
    scratch: Path
    plan: Plan

    def stage(self) -> None:
        """Name the relations of `star`, and keep the results that it reads again."""
        self._name_files()
        create_view(self.connection, "new_orders", self._counted(self.plan.added))
        self._slice("orders", "new_orders")
        for table in STAR:
            names = self.plan.base.objects(table.name)
            if table is FACT_ORDERS:  # those of other days cannot hold lines that appear again
                days = in_reach(self.connection, self.plan.base, "new_orders")
                names = [name for day in days for name in self.plan.base.partitions[day]]
            self._view(f"old_{table.name}", table, names)
        self._keep(DIM_CHANNELS.name, star.dim_channels(DuckDBSpelling().hash60))
        for table in star.MOVING:
            self._keep(f"seen_{table.name}", star.seen(table))
        self._keep("known_facts", star.known())
        self._slice("known", "known_facts")
        self._keep("lines_again", star.again())
        self._keep_changed()

    def write_partitions(self) -> Partitions:
        """Write the partitions of fact_orders that change; by `pa_date`, the object of each and its number of rows.

        A partition that has lost its last row has no object.
        """
        files = {row.file_id: row for row in self.plan.added}
        added_on: dict[date, list[LedgerRow]] = defaultdict(list)
        days = "select distinct cast(effective_at as date), file_id from files order by all"
        for pa_date, file_id in self.connection.execute(days).fetchall():
            added_on[pa_date].append(files[file_id])
        written: Partitions = {}
        for (pa_date,) in self.connection.execute(star.touched()).fetchall():
            day = pa_date.isoformat()
            added = self._counted(added_on[pa_date])
            where = f"where {PARTITION.name} = date {sql_text(day)}" if self.plan.correcting else ""
            self._slice("orders_of_day", f"({added}) as counted", where)
            self._view("old_facts_of_day", FACT_ORDERS, self.plan.base.partitions.get(day, []))
            select = star.partition("orders_of_day", "old_facts_of_day", f"date {sql_text(day)}")
            name, rows, order_ids = self._write(FACT_ORDERS, select, pa_date)
            written[day] = Partition([name] if rows else [], rows, order_ids)
        return written

    def _name_files(self) -> None:
        """Keep the relation `files`."""
        paths = {
            "stated_at": [row.event_time for row in self.plan.added],
            "sequencer": [row.sequencer for row in self.plan.added],
            "file_id": [row.file_id for row in self.plan.added],
        }
        self.connection.execute(
            "create temp table announced as select unnest($stated_at::timestamptz[]) at time zone 'UTC' as stated_at,"
            " unnest($sequencer::varchar[]) as sequencer, unnest($file_id::varchar[]) as file_id",
            paths,
        )
        correcting = relation.of_files(self.store, ORDERS, self.plan.correcting)
        self._keep("files", star.files(f"({correcting}) as correcting" if self.plan.correcting else ""))

    def _counted(self, rows: Sequence[LedgerRow]) -> str:
        """The rows of files that count."""
        return star.counted(
            f"({relation.of_files(self.store, ORDERS, rows)}) as stored", ties=bool(self.plan.correcting)
        )

    def _view(self, name: str, table: Table, objects: Sequence[str], version: int = VERSION) -> None:
        create_view(self.connection, name, relation.of_objects(self.store, table, objects, version=version))

    def _keep_changed(self) -> None:
        """Keep `changed`, worked out for a slice of the order lines at a time: its joins are wide."""
        kept = {"orders": "new_orders", "known": "known_facts", "again": "lines_again"}
        counted = self.connection.execute("select count(*) from lines_again").fetchone()
        slices = 1 + (int(counted[0]) if counted else 0) // LINES_AT_ONCE
        for number in range(slices):
            where = f"where order_id % {slices} = {number}" if slices > 1 else ""
            for name, whole in kept.items():
                self._slice(name, whole, where)
            if number == 0:
                self._keep("changed", star.changed())
            else:
                self.connection.execute(f"insert into changed {star.changed()}")
        for name, whole in kept.items():
            self._slice(name, whole)

    def _slice(self, name: str, whole: str, where: str = "") -> None:
        create_view(self.connection, name, f"select * from {whole} {where}")

    def _keep(self, name: str, select: str) -> None:
        self.connection.execute(f"create temp table {name} as {select}")

    def has_grown(self, table: Table) -> bool:
        """Whether a table that only grows has."""
        new = self.connection.execute(f"select count(*) from {table.name}").fetchone()
        old = self.connection.execute(f"select count(*) from old_{table.name}").fetchone()
        return new != old

    def write_dimension(self, table: Table, select: str) -> str:
        """Write a dimension to an object of this build; its name."""
        return self._write(table, select)[0]

    def write_union(self, table: Table, first: str, second: str) -> str:
        """Write the rows of two objects of a dimension, of equal keys the first's, to an interim object; its name."""
        self._view(f"first_{table.name}", table, [first])
        self._view(f"second_{table.name}", table, [second], self.plan.old_version)
        return self._write(table, star.union(table), build_id=interim(self.plan.build_id))[0]

    def _write(
        self, table: Table, select: str, pa_date: date | None = None, build_id: str | None = None
    ) -> tuple[str, int, list[list[int]] | None]:
        """Write rows in the order of the table's key to an object of this build; its name, and the rows' number.

        Of a partition of fact_orders also the spans in which its order ids lie.
        """
        path = self.scratch / f"{table.name}.parquet"
        fields = star.listed([field.name for field in table.fields])
        copied = self.connection.execute(
            f"copy (select {fields} from ({select}) as made order by {star.listed(star.KEYS[table.name])})"
            f" to {sql_text(path)} (format parquet, row_group_size_bytes {ROW_GROUP_BYTES})"
        ).fetchone()
        rows = int(copied[0]) if copied else 0
        name = star_object(table.name, build_id or self.plan.build_id, pa_date)
        order_ids = None
        if pa_date is not None:
            ids = (
                f"(select date {sql_text(pa_date.isoformat())} as {PARTITION.name}, order_id from {read_parquet(path)})"
            )
            ids_by_day = self.connection.execute(star.order_ids(f"{ids} as written")).fetchall()
            order_ids = star.spans(ids_by_day).get(pa_date.isoformat())
        if rows or not table.partitioned:
            self.store.publish(name, path)
        return name, rows, order_ids


def in_reach(connection: "duckdb.DuckDBPyConnection", base: Snapshot, orders: str) -> list[str]:
    """The partitions of a star schema that may hold lines of the orders of a relation, in order.

    One of which is not known where its order ids lie may hold any.
    """
    spans = [(day, *span) for day in base.partitions for span in base.order_ids.get(day, [])]
    days = {day for day in base.partitions if day not in base.order_ids}
    if spans:
        connection.execute(
            "create or replace temp table spans as select unnest($days::varchar[]) as pa_date,"
            " unnest($firsts::bigint[]) as first, unnest($lasts::bigint[]) as last",
            dict(zip(("days", "firsts", "lasts"), map(list, zip(*spans, strict=True)), strict=True)),
        )
        pieces = f"select distinct {star.PIECE} as bucket from {orders}"
        reached = f"select distinct pa_date from spans join ({pieces}) as pieces on bucket between first and last"
        days |= {day for (day,) in connection.execute(reached).fetchall()}
    return sorted(days)
