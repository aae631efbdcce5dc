"""Run a command as a whole process: wall seconds, CPU seconds, peak memory.

    python -m benchmarks.measure COMMAND [ARGUMENT ...]

Wall time holds the interpreter's start and imports, and ends when the command does. CPU time is user
and system of the command and of every process that it started, those too that outlive it: Spark's
Java machine is a child of Python that Python does not wait for. This process adopts such orphans
(PR_SET_CHILD_SUBREAPER) and waits for them. Peak memory is the kernel's high-water mark of the
largest single process (`ru_maxrss`) or, where a job runs several at once, the highest sum over them
that a poll of /proc saw, whichever is more; pages they share count once for each.
"""

import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL_SECONDS = 0.05
ORPHAN_SECONDS = 60
PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a run cost; `output` is the end of what it printed.

    `threads`: CPU seconds of its threads by their names, without numbers, as far as they lived when last looked at.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    returncode: int
    output: str
    threads: Mapping[str, float] = field(default_factory=dict)


def measure(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, by_thread: bool = False
) -> Measurement:
    """Run the command to its end; `by_thread`, with its threads. Linux only: it reads /proc.

    Not for several threads at once.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become the reaper of orphaned processes")
    others = set(_children(os.getpid()))
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    pipe = process.stdout
    assert pipe is not None
    peak_tree_kb = 0
    ended = threading.Event()
    output = bytearray()
    seen = dict[int, tuple[str, float]]()

    def poll() -> None:
        nonlocal peak_tree_kb
        pause = POLL_SECONDS
        while not ended.wait(pause):
            began = time.thread_time()
            tree = [pid for child in _children(os.getpid()) if child not in others for pid in _tree(child)]
            if len(tree) > 1:
                peak_tree_kb = max(peak_tree_kb, sum(map(_rss_kb, tree)))
            if by_thread:
                seen.update(each for pid in tree for each in _threads(pid))
            # Java has many threads to look through: that must not take the cores from what is measured.
            pause = max(POLL_SECONDS, 100 * (time.thread_time() - began))

    # Orphans hold the pipe open: what comes through it is read beside the waiting.
    threads = [
        threading.Thread(target=poll, daemon=True),
        threading.Thread(target=lambda: output.extend(pipe.read()), daemon=True),
    ]
    for thread in threads:
        thread.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    usages = [usage, *_reap(others)]
    ended.set()
    for thread in threads:
        thread.join()
    pipe.close()
    return Measurement(
        wall_s=round(wall, 3),
        cpu_s=round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 3),
        peak_rss_mb=round(max(*(usage.ru_maxrss for usage in usages), peak_tree_kb) / 1024, 1),
        returncode=process.returncode,
        output=output.decode(errors="replace")[-2000:],
        threads=_by_name(seen.values()),
    )


def _threads(pid: int) -> Iterator[tuple[int, tuple[str, float]]]:
    """The threads of a process: by the number of each its name without digits, and its CPU seconds."""
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            ticks = rest.split()[11:13]
            yield int(task.name), (re.sub(r"[#0-9]+", "", name).strip(), sum(map(int, ticks)) / _TICKS)
    except OSError:  # ended meanwhile
        return


def _by_name(threads: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for name, seconds in threads:
        sums[name] += seconds
    return dict(sorted(sums.items(), key=lambda each: -each[1]))


def _reap(others: set[int]) -> list[resource.struct_rusage]:
    """Wait for the orphans that the command left, and for theirs; those that do not end are killed."""
    usages = []
    deadline = time.monotonic() + ORPHAN_SECONDS
    while orphans := set(_children(os.getpid())) - others:
        for pid in orphans:
            reaped, _, usage = os.wait4(pid, os.WNOHANG)
            if reaped:
                usages.append(usage)
            elif time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    return usages


def duff(*words: object) -> Measurement:
    """Run a command of `duff` to its end; what goes wrong with it ends this process, with what it said."""
    done = measure([sys.executable, "-m", "duff_orders", *map(str, words)])
    if done.returncode:
        raise SystemExit(done.output)
    return done


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    except OSError:  # ended meanwhile
        pass
    return children


def _tree(pid: int) -> list[int]:
    """The process and its descendants."""
    return [pid, *(each for child in _children(pid) for each in _tree(child))]


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
