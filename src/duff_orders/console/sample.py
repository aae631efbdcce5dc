"""The sample that an empty lake is offered: a few files, one of them wrong on purpose."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from duff_orders.console.page import missing
from duff_orders.console.progress import Progress

router = APIRouter(include_in_schema=False)

#: Within the package as it is installed, and beside its sources.
_PLACES = (Path(__file__).parents[1] / "samples", Path(__file__).parents[3] / "samples")


def sample() -> int:
    """How many files the sample has; 0 where it is not there."""
    return len(_files())


@cache
def _files() -> list[Path]:
    return next((files for place in _PLACES if (files := sorted(place.glob("*.csv")))), [])


@router.post("/console/sample")
def post_sample(request: Request) -> Response:
    """Put the files of the sample where partners' files land."""
    progress: Progress = request.app.state.progress
    files = _files()
    if not files:
        return missing(request)
    for path in files:
        with progress.landing.scratch() as folder:
            copy = folder / path.name
            copy.write_bytes(path.read_bytes())
            progress.received(progress.landing.put(copy))
    return RedirectResponse("/files", 303)
