"""Our own jobs as whole processes: what `duff` does, with an event time that the benchmark sets.

python -m benchmarks.ours transform FILE LAKE              # one raw object to its ledger row
python -m benchmarks.ours ingest LAKE DAY FILE ...         # files of one day (YYYY-MM-DD)
python -m benchmarks.ours build LAKE [--rebuild]           # the star schema
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from duff_orders import build_models, open_lake
from duff_orders.lake.layout import RAW
from duff_orders.pipeline import announce, process


def transform(file: str, lake_folder: str, day: str | None = None) -> None:
    lake = open_lake(lake_folder, workers=1)
    raw = lake.store.path(f"{RAW}/{Path(file).name}")
    os.link(file, raw)  # the object has landed: how it got there is not our job
    when = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    row = process(lake, announce(lake, raw.name, when=when))
    if not row.published:
        raise SystemExit(f"{row.source_file}: {row.verdict}, {row.reason}")


def main() -> None:
    job, *arguments = sys.argv[1:]
    if job == "transform":
        transform(arguments[0], arguments[1])
    elif job == "ingest":
        lake, day, *files = arguments
        for file in files:
            transform(file, lake, day)
    elif job == "build":
        build_models(open_lake(arguments[0]), rebuild="--rebuild" in arguments)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
