"""The Glue job `Duff_transform_glue_job` on `s3://` beside the same job on a local folder, with the same Spark.

    python -m benchmarks.glue [--megabytes 100] [--rounds 3]

S3 is the emulated one of the tests: its puts and gets cost this machine's time, too. Whole processes, Java's start and
all; wall seconds, CPU seconds of the job alone, peak memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import boto3

from benchmarks.measure import measure
from benchmarks.transform import BYTES_PER_ROW
from duff_orders.aws.package import package_jobs
from duff_orders.documents import Event
from duff_orders.generator.orders import generate
from duff_orders.ingest.validate import validate
from duff_orders.lake.events import record
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.settings import Settings
from tests.aws import emulator
from tests.aws.emulator import emulated_aws, new_buckets

GLUE_RUN = Path(emulator.__file__).parent / "glue_run.py"
# The same Spark as `glue_run` starts, without buckets.
LOCAL = """
import runpy, sys, tempfile
from pathlib import Path
sys.path.insert(0, {folder!r})
import glue_run
glue_run._start(Path(tempfile.mkdtemp()), [])
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[1])
del sys.argv[1]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main() -> None:
    """Measure both, one after the other, some rounds."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library, script, _ = package_jobs(folder / "jobs")
        orders = folder / "orders.csv"
        generate(orders, rows=given.megabytes * 10**6 // BYTES_PER_ROW, seed=1, bad=0.01, duplicates=0.005)
        times: dict[str, list[float]] = {"folder": [], "s3": []}
        print("| | wall s | CPU s | peak MB |\n|---|---:|---:|---:|")
        with emulated_aws(folder / "aws"):
            os.environ["S3_DATA_DIR"] = str(folder / "aws" / "s3")  # where `glue_run` looks
            for number in range(given.rounds):
                for kind, command in (("folder", in_folder), ("s3", on_s3)):
                    found = measure(command(folder, script, library, orders, number))
                    assert found.returncode == 0, found.output
                    times[kind].append(found.wall_s)
                    print(f"| {kind} | {found.wall_s:.1f} | {found.cpu_s:.1f} | {found.peak_rss_mb:.0f} |", flush=True)
        ratio = statistics.median(times["s3"]) / statistics.median(times["folder"])
        print(f"s3 / folder: {ratio:.2f}")


def in_folder(folder: Path, script: Path, library: Path, orders: Path, number: int) -> list[str]:
    """The job on a lake in a folder."""
    raw = folder / f"lake-{number}" / "raw"
    raw.mkdir(parents=True)
    (raw / "orders.csv").hardlink_to(orders)
    words = ["--lake", str(raw.parent), "--key", "orders.csv"]
    code = LOCAL.format(folder=str(GLUE_RUN.parent))
    return [sys.executable, "-c", code, str(script), str(library), *words]


def on_s3(folder: Path, script: Path, library: Path, orders: Path, number: int) -> list[str]:
    """The job on S3, started as the state machine does."""
    buckets = new_buckets()
    boto3.client("s3").upload_file(str(orders), buckets[0], "orders.csv")
    head = boto3.client("s3").head_object(Bucket=buckets[0], Key="orders.csv")
    event = Event(
        bucket=buckets[0],
        key="orders.csv",
        size=head["ContentLength"],
        etag=head["ETag"].strip('"'),
        version=head["VersionId"],
        time=datetime.now(UTC),
    )
    lake = Lake(Settings(), S3Store(*buckets))
    decision = validate(lake, record(lake.store, event)).to_json()
    words = ["--raw_bucket", buckets[0], "--processed_bucket", buckets[1], "--decision", decision]
    return [sys.executable, str(GLUE_RUN), str(script), str(library), *words]


if __name__ == "__main__":
    if subprocess.run(["java", "-version"], capture_output=True, check=False).returncode:
        raise SystemExit("needs Java 17")
    main()
