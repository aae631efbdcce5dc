"""A build of the star schema as the function Build_models makes it: what it reads is fetched from S3 first.

    python -m benchmarks.builds [--rows 500000 2000000]

For each size: ten daily files, built from nothing on this machine and put into emulated S3; then one more file of 1 %
of the rows, and a build of what is new, in a process of its own with the memory of the function. Seconds and CPU are of
the whole process, S3 is on the same machine. Last the same build on Spark, two cores, from the disk.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import boto3

from benchmarks.measure import measure
from duff_orders.aws.builds import fetch
from duff_orders.generator.orders import generate
from duff_orders.lake import layout, snapshot
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.fetched import FetchedStore
from duff_orders.models.build import build
from duff_orders.models.plan import make_plan
from duff_orders.settings import MIB, Settings
from tests.aws.emulator import CREDENTIALS, emulator, new_buckets

DAYS, FIRST_DAY, MEMORY_MIB = 10, date(2026, 1, 1), 3008


def child(processed: str) -> None:
    """One build, as `aws.builds` makes it, without the catalog."""
    with tempfile.TemporaryDirectory() as folder:
        store = FetchedStore("", processed, folder=Path(folder))
        lake = Lake(Settings(engine="duckdb", memory=MEMORY_MIB * MIB, threads=2), store)
        plan = make_plan(lake.ledger, snapshot.current(store), rebuild=False)
        began = time.perf_counter()
        size = fetch(lake, store, plan, 10**12) or 0
        fetched = time.perf_counter() - began
        began = time.perf_counter()
        report = build(lake)
        built = time.perf_counter() - began
        print(f"{size / 10**6:.1f} {report.rows} {fetched:.3f} {built:.3f}")


def lake_of(folder: Path, rows: int, processed: str) -> None:
    """A lake of ten days in S3, and one more file that is not in the star schema yet."""
    orders = rows // 2
    for day in range(DAYS + 1):
        path = folder / f"orders-{day:03d}.csv"
        part = rows // DAYS if day < DAYS else rows // 100
        generate(path, rows=part, first_order=1 + day * orders // DAYS)
        when = (FIRST_DAY + timedelta(days=day)).isoformat()
        ours = [sys.executable, "-m", "benchmarks.ours"]
        for command in [[*ours, "ingest", str(folder / "lake"), when, str(path)]] + (
            [[*ours, "build", str(folder / "lake")]] if day == DAYS - 1 else []
        ):
            done = measure(command)
            assert done.returncode == 0, done.output
        path.unlink()
    client, root = boto3.client("s3"), folder / "lake" / layout.PROCESSED
    for path in sorted(root.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), processed, path.relative_to(root).as_posix())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--child")
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    print("order lines | read MB | fetch s | build s | whole process s | CPU s | peak MB | on Spark s | CPU s")
    with tempfile.TemporaryDirectory() as name, emulator(Path(name, "aws")) as address:
        os.environ.update(CREDENTIALS | {"AWS_ENDPOINT_URL": address})
        for rows in options.rows:
            processed = new_buckets()[1]
            folder = Path(name, str(rows))
            folder.mkdir()
            lake_of(folder, rows, processed)
            done = measure([sys.executable, "-m", "benchmarks.builds", "--child", processed])
            assert done.returncode == 0, done.output
            spark = [sys.executable, "-m", "benchmarks.ours", "build", str(folder / "lake"), "--engine", "spark"]
            by_job = measure([*spark, "--master", "local[2]"])
            assert by_job.returncode == 0, by_job.output
            megabytes, lines, fetched, built = done.output.splitlines()[0].split()
            print(
                f"{int(lines):,} | {megabytes} | {fetched} | {built} | {done.wall_s:.2f} | {done.cpu_s:.2f} |"
                f" {done.peak_rss_mb:.0f} | {by_job.wall_s:.1f} | {by_job.cpu_s:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
