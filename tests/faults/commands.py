"""`duff` in processes of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.effort import PATIENCE


def start(lake: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "duff_orders", *map(str, arguments), "--lake", str(lake)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DUFF_RETRIES": "0"},
    )


def finish(process: "subprocess.Popen[str]", *, expected: int = 0) -> list[dict[str, Any]]:
    """The JSON documents that it printed, where it was asked for some."""
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == expected, out + errors
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def duff(lake: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    return finish(start(lake, *arguments))


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    """Wait until something holds, and fail where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
