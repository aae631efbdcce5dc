"""Where the transform's CPU time goes: the stages of one clean file, each added to those before it.

python -m benchmarks.parts FILE
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from duff_orders import open_lake
from duff_orders.contract import COLUMN_NAMES
from duff_orders.drivers.duckdb import read_parquet
from duff_orders.engines.duckdb.transform import Job
from duff_orders.engines.duckdb.typed import read_typed
from duff_orders.ingest.header import header
from duff_orders.ingest.scan import scan
from duff_orders.ingest.staged import Source
from duff_orders.ingest.text import UTF8
from duff_orders.lake.layout import RAW
from duff_orders.lake.raw import announce
from duff_orders.profiles.reading import resolve

_T = TypeVar("_T")


def table(file: Path) -> str:
    """CPU seconds of the scan, and of queries that do more and more of what the transform does."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        lake = open_lake(folder)
        raw = lake.disk.path(f"{RAW}/orders.csv")
        raw.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, raw)
        found = [("hash of the object", (hashed := _cpu(lambda: announce(lake.disk, raw.name)))[0])]
        reading = resolve(None, None, lake.settings.max_reject_share)
        with lake.engine() as (connection, work):
            dialect = header(raw, raw.name, UTF8, reading)[0].dialect
            cpu, scanned = _cpu(lambda: scan(raw, raw.name, dialect, reading, work, set_aside=True))
            found.append(("scan of the bytes", cpu))
            source = Source(path=raw, event=hashed[1], dialect=scanned.dialect, reading=reading)
            job = Job(connection=connection, lake=lake, scan=scanned, source=source, scratch=work, memory=10**9)
            connection.execute("set disabled_optimizers = 'filter_pushdown,in_clause'")
            assert scanned.typed is not None  # the file is clean
            read = read_typed(scanned.typed, raw, dialect, job._rules, job.memory)
            good = f"(select *, true as good from {read})"
            values = ", ".join(f"min({name})" for name in COLUMN_NAMES)
            before = 0.0
            for name, run in (
                ("read with their types", lambda: connection.execute(f"select {values} from {read}").fetchall()),
                ("total and lineage, write Parquet", lambda: job._write_orders(good)),
            ):
                cpu = min(_cpu(run)[0] for _ in range(3))
                found.append((name, cpu - before))
                before = cpu
            found.append(("look for repeats", _cpu(lambda: job._without_repeats(read_parquet(*job.orders)))[0]))
    lines = ["| stage of the transform, clean file | CPU s |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {name} | {seconds:.2f} |" for name, seconds in found)])


def _cpu(run: Callable[[], _T]) -> tuple[float, _T]:
    started = time.process_time()
    result = run()
    return time.process_time() - started, result


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
