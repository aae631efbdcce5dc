"""Files dropped on a page: streamed in, put where files arrive once complete, and followed by events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from duff_orders.api import limits
from duff_orders.api.problems import Problem
from duff_orders.console.page import backend, words
from duff_orders.console.progress import Progress
from duff_orders.console.source import Source
from duff_orders.errors import InputError
from duff_orders.lake import layout, partners
from duff_orders.room import room

T = TypeVar("T")
router = APIRouter(prefix="/console", include_in_schema=False)

#: Bytes of the longest name, and bytes a second that a file must come with.
LONGEST_NAME, SLOWEST_RATE = 200, 10_000
#: Seconds between two looks at the stages, and after which a sign of life is sent where nothing changed.
LOOK, SIGN = 0.5, 10.0


@router.put("/uploads/{name}")
async def put_upload(request: Request, name: str, replaces: str | None = None, partner: str | None = None) -> Response:
    """Take a file; its key where files land.

    `replaces` is an invalid or failed file whose place it takes, `partner` the profile under whose prefix it is put.
    """
    progress: Progress = request.app.state.progress
    t = words(request)
    if not _is_name(name):
        raise Problem(
            "invalid-parameter", t("upload_name", allowed=" / ".join(f"*{suffix}" for suffix in layout.SUFFIXES))
        )
    if replaces is not None and not await run_in_threadpool(_is_replaceable, backend(request), replaces):
        raise Problem("invalid-parameter", t("upload_replaces"))
    prefix = "" if partner is None else await run_in_threadpool(_prefix, backend(request), partner)
    if prefix is None:
        raise Problem("invalid-parameter", t("upload_partner", name=str(partner)[:80]))
    size = request.headers.get("content-length", "0")
    async with _in_thread(progress.landing.scratch()) as folder:  # it may have to wait for a lock
        most = room(folder)
        if not size.isdecimal() or int(size) > most:
            raise Problem("too-large", t("upload_large", size=t.size(most)))
        path = folder / name
        written, began = 0, time.monotonic()
        with path.open("wb") as target:
            parts = request.stream()
            while True:
                # as a whole, not by part: who sends a byte now and then has no more time than who sends none
                left = limits.SLOWEST + written / SLOWEST_RATE - (time.monotonic() - began)
                try:
                    part = await asyncio.wait_for(anext(parts), min(left, limits.SLOWEST))
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise Problem("bad-request", t("upload_slow", rate=t.size(SLOWEST_RATE))) from None
                written += len(part)
                if written > most:
                    raise Problem("too-large", t("upload_large", size=t.size(most)))
                await run_in_threadpool(target.write, part)
        try:
            key = await run_in_threadpool(progress.landing.put, path, replaces, prefix)
        except InputError as error:
            raise Problem("bad-request", t("upload_there", name=name, why=str(error))) from None
    progress.received(key)
    return JSONResponse({"key": key, "stage": t("stage_received")}, 202, headers={"Cache-Control": "no-store"})


@router.get("/events")
async def get_events(request: Request) -> Response:
    """Server-sent events: the stages of files on their way, whenever one has changed."""
    progress: Progress = request.app.state.progress
    t = words(request)
    stream = progress.streams.begin(request.scope.get("caller"))

    async def tell() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        last, silent = "", 0.0
        try:
            while progress.streams.goes_on(stream) and not await request.is_disconnected():
                if getattr(request.app.state, "ending", False):
                    return
                state = json.dumps(await run_in_threadpool(progress.stages, t), ensure_ascii=False)
                if state != last:
                    last, silent = state, 0.0
                    yield f"event: stages\ndata: {state}\n\n"
                elif silent >= SIGN:
                    silent = 0.0
                    yield ": still here\n\n"
                await asyncio.sleep(LOOK)
                silent += LOOK
        finally:
            progress.streams.end(stream)

    return StreamingResponse(tell(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@asynccontextmanager
async def _in_thread(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave what may wait, without keeping others waiting."""
    value = await run_in_threadpool(manager.__enter__)
    try:
        yield value
    finally:
        await run_in_threadpool(manager.__exit__, None, None, None)


def _is_replaceable(source: Source, file_id: str) -> bool:
    row = source.file(file_id)
    return row is not None and row.verdict in ("invalid", "failed")


def _prefix(source: Source, partner: str) -> str | None:
    """What the keys of a partner's files begin with; None where there is no such partner."""
    try:
        return partners.prefix_of(source.lake.store, partner)
    except InputError:
        return None


def _is_name(name: str) -> bool:
    plain = name.isprintable() and "/" not in name and "\\" not in name and Path(name).name == name
    return plain and layout.is_orders_file(name) and len(name.encode()) <= LONGEST_NAME
