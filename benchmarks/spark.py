"""Our Spark engine beside the job that Glue Studio lays out, and beside our own on DuckDB.

python -m benchmarks.spark transform --sizes 1GB --repeat 2   # one CSV to checked Parquet
python -m benchmarks.spark models --rows 10000000             # the star schema from nothing
python -m benchmarks.spark stages FILE.csv                    # the stages of our transform

Whole processes, the Java machine included. What was shuffled and spilled is from Spark's event log.
"""

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks import models
from benchmarks.measure import Measurement, measure
from benchmarks.transform import BYTES_PER_ROW, medians, ours, peer, size_in_bytes
from duff_orders.generator.orders import generate

TWO = ("--engine", "spark", "--master", "local[2]", "--memory", "2GB")
ONE = ("--engine", "spark", "--master", "local[1]", "--memory", "2GB")
DUCKDB, SPARK, SPARK_ONE = "duff-orders on DuckDB", "duff-orders on Spark local[2]", "duff-orders on Spark local[1]"
GLUE, START = "Glue Studio's shape, local[2]", "Spark's start alone, local[2]"
COPY, SPARK_CLEAN = "floor: Spark's bare typed copy, local[2]", f"{SPARK}, clean file"
#: Who gets a file of as many rows without rejects and repeats.
CLEAN = (COPY, SPARK_CLEAN)
#: What threads of Java do, by their names.
_WORK = {"Executor task l": "tasks", "C CompilerThre": "compilers", "GC Thread": "garbage"}
Command = Callable[[Path, Path], list[str]]
CONTESTANTS: dict[str, Command] = {
    COPY: lambda source, target: [*peer("spark_copy.py")(source, target), "local[2]"],
    GLUE: peer("glue_studio_job.py", "--cores", "2"),
    SPARK_CLEAN: lambda source, target: [*ours(source, target), *TWO],
    SPARK: lambda source, target: [*ours(source, target), *TWO],
    SPARK_ONE: lambda source, target: [*ours(source, target), *ONE],
    DUCKDB: lambda source, target: [*ours(source, target), "--engine", "duckdb"],
    START: lambda source, target: [sys.executable, peer("spark_start.py")(source, target)[1], "local[2]"],
}


_BYTES = (
    "input_bytes",
    "shuffle_read_bytes",
    "shuffle_write_bytes",
    "spilled_memory_bytes",
    "spilled_disk_bytes",
)
_MOVED = ("read", "shuffled", "spilled")


@dataclass(slots=True)
class Stage:
    """One stage that ran, summed over its tasks. `wall_s` is from its submission to its end."""

    id: int
    name: str
    tasks: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    input_bytes: int = 0
    shuffle_read_bytes: int = 0
    shuffle_write_bytes: int = 0
    spilled_memory_bytes: int = 0
    spilled_disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One measured process; the stages are those of its event log."""

    cost: Measurement
    stages: tuple[Stage, ...]

    @property
    def read(self) -> int:
        """The bytes read from files: as many times the input's as it is read."""
        return sum(stage.input_bytes for stage in self.stages)

    @property
    def shuffled(self) -> int:
        """The bytes written for other stages to read."""
        return sum(stage.shuffle_write_bytes for stage in self.stages)

    @property
    def spilled(self) -> int:
        """The bytes written to disk for want of memory."""
        return sum(stage.spilled_disk_bytes for stage in self.stages)


def read_stages(log: Iterable[str]) -> list[Stage]:
    """The stages of an application that ran, in their order, from the lines of its event log."""
    stages: dict[tuple[int, int], Stage] = {}
    done: list[tuple[int, int]] = []
    for line in log:
        event = json.loads(line)
        kind = event["Event"]
        info = event.get("Stage Info", event)
        if kind == "SparkListenerStageSubmitted":
            description = (event.get("Properties") or {}).get("spark.job.description")
            stages[_key(info)] = Stage(info["Stage ID"], _name(info["Stage Name"], description))
        elif kind == "SparkListenerTaskEnd" and event.get("Task Metrics"):
            _add(stages[_key(info)], event["Task Metrics"])
        elif kind == "SparkListenerStageCompleted":
            stage = stages[_key(info)]
            stage.wall_s = (info["Completion Time"] - info["Submission Time"]) / 1000
            done.append(_key(info))
    return [stages[key] for key in sorted(done)]


