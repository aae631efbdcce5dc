"""The function Transform-data beside a naive one with awswrangler, on the same emulated S3.

    python -m benchmarks.functions [--megabytes 100] [--rounds 3]
    python -m benchmarks.functions --alone 100 500 1000 2000   # ours with the templates' memory, and its scratch space

Each is started as Lambda starts one: a process of the runtime's interface client, with the bundle and boto3 on the path
and nothing else. A small server is the runtime's API. *Ready* is from the process's start to its first request for an
event; a call is from handing the event out to its answer; memory is the process's high-water mark.
"""

import argparse
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import boto3

from benchmarks.measure import measure
from benchmarks.transform import BYTES_PER_ROW
from duff_orders.aws.package import package, unzipped
from duff_orders.contract import ORDERS
from duff_orders.documents import Event
from duff_orders.generator.orders import generate
from duff_orders.ingest.validate import validate
from duff_orders.lake.events import record
from duff_orders.lake.glue_catalog import columns
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.settings import Settings
from tests.aws.conftest import ARCHITECTURE
from tests.aws.emulator import CREDENTIALS, ENVIRONMENTS, emulator, new_buckets

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
RUNTIME = ENVIRONMENTS / "runtime" / "bin" / "python"
AWSWRANGLER = ROOT / "build" / "bench" / "awswrangler" / "bin" / "python"
SAMPLE = ROOT / "samples" / "01-orders.csv"
MEMORY = 1024
OURS, THEIRS = "Transform-data", "awswrangler"


class RuntimeApi(ThreadingHTTPServer):
    """What a function's process asks for events, and tells its answers.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Runtime)
        self.events: queue.Queue[Any] = queue.Queue()
        self.answers: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self.asked = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that is ended breaks its connection off."""


class _Runtime(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RuntimeApi

    def do_GET(self) -> None:
        self.server.asked.set()
        event = self.server.events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 900_000),
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:bench",
        }
        self._answer(200, json.dumps(event).encode(), headers)

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.answers.put((self.path.endswith("/response"), told))
        self._answer(202, b"{}", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@dataclass
class Figures:
    """Seconds and megabytes of one process; `scratch` are those of its temporary folder, if that was watched."""

    ready: float
    calls: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    scratch: float = 0


@contextmanager
def watched(folder: Path, figures: list[float]) -> Iterator[None]:
    """Keep the most megabytes that a folder held, meanwhile."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            size = 0
            for path in folder.rglob("*"):
                with suppress(OSError):
                    size += path.stat().st_blocks * 512
            figures[0] = max(figures[0], size / 10**6)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def started(command: list[str], environment: dict[str, str], events: list[Any], memory: int = MEMORY) -> Figures:
    """Start a function of so many MB of memory, and hand it one event after another."""
    api = RuntimeApi()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    told = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **environment,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
    }
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=told, stdout=log, stderr=subprocess.STDOUT)
        try:
            if not api.asked.wait(60):
                log.seek(0)
                raise SystemExit(f"{command} did not get ready:\n{log.read().decode()[-2000:]}")
            figures = Figures(time.perf_counter() - began)
            for event in events:
                began = time.perf_counter()
                api.events.put(event)
                done, answer = _answer(api, process, log)
                figures.calls.append(time.perf_counter() - began)
                figures.peak.append(_peak(process.pid))
                figures.cpu.append(_cpu(process.pid))
                if not done:
                    raise SystemExit(f"{command}: {answer}")
            return figures
        finally:
            process.kill()
            process.wait()
            api.shutdown()


def _answer(api: RuntimeApi, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> tuple[bool, Any]:
    while True:
        try:
            return api.answers.get(timeout=5)
        except queue.Empty:
            if process.poll() is not None:
                log.seek(0)
                raise SystemExit(
                    f"{process.args!r} ended with {process.returncode}:\n{log.read().decode()[-2000:]}"
                ) from None


def _peak(pid: int) -> float:
    line = next(each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _cpu(pid: int) -> float:
    """The CPU seconds of a process so far."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Buckets:
    """Two buckets on the emulator, and the events of files in them."""

    raw: str
    processed: str

    def put(self, file: Path) -> tuple[dict[str, Any], dict[str, str]]:
        """Upload a file; returns what each function is told of it."""
        client, key = boto3.client("s3"), f"{uuid.uuid4()}.csv"
        client.upload_file(str(file), self.raw, key)
        head = client.head_object(Bucket=self.raw, Key=key)
        event = Event(
            bucket=self.raw,
            key=key,
            size=file.stat().st_size,
            etag=head["ETag"].strip('"'),
            version=head["VersionId"],
            time=datetime.now(UTC).replace(microsecond=0),
        )
        lake = Lake(Settings(engine="duckdb"), S3Store(self.raw, self.processed, holder="benchmark"))
        decision = json.loads(validate(lake, record(lake.store, event)).to_json())
        found = [{"Name": name, "Type": kind} for name, kind in columns(ORDERS)]
        return (
            {"decision": decision, "columns": found, "execution": key},
            {"source": f"s3://{self.raw}/{key}", "target": f"s3://{self.processed}/theirs/", "day": "2026-03-01"},
        )


@contextmanager
def buckets() -> Iterator[Buckets]:
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder)) as address:
        os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": address})
        yield Buckets(*new_buckets())


