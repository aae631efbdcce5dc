"""Our own jobs as whole processes: what `duff` does, with an event time that the benchmark sets.

python -m benchmarks.ours transform FILE LAKE              # one raw object to its ledger row
python -m benchmarks.ours ingest LAKE DAY FILE ...         # files of one day (YYYY-MM-DD)
python -m benchmarks.ours build LAKE [--rebuild]           # the star schema

All take --engine ENGINE and --master MASTER, as `duff` does.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from duff_orders import Lake, build_models, open_lake
from duff_orders.lake.layout import RAW
from duff_orders.lake.raw import announce
from duff_orders.local.run import process


def transform(options: argparse.Namespace, file: Path, lake: Lake, day: str | None = None) -> None:
    raw = lake.disk.path(f"{RAW}/{file.name}")
    raw.parent.mkdir(parents=True, exist_ok=True)
    os.link(file, raw)  # the object has landed: how it got there is not our job
    when = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    row = process(lake, announce(lake.disk, raw.name, when=when))
    if not row.published:
        raise SystemExit(f"{row.source_file}: {row.verdict}, {row.reason}")
    if options.engine not in (None, row.engine):
        raise SystemExit(f"{row.source_file}: asked for {options.engine}, but {row.engine} did it")
    print(f"published {row.rows_published} duplicate {row.rows_duplicate} rejected {row.rows_rejected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("transform", "ingest", "build"))
    parser.add_argument("arguments", nargs="+")
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("--engine")
    parser.add_argument("--master")
    parser.add_argument("--memory")
    options = parser.parse_args()

    def opened(folder: str, **more: object) -> Lake:
        return open_lake(folder, engine=options.engine, master=options.master, memory=options.memory, **more)

    if options.job == "transform":
        file, folder = options.arguments
        transform(options, Path(file), opened(folder, workers=1))
    elif options.job == "ingest":
        folder, day, *files = options.arguments
        lake = opened(folder, workers=1)
        for file in files:
            transform(options, Path(file), lake, day)
    else:
        build_models(opened(*options.arguments), rebuild=options.rebuild)
        if options.engine == "spark" and "pyspark" not in sys.modules:
            raise SystemExit("asked for Spark, but it was not even loaded")


if __name__ == "__main__":
    main()
