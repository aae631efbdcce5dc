"""The process that runs SQL from outside, in a bounded address space, so that no query exhausts memory.

    python -m duff_orders.query.worker [ALIVE]

reads one line of JSON (`lake`, `memory`, `sql`, `max_rows`, `address_space`, `out`), writes the answer to the file
`out`, tells in one line of JSON what became of it, and ends. Whoever started it kills it when its time is over; where
that one dies, the end of the pipe ALIVE, which is named by its number, ends this process too.
"""

import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb

from duff_orders.drivers.duckdb import ERRORS
from duff_orders.errors import DuffError, EngineError, QueryRefused
from duff_orders.lake.lake import open_lake
from duff_orders.query import formats
from duff_orders.query.duckdb import executed, prepared, reason
from duff_orders.query.values import told

#: Bytes of the largest answer.
LARGEST = 50 * 2**20


def main() -> None:
    """Answer one query."""
    if len(sys.argv) > 1:
        threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    line = sys.stdin.readline()
    if not line:
        return
    request = json.loads(line)
    limit = request["address_space"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    began = time.monotonic()
    try:
        outcome = run(request)
    except QueryRefused as error:
        cause = error.__cause__ or error.__context__
        kind = _kind(cause) if isinstance(cause, ERRORS) else "query-refused"
        outcome = {"problem": kind, "reason": _said(error, request)}
    except (MemoryError, EngineError) as error:
        outcome = {"problem": "query-limit", "reason": f"the query needs too much memory: {_said(error, request)}"}
    except DuffError as error:
        outcome = {"problem": "query-failed", "reason": _said(error, request)}
    print(json.dumps(outcome | {"seconds": time.monotonic() - began}), flush=True)


def _end_with(alive: int) -> None:
    """End this process at once when the other end of a pipe is closed, as the system does when a process is killed."""
    while os.read(alive, 1):
        pass
    os._exit(1)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Write the answer; what there is to tell of it."""
    lake = open_lake(job["lake"], memory=job["memory"], threads=1)
    most = job["max_rows"]
    with prepared(lake, job["sql"]) as (connection, query):
        kinds = [each.type for each in query.columns]
        names = formats.unique([each.name for each in query.columns])
        try:
            executed(connection, query)
            rows: list[list[Any]] = []
            size = 0
            while len(rows) <= most and (batch := connection.fetchmany(formats.BATCH)):
                taken = [[*map(told, row, kinds)] for row in batch]
                size += sum(len(value) if isinstance(value, str) else 8 for row in taken for value in row)
                if size > LARGEST:
                    raise EngineError(f"the answer is larger than {LARGEST} bytes")
                rows += taken
        except ERRORS as error:
            raise QueryRefused(f"the query cannot be answered: {reason(error)}") from error
    columns = [(name, kind.told) for name, kind in zip(names, kinds, strict=True)]
    Path(job["out"]).write_text(json.dumps({"columns": columns, "rows": rows[:most]}), encoding="utf-8")
    return {"rows": len(rows[:most]), "truncated": len(rows) > most}


def _kind(error: Exception) -> str:
    return "query-limit" if isinstance(error, duckdb.OutOfMemoryException) else "query-failed"


def _said(error: BaseException, job: dict[str, Any]) -> str:
    """What is said of an error outside: its first line, without the lake's path."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return first.replace(str(Path(job["lake"]).resolve()), "").replace(str(job["lake"]), "")[:1000]


if __name__ == "__main__":
    main()
