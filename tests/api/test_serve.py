"""`duff serve` as its users start it: a process, a folder, HTTP."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from duff_orders.api.documents import openapi
from duff_orders.lake import layout
from tests.api.lakes import SAMPLES, sample_lake
from tests.effort import PATIENCE, examples
from tests.faults.commands import until

pytestmark = pytest.mark.slow


#: Seconds for which an answer is waited, so that a busy machine is no failure.
#: `duff`, and one that does not wait as long for slow callers.
DUFF = ("-m", "duff_orders")
QUICK_DUFF = (
    "-c",
    "from duff_orders.api import limits; limits.SLOWEST = 2.0; from duff_orders.__main__ import main; main()",
)


@contextmanager
def serving(
    lake: Path, *options: str, duff: Sequence[str] = DUFF, **environment: str
) -> Iterator[tuple[str, "subprocess.Popen[str]", Path]]:
    """`duff serve` on a free port: its address, the process, and what it writes. `--deployment` stands for the lake."""
    log = lake.parent / "serve.log"
    over = () if "--deployment" in options else ("--lake", str(lake))
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, *duff, "serve", *over, "--port", "0", *options],
            stdout=subprocess.DEVNULL,
            stderr=stream,
            text=True,
            env=os.environ | {"DUFF_SETTLE": "0.1"} | environment,
        )
        try:
            until(lambda: "serving http" in log.read_text() or process.poll() is not None)
            found = re.search(r"serving (http://\S+)/ ", log.read_text())
            assert found, log.read_text()
            yield found[1], process, log
        finally:
            process.kill()
            process.wait()


def get(address: str, path: str, **headers: str) -> Any:
    answer = httpx2.get(address + path, headers=headers, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_file_that_lands_is_served(tmp_path: Path) -> None:
    with serving(tmp_path / "lake") as (address, process, log):
        assert get(address, "/v1/health")["newest_file"] is None
        assert get(address, "/v1/orders") == {"data": [], "next_cursor": None, "version": None}
        until((tmp_path / "lake" / "raw").is_dir)
        (tmp_path / "lake" / "raw" / "01-orders.csv").write_bytes((SAMPLES / "01-orders.csv").read_bytes())
        until(lambda: get(address, "/v1/files")["data"])
        until(lambda: len(get(address, "/v1/orders")["data"]) == 5)
        assert get(address, "/v1/orders/5678")["total_price"] == "15.0000"
        (tmp_path / "lake" / "raw" / "02.csv").write_bytes((SAMPLES / "02-orders-later.csv").read_bytes())
        until(lambda: get(address, "/v1/orders/5678")["statuses"] == {"delivered": 1})
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        assert {"method", "path", "status", "seconds", "caller", "request_id", "bytes"} <= lines[0].keys()
        assert "Traceback" not in log.read_text()


def test_what_is_damaged_is_told_and_the_others_are_served(tmp_path: Path) -> None:
    lake = sample_lake(tmp_path / "lake")
    row = next(row for row in lake.ledger.rows() if row.source_file == "03-dirty.csv")
    path = lake.disk.path(layout.ledger_object(row.pa_date, row.file_id))
    good = path.read_bytes()
    with serving(tmp_path / "lake") as (address, _process, _log):
        assert (get(address, "/v1/health")["status"], get(address, "/v1/health")["amiss"]) == ("ok", [])
        for damaged in (path, lake.disk.path(layout.STAR_POINTER)):
            kept = damaged.read_bytes()
            damaged.unlink()
            damaged.write_bytes(kept[:-20])
        until(lambda: get(address, "/v1/health")["status"] == "degraded")
        until(lambda: "documents that cannot be read" in " ".join(get(address, "/v1/health")["amiss"]))
        for page in ("/", "/files", "/orders", "/sql"):
            told = httpx2.get(address + page, timeout=PATIENCE)
            assert (told.status_code, row.file_id in told.text) == (200, True), page
        assert row.file_id not in {each["file_id"] for each in get(address, "/v1/files")["data"]}
        assert len(get(address, "/v1/orders?limit=1000")["data"]) == 25
        path.unlink()
        path.write_bytes(good)
        (tmp_path / "lake" / "raw" / "again.csv").write_bytes((SAMPLES / "01-orders.csv").read_bytes() + b"\n")
        until(lambda: get(address, "/v1/health")["status"] == "ok")


def test_killed_it_starts_again_with_what_it_had(tmp_path: Path) -> None:
    sample_lake(tmp_path / "lake")
    for _ in range(2):
        with serving(tmp_path / "lake", "--no-watch") as (address, process, _log):
            until(lambda address=address: len(get(address, "/v1/orders?limit=1000")["data"]) == 25)  # type: ignore[misc]
            process.kill()
            process.wait()
    # and a copy that is spoilt is made anew
    (tmp_path / "lake" / "cache" / "serve.duckdb").write_bytes(b"spoilt" * 5000)
    with serving(tmp_path / "lake", "--no-watch") as (address, _process, _log):
        assert len(get(address, "/v1/orders?limit=1000")["data"]) == 25


def test_its_queries_end_with_it(tmp_path: Path) -> None:
    """Though it is killed and can end nobody."""
    sample_lake(tmp_path / "lake")
    with serving(tmp_path / "lake", "--no-watch", "--queries") as (address, process, _log):
        tables = ", ".join(f"tbl_duff_orders {name}" for name in "abcdefghi")
        slow = f"select count(*) from {tables} where a.order_id + b.order_id > c.order_id"
        asked = httpx2.post(f"{address}/v1/queries", json={"sql": slow}, timeout=PATIENCE)
        assert asked.status_code == 202, asked.text
        workers = children(process.pid)
        assert workers
        process.kill()
        process.wait()
        until(lambda: not any(is_alive(worker) for worker in workers))


def children(pid: int) -> list[int]:
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for each in found for child in each]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_works_in_the_least_memory(tmp_path: Path) -> None:
    with serving(tmp_path / "lake", "--memory", "256MB") as (address, _process, _log):
        until((tmp_path / "lake" / "raw").is_dir)
        (tmp_path / "lake" / "raw" / "01-orders.csv").write_bytes((SAMPLES / "01-orders.csv").read_bytes())
        until(lambda: len(get(address, "/v1/orders")["data"]) == 5)


def test_two_at_once_answer_alike(tmp_path: Path) -> None:
    sample_lake(tmp_path / "lake")
    with serving(tmp_path / "lake", "--no-watch") as (first, _process, _log):
        until((tmp_path / "lake" / "cache" / "serve.duckdb").exists)
        with serving(tmp_path / "lake", "--no-watch") as (second, _other, log):
            assert get(first, "/v1/orders") == get(second, "/v1/orders")
            assert "another process has the serving copy" in log.read_text()


def test_slow_callers_take_nobody_s_place(tmp_path: Path) -> None:
    with serving(tmp_path / "lake", "--no-watch", "--queries", duff=QUICK_DUFF) as (address, process, _log):
        port = int(address.rpartition(":")[2])
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        for number, each in enumerate(slow):
            each.settimeout(30)
            each.sendall(b"GET /v1/health HT" if number % 2 else b"")
        halved = socket.create_connection(("127.0.0.1", port), 30)
        halved.sendall(b"POST /v1/queries HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n")
        halved.sendall(b"Content-Length: 100\r\n\r\n{")
        assert get(address, "/v1/health")["status"] == "ok"  # meanwhile
        assert halved.recv(1000).startswith(b"HTTP/1.1 400 ")
        for each in slow:
            assert each.recv(100) == b""  # closed
            each.close()
        halved.close()
        assert get(address, "/v1/health")["status"] == "ok"
        assert int(Path(f"/proc/{process.pid}/status").read_text().partition("VmRSS:")[2].split()[0]) < 300_000


def test_beyond_this_machine_with_a_key_by_any_name(tmp_path: Path) -> None:
    keys = {"DUFF_API_KEYS": f"ann:{hashlib.sha256(b'secret').hexdigest()}"}
    with serving(tmp_path / "lake", "--no-watch", "--host", "0.0.0.0", **keys) as (address, _process, _log):
        here = address.replace("0.0.0.0", "127.0.0.1")
        for host in ("orders.example.org", "10.1.2.3:8000"):
            for key, expected in ({}, 401), ({"X-API-Key": "secret"}, 200):
                answer = httpx2.get(f"{here}/v1/orders", headers={"Host": host, **key}, timeout=PATIENCE)
                assert answer.status_code == expected
        assert httpx2.get(f"{here}/", headers={"X-API-Key": "secret"}, timeout=PATIENCE).status_code == 200
        led = httpx2.get(f"{here}/", headers={"Accept": "text/html"}, timeout=PATIENCE)
        assert (led.status_code, led.headers["location"]) == (303, "/login?to=%2F")


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (("--host", "0.0.0.0"), {}, "whoever can reach it could read everything; name keys in DUFF_API_KEYS"),
        ((), {"DUFF_API_KEYS": "secret"}, "allowed is NAME:SHA256"),
        ((), {"DUFF_QUERIES": "yes"}, "allowed are on and off"),
        (("--port", "TAKEN"), {}, "cannot be had: Address already in use; --port names another"),
        (("--host", "no.such.host.invalid"), {"DUFF_API_KEYS": "a:" + "0" * 64}, "cannot be had"),
    ],
)
def test_a_wrong_set_up_is_told_in_a_sentence(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [word.replace("TAKEN", str(taken.getsockname()[1])) for word in options]
        done = subprocess.run(
            [sys.executable, "-m", "duff_orders", "serve", "--lake", str(tmp_path / "lake"), *words],
            capture_output=True,
            text=True,
            env=os.environ | environment,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_what_was_answered_fits_the_document(tmp_path: Path) -> None:
    """Schemathesis: whatever it sends, no answer is a 5xx or outside the document."""
    sample_lake(tmp_path / "lake")
    keys = {"DUFF_API_KEYS": "tests:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}
    assert openapi()["openapi"] == "3.1.0"
    with serving(tmp_path / "lake", "--no-watch", "--queries", **keys) as (address, _process, log):
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("run", f"{address}/v1/openapi.json", "--max-examples", str(examples(50))),
                *("--phases", "examples,coverage,fuzzing"),
                *("--header", "X-API-Key: secret", "--seed", "7", "--no-color", "--generation-database", "none"),
                # a cursor is a text to the document, and only one that was given will do
                *("--exclude-checks", "positive_data_acceptance"),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert '"status": 5' not in log.read_text()
