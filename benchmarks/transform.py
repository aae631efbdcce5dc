"""The transform job on one CSV: ours beside the peers, interleaved in one run.

    python -m benchmarks.transform --sizes 100MB 1GB --repeat 5

Every contestant is a process of its own. Each round runs all of them, in a new order, so that a
slow minute of the machine hits all alike; the table shows medians and their ratio to the floor.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure import Measurement, measure
from duff_orders.generator.orders import generate

PEERS = Path(__file__).resolve().parent / "peers"
BYTES_PER_ROW = 76
UNITS = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of doing the job. `clean` ones cannot read bad records and get a file without.

    `once_up_to` is the size in bytes beyond which a slow one is left out, unless all are asked for;
    up to it, it runs once instead of in every round.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    clean: bool = False
    once_up_to: int | None = None


def ours(source: Path, target: Path) -> list[str]:
    """The command of our own job: hash, scan, check, dedupe, write orders and rejects, publish."""
    return [sys.executable, "-m", "benchmarks.ours", "transform", str(source), str(target)]


def peer(script: str, *options: str) -> Callable[[Path, Path], list[str]]:
    """The command of a script in `peers/`."""
    return lambda source, target: [
        sys.executable,
        str(PEERS / script),
        *options,
        str(source),
        str(target),
    ]


FLOOR = "floor: bare DuckDB COPY, no checks"
CONTESTANTS = (
    Contestant(FLOOR, peer("duckdb_floor.py"), clean=True),
    Contestant("duff-orders, clean file", ours, clean=True),
    Contestant("duff-orders", ours),
    Contestant("Polars, streaming", peer("polars_job.py")),
    Contestant("pandas + pyarrow", peer("pandas_job.py"), once_up_to=10**8),
    Contestant("dlt, duckdb reader, no checks", peer("dlt_job.py", "--reader", "duckdb"), clean=True),
    Contestant(
        "dlt, csv reader, no checks",
        peer("dlt_job.py", "--reader", "csv"),
        clean=True,
        once_up_to=10**8,
    ),
)


def size_in_bytes(text: str) -> int:
    """`100MB` -> 100,000,000."""
    number, unit = text[:-2], text[-2:].upper()
    if unit not in UNITS or not number.isdigit() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number of MB or GB, such as 100MB")
    return int(number) * UNITS[unit]


def schedule(size: int, options: argparse.Namespace) -> list[Contestant]:
    """Who runs when: rounds of everyone, each in an order of its own."""
    wanted = [c for c in CONTESTANTS if not options.only or any(o in c.name for o in options.only)]
    shuffled = random.Random(0)
    runs: list[Contestant] = []
    for turn in range(options.repeat):
        this_round = [
            contestant
            for contestant in wanted
            if contestant.once_up_to is None or options.all or (turn == 0 and size <= contestant.once_up_to)
        ]
        shuffled.shuffle(this_round)
        runs += this_round
    return runs


def run_size(size: int, options: argparse.Namespace, scratch: Path) -> dict[str, list[Measurement]]:
    """Generate the inputs of one size and run everyone on them."""
    rows = size // BYTES_PER_ROW
    dirty, clean = scratch / f"orders-{size}.csv", scratch / f"orders-{size}-clean.csv"
    for path, bad, duplicates in ((dirty, options.bad, options.duplicates), (clean, 0.0, 0.0)):
        if not path.exists():
            generate(path, rows=rows, bad=bad, duplicates=duplicates)
    results: dict[str, list[Measurement]] = {}
    for contestant in schedule(size, options):
        target = scratch / "out"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        result = measure(contestant.command(clean if contestant.clean else dirty, target))
        if result.returncode:
            print(f"{contestant.name} failed:\n{result.output}", file=sys.stderr)
            continue
        print(
            f"{size // 10**6} MB, {contestant.name}: {result.wall_s:.2f} s, {result.peak_rss_mb:.0f} MB",
            file=sys.stderr,
        )
        results.setdefault(contestant.name, []).append(result)
    return results


def medians(runs: list[Measurement]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB."""
    return (
        statistics.median(run.wall_s for run in runs),
        statistics.median(run.cpu_s for run in runs),
        statistics.median(run.peak_rss_mb for run in runs),
    )


def table(size: int, results: dict[str, list[Measurement]]) -> str:
    """The medians of one size as a Markdown table, in the order of CONTESTANTS."""
    floor = medians(results[FLOOR]) if FLOOR in results else None
    lines = [
        f"| {size // 10**6} MB, {size // BYTES_PER_ROW:,} rows | runs | wall s | CPU s | peak MB "
        "| wall / floor | CPU / floor | memory / floor |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for contestant in CONTESTANTS:
        runs = results.get(contestant.name)
        if not runs:
            continue
        wall, cpu, peak = medians(runs)
        ratios = (
            [f"{mine / its:.2f}" for mine, its in zip((wall, cpu, peak), floor, strict=True)] if floor else ["–"] * 3
        )
        lines.append(
            f"| {contestant.name} | {len(runs)} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | " + " | ".join(ratios) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", nargs="+", type=size_in_bytes, default=[10**8])
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--bad", type=float, default=0.01, help="share of bad records")
    parser.add_argument("--duplicates", type=float, default=0.005, help="share of repeats")
    parser.add_argument("--only", nargs="+", help="contestants whose name holds one of these")
    parser.add_argument("--all", action="store_true", help="the slow ones every round, at any size")
    parser.add_argument("--scratch", type=Path, help="keep inputs here (default: a new directory)")
    parser.add_argument("--results", type=Path, default=Path("benchmark-transform.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as temporary:
        scratch = options.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        measured = {size: run_size(size, options, scratch) for size in options.sizes}
    document = {
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
        "python": platform.python_version(),
        "bad": options.bad,
        "duplicates": options.duplicates,
        "sizes": {
            str(size): {
                name: [{k: v for k, v in asdict(run).items() if k != "output"} for run in runs]
                for name, runs in results.items()
            }
            for size, results in measured.items()
        },
    }
    options.results.write_text(json.dumps(document, indent=2) + "\n")
    print("\n\n".join(table(size, results) for size, results in measured.items()))


if __name__ == "__main__":
    main()
