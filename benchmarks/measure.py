"""Run a command as a whole process: wall seconds, CPU seconds, peak memory.

    python -m benchmarks.measure COMMAND [ARGUMENT ...]

Wall time holds the interpreter's start and imports. CPU time is user and system, children that
were waited for included. Peak memory is the kernel's high-water mark of the largest single process
(`ru_maxrss`) or, where a job runs several at once, the highest sum over them that a poll of /proc
saw, whichever is more; pages they share count once for each.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a run cost; `output` is the end of what it printed."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    returncode: int
    output: str


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measurement:
    """Run the command to its end. Linux only: it reads /proc."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    peak_tree_kb = 0
    ended = threading.Event()

    def poll() -> None:
        nonlocal peak_tree_kb
        while not ended.wait(POLL_SECONDS):
            tree = _tree(process.pid)
            if len(tree) > 1:
                peak_tree_kb = max(peak_tree_kb, sum(map(_rss_kb, tree)))

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    ended.set()
    poller.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return Measurement(
        wall_s=round(wall, 3),
        cpu_s=round(usage.ru_utime + usage.ru_stime, 3),
        peak_rss_mb=round(max(usage.ru_maxrss, peak_tree_kb) / 1024, 1),
        returncode=process.returncode,
        output=output.decode(errors="replace")[-2000:],
    )


def _tree(pid: int) -> list[int]:
    """The process and its descendants."""
    pids = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                pids += _tree(int(child))
    except OSError:  # ended meanwhile
        pass
    return pids


def _rss_kb(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:  # ended meanwhile
        pass
    return 0


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    result = measure(sys.argv[1:])
    print(result.output, end="")
    print(
        f"wall {result.wall_s:.2f} s, CPU {result.cpu_s:.2f} s, "
        f"peak {result.peak_rss_mb:.0f} MB, exit code {result.returncode}"
    )
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
