"""A query's limits on the command line: the process ends at its time limit, and cannot exceed its memory limit."""

import contextlib
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What DuckDB, Python and their libraries reserve beside the memory that is used.
_BESIDE = 1_000_000_000


@contextmanager
def within(seconds: float | None, memory: int, output: Path | None) -> Iterator[None]:
    """End this process with exit code 1 after so many seconds; None sets no limit.

    An engine may be deaf to an interrupt for minutes, so it is not asked. What was begun of `output` is removed.
    """
    if seconds is None:
        yield
        return
    limit = memory + _BESIDE
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    done = threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            if output is not None:
                with contextlib.suppress(OSError):
                    output.unlink(missing_ok=True)
            os.write(sys.stderr.fileno(), f"duff: the query took longer than {seconds:g} s\n".encode())
            os._exit(1)

    threading.Thread(target=watch, name="limit", daemon=True).start()
    try:
        yield
    finally:
        done.set()
