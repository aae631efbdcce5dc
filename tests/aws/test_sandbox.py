"""`make sandbox`, as a newcomer uses it: up, a file in, an answer out, down."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effort import PATIENCE

pytestmark = [pytest.mark.aws, pytest.mark.slow, pytest.mark.xdist_group("aws-store")]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """The sandbox, and the environment that its file `env` makes."""
    folder = tmp_path / "box"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws.sandbox", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 500
        while not (folder / "env").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        lines = (folder / "env").read_text().splitlines()
        yield process, dict(line.split("=", 1) for line in lines)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_newcomer_s_way(sandbox: tuple["subprocess.Popen[str]", dict[str, str]]) -> None:
    process, values = sandbox
    assert {
        *("AWS_ENDPOINT_URL", "RAW_BUCKET", "PROCESSED_BUCKET", "API_URL", "API_KEY"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"),
    } == values.keys()
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DUFF_"))}, **values}
    duff = Path(sys.executable).parent / "duff"
    done = subprocess.run(
        [duff, "upload", "--deployment", "duff-orders", "samples/01-orders.csv"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[:29]) == (0, "01-orders.csv: valid, 5 read,"), done.stderr
    request = urllib.request.Request(f"{values['API_URL']}/v1/files", headers={"x-api-key": values["API_KEY"]})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert b"01-orders.csv" in answer.read()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "The sandbox is up: emulated AWS on http://127.0.0.1:" in out
    assert out.endswith("stopped\n")
