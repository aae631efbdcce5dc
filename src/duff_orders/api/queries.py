"""SQL from outside: one read-only SELECT in Athena's dialect, answered immediately or later."""

import asyncio
import re
import time
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from duff_orders.api import backend, models, paging
from duff_orders.api.backend import Queries
from duff_orders.api.formats import Body, columns_told, respond
from duff_orders.api.parameters import FORMATS, AnyFormat, BackendDependency, Cursor
from duff_orders.api.problems import Problem, invalid

router = APIRouter(prefix="/queries", tags=["queries"])

QueryId = Annotated[str, Path(pattern="^q_[0-9a-f]{32}([0-9a-f]{4}([0-9a-f]{16})?)?$")]
#: Seconds for which an answer is waited: usually, and at most.
WAIT, LONGEST_WAIT = 3, 20
_FIRST, _LONGEST = 0.02, 0.5
_WAIT = re.compile(r"\s*wait=([0-9]{1,4})\s*")
_QUERY = {"description": "Succeeded in time"}, {"description": "Under way: ask again at `Location`"}


@router.post(
    "", response_model=models.QueryState, responses={200: _QUERY[0], 202: {"model": models.QueryState, **_QUERY[1]}}
)
async def submit_query(
    request: Request,
    backend: BackendDependency,
    wanted: models.QueryRequest,
    prefer: Annotated[str | None, Header(description="`wait=N`: seconds to wait for the answer, at most 20")] = None,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=128, description="the same key and query: the same id")
    ] = None,
) -> Response:
    """Ask a question in SQL. Within the time waited for its rows are in the answer; else ask again at `Location`."""
    queries, caller = _queries(backend), request.scope.get("caller")
    wait = WAIT
    if prefer is not None and (match := _WAIT.search(prefer)):
        wait = min(LONGEST_WAIT, int(match[1]))
    if "\0" in wanted.sql:
        raise invalid("body", "sql", wanted.sql, "text without NUL characters")
    submit = partial(queries.submit, wanted.sql, wanted.max_rows, caller=caller, token=idempotency_key)
    query_id = await run_in_threadpool(submit)
    deadline, pause = time.monotonic() + wait, _FIRST
    while True:  # without a thread: others need them
        state = await run_in_threadpool(_state, queries, query_id, caller)
        left = deadline - time.monotonic()
        if state.ended or left <= 0:
            break
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST)
    if state.ended:
        answer = await run_in_threadpool(_succeeded, queries, state, wanted.max_rows)
        return JSONResponse(answer, headers=_PRIVATE)
    place = f"{request.scope.get('stage_path', '')}/v1/queries/{query_id}"
    return JSONResponse(_told(state), 202, headers={**_PRIVATE, "Location": place, "Retry-After": "1"})


@router.get("/{query_id}", response_model=models.QueryState)
def get_query(request: Request, backend: BackendDependency, query_id: QueryId) -> Response:
    """The status of a query."""
    return JSONResponse(_told(_state(_queries(backend), query_id, request.scope.get("caller"))), headers=_PRIVATE)


@router.get("/{query_id}/result", response_model=models.QueryRows, responses={200: {"content": FORMATS}})
def get_result(
    request: Request,
    backend: BackendDependency,
    query_id: QueryId,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Cursor = None,
    format: AnyFormat = None,
) -> Response:
    """The rows of a query that has succeeded."""
    queries = _queries(backend)
    state = _state(queries, query_id, request.scope.get("caller"))
    if not state.ended:
        raise Problem("busy", f"the query is {state.state}; ask again", headers={"Retry-After": "1"})
    _check(state)
    after = paging.read(cursor, query_id, "row", (paging.integer,))
    start = after[0] if after else 0

    def make() -> Body:
        result = queries.result(query_id, start, limit)
        end = start + len(result.rows)
        following = paging.cursor(query_id, "row", [end]) if state.rows is not None and end < state.rows else None
        document = {"columns": columns_told(result.columns), "data": result.dictionaries(), "next_cursor": following}
        return Body(document, result.columns, result.rows, following)

    return respond(request, None, make, name=query_id)


@router.delete("/{query_id}", status_code=204)
def cancel_query(request: Request, backend: BackendDependency, query_id: QueryId) -> Response:
    """End a query; one that has ended stays as it is."""
    queries = _queries(backend)
    _state(queries, query_id, request.scope.get("caller"))
    queries.cancel(query_id)
    return Response(status_code=204)


_PRIVATE = {"Cache-Control": "private, no-store"}


def _queries(backend: BackendDependency) -> Queries:
    if backend.queries is None:
        raise Problem("queries-off", "whoever runs this server has not switched queries on")
    return backend.queries


def _state(queries: Queries, query_id: str, caller: str | None) -> backend.Query:
    state = queries.state(query_id, caller=caller)
    if state is None:
        raise Problem("not-found", f"no query {query_id}; what is done long ago is forgotten")
    return state


def _check(state: backend.Query) -> None:
    """Raises Problem where a query has no rows to give."""
    if state.state == "failed":
        raise Problem(state.problem, state.reason or "the query failed")
    if state.state == "cancelled":
        raise Problem("query-failed", "the query was cancelled")


def _succeeded(queries: Queries, state: backend.Query, max_rows: int) -> dict[str, Any]:
    _check(state)
    result = queries.result(state.id, 0, min(max_rows, 1000))
    rows = state.rows or 0
    following = paging.cursor(state.id, "row", [len(result.rows)]) if len(result.rows) < rows else None
    return {
        **_told(state),
        "columns": columns_told(result.columns),
        "data": result.dictionaries(),
        "next_cursor": following,
    }


def _told(state: backend.Query) -> dict[str, Any]:
    document: dict[str, Any] = {"id": state.id, "state": state.state}
    if state.state == "failed":
        document |= {"reason": state.reason, "problem": state.problem}
    if state.state == "succeeded":
        document |= {"rows": state.rows, "truncated": state.truncated}
        document |= {"bytes_scanned": state.bytes_scanned, "seconds": round(state.seconds, 3)}
    return document
