"""Lakes for tests: opened in a folder, fed with bytes, read back as plain Python values."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duff_orders import pipeline
from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.messages import LedgerRow
from duff_orders.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def open_lake(folder: Path, **settings: Any) -> Lake:
    """A lake without retries and with one worker, unless told otherwise."""
    return Lake.open(Settings(lake=folder, **{"workers": 1, "retries": 0, "threads": 1, **settings}))


def drop(lake: Lake, key: str, data: bytes) -> None:
    """Let an object appear in the raw folder."""
    path = lake.store.path(f"{layout.RAW}/{key}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def ingest(lake: Lake, key: str, data: bytes, when: datetime = NOON) -> LedgerRow:
    """Drop an object and process it."""
    drop(lake, key, data)
    return pipeline.process(lake, pipeline.announce(lake, key, when=when))


def rows(lake: Lake, row: LedgerRow, table: str) -> list[tuple[Any, ...]]:
    """The rows of one file in one table, without those of its lineage that the ledger has too."""
    columns = {
        ORDERS.name: (*COLUMN_NAMES, "total_price"),
        REJECTED_ROWS.name: (*COLUMN_NAMES, "reasons", "record"),
    }[table]
    path = lake.store.path(layout.data_object(table, row.pa_date, row.file_id, revision=row.revision))
    if not path.exists():
        return []
    with lake.engine() as (connection, _):
        query = f"select {', '.join(columns)} from '{path}'"
        return connection.execute(query).fetchall()
