"""The star schema: built from nothing, and again after 1 % of new rows.

    python -m benchmarks.models --rows 1000000 5000000 10000000

For each size: 100 daily files of a hundredth of the rows, ingested and built from nothing; then one
more file, of whose lines 30 % move the status of order lines of the last days, ingested and built
incrementally. Only the builds are measured. The cost of the second should follow the change.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from benchmarks.measure import Measurement, measure
from duff_orders.generator.orders import generate

DAYS = 100
FIRST_DAY = date(2026, 1, 1)
UPDATES = 0.3
UPDATED_DAYS = 3


def ingest_command(lake: Path, file: Path, day: date) -> list[str]:
    """Ingest one file as if its event had come on that day."""
    return [sys.executable, "-m", "benchmarks.ours", "ingest", str(lake), day.isoformat(), str(file)]


def build_command(lake: Path, *options: str, from_nothing: bool) -> list[str]:
    """Build the models, all of them or what is new. `options` name the engine."""
    command = [sys.executable, "-m", "benchmarks.ours", "build", str(lake), *options]
    return [*command, "--rebuild"] if from_nothing else command


def daily_file(folder: Path, number: int, rows_a_day: int) -> Path:
    """The file of a day, from 0. The one after the last day moves orders of the days before it."""
    path = folder / f"orders-{number:03d}.csv"
    orders_a_day = rows_a_day // 2
    first_order = number * orders_a_day + 1
    if path.exists():
        return path
    if number < DAYS:
        generate(path, rows=rows_a_day, first_order=first_order)
    else:
        recent = (first_order - UPDATED_DAYS * orders_a_day, first_order - 1)
        generate(path, rows=rows_a_day, first_order=first_order, update_of=recent, updates=UPDATES)
    return path


def run(command: list[str]) -> Measurement:
    result: Measurement = measure(command)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.output}")
    return result


def prepare(rows: int, scratch: Path) -> tuple[Path, Path]:
    """A lake with all days but the last ingested, and the file of the last."""
    # A multiple of 6 rows is whole orders: the files then hold each order line once.
    rows_a_day = max(rows // DAYS // 6, 1) * 6
    inputs = scratch / f"inputs-{rows}"
    inputs.mkdir(parents=True, exist_ok=True)
    lake = scratch / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    for number in range(DAYS):
        run(ingest_command(lake, daily_file(inputs, number, rows_a_day), FIRST_DAY + timedelta(days=number)))
    return lake, daily_file(inputs, DAYS, rows_a_day)


def measure_size(rows: int, repeat: int, scratch: Path) -> dict[str, list[Measurement]]:
    """Builds from nothing, and incremental ones, each of them on the same state of the lake."""
    builds: dict[str, list[Measurement]] = {"from nothing": [], "after 1 % of new rows": []}
    lake, last = prepare(rows, scratch)
    for _ in range(repeat):
        builds["from nothing"].append(run(build_command(lake, from_nothing=True)))
    run(ingest_command(lake, last, FIRST_DAY + timedelta(days=DAYS)))
    for _ in range(repeat):
        copy = scratch / "lake-copy"
        shutil.rmtree(copy, ignore_errors=True)
        # Objects are never changed in place, so links will do.
        shutil.copytree(lake, copy, copy_function=os.link)
        builds["after 1 % of new rows"].append(run(build_command(copy, from_nothing=False)))
    return builds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    sizes = [1_000_000, 5_000_000, 10_000_000]
    parser.add_argument("--rows", nargs="+", type=int, default=sizes)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scratch", type=Path, help="keep inputs here (default: a new directory)")
    parser.add_argument("--results", type=Path, default=Path("benchmark-models.json"))
    options = parser.parse_args()
    document: dict[str, dict[str, dict[str, float]]] = {}
    print("| rows | build | wall s | CPU s | peak MB |\n|---:|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as temporary:
        scratch = options.scratch or Path(temporary)
        for rows in options.rows:
            for build, runs in measure_size(rows, options.repeat, scratch).items():
                wall = statistics.median(run.wall_s for run in runs)
                cpu = statistics.median(run.cpu_s for run in runs)
                peak = statistics.median(run.peak_rss_mb for run in runs)
                figures = {"wall_s": wall, "cpu_s": cpu, "peak_rss_mb": peak}
                document.setdefault(str(rows), {})[build] = figures
                print(f"| {rows:,} | {build} | {wall:.2f} | {cpu:.2f} | {peak:.0f} |", flush=True)
    options.results.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
