"""Published files for tests of the models, and the five tables as plain Python values."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from duff_orders.contract import ORDERS, STAR, VERSION
from duff_orders.documents import LedgerRow, Verdict
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import current
from duff_orders.lake.stores.base import names
from duff_orders.lake.tables import create_views
from duff_orders.settings import Settings
from tests.lakes import sql
from tests.oracle import FileRows, Published, Star, star


def open_lake(folder: Path, **settings: Any) -> Lake:
    return Lake.open(Settings(lake=folder, **{"threads": 1, **settings}))


def line(
    order: int,
    product: int = 1,
    *,
    client: tuple[int, str] = (1, "Moe"),
    description: str = "Duff",
    price: str = "2.5",
    ccf: int = 1,
    volume: str = "0.5",
    channel: str = "Retail",
    status: str = "created",
) -> Published:
    """A good record."""
    exact = Decimal(price)
    return Published(*client, order, product, description, exact, ccf, Decimal(volume), channel, status, exact * ccf)


def file(name: str, when: str, rows: Sequence[Published]) -> FileRows:
    """A file whose event came `when`: `2026-03-01` or `2026-03-01 23:59`, in UTC."""
    file_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    return FileRows(file_id, datetime.fromisoformat(when), rows)


def publish(lake: Lake, published: FileRows, *, revision: int = 0, verdict: Verdict = "valid") -> None:
    """What ingest leaves of a file: its rows as one Parquet object, then its ledger row."""
    when = published.event_time.replace(tzinfo=UTC)
    if published.rows:
        name = layout.data_object(ORDERS.name, when.date(), published.file_id, revision=revision)
        path = lake.disk.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with sql() as connection:
            fields = ", ".join(f"{field.name} {field.type}" for field in ORDERS.fields)
            connection.execute(f"create temp table orders ({fields})")
            places = ", ".join("?" for _ in ORDERS.fields)
            lineage = ("orders.csv", published.file_id, published.event_time)
            ties = published.places or [None] * len(published.rows)
            connection.executemany(
                f"insert into orders values ({places})",
                [
                    [*row, *lineage, *(tie or (None, published.event_time))]
                    for row, tie in zip(published.rows, ties, strict=True)
                ],
            )
            connection.execute(f"copy orders to '{path}' (format parquet)")
    row = LedgerRow(
        file_id=published.file_id,
        source_file="orders.csv",
        size=0,
        etag=published.file_id,
        version=None,
        event_time=when,
        verdict=verdict,
        rows_read=len(published.rows),
        rows_published=len(published.rows),
        orders_objects=1 if published.rows else 0,
        revision=revision,
        contract=VERSION,
        sequencer=published.sequencer,
        corrects=tuple(sorted(set(_corrected(published)))) or None,
        started=when,
        finished=when,
        pa_date=when.date(),
    )
    assert lake.ledger.write(row, lake.ledger.read(row.pa_date, row.file_id)[1])


def _corrected(published: FileRows) -> Iterator[str]:
    """What the ledger says of it; as `messages.entries` has it, but for lines that follow each other."""
    lines: dict[str, list[str]] = {}
    for place in published.places:
        if place is not None:
            file_id, _, line = place.corrects.partition(":")
            lines.setdefault(file_id, []).extend([line] if line else [])
    return (f"{file_id}:{','.join(each)}" if each else file_id for file_id, each in lines.items())


def channel_id(name: str) -> int:
    return int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:15], 16)


def expected(files: Sequence[FileRows]) -> Star:
    return star(files, channel_id)


def tables(lake: Lake) -> Star:
    """The five tables as a reader sees them now."""
    with sql() as connection:
        create_views(lake, connection, [table.name for table in STAR])
        return read(connection)


def read(connection: duckdb.DuckDBPyConnection) -> Star:
    """The five tables of a connection, each key once."""

    def keyed(query: str, width: int = 1) -> dict[Any, Any]:
        rows = connection.execute(query).fetchall()
        found = {row[:width] if width > 1 else row[0]: row[width:] for row in rows}
        assert len(found) == len(rows)
        return found

    facts = keyed(
        "select order_id, product_id, client_id, status_id, channel_id, product_price, product_ccf, total_price, "
        "total_volume, first_seen, last_seen, pa_date, file_id, stated_at, sequencer from fact_orders",
        2,
    )
    return Star(
        keyed("from dim_clients"),
        keyed("from dim_products"),
        {key: value for key, (value,) in keyed("from dim_status").items()},
        {key: value for key, (value,) in keyed("from dim_channels").items()},
        facts,
    )


def orphans(lake: Lake) -> set[str]:
    """Objects of the star schema that nothing names."""
    snapshot = current(lake.store)
    named = {layout.STAR_POINTER, *snapshot.all_objects(), *snapshot.superseded}
    return set(names(lake.store, f"{layout.PROCESSED}/star")) - named
