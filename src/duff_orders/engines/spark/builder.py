"""The star schema built by Spark: the statements of `star`, with all partitions of fact_orders in one job."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date
from typing import TYPE_CHECKING

from duff_orders.contract import DIM_CHANNELS, FACT_ORDERS, ORDERS, PARTITION, STAR, Table
from duff_orders.documents import LedgerRow
from duff_orders.drivers.spark import escaped, failures_as_ours, schema_of, session, types_of
from duff_orders.engines.spark.spelling import SparkSpelling
from duff_orders.engines.spark.workspace import Workspace, address, workspace
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects, interim, star_object
from duff_orders.lake.stores.base import Store, place
from duff_orders.models import star
from duff_orders.models.plan import Builder, Partition, Partitions, Plan
from duff_orders.settings import MIB

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Shuffled bytes of the facts that become one object: 160 MB of Parquet.
SHUFFLED_BYTES = 384 * MIB
_LINE = star.listed(star.KEYS[FACT_ORDERS.name])
_TIME = "%Y-%m-%d %H:%M:%S.%f"


@contextmanager
def open_builder(lake: Lake, plan: Plan) -> Iterator[Builder]:
    """A build in a session of its own.

    Raises EngineError where a published object cannot be read or the memory does not suffice, OSError where nothing
    can be written, SettingsError where there is no Spark.
    """
    spark = session(lake.settings)
    # Rows take several times their Parquet: what looks small there may be too large for every executor to hold.
    spark.conf.set("spark.sql.sources.fileCompressionFactor", "4")
    with workspace(lake.store) as space, failures_as_ours():
        builder = SparkBuilder(spark, lake.store, space, plan)
        builder.stage()
        yield builder


@dataclass(frozen=True, slots=True)
class SparkBuilder:
    """One build."""

    spark: "SparkSession"
    store: Store
    space: Workspace
    plan: Plan

    def stage(self) -> None:
        """Name the relations of `star`, and keep the results that it reads again."""
        self._name_files()
        self._view("all_orders", ORDERS, self._objects(self.plan.added))
        self._name("new_orders", star.counted("all_orders", ties=bool(self.plan.correcting)))
        self._name("orders", "select * from new_orders")
        for table in STAR:
            self._view(f"old_{table.name}", table, self.plan.base.objects(table.name))
        if self.plan.base.partitions:
            # The facts lie sorted, so their objects' statistics tell Spark what it need not read.
            bounds = self.spark.sql("select min(order_id), max(order_id) from orders").collect()[0]
            self._name(
                "old_fact_orders", f"select * from old_fact_orders where order_id between {bounds[0]} and {bounds[1]}"
            )
        self._keep(DIM_CHANNELS.name, star.dim_channels(SparkSpelling().hash60))
        for table in star.MOVING:
            self._keep(f"seen_{table.name}", star.seen(table))
        self._keep("known", star.known())
        self._keep("again", star.again())
        # `changed` reads its orders six times, and only those that appear again.
        self._keep("orders_again", f"select * from new_orders semi join again using ({_LINE})")
        self._name("orders", "select * from orders_again")
        self._keep("changed", star.changed())
        self._name("orders", "select * from new_orders")

    def write_partitions(self) -> Partitions:
        """Write the partitions of fact_orders that change; by `pa_date`, the objects of each and its number of rows.

        A partition that has lost its last row has no object.
        """
        touched = sorted(row[0].isoformat() for row in self.spark.sql(star.touched()).collect())
        before = [name for day in touched for name in self.plan.base.partitions.get(day, [])]
        self._view("old_facts_touched", FACT_ORDERS, before)
        # Of the days that change alone: each row is in the partition asked for.
        facts = star.partition("orders", "old_facts_touched", PARTITION.name)
        # A day goes to one task, or to several where it is large: neither many small objects nor a huge one.
        self.spark.conf.set("spark.sql.adaptive.advisoryPartitionSizeInBytes", SHUFFLED_BYTES)
        spread = self.spark.sql(f"select /*+ rebalance({PARTITION.name}) */ * from ({facts})")
        spread = spread.sortWithinPartitions(PARTITION.name, *star.KEYS[FACT_ORDERS.name])
        self._stage(FACT_ORDERS.name, spread, [PARTITION.name])
        folder = self.space.to(FACT_ORDERS.name)
        # Counted in what was written, from the footers alone: a task may have run more than once.
        facts_written = self._read(FACT_ORDERS, folder, [folder])
        counted = facts_written.groupBy(PARTITION.name).count().collect()
        rows = {row[0].isoformat(): int(row[1]) for row in counted}
        facts_written.createOrReplaceTempView("written")
        order_ids = star.spans(self.spark.sql(star.order_ids("written")).collect())
        written: Partitions = {}
        for day in touched:
            names = self._publish(FACT_ORDERS, f"{FACT_ORDERS.name}/{PARTITION.name}={day}", date.fromisoformat(day))
            written[day] = Partition(names, rows.get(day, 0), order_ids.get(day))
        return written

    def _name_files(self) -> None:
        """Keep the relation `files`; those to add are one string: so many literals would take the parser seconds."""
        sources = ",".join(
            f"{row.event_time.astimezone(UTC):{_TIME}}|{row.sequencer or ''}|{row.file_id}" for row in self.plan.added
        )
        self._name(
            "announced",
            "select try_cast(part[0] as timestamp_ntz) as stated_at, nullif(part[1], '') as sequencer,"
            " part[2] as file_id from (select split(told, '[|]') as part"
            f" from (select explode(split('{sources}', ',')) as told) where told <> '')",
        )
        self._view("correcting", ORDERS, self._objects(self.plan.correcting))
        self._keep("files", star.files("correcting" if self.plan.correcting else ""))

    def _objects(self, rows: Sequence[LedgerRow]) -> list[str]:
        return [name for row in rows for name in data_objects(ORDERS.name, row)]

    def _name(self, name: str, select: str) -> None:
        self.spark.sql(select).createOrReplaceTempView(name)

    def _view(self, name: str, table: Table, objects: Sequence[str]) -> None:
        """Name the rows of a table's Parquet objects; a partition's date stands in the names of its objects."""
        if objects:
            places = [address(self.store, each) for each in objects]
            base = places[0].rpartition(f"/{PARTITION.name}=")[0]
            self._read(table, base, places).createOrReplaceTempView(name)
        else:
            nothing = (f"cast(null as {kind}) as {column}" for column, kind in types_of(table).items())
            self._name(name, f"select {', '.join(nothing)} where false")

    def _read(self, table: Table, base: str, places: Sequence[str]) -> "DataFrame":
        reader = self.spark.read.schema(schema_of(table))
        if table.partitioned:
            reader = reader.option("basePath", base)
        return reader.parquet(*map(escaped, places))

    def _keep(self, name: str, select: str) -> None:
        """Name a result, worked out once.

        As Parquet in scratch it needs no memory, survives the loss of an executor, and tells its true size to the
        statements that read it, which are planned by it. A cached one keeps its 200 parts however small it is: the
        statements that joined it took several times as long.
        """
        made = self.spark.sql(select)
        self._stage(name, made)
        self.spark.read.schema(made.schema).parquet(self.space.of(name)).createOrReplaceTempView(name)

    def has_grown(self, table: Table) -> bool:
        """Whether a table that only grows has."""
        key = star.listed(star.KEYS[table.name])
        news = self.spark.sql(f"select {key} from {table.name} anti join old_{table.name} using ({key})")
        return not news.isEmpty()

    def write_dimension(self, table: Table, select: str) -> str:
        """Write a dimension, in the order of its key, to an object of this build; its name."""
        return self._write(table, select, f"new_{table.name}", self.plan.build_id)

    def write_union(self, table: Table, first: str, second: str) -> str:
        """Write the rows of two objects of a dimension, of equal keys the first's, to an interim object; its name."""
        self._view(f"first_{table.name}", table, [first])
        self._view(f"second_{table.name}", table, [second])
        return self._write(table, star.union(table), f"interim_{table.name}", interim(self.plan.build_id))

    def _write(self, table: Table, select: str, folder: str, build_id: str) -> str:
        made = self.spark.sql(select).repartition(1).sortWithinPartitions(*star.KEYS[table.name])
        self._stage(folder, made)
        [name] = self._publish(table, folder, build_id=build_id)
        return name

    def _stage(self, name: str, made: "DataFrame", by: Sequence[str] = ()) -> None:
        made.write.partitionBy(*by).parquet(self.space.to(name))

    def _publish(
        self, table: Table, folder: str, pa_date: date | None = None, build_id: str | None = None
    ) -> list[str]:
        """Give what was staged in a folder its place in the star schema."""
        names = []
        for number, part in enumerate(self.space.parts(folder)):
            names.append(star_object(table.name, build_id or self.plan.build_id, pa_date, part=number))
            place(self.store, names[-1], part.staged)
        return names
