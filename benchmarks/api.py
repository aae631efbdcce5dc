"""`duff serve` beside Datasette (SQLite, indexed) and roapi (the same Parquet): look-up, page, report.

    python -m benchmarks.api [--rows 10000000] [--seconds 10] [--keep DIR]

All answer the same rows: order lines over 100 days. A client asks one thing after the other on a connection that stays
open; 1 or 8 of them ask for some seconds. p50 and p99 in milliseconds, answers a second, and the memory of the server
with what it starts. The load is made on the same machine.
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from duff_orders import build_models
from duff_orders.generator.orders import generate
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.local.run import process
from duff_orders.query.statements import LINE, LINES
from duff_orders.settings import Settings

PEERS = Path(__file__).resolve().parent.parent / "build" / "bench" / "api" / "bin"
DAYS = 100
FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
REPORT = "select channel, pa_date, count(distinct order_id) as orders, sum(total_price) as sales from lines"
REPORT += " where status <> 'broken' group by channel, pa_date order by channel, pa_date"
Ask = Callable[[], tuple[str, str, bytes]]  # method, path, body


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some seconds of asking; times in milliseconds."""

    p50: float
    p99: float
    each_second: float


def make_lake(folder: Path, rows: int) -> Lake:
    """A lake of that many order lines, an equal part of them a day."""
    lake = Lake.open(Settings(lake=folder / "lake", memory=4 * 10**9))
    each = rows // DAYS
    for day in range(DAYS):
        path = folder / f"{day:03}.csv"
        generate(path, rows=each, seed=day, first_order=1 + day * (each // 2 + 3))
        event = announce(lake.disk, put(lake.disk, path), when=FIRST + timedelta(days=day))
        process(lake, event)
        path.unlink()
    build_models(lake)
    return lake


def write_copies(lake: Lake, folder: Path) -> tuple[list[int], list[int]]:
    """The same lines as Parquet for roapi and as SQLite for Datasette; some orders and clients to ask for."""
    from duff_orders.lake.tables import create_views

    with lake.engine() as (connection, _):
        create_views(lake, connection)
        connection.execute(f"create temp view lines as select {LINE} from {LINES} as found")
        (folder / "parquet").mkdir()
        connection.execute(
            f"copy (select * from lines order by pa_date, order_id) to '{folder}/parquet' "
            "(format parquet, file_size_bytes '16MB')"
        )
        database = sqlite3.connect(folder / "lines.db")
        kinds = {"order_id": "integer", "product_id": "integer", "client_id": "integer", "product_ccf": "integer"}
        kinds |= dict.fromkeys(("product_price", "total_price", "total_volume"), "real")
        fields = [f"{name} {kinds.get(name, 'text')}" for name in LINE.split(", ")]
        database.execute(f"create table lines ({', '.join(fields)})")
        found = connection.execute(
            "select order_id, product_id, client_id, status, channel, product_price::double, product_ccf,"
            " total_price::double, total_volume::double, first_seen::varchar, last_seen::varchar, pa_date::varchar"
            " from lines"
        )
        places = ", ".join("?" * len(LINE.split(", ")))
        while batch := found.fetchmany(50_000):
            database.executemany(f"insert into lines values ({places})", batch)
        for name in ("order_id", "client_id, pa_date", "channel, pa_date"):
            database.execute(f"create index on_{name.replace(', ', '_')} on lines ({name})")
        database.execute("analyze")
        database.commit()
        database.close()
        orders = [row[0] for row in connection.execute("select order_id from lines using sample 2000").fetchall()]
        clients = [row[0] for row in connection.execute("select client_id from lines using sample 2000").fetchall()]
    return orders, clients


@contextmanager
def served(command: list[str], port: int, path: str) -> Iterator[int]:
    """A server, once it answers; its process id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as asked:
                asked.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                if asked.recv(16):
                    break
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def memory(pid: int) -> float:
    """MB that a process and those it started have."""
    own = 0.0
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        own = int(status.partition("VmRSS:")[2].split()[0]) / 1000
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        own += sum(memory(int(child)) for child in children)
    return own


async def load(port: int, ask: Ask, clients: int, seconds: float) -> Load:
    """Let clients ask one thing after the other."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            method, path, body = ask()
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
            head += f"Content-Length: {len(body)}\r\n\r\n" if body else "\r\n"
            began = time.perf_counter()
            writer.write(head.encode() + body)
            told = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if " 200 " not in told.splitlines()[0]:
                raise RuntimeError(f"{path}: {told}")
            if "content-length:" in told:
                await reader.readexactly(int(told.partition("content-length:")[2].split()[0]))
            else:  # chunked
                while size := int(await reader.readline(), 16):
                    await reader.readexactly(size + 2)
                await reader.readline()
            times.append((time.perf_counter() - began) * 1000)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    times.sort()
    return Load(statistics.median(times), times[int(len(times) * 0.99)], len(times) / seconds)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def measure(name: str, command: list[str], port: int, ready: str, asks: dict[str, Ask], seconds: float) -> None:
    """One server under each load; prints a row of the table for each."""
    with served(command, port, ready) as pid:
        for what, ask in asks.items():
            for clients in (1, 8):
                with ThreadPoolExecutor(1) as pool:
                    found = pool.submit(asyncio.run, load(port, ask, clients, seconds)).result()
                print(
                    f"| {name} | {what} | {clients} | {found.p50:.1f} | {found.p99:.1f} | {found.each_second:.0f} "
                    f"| {memory(pid):.0f} |",
                    flush=True,
                )


def asks(orders: list[int], clients: list[int]) -> list[dict[str, Ask]]:
    """What is asked of each server."""
    dice = random.Random(1)
    duff = {
        "order by id": lambda: ("GET", f"/v1/orders/{dice.choice(orders)}", b""),
        "50 lines of a client": lambda: ("GET", f"/v1/clients/{dice.choice(clients)}/orders", b""),
        "report": lambda: ("GET", "/v1/reports/sales_by_channel", b""),
        "report, never the same": lambda: (
            "GET", f"/v1/reports/sales_by_channel?limit={dice.randrange(50, 10_000)}", b"",
        ),
    }  # fmt: skip
    sql = quote(REPORT)
    datasette = {
        "order by id": lambda: ("GET", f"/lines/lines.json?order_id={dice.choice(orders)}&_shape=array", b""),
        "50 lines of a client": lambda: (
            "GET", f"/lines/lines.json?client_id={dice.choice(clients)}&_sort_desc=pa_date&_size=50&_shape=array", b"",
        ),
        "report": lambda: ("GET", f"/lines.json?sql={sql}&_shape=array", b""),
    }  # fmt: skip
    roapi = {
        "order by id": lambda: (
            "POST", "/api/sql", f"select * from lines where order_id = {dice.choice(orders)}".encode(),
        ),
        "50 lines of a client": lambda: (
            "POST", "/api/sql",
            f"select * from lines where client_id = {dice.choice(clients)} order by pa_date desc limit 50".encode(),
        ),
        "report": lambda: ("POST", "/api/sql", REPORT.encode()),
    }  # fmt: skip
    return [duff, datasette, roapi]


def main() -> None:
    """Measure all three."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--mixed", type=int, default=0, help="so many mixed requests at the end, for the memory")
    options.add_argument("--keep", type=Path, help="a folder for the data, used again where it is there")
    options.add_argument("--alone", action="store_true", help="leave the other servers out")
    given = options.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="duff-bench-api-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "asked.json").exists():
        began = time.monotonic()
        lake = make_lake(folder, given.rows)
        print(f"{given.rows:,} lines in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        orders, clients = write_copies(lake, folder)
        print(f"copies for the others in {time.monotonic() - began:.0f} s")
        (folder / "asked.json").write_text(json.dumps([orders, clients]))
    orders, clients = json.loads((folder / "asked.json").read_text())
    duff, datasette, roapi = asks(orders, clients)
    print("| server | what | clients | p50 ms | p99 ms | a second | MB |\n|---|---|---|---|---|---|---|")
    port = free_port()
    serve = [sys.executable, "-m", "duff_orders", "serve", "--lake", str(folder / "lake"), "--port", str(port)]
    copy = folder / "lake" / "cache" / "serve.duckdb"
    began = time.monotonic()
    with served([*serve, "--no-watch"], port, "/v1/health"):
        wait_for_copy(port)
        print(f"serving copy of {copy.stat().st_size / 1e6:.0f} MB in {time.monotonic() - began:.0f} s")
    measure("duff serve", [*serve, "--no-watch"], port, "/v1/health", duff, given.seconds)
    if given.mixed:
        with served([*serve, "--no-watch"], port, "/v1/health") as pid:
            measure_growth(pid, port, list(duff.values())[:3], given.mixed)
    with served([*serve, "--no-watch"], port, "/v1/health"):
        measure_refresh(folder, port, given.rows)
    if not given.alone:
        measure_peers(folder, datasette, roapi, given.seconds)
    if not given.keep:
        shutil.rmtree(folder)


def measure_peers(folder: Path, datasette: dict[str, Ask], roapi: dict[str, Ask], seconds: float) -> None:
    """The other servers, where they are installed."""
    if (PEERS / "datasette").exists():
        port = free_port()
        command = [str(PEERS / "datasette"), str(folder / "lines.db"), "--port", str(port)]
        command += ["--setting", "sql_time_limit_ms", "60000", "--setting", "max_returned_rows", "2000"]
        measure("Datasette", command, port, "/-/versions.json", datasette, seconds)
    if (PEERS / "roapi").exists():
        port = free_port()
        command = [str(PEERS / "roapi"), "--addr-http", f"127.0.0.1:{port}"]
        command += ["--table", f"lines={folder}/parquet,format=parquet"]
        measure("roapi", command, port, "/api/schema", roapi, seconds)


def wait_for_copy(port: int) -> None:
    """Until look-ups are answered by the copy."""
    while True:
        began = time.perf_counter()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 60) as asked:
            asked.sendall(f"GET /v1/orders/{random.randrange(1, 9**9)} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            asked.recv(100)
        if time.perf_counter() - began < 0.01:
            return
        time.sleep(0.5)


def measure_refresh(folder: Path, port: int, rows: int) -> None:
    """The seconds from the end of a build that changed one day to the answers that show it."""
    lake = Lake.open(Settings(lake=folder / "lake", memory=4 * 10**9))
    day = FIRST + timedelta(days=DAYS + random.randrange(1000))
    path = folder / f"more-{day:%Y%m%d}.csv"
    generate(path, rows=rows // DAYS, seed=day.toordinal(), first_order=8 * 10**8 + day.toordinal() % 1000 * 10**5)
    process(lake, announce(lake.disk, put(lake.disk, path), when=day))
    path.unlink()
    built = build_models(lake).build_id
    began = time.monotonic()
    while json.loads(fetched(port, "/v1/health"))["version"] != built:
        time.sleep(0.02)
    print(f"a day of {rows // DAYS:,} lines more: served {time.monotonic() - began:.1f} s after its build", flush=True)


def fetched(port: int, path: str) -> bytes:
    """The body of an answer."""
    with socket.create_connection(("127.0.0.1", port), 60) as asked:
        asked.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        told = b""
        while piece := asked.recv(65536):
            told += piece
    return told.partition(b"\r\n\r\n")[2]


def measure_growth(pid: int, port: int, kinds: list[Ask], number: int) -> None:
    """The memory of a server after each tenth of many requests of all kinds."""
    before, began = memory(pid), time.monotonic()
    for tenth in range(1, 11):
        asyncio.run(_mixed(port, kinds, number // 10))
        print(
            f"{tenth * number // 10:,} mixed requests in {time.monotonic() - began:.0f} s: {memory(pid):.0f} MB "
            f"(before {before:.0f})",
            flush=True,
        )


async def _mixed(port: int, kinds: list[Ask], number: int) -> None:
    async def client(count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for each in range(count):
            _, path, _ = kinds[each % len(kinds)]()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            told = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            await reader.readexactly(int(told.partition("content-length:")[2].split()[0]))
        writer.close()

    await asyncio.gather(*(client(number // 4) for _ in range(4)))


if __name__ == "__main__":
    main()
