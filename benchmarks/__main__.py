"""`make bench`: every measurement, and the page docs/benchmarks.md made of them.

python -m benchmarks [--quick] [--only SECTION]
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from benchmarks import many, models, spark, transform
from benchmarks.measure import Measurement, measure
from duff_orders.generator.orders import generate

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
DUFF = (sys.executable, "-m", "duff_orders")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files and one round, to try the programs")
    parser.add_argument("--only", choices=SECTIONS, help="print this section, and leave the page as it is")
    parser.add_argument("--scratch", type=Path, help="keep inputs here (default: a new directory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as temporary:
        scratch = options.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        wanted = [options.only] if options.only else list(SECTIONS)
        tables = [SECTIONS[name](options.quick, scratch) for name in wanted]
    text = "\n\n".join((introduction(), *tables)) + "\n"
    if options.quick or options.only:
        print(text)
        return
    before, _, after = PAGE.read_text(encoding="utf-8").partition("<!-- measured -->")
    _, _, after = after.partition("<!-- /measured -->")
    PAGE.write_text(f"{before}<!-- measured -->\n\n{text}\n<!-- /measured -->{after}", encoding="utf-8")


def introduction() -> str:
    return (
        f"Measured on {date.today().isoformat()} with `make bench`: {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}. Whole processes, medians of interleaved "
        "rounds. `duff-orders` hashes, scans, checks and publishes one raw object; the files have 1 % bad records and "
        "0.5 % exact repeats, but for those called clean, which the floor and dlt read too."
    )


def transform_tables(quick: bool, scratch: Path) -> str:
    tables = []
    for size, repeat in ({10**7: 1} if quick else {10**8: 5, 10**9: 3}).items():
        options = Namespace(repeat=repeat, bad=0.01, duplicates=0.005, only=None, all=False)
        tables.append(transform.table(size, transform.run_size(size, options, scratch)))
    return "\n\n".join(tables)


def parts_table(quick: bool, scratch: Path) -> str:
    size = 10**7 if quick else 10**8
    file = scratch / f"orders-{size}-clean.csv"
    if not file.exists():
        generate(file, rows=size // transform.BYTES_PER_ROW)
    # A process of its own: one that starts from a large one is reported as large as that.
    return measure([sys.executable, "-m", "benchmarks.parts", str(file)]).output.strip()


def models_table(quick: bool, scratch: Path) -> str:
    sizes, repeat = ([100_000], 1) if quick else ([1_000_000, 5_000_000, 10_000_000], 3)
    lines = ["| order lines | build | wall s | CPU s | peak MB | CPU / rebuild |", "|---:|---|---:|---:|---:|---:|"]
    for rows in sizes:
        whole = 0.0
        for build, runs in models.measure_size(rows, repeat, scratch).items():
            wall, cpu, peak = transform.medians(runs)
            whole = whole or cpu
            lines.append(f"| {rows:,} | {build} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {cpu / whole:.2f} |")
    return "\n".join(lines)


def many_table(quick: bool, scratch: Path) -> str:
    return many.table([20] if quick else [300, 3_000, 20_000], scratch)


def commands_table(quick: bool, scratch: Path) -> str:
    rows, repeat = (10**5, 1) if quick else (10**7, 5)
    lake = scratch / "lake-sample"
    commands: dict[str, list[str]] = {
        "`duff --help`": [*DUFF, "--help"],
        "`duff run samples/01-orders.csv`, a new lake": [
            *DUFF, "run", "--lake", str(lake), str(ROOT / "samples" / "01-orders.csv"),
        ],
        f"`duff generate --rows {rows}`": [*DUFF, "generate", "--rows", str(rows), str(scratch / "generated.csv")],
    }  # fmt: skip
    lines = ["| command | wall s | CPU s | peak MB |", "|---|---:|---:|---:|"]
    for name, command in commands.items():
        runs: list[Measurement] = []
        for _ in range(1 if "generate" in name else repeat):
            shutil.rmtree(lake, ignore_errors=True)
            runs.append(measure(command))
        wall, cpu, peak = (statistics.median(each) for each in zip(*map(_figures, runs), strict=True))
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} |")
    return "\n".join(lines)


def spark_tables(quick: bool, scratch: Path) -> str:
    if quick:
        return spark.section({10**7: 1}, 100_000, 1, scratch)
    return spark.section({3 * 10**8: 2, 10**9: 1}, 10_000_000, 1, scratch)


SECTIONS: dict[str, Callable[[bool, Path], str]] = {
    "transform": transform_tables,
    "parts": parts_table,
    "models": models_table,
    "commands": commands_table,
    "many": many_table,
    "spark": spark_tables,
}


def _figures(run: Measurement) -> tuple[float, float, float]:
    if run.returncode:
        raise SystemExit(run.output)
    return run.wall_s, run.cpu_s, run.peak_rss_mb


if __name__ == "__main__":
    main()