def _key(info: dict[str, int]) -> tuple[int, int]:
    return info["Stage ID"], info["Stage Attempt ID"]


def _name(call: str, description: str | None) -> str:
    """What the job was described as, or what was called, without the path of the caller's file."""
    what, _, where = call.partition(" at ")
    return description or f"{what} at {Path(where).name}"


def _add(stage: Stage, metrics: dict[str, dict[str, int]]) -> None:
    def total(*path: str) -> int:
        value: object = metrics
        for name in path:
            value = value.get(name, 0) if isinstance(value, dict) else 0
        return value if isinstance(value, int) else 0

    stage.tasks += 1
    stage.cpu_s += (total("Executor CPU Time") + total("Executor Deserialize CPU Time")) / 1e9
    stage.input_bytes += total("Input Metrics", "Bytes Read")
    read = "Shuffle Read Metrics"
    stage.shuffle_read_bytes += total(read, "Remote Bytes Read") + total(read, "Local Bytes Read")
    stage.shuffle_write_bytes += total("Shuffle Write Metrics", "Shuffle Bytes Written")
    stage.spilled_memory_bytes += total("Memory Bytes Spilled")
    stage.spilled_disk_bytes += total("Disk Bytes Spilled")


def threads_table(results: dict[str, list[Run]]) -> str:
    """The CPU seconds of Java's threads in everybody's last run on Spark, as a Markdown table."""
    lines = ["| CPU s | tasks | compilers | garbage | all else |", "|---|---:|---:|---:|---:|"]
    for name, runs in results.items():
        cost = runs[-1].cost
        if runs[-1].stages:
            kinds = dict.fromkeys(_WORK.values(), 0.0)
            for thread, seconds in cost.threads.items():
                if thread in _WORK:
                    kinds[_WORK[thread]] += seconds
            cells = (*kinds.values(), cost.cpu_s - sum(kinds.values()))
            lines.append(f"| {name} | {' | '.join(f'{each:.1f}' for each in cells)} |")
    return "\n".join(lines)