def section(megabytes: int, rounds: int, scratch: Path) -> str:
    """The table, as docs/benchmarks.md shows it."""
    bundle, code = _bundle(scratch)
    wide = subprocess.run(
        ["du", "-sm", str(AWSWRANGLER.parents[1] / "lib")], capture_output=True, text=True, check=True
    )
    files = {"the sample": [SAMPLE], f"{megabytes} MB": []}
    large = files[f"{megabytes} MB"]
    for seed in range(2 * rounds):
        small, big = scratch / f"small-{seed}.csv", scratch / f"big-{seed}.csv"
        generate(small, rows=5, seed=seed + 1)
        files["the sample"].append(small)
        generate(big, rows=megabytes * 10**6 // BYTES_PER_ROW, seed=seed, bad=0.01, duplicates=0.005)
        large.append(big)
    lines = [
        f"| file | function | ready s | first call s | second call s | peak MB | of {MEMORY} MB |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    ready: dict[str, list[float]] = {OURS: [], THEIRS: []}
    with buckets() as there:
        shared = {**CREDENTIALS, "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]}
        contestants = {
            OURS: _ours(there, code),
            THEIRS: (
                [str(AWSWRANGLER), "-m", "awslambdaric", "awswrangler_function.handler"],
                {**shared, "PYTHONPATH": str(PEERS), "WR_S3_ENDPOINT_URL": shared["AWS_ENDPOINT_URL"]},
            ),
        }
        for name, paths in files.items():
            runs: dict[str, list[Figures]] = {OURS: [], THEIRS: []}
            for turn in range(rounds):
                told = [there.put(path) for path in paths[2 * turn : 2 * turn + 2]]
                for place, (who, (command, environment)) in enumerate(contestants.items()):
                    runs[who].append(started(command, environment, [each[place] for each in told]))
            for who, figures in runs.items():
                ready[who] += [each.ready for each in figures]
                first, second = (statistics.median(each.calls[call] for each in figures) for call in (0, 1))
                begun = statistics.median(each.ready for each in figures)
                peak = max(max(each.peak) for each in figures)
                lines.append(
                    f"| {name} | {who} | {begun:.2f} | {first:.2f} | {second:.2f} | {peak:.0f} | {peak / MEMORY:.0%} |"
                )
    embedded = statistics.median(_embedded(path, scratch) for path in large[:rounds])
    times = statistics.median(ready[THEIRS]) / statistics.median(ready[OURS])
    return "\n".join(
        [
            *lines,
            "",
            f"{OURS} is ready {times:.1f} × faster. Its bundle takes {unzipped(bundle) / 10**6:.1f} MB unzipped, the "
            f"other's environment {wide.stdout.split()[0]} MB. The embedded run of the {megabytes} MB, with the "
            f"interpreter's start: {embedded:.2f} s.",
        ]
    )


def alone(sizes: list[int], memory: int, scratch: Path) -> str:
    """Our function on files of so many megabytes, each the first that a new one gets, as a Markdown table."""
    _, code = _bundle(scratch)
    lines = ["| file | call s | CPU s | peak MB | scratch MB |", "|---|---:|---:|---:|---:|"]
    with buckets() as there:
        command, environment = _ours(there, code)
        for kind, bad, duplicates in (("clean", 0.0, 0.0), ("1 % rejects, 0.5 % repeats", 0.01, 0.005)):
            for megabytes in sizes:
                path, temporary = scratch / "large.csv", scratch / "tmp"
                generate(path, rows=megabytes * 10**6 // BYTES_PER_ROW, bad=bad, duplicates=duplicates)
                (event, _), size = there.put(path), path.stat().st_size / 10**6
                path.unlink()
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir()
                most = [0.0]
                with watched(temporary, most):
                    done = started(command, environment | {"TMPDIR": str(temporary)}, [event], memory)
                lines.append(
                    f"| {size:,.0f} MB, {kind} | {done.calls[0]:.1f} | {done.cpu[0]:.1f} | {done.peak[0]:,.0f} |"
                    f" {most[0]:,.0f} |"
                )
    return "\n".join(lines)


def _bundle(scratch: Path) -> tuple[Path, Path]:
    """The function's bundle, and where it lies unpacked."""
    asked = [str(RUNTIME), "-c", "import sys; print(f'3.{sys.version_info[1]}')"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    made = package(scratch / "bundles", architecture=ARCHITECTURE, python=version)
    bundle = next(path for path in made if path.name == "transform.zip")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(scratch / "transform")
    return bundle, scratch / "transform"


def _ours(there: Buckets, code: Path) -> tuple[list[str], dict[str, str]]:
    """The command that starts our function, and its environment."""
    return [str(RUNTIME), "-m", "awslambdaric", "duff_orders.aws.handlers.transform_data"], {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "PYTHONPATH": str(code),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RAW_BUCKET": there.raw,
        "PROCESSED_BUCKET": there.processed,
        "DATABASE": "bench",
    }


def _embedded(path: Path, scratch: Path) -> float:
    lake = scratch / f"lake-{uuid.uuid4()}"
    command = [sys.executable, "-m", "benchmarks.ours", "transform", str(path), str(lake), "--memory", f"{MEMORY}MiB"]
    done = measure(command)
    if done.returncode:
        raise SystemExit(done.output)
    return done.wall_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", nargs="+", type=int, metavar="MB", help="ours alone, on files of these sizes")
    parser.add_argument("--memory", type=int, default=2048, metavar="MB", help="the memory of ours alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as folder:
        if options.alone:
            print(alone(options.alone, options.memory, Path(folder)))
            return
        print(section(options.megabytes, options.rounds, Path(folder)))


if __name__ == "__main__":
    main()
