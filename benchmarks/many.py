"""Many small files: what each costs, and what commands cost on a lake that holds so many.

    python -m benchmarks.many [--files 300 3000 20000]

The files have 20 rows each and come on one day. One `duff run` takes them and builds the star schema; then each
command runs as a process of its own.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.measure import duff
from duff_orders.generator.orders import generate

ROWS = 20
COMMANDS = {
    "one more file": ("run", "{file}"),
    "models, nothing new": ("models",),
    "models from nothing": ("models", "--rebuild"),
    "files": ("files",),
    "count of tbl_duff_orders": ("query", "select count(*) from tbl_duff_orders"),
    "count of tbl_duff_files": ("query", "select count(*) from tbl_duff_files"),
    "check": ("check",),
}


def table(numbers: list[int], scratch: Path) -> str:
    """CPU seconds by command and number of files, and of each file in milliseconds, as a Markdown table."""
    columns = [_measured(number, scratch) for number in numbers]
    names = columns[0]
    lines = [
        f"| CPU, a lake of | {' | '.join(f'{number:,} files' for number in numbers)} |",
        f"|---|{'---:|' * len(numbers)}",
    ]
    lines += (f"| {name} | {' | '.join(column[name] for column in columns)} |" for name in names)
    return "\n".join(lines)


def _measured(number: int, scratch: Path) -> dict[str, str]:
    inputs, lake = scratch / f"many-{number}", scratch / "many-lake"
    shutil.rmtree(lake, ignore_errors=True)
    inputs.mkdir(parents=True, exist_ok=True)
    files = [inputs / f"orders-{place:05}.csv" for place in range(number + 1)]
    if not files[-1].exists():
        generate(inputs / "all.csv", rows=ROWS * len(files))
        header, *lines = (inputs / "all.csv").read_bytes().splitlines(keepends=True)
        for place, file in enumerate(files):
            file.write_bytes(b"".join((header, *lines[place * ROWS : (place + 1) * ROWS])))
    *most, last = files
    run = duff("run", "--lake", lake, *most)
    cells = {f"`duff run`, a file of {ROWS} rows": f"{run.cpu_s / number * 1000:.1f} ms, {run.peak_rss_mb:.0f} MB"}
    for name, (command, *words) in COMMANDS.items():
        done = duff(command, "--lake", lake, *(word.format(file=last) for word in words))
        cells[name] = f"{done.cpu_s:.2f} s"
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", type=int, default=[300, 3_000, 20_000])
    parser.add_argument("--scratch", type=Path, help="keep inputs here (default: a new directory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as temporary:
        print(table(options.files, options.scratch or Path(temporary)))


if __name__ == "__main__":
    main()
