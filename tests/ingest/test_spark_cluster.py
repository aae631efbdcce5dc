"""A real cluster: a standalone master and two workers as processes on this machine, one of which is killed.

DUFF_CLUSTER_MB=1000 takes a file of 1 GB; the default is small enough for every run of the tests.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest

from duff_orders.generator.orders import generate
from duff_orders.local.check import check
from tests.effort import every
from tests.lakes import open_lake
from tests.spark import QUICK_JAVA, told

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark"), pytest.mark.timeout(1200)]
MEGABYTES = int(os.environ.get("DUFF_CLUSTER_MB") or 20 // every(4))
BYTES_PER_ROW = 78
CONF = {
    "spark.executor.memory": "1g",
    "spark.driver.extraJavaOptions": QUICK_JAVA,
    "spark.executor.extraJavaOptions": QUICK_JAVA,
    "spark.sql.shuffle.partitions": "4",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def daemon(folder: Path, role: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    home = Path(pyspark.__file__).parent
    name = f"org.apache.spark.deploy.{role}.{role.title()}"
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_JAVA_OPTS": QUICK_JAVA,
    }
    with (folder / f"{role}-{len(list(folder.glob('*.log')))}.log").open("wb") as log:
        process = subprocess.Popen(
            [home / "bin" / "spark-class", name, "--host", "127.0.0.1", "--webui-port", str(free_port()), *arguments],
            env=environment, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(path: Path, text: str, times: int = 1) -> None:
    deadline = time.monotonic() + 60
    while len(re.findall(text, "".join(log.read_text(errors="replace") for log in path.glob("*.log")))) < times:
        assert time.monotonic() < deadline, f"no {text!r} in the logs"
        time.sleep(0.1)


def test_a_worker_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    generate(file, rows=MEGABYTES * 10**6 // BYTES_PER_ROW, bad=0.01, duplicates=0.005)
    logs = tmp_path / "logs"
    logs.mkdir()
    port = free_port()
    url = f"spark://127.0.0.1:{port}"
    arguments = shlex.join([*told(CONF), "pyspark-shell"])
    worker = ("--cores", "1", "--memory", "2g", url)
    with daemon(logs, "master", "--port", str(port)):
        wait_for(logs, "Starting Spark master")
        with daemon(logs, "worker", *worker) as first, daemon(logs, "worker", *worker):
            wait_for(logs, "Successfully registered with master", 2)
            run = subprocess.Popen(
                [sys.executable, "-m", "duff_orders", "run", "--engine", "spark", "--master", url,
                 "--lake", tmp_path / "lake", file],
                env={**os.environ, "DUFF_RETRIES": "0", "PYSPARK_SUBMIT_ARGS": arguments},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            deadline = time.monotonic() + 300
            while not list((tmp_path / "lake" / "scratch").glob("*/*/checked/_temporary/0/_temporary")):
                assert time.monotonic() < deadline
                assert run.poll() is None, run.communicate()[0]
                time.sleep(0.05)
            executors = [
                int(pid)
                for children in Path(f"/proc/{first.pid}/task").glob("*/children")
                for pid in children.read_text().split()
            ]
            assert executors, "the worker to be killed has no executor"
            for pid in (first.pid, *executors):
                os.kill(pid, signal.SIGKILL)
            out, _ = run.communicate(timeout=1000)
    assert run.returncode == 0, out
    lake = open_lake(tmp_path / "lake", memory=10**9)
    proof = check(lake)
    assert (proof.problems, proof.files) == ([], 1)
    assert next(lake.ledger.rows()).engine == "spark"
