"""Lakes for tests: opened in a folder, fed with bytes, read back as plain Python values."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow
from duff_orders.drivers.dialect import sql_text
from duff_orders.engines.duckdb import transform as on_duckdb
from duff_orders.ingest.staged import Source, Transformed
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.local.run import process
from duff_orders.settings import Settings

DOCUMENTS = Path(__file__).parent / "documents"
#: The contracts of which lakes are kept: that of version 1 was made with `duff run` from `tests/cases` and
#: samples/03-dirty.csv; that of version 2 from samples and cases, with corrections, a file that replaces another, and
#: rows that were given up.
KEPT_LAKES = sorted(int(path.name.split(".")[0].rpartition("_")[2]) for path in DOCUMENTS.glob("lake_of_contract_*"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def open_lake(folder: Path, **settings: Any) -> Lake:
    """A lake without retries and with one worker, unless told otherwise."""
    return Lake.open(Settings(lake=folder, **{"workers": 1, "retries": 0, "threads": 1, **settings}))


def kept_lake(folder: Path, contract: int) -> Lake:
    """A lake as a release with an earlier contract made it."""
    with tarfile.open(DOCUMENTS / f"lake_of_contract_{contract}.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return open_lake(folder / "lake")


def drop(lake: Lake, key: str, data: bytes) -> None:
    """Let an object appear in the raw folder."""
    path = lake.disk.path(f"{layout.RAW}/{key}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def ingest(lake: Lake, key: str, data: bytes, when: datetime = NOON) -> LedgerRow:
    """Drop an object and process it."""
    drop(lake, key, data)
    return process(lake, announce(lake.disk, key, when=when))


def rewritten(data: bytes, *without: str, **changed: Any) -> bytes:
    """A stored document as an older release wrote it, which proves nothing: `without` fields, or others."""
    values = json.loads(data) | changed | {"v": 3}
    return json.dumps({name: value for name, value in values.items() if name not in ("digest", *without)}).encode()


def age(lake: Path) -> None:
    """Make all documents of a lake those of an older release, which prove neither themselves nor objects."""
    for path in (lake / "processed").rglob("*.json"):
        path.write_bytes(rewritten(path.read_bytes(), "object_digests", "digests"))


def sql() -> duckdb.DuckDBPyConnection:
    """A connection for what a test writes or looks up, to a DuckDB that all share: to start one takes longer."""
    return _duckdb().cursor()


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    # Objects are damaged behind its back: it may remember nothing of them.
    started = duckdb.connect(config={"threads": 1, "enable_external_file_cache": False})
    started.execute("set global timezone = 'UTC'")
    return started


@contextmanager
def in_parts(number: int) -> Iterator[None]:
    """Publish what is ingested as an engine that writes so many files for each table would."""
    whole = on_duckdb.transform

    @contextmanager
    def transform(lake: Lake, source: Source, **options: Any) -> Iterator[Transformed]:
        with whole(lake, source, **options) as made:
            good, bad = (
                [part for path in staged for part in _split(Path(path), number)]
                for staged in (made.orders, made.rejected)
            )
            yield replace(made, orders=good, rejected=bad)

    with mock.patch.object(on_duckdb, "transform", transform):
        yield


def _split(path: Path, number: int) -> list[Path]:
    """The rows of a Parquet file dealt out to so many others; of a file that is not there, that many that are not."""
    parts = [path.with_name(f"{path.stem}-part{part}.parquet") for part in range(number)]
    with sql() as connection:
        for part, target in enumerate(parts if path.exists() else ()):
            connection.execute(
                f"copy (select * exclude (file_row_number) from read_parquet('{path}', file_row_number = true)"
                f" where file_row_number % {number} = {part}) to '{target}' (format parquet)"
            )
    return parts


def rows(lake: Lake, row: LedgerRow, table: str, *, ties: bool = False) -> list[tuple[Any, ...]]:
    """The rows of one file in one table, without those of its lineage that the ledger has too.

    With `ties` what they correct comes last.
    """
    columns = {
        ORDERS.name: (*COLUMN_NAMES, "total_price"),
        REJECTED_ROWS.name: (*COLUMN_NAMES, "reasons", "record", "line"),
    }[table]
    paths = ", ".join(sql_text(lake.disk.path(name)) for name in layout.data_objects(table, row))
    if not paths:
        return []
    listed = ", ".join((*columns, "corrects") if ties else columns)
    with sql() as connection:
        return connection.execute(f"select {listed} from read_parquet([{paths}])").fetchall()
