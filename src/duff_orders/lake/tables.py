"""The embedded catalog: every table of the contract as a view over the objects that count now.

What counts is said by the ledger (a file without its row is not published) and by the star schema's snapshot. A view
names its objects, so it shows one state of the lake for as long as it lives.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from duff_orders.contract import FILES, PARTITION, STAR, TABLES, Table
from duff_orders.engines.dialect import sql_text
from duff_orders.engines.duckdb import path_text, read_parquet, type_of
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import FOLDERS, OBJECT_COUNTS, PROCESSED, data_objects
from duff_orders.lake.snapshot import current
from duff_orders.lake.store import Store, names

if TYPE_CHECKING:
    import duckdb

# Of the object's own name: the last folder of this kind, whatever the folders above the lake are called.
_PA_DATE = f"cast(regexp_extract(filename, '(?s).*/{PARTITION.name}=([0-9-]+)/', 1) as date) as {PARTITION.name}"


def create_views(lake: Lake, connection: "duckdb.DuckDBPyConnection", tables: Iterable[str] = TABLES) -> None:
    """Make the named tables views in the connection's main schema."""
    wanted = set(tables)
    if wanted & OBJECT_COUNTS.keys():
        ledger = list(lake.ledger.rows())
        for name in wanted & OBJECT_COUNTS.keys():
            objects = [each for row in ledger for each in data_objects(name, row)]
            create_view(lake.store, connection, name, TABLES[name], objects)
    if FILES.name in wanted:
        _files_view(lake, connection)
    snapshot = current(lake.store)
    for table in STAR:
        if table.name in wanted:
            create_view(lake.store, connection, table.name, table, snapshot.objects(table.name))


def create_view(
    store: Store,
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    table: Table,
    objects: Sequence[str],
    *,
    kept: bool = False,
) -> None:
    """Name the rows of a table's Parquet objects; a partition's date stands in the names of its objects.

    `kept`: for all connections of the database, not for this one alone.
    """
    columns = [field.name for field in table.fields]
    if objects:
        if table.partitioned:
            columns.append(_PA_DATE)
        source = f"select {', '.join(columns)} from {read_parquet(*(store.address(each) for each in objects))}"
    else:
        source = empty(table)
    connection.execute(f"create or replace {'' if kept else 'temp'} view {name} as {source}")


def _files_view(lake: Lake, connection: "duckdb.DuckDBPyConnection") -> None:
    columns = ", ".join(f"{field.name}: {sql_text(type_of(field.type))}" for field in FILES.all_fields)
    paths = ", ".join(
        path_text(lake.store.address(name)) for name in names(lake.store, f"{PROCESSED}/{FOLDERS[FILES.name]}/")
    )
    source = (
        f"select * from read_json([{paths}], format = 'newline_delimited', hive_partitioning = false, "
        f"columns = {{{columns}}})"
    )
    if not paths:
        source = empty(FILES)
    connection.execute(f"create or replace temp view {FILES.name} as {source}")


def empty(table: Table) -> str:
    """The relation of a table without rows."""
    nothing = (f"cast(null as {type_of(field.type)}) as {field.name}" for field in table.all_fields)
    return f"select {', '.join(nothing)} where false"
