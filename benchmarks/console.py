"""Every page of the console over many files and order lines: time, weight, memory of the server.

    python -m benchmarks.console [--rows 10000000] [--files 10000] [--ledger ROWS] [--keep DIR]

The files came over 100 days, the last of them today, from 50 partners that promised as many; some of their
rows are rejected. A page is asked for 30 times
in a row by one reader, without what a browser keeps; its first time, in which charts are drawn, is told apart. The
weight is what goes over the wire, compressed, of the page with its style and scripts.
"""

import argparse
import contextlib
import gzip
import hashlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2

from benchmarks.api import memory
from duff_orders import build_models
from duff_orders.generator.orders import generate
from duff_orders.lake import partners
from duff_orders.lake.documents import LEDGER_ROWS
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.local.run import process
from duff_orders.settings import Settings

DAYS, TIMES, PORT, PARTNERS = 100, 30, 8765, 50
#: Seconds in which the server looks through what lies in the raw folder.
SETTLED = 30
#: Rows that a rule refuses, of all.
BAD = 0.01


def make_lake(folder: Path, rows: int, files: int) -> Lake:
    """A lake of so many order lines in so many files."""
    lake = Lake.open(Settings(lake=folder / "lake", memory=2 * 10**9))
    each = rows // files
    first = datetime.now(UTC) - timedelta(days=DAYS - 1, hours=1)
    path = folder / "made.csv"
    promised = (
        f'[expect]\nzone = "UTC"\nby = "23:00"\nfiles = {max(1, files // DAYS // PARTNERS)}\nsince = "{first.date()}"\n'
    )
    for number in range(PARTNERS):
        text = f'prefix = "partner-{number}-"\n{promised}days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n'
        partners.put(lake.store, f"partner-{number}", text, first)
    for number in range(files):
        generate(path, rows=each, seed=number, first_order=1 + number * (each // 2 + 3), bad=BAD)
        named = path.rename(folder / f"partner-{number % PARTNERS}-{number:05}.csv")
        when = first + timedelta(days=DAYS * number / files)
        process(lake, announce(lake.disk, put(lake.disk, named), when=when))
        named.unlink()
    build_models(lake)
    return lake


def multiply(lake: Lake, most: int) -> None:
    """Make the ledger as long as that of many more files: rows of valid files of the same days, without objects."""
    rows = [*lake.ledger.rows()]
    for number in range(most - len(rows)):
        of = rows[number % len(rows)]
        made = replace(
            of,
            file_id=hashlib.sha256(f"{number} {of.file_id}".encode()).hexdigest()[:32],
            source_file=f"{of.source_file.removesuffix('.csv')}-{number}.csv",
            verdict="valid",
            rows_read=of.rows_published + of.rows_duplicate,
            rows_rejected=0,
            orders_objects=0,
            rejected_objects=0,
            object_digests=None,
            content=None,
        )
        lake.store.put_new(LEDGER_ROWS.name(made), made.stored())


def pages(client: httpx2.Client) -> dict[str, str]:
    """The pages, with a file and an order that there are."""
    file = client.get("/v1/files?verdict=valid_with_rejects&limit=1").json()["data"][0]["file_id"]
    order = random.Random(7).choice(client.get("/v1/orders?limit=1000").json()["data"])["order_id"]
    return {
        "today": "/",
        "partners": "/partners",
        "partner": "/partners/partner-0",
        "sales, all days": "/sales?period=all",
        "files": "/files",
        "files, invalid": "/files?verdict=invalid",
        "file": f"/files/{file}",
        "correct": f"/files/{file}/correct",
        "proof": f"/proof/{datetime.now(UTC).date() - timedelta(days=3)}",
        "orders": "/orders",
        "orders, filtered": "/orders?status=broken&channel=Retail&sort=-total_price",
        "order": f"/orders/{order}",
        "SQL": "/sql",
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--ledger", type=int, default=0, help="rows of the ledger, beyond those of the files")
    parser.add_argument("--keep", type=Path, help="where the lake is made, or lies already")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "lake").exists():
            multiply(make_lake(folder, given.rows, given.files), given.ledger)
        command = [sys.executable, "-m", "duff_orders", "serve", "--lake", str(folder / "lake"), "--port", str(PORT)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        client = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=600))
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if (found := client.get("/v1/orders?limit=1")).status_code == 200 and found.json()["data"]:
                    break
            time.sleep(1)
        copy = folder / "lake" / "cache" / "serve.duckdb"
        while not copy.exists() or time.time() - max(each.stat().st_mtime for each in copy.parent.iterdir()) < 15:
            time.sleep(1)  # the serving copy is made in the meantime
        time.sleep(SETTLED)
        shared = sum(len(gzip.compress(client.get(f"/static/{name}").content)) for name in ("style.css", "console.js"))
        print("| page | first, ms | p50, ms | p90, ms | KB |\n|---|--:|--:|--:|--:|")
        for name, path in pages(client).items():
            times = []
            for _ in range(TIMES + 1):
                began = time.perf_counter()
                answer = client.get(path)
                times.append(1000 * (time.perf_counter() - began))
                assert answer.status_code == 200, path
            first, *rest = times
            weight = (shared + len(gzip.compress(answer.content))) / 1000
            p50, p90 = statistics.median(rest), sorted(rest)[int(TIMES * 0.9)]
            print(f"| {name} | {first:.0f} | {p50:.0f} | {p90:.0f} | {weight:.0f} |", flush=True)
        print(f"\nThe server with what it starts: {memory(server.pid):.0f} MB.")


if __name__ == "__main__":
    main()
