"""Queries of several callers, each in its own process that is killed at its limit: one runs, the others queue."""

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from duff_orders.query.result import Result

#: Queries that wait for the one that runs; more are told to come again.
WAITING = 4
#: Seconds that a query may take, and bytes of address space that its process may have.
SECONDS, ADDRESS_SPACE = 60.0, 1_500_000_000
#: Queries that are remembered.
REMEMBERED = 100
_MEMORY = 400_000_000


class TooMany(Exception):
    """As many queries wait as may."""


class TokenUsed(Exception):
    """The token was used for another query."""


@dataclass(slots=True)
class Run:
    """One query, and what became of it."""

    id: str
    caller: str | None
    sql: str
    max_rows: int
    out: Path
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"] = "queued"
    reply: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[str] | None" = None
    began: float = 0.0
    seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("queued", "running")


class Runner:
    """Runs queries over a lake in a folder, one after the other; `close` ends them all."""

    def __init__(self, lake: Path, *, seconds: float = SECONDS, address_space: int = ADDRESS_SPACE) -> None:
        self.lake = lake
        self.seconds = seconds
        self.address_space = address_space
        self._folder = tempfile.TemporaryDirectory(prefix="duff-queries-")
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._tokens: dict[tuple[str | None, str], tuple[str, str]] = {}
        self._waiting: list[Run] = []
        self._changed = threading.Condition()
        self._closed = False
        self._spare: subprocess.Popen[str] | None = None
        self._alive, self._lives = os.pipe()  # whose writing end nobody else has: it closes when this process ends
        self._thread = threading.Thread(target=self._work, name="queries", daemon=True)
        self._thread.start()

    def submit(self, sql: str, max_rows: int, *, caller: str | None, token: str | None) -> str:
        """Queue a query; its id. Raises TooMany and TokenUsed."""
        with self._changed:
            digest = hashlib.sha256(f"{max_rows} {sql}".encode("utf-8", "surrogatepass")).hexdigest()
            if token is not None and (known := self._tokens.get((caller, token))) and known[1] in self._runs:
                if known[0] != digest:
                    raise TokenUsed
                return known[1]
            if len(self._waiting) >= WAITING:
                raise TooMany
            query_id = f"q_{secrets.token_hex(16)}"
            run = Run(query_id, caller, sql, max_rows, Path(self._folder.name, query_id))
            self._runs[query_id] = run
            self._waiting.append(run)
            if token is not None:
                self._tokens[caller, token] = digest, query_id
            self._forget()
            self._changed.notify_all()
        return query_id

    def get(self, query_id: str, caller: str | None) -> Run | None:
        """A query of this caller's."""
        run = self._runs.get(query_id)
        return run if run is not None and run.caller == caller else None

    def answer(self, query_id: str) -> Result:
        """The rows of a query that has succeeded."""
        document = json.loads(self._runs[query_id].out.read_bytes())
        return Result([(name, kind) for name, kind in document["columns"]], document["rows"])

    def cancel(self, query_id: str) -> None:
        """End a query; one that has ended stays as it is."""
        with self._changed:
            run = self._runs[query_id]
            if run.ended:
                return
            run.state = "cancelled"
            if run in self._waiting:
                self._waiting.remove(run)
            if run.process is not None:
                run.process.kill()

    def close(self) -> None:
        """End all queries and forget them."""
        with self._changed:
            self._closed = True
            for run in self._runs.values():
                if run.process is not None and not run.ended:
                    run.process.kill()
            self._changed.notify_all()
        self._thread.join()
        if self._spare is not None:
            _end(self._spare)
        os.close(self._alive)
        os.close(self._lives)
        self._folder.cleanup()

    def _forget(self) -> None:
        while len(self._runs) > REMEMBERED:
            query_id, run = next(iter(self._runs.items()))
            if not run.ended:
                return
            del self._runs[query_id]
            run.out.unlink(missing_ok=True)
        self._tokens = {key: known for key, known in self._tokens.items() if known[1] in self._runs}

    def _work(self) -> None:
        while True:
            if self._spare is None or self._spare.poll() is not None:
                self._spare = self._start()  # so that the next query need not wait for the imports
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                run = self._waiting.pop(0)
                run.state, run.process, self._spare = "running", self._spare, None
                run.began = time.monotonic()
            self._run(run)

    def _run(self, run: Run) -> None:
        process = run.process
        assert process is not None
        request = {
            "lake": str(self.lake),
            "memory": _MEMORY,
            "sql": run.sql,
            "max_rows": run.max_rows,
            "address_space": self.address_space,
            "out": str(run.out),
        }
        over = False
        try:
            said, _ = process.communicate(json.dumps(request) + "\n", timeout=self.seconds)
        except subprocess.TimeoutExpired:
            over, said = True, ""
            _end(process)
        except (BrokenPipeError, ValueError):
            said = ""
        reply: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            reply = json.loads(said or "")
        if over:
            reply = {"problem": "query-limit", "reason": f"the query took longer than {self.seconds:g} s"}
        elif not reply:
            reply = {"problem": "query-limit", "reason": "the query needed more memory than it may have"}
        with self._changed:
            run.seconds = time.monotonic() - run.began
            run.reply = reply
            if run.state == "running":
                run.state = "failed" if "problem" in reply else "succeeded"
            run.process = None

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "duff_orders.query.worker", str(self._alive)],
            pass_fds=[self._alive],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()