def stages_table(stages: Sequence[Stage]) -> str:
    """The stages, and their sum, as a Markdown table."""
    lines = [
        "| stage | what | tasks | wall s | CPU s | read MB | shuffle read MB | shuffle written MB "
        "| spilled, in memory MB | spilled, on disk MB |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    whole = Stage(-1, "all", wall_s=sum(stage.wall_s for stage in stages))
    for stage in stages:
        for field in ("tasks", "cpu_s", *_BYTES):
            setattr(whole, field, getattr(whole, field) + getattr(stage, field))
    for stage in (*stages, whole):
        number = "" if stage is whole else str(stage.id)
        figures = " | ".join(f"{getattr(stage, field) / 1e6:.1f}" for field in _BYTES)
        lines.append(
            f"| {number} | {stage.name.replace('|', '/')} | {stage.tasks} "
            f"| {stage.wall_s:.2f} | {stage.cpu_s:.2f} | {figures} |"
        )
    return "\n".join(lines)


def measured(command: Sequence[str], scratch: Path) -> Run | None:
    """Run a command with Spark's event log on; None where it fails."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        logs = Path(folder, "events")
        logs.mkdir()
        settings = {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": logs.resolve().as_uri(),
            "spark.local.dir": folder,
        }
        submit = " ".join(f"--conf {name}={value}" for name, value in settings.items())
        cost = measure(command, {"PYSPARK_SUBMIT_ARGS": f"{submit} pyspark-shell"}, by_thread=True)
        if cost.returncode:
            print(f"{' '.join(command)} failed:\n{cost.output}", file=sys.stderr)
            return None
        stages: list[Stage] = []
        for log in sorted(logs.iterdir()):
            with log.open(encoding="utf-8") as lines:
                stages += read_stages(lines)
        return Run(cost, tuple(stages))


def rounds(commands: dict[str, Callable[[], list[str]]], repeat: int, scratch: Path) -> dict[str, list[Run]]:
    """Everybody in every round, each in an order of its own. Who fails is left out from then on."""
    shuffled = random.Random(0)
    waiting = list(commands)
    results: dict[str, list[Run]] = {}
    for _ in range(repeat):
        shuffled.shuffle(waiting)
        for name in tuple(waiting):
            run = measured(commands[name](), scratch)
            if run is None:
                waiting.remove(name)
                continue
            cost = run.cost
            print(f"{name}: {cost.wall_s:.2f} s, CPU {cost.cpu_s:.2f} s, {cost.peak_rss_mb:.0f} MB", file=sys.stderr)
            results.setdefault(name, []).append(run)
    return results


def transform_size(size: int, repeat: int, scratch: Path, only: Sequence[str] = ()) -> dict[str, list[Run]]:
    """Everybody on one file with bad records and repeats. Raises SystemExit where two give different rows."""
    source, clean = scratch / f"orders-{size}.csv", scratch / f"orders-{size}-clean.csv"
    if not source.exists():
        generate(source, rows=size // BYTES_PER_ROW, bad=0.01, duplicates=0.005)
    if not clean.exists():
        generate(clean, rows=size // BYTES_PER_ROW)
    target = scratch / "out"
    counts: dict[str, str] = {}

    def fresh(name: str) -> Callable[[], list[str]]:
        def command() -> list[str]:
            note()
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            return CONTESTANTS[name](clean if name in CLEAN else source, target)

        return command

    def note() -> None:
        """What the last contestant made, where it is not ours: of ours the ledger tells."""
        if (target / "rejected" / "_SUCCESS").exists():
            counts[GLUE] = f"published {_rows(target / 'orders')} rejected {_rows(target / 'rejected')}"

    wanted = [name for name in CONTESTANTS if not only or any(each in name for each in only)]
    results = rounds({name: fresh(name) for name in wanted}, repeat, scratch)
    note()
    shutil.rmtree(target, ignore_errors=True)
    for name in (DUCKDB, SPARK, SPARK_ONE):
        for run in results.get(name, []):
            published, _, rest = run.cost.output.rpartition("published ")[2].partition(" duplicate ")
            counts[name] = f"published {published} rejected {rest.split()[-1]}"
    print(*(f"{name}: {count}" for name, count in counts.items()), sep="\n", file=sys.stderr)
    if len(set(counts.values())) > 1:
        raise SystemExit("the contestants disagree about the rows")
    return results


def _rows(folder: Path) -> int:
    row = duckdb.execute(f"select count(*) from read_parquet('{folder}/**/*.parquet')").fetchone()
    return int(row[0]) if row else 0


def measure_models(rows: int, repeat: int, scratch: Path) -> dict[str, list[Run]]:
    """Builds from nothing of the same lake, by each engine."""
    lake, _ = models.prepare(rows, scratch)
    engines = {SPARK: TWO, SPARK_ONE: ONE, DUCKDB: ("--engine", "duckdb")}
    return rounds(
        {
            name: lambda options=options: models.build_command(lake, *options, from_nothing=True)  # type: ignore[misc]
            for name, options in engines.items()
        },
        repeat,
        scratch,
    )


def table(title: str, results: dict[str, list[Run]], start: float | None = None) -> str:
    """Medians, and their ratios to ours on Spark; below, what more cores bring and what DuckDB needs instead.

    `start` is the CPU time of Spark's start, where it is not among the results.
    """
    middle = {name: medians([run.cost for run in runs]) for name, runs in results.items()}
    spark = middle.get(SPARK)
    lines = [
        f"| {title} | runs | wall s | CPU s | peak MB | read MB | shuffled MB | spilled MB "
        "| wall / ours on Spark | CPU / ours on Spark | CPU / floor |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    floor = middle[COPY][1] if COPY in middle else 0
    for name in (each for each in CONTESTANTS if each in results):
        wall, cpu, peak = middle[name]
        runs = [run for run in results[name] if run.stages]
        moved = ["–"] * 3
        if runs:
            moved = [f"{statistics.median(getattr(run, kind) for run in runs) / 1e6:.0f}" for kind in _MOVED]
        ratios = [f"{wall / spark[0]:.2f}", f"{cpu / spark[1]:.2f}"] if spark else ["–", "–"]
        ratios.append(f"{cpu / floor:.2f}" if floor else "–")
        cells = [name, len(results[name]), f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.0f}", *moved, *ratios]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    said = []
    if spark and SPARK_ONE in middle:
        said.append(f"Spark on two cores takes {spark[0] / middle[SPARK_ONE][0]:.2f} of the time of one.")
    if START in middle:
        start = middle[START][1]
    if start is not None and DUCKDB in middle:
        others = [name for name in (SPARK, GLUE) if name in middle]
        said += [
            f"Less the {start:.1f} s of Spark's start, {name} takes "
            f"{(middle[name][1] - start) / middle[DUCKDB][1]:.2f} × the CPU time of DuckDB."
            for name in others
        ]
    return "\n".join(lines) + ("\n\n" + " ".join(said) if said else "")


def section(sizes: dict[int, int], rows: int, repeat: int, scratch: Path) -> str:
    """The tables for the page of measurements; `sizes` are in bytes, with the rounds of each.

    On all but the first those are left out that take long and say no more.
    """
    tables = []
    start = None
    for place, (size, times) in enumerate(sizes.items()):
        transforms = transform_size(size, times, scratch, (COPY, SPARK_CLEAN, SPARK, DUCKDB) if place else ())
        tables += [table(_title(size), transforms), threads_table(transforms)]
        if START in transforms:
            start = medians([run.cost for run in transforms[START]])[1]
        if SPARK in transforms:
            tables.append(f"The stages of {SPARK}:\n\n{stages_table(transforms[SPARK][-1].stages)}")
    builds = measure_models(rows, repeat, scratch)
    return "\n\n".join((*tables, table(f"star schema from nothing, {rows:,} order lines", builds, start)))


def _title(size: int) -> str:
    return f"{size // 10**6} MB, {size // BYTES_PER_ROW:,} rows"


def stages_of(file: Path, scratch: Path, master: str) -> str:
    """The stages of our transform of a file."""
    with tempfile.TemporaryDirectory(dir=scratch) as lake:
        source = Path(lake, file.name)
        # The lake links to it, which works within one file system only.
        shutil.copyfile(file, source)
        run = measured([*ours(source, Path(lake, "lake")), "--engine", "spark", "--master", master], scratch)
    if run is None:
        raise SystemExit(1)
    return stages_table(run.stages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    jobs = parser.add_subparsers(dest="job", required=True)
    transform, build, stages = (jobs.add_parser(name) for name in ("transform", "models", "stages"))
    transform.add_argument("--sizes", nargs="+", type=size_in_bytes, default=[10**9])
    transform.add_argument("--only", nargs="+", default=(), help="contestants whose name holds one of these")
    transform.add_argument("--stages", action="store_true", help="the stages of everybody's last run, too")
    build.add_argument("--rows", nargs="+", type=int, default=[10_000_000])
    stages.add_argument("file", type=Path)
    stages.add_argument("--master", default="local[2]")
    for job in (transform, build):
        job.add_argument("--repeat", type=int, default=2, help="rounds (default: 2)")
    for job in (transform, build, stages):
        job.add_argument("--scratch", type=Path, help="keep inputs here (default: a new directory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as temporary:
        scratch = options.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        if options.job == "stages":
            print(stages_of(options.file, scratch, options.master))
        elif options.job == "models":
            for rows in options.rows:
                print(table(f"{rows:,} order lines", measure_models(rows, options.repeat, scratch)))
        else:
            for size in options.sizes:
                results = transform_size(size, options.repeat, scratch, options.only)
                print(table(_title(size), results))
                for name, runs in results.items() if options.stages else ():
                    print(f"\n{name}\n\n{stages_table(runs[-1].stages)}")


if __name__ == "__main__":
    main()
