"""Whether the application answers, and how fresh the lake is."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from duff_orders.api import models
from duff_orders.api.parameters import Asked
from duff_orders.clock import format_time, utc_now

router = APIRouter(tags=["health"])


@router.get("/health", response_model=models.Health)
def get_health(request: Request, asked: Asked) -> Response:
    """Whether this answers, and when the newest verdict was written; needs no key, and asks no query."""
    newest = asked.newest()
    document = {
        "status": "ok",
        "newest_file": newest and format_time(newest),
        "newest_file_age_seconds": newest and max(0, int((utc_now() - newest).total_seconds())),
        "version": asked.version(),
    }
    return JSONResponse(document, headers={"Cache-Control": "no-store"})
