"""The local catalog: every table of the contract as a view over the objects that currently count, the ledger as rows.

What counts is said by the ledger (a file without its row is not published) and by the star schema's snapshot. A view
names its objects, so it shows one state of the lake for as long as it lives.
"""

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from duff_orders.contract import FILES, STAR, TABLES
from duff_orders.documents import LedgerRow
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import type_of
from duff_orders.lake import relation
from duff_orders.lake.documents import LEDGER_ROWS
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import OBJECT_COUNTS
from duff_orders.lake.snapshot import Snapshot, current

if TYPE_CHECKING:
    import duckdb


def create_views(
    lake: Lake,
    connection: "duckdb.DuckDBPyConnection",
    tables: Iterable[str] = TABLES,
    *,
    ledger: Collection[LedgerRow] | None = None,
    star: Snapshot | None = None,
) -> None:
    """Make the named tables views in the connection, that of the ledger over a table of it.

    They show what `ledger` and `star` name; else all that is there. Raises DamagedObject where that cannot be told.
    """
    wanted = set(tables)
    if wanted & {*OBJECT_COUNTS, FILES.name}:
        ledger = list(lake.ledger.rows()) if ledger is None else ledger
        for name in wanted & OBJECT_COUNTS.keys():
            create_view(connection, name, relation.of_files(lake.store, TABLES[name], ledger))
        if FILES.name in wanted:
            _files_view(lake, connection, ledger)
    snapshot = current(lake.store) if star is None and wanted & {table.name for table in STAR} else star or Snapshot()
    for table in STAR:
        if table.name in wanted:
            objects = snapshot.objects(table.name)
            source = relation.of_objects(lake.store, table, objects, version=snapshot.contract)
            create_view(connection, table.name, source)


def create_view(connection: "duckdb.DuckDBPyConnection", name: str, source: str, *, kept: bool = False) -> None:
    """Name the rows of a relation; `kept`: for all connections of the database, not for this one alone."""
    connection.execute(f"create or replace {'' if kept else 'temp'} view {name} as {source}")


def _files_view(lake: Lake, connection: "duckdb.DuckDBPyConnection", ledger: Iterable[LedgerRow]) -> None:
    """Show the ledger's rows out of a table: a file takes the engine a hundred times as long to open as to read."""
    stored = (lake.store.read(LEDGER_ROWS.name(row)) for row in ledger)
    texts = [each.data.decode("utf-8") for each in stored if each is not None]
    structure = json.dumps({field.name: type_of(field.type) for field in FILES.all_fields})
    connection.execute(
        f"create or replace temp table ledger_rows as select unnest(row) from ("
        f"select from_json(text, {sql_text(structure)}) as row from (select unnest($1::varchar[]) as text))",
        [texts],
    )
    create_view(connection, FILES.name, "from ledger_rows")
