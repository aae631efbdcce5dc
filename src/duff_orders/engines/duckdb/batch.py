"""Many canonical files at once: read as one, and written to a Parquet file each by one statement."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.clock import format_time
from duff_orders.contract import LINEAGE
from duff_orders.drivers.dialect import sql_text
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.engines.duckdb.transform import PARQUET
from duff_orders.engines.duckdb.typed import OF_FILE, read_typed
from duff_orders.errors import CountMismatch
from duff_orders.ingest.rules import Rules
from duff_orders.ingest.scan import Typed
from duff_orders.ingest.staged import CanonicalFile, WrittenOrders
from duff_orders.ingest.statements import VALUES, orders_of_several, repeated
from duff_orders.lake.lake import Lake

if TYPE_CHECKING:
    import duckdb


@contextmanager
def transform_batch(
    lake: Lake, files: Sequence[CanonicalFile], *, memory_fraction: float
) -> Iterator[Mapping[str, WrittenOrders]]:
    """Write the orders of each file; see `ingest.staged.TransformBatch`."""
    with lake.store.scratch() as scratch:
        path = scratch / "lines.csv"
        with path.open("wb") as lines:
            lines.writelines(_numbered(number, file) for number, file in enumerate(files))
        first, records = files[0], sum(file.records for file in files)
        typed = Typed(first.form, (path,), records, header=False)
        memory = lake.engine_memory(memory_fraction)
        rules = Rules.of(DuckDBSpelling(), first.header.dialect, first.reading)
        source = read_typed(typed, path, first.header.dialect, rules, memory, parallel=False, numbered=True)
        with lake.shared_engine(scratch, memory_fraction=memory_fraction) as connection:
            rows = _write(connection, source, files, scratch / "orders")
        yield {
            files[number].event.file_id: WrittenOrders(scratch / "orders" / f"{OF_FILE}={number}" / _NAME, count)
            for number, count in rows.items()
        }


#: What DuckDB calls the file of a partition that one thread writes.
_NAME = "data_0.parquet"


def _numbered(number: int, file: CanonicalFile) -> bytes:
    """A file's lines, each with its number as the first field."""
    field = f"{number}{file.header.dialect.delimiter}".encode()
    end = file.form.line_end.encode()
    return field + file.lines.removesuffix(end).replace(end, end + field) + end


def _write(
    connection: "duckdb.DuckDBPyConnection", source: str, files: Sequence[CanonicalFile], folder: Path
) -> dict[int, int]:
    """Write the rows of each file in which no order line comes twice; by its number, how many there are."""
    execute = connection.execute
    execute(f"create temp table lines as select {OF_FILE}, {VALUES} from {source}")
    execute(f"create temp table repeated as select distinct {OF_FILE} from ({repeated('lines', OF_FILE)})")
    columns = zip((OF_FILE, *LINEAGE), ("integer", "varchar", "varchar", "timestamp"), strict=True)
    marks = ", ".join(f"cast(unnest(?) as {kind}) as {name}" for name, kind in columns)
    events = [file.event for file in files]
    execute(
        f"create temp table files as select {marks}",
        [
            list(range(len(files))),
            [event.key for event in events],
            [event.file_id for event in events],
            [format_time(event.time).removesuffix("Z") for event in events],
        ],
    )
    new = f"(from lines anti join repeated using ({OF_FILE}) join files using ({OF_FILE}))"
    rows: dict[int, int] = dict(execute(f"select {OF_FILE}, count(*) from {new} group by {OF_FILE}").fetchall())
    options = f"{PARQUET}, partition_by ({OF_FILE})"
    copied = execute(f"copy ({orders_of_several(new, OF_FILE)}) to {sql_text(folder)} ({options})").fetchone()
    written = sum(1 for _ in folder.glob("*/*")) if rows else 0
    if copied is None or copied[0] != sum(rows.values()) or written != len(rows):
        raise CountMismatch(f"{sum(rows.values())} records of {len(rows)} files became {copied} in {written}")
    return rows
