"""Whether the application responds, and how fresh the lake is."""

from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from duff_orders.api import models
from duff_orders.api.parameters import BackendDependency
from duff_orders.clock import format_time, utc_now
from duff_orders.local.condition import Kind

_AMISS: dict[Kind, str] = {
    "watcher": "the watcher ended, and is started again",
    "file": "files that could not be processed, and are tried again: {number}",
    "star schema": "the star schema could not be brought up to date, and is tried again",
    "serving copy": "the copy that answers are taken from could not be brought up to date, and is tried again",
    "document": "documents that cannot be read, whose files are left out: {number}; `duff repair` mends them",
}

router = APIRouter(tags=["health"])


@router.get("/health", response_model=models.Health)
def get_health(request: Request, backend: BackendDependency) -> Response:
    """Whether this answers, and when the newest verdict was written; needs no key, asks no query, and names no file."""
    newest = backend.newest()
    amiss = [
        _AMISS[kind].format(number=number) for kind, number in Counter(each.kind for each in backend.amiss()).items()
    ]
    document = {
        "status": "degraded" if amiss else "ok",
        "amiss": amiss,
        "newest_file": newest and format_time(newest),
        "newest_file_age_seconds": newest and max(0, int((utc_now() - newest).total_seconds())),
        "version": backend.version(),
    }
    return JSONResponse(document, headers={"Cache-Control": "no-store"})
