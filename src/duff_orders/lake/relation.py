"""A table's Parquet objects, of any version of the contract, as one DuckDB relation.

Objects are read by groups of one version, which the ledger knows: a column that a version did not have yet is null in
its objects. To let DuckDB find that out (`union_by_name`) costs twice as much, and fails where no object has it. Spark
needs no more than the whole schema (`drivers.spark.schema_of`): it takes columns from each object by their names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from duff_orders.contract import PARTITION, VERSION, Table
from duff_orders.documents import LedgerRow
from duff_orders.drivers.duckdb import path_text, read_parquet, type_of
from duff_orders.lake.layout import data_objects
from duff_orders.lake.stores.base import Store

if TYPE_CHECKING:
    import duckdb

# Of the object's own name: the last folder of this kind, whatever the folders above the lake are called.
_PA_DATE = f"cast(regexp_extract(filename, '(?s).*/{PARTITION.name}=([0-9-]+)/', 1) as date) as {PARTITION.name}"


def of_files(store: Store, table: Table, files: Iterable[LedgerRow]) -> str:
    """SQL for the rows that files have in one of the tables of which they have data objects."""
    names: dict[int, list[str]] = {}
    for row in files:
        names.setdefault(row.contract, []).extend(data_objects(table.name, row))
    return of_paths(table, {version: [*map(store.address, each)] for version, each in names.items()})


def of_objects(store: Store, table: Table, names: Sequence[str], *, version: int = VERSION) -> str:
    """SQL for the rows of objects of one version."""
    return of_paths(table, {version: [*map(store.address, names)]})


def of_paths(table: Table, paths: Mapping[int, Sequence[object]], *, dated: bool = True) -> str:
    """SQL for the rows of Parquet files by their version; `dated`: a partition's date stands in their paths."""
    parts = []
    for version, each in sorted(paths.items()):
        if each:
            columns = [
                field.name if field.since <= version else f"cast(null as {type_of(field.type)}) as {field.name}"
                for field in table.fields
            ]
            if table.partitioned and dated:
                columns.append(_PA_DATE)
            parts.append(f"select {', '.join(columns)} from {read_parquet(*each)}")
    return " union all ".join(parts) or empty(table)


def version_of(connection: "duckdb.DuckDBPyConnection", table: Table, path: object) -> int:
    """The version under which a Parquet file was written, by the columns that it has: where no ledger row tells it."""
    schema = connection.execute(f"select name from parquet_schema({path_text(path)})").fetchall()
    names = {name for (name,) in schema}
    return max((field.since for field in table.fields if field.name in names), default=1)


def empty(table: Table) -> str:
    """SQL for a table without rows."""
    nothing = (f"cast(null as {type_of(field.type)}) as {field.name}" for field in table.all_fields)
    return f"select {', '.join(nothing)} where false"
