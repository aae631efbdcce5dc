"""The console within the application: its routes, its files, its errors as pages, and the reader's language."""

import contextlib
import re
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from duff_orders.api import problems
from duff_orders.api.problems import Problem
from duff_orders.api.security import PagePaths, reads_pages
from duff_orders.console import (
    correcting,
    feedback,
    file_list,
    files,
    login,
    mapping,
    orders,
    partners,
    proof,
    sales,
    sample,
    settling,
    sql,
    today,
    uploads,
)
from duff_orders.console.page import page, words
from duff_orders.console.progress import Progress
from duff_orders.console.source import Landing, Source
from duff_orders.console.texts import LANGUAGES

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parent / "static"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
PATHS = PagePaths(
    door=re.compile(r"/login|/logout|/static/[a-z0-9.-]+|/lang/[a-z]+"),
    login="/login",
    uploads="/console/uploads/",
    streams="/console/events",
)
#: What programs ask for: their errors are documents.
_FOR_PROGRAMS = ("/v1/", "/problems/", "/docs", "/console/", "/static/")


def install(app: FastAPI, source: Source, landing: Landing, *, watched: bool = True) -> Progress:
    """Give the application its pages; what is told how far files are.

    `watched` says whether files that land are processed.
    """
    progress = Progress(source, landing)
    app.state.pages = PATHS
    app.state.progress, app.state.watched, app.state.figures = progress, watched, {}
    pages = (
        today.router,
        partners.router,
        feedback.router,
        settling.router,
        proof.router,
        sales.router,
        sample.router,
        correcting.router,
        file_list.router,
        files.router,
        mapping.router,
        orders.router,
        sql.router,
        uploads.router,
        login.router,
    )
    for each in (router, *pages):
        app.include_router(each)
    problems.install(app, _answer)
    return progress


@router.get("/static/{name}")
def get_static(name: str) -> Response:
    """Style, scripts and the icon."""
    path = STATIC / name
    if name not in {each.name for each in STATIC.iterdir()}:
        raise Problem("not-found", "there is no such file")
    kind = _TYPES[path.suffix.removeprefix(".")]
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "private, max-age=60"})


@router.get("/lang/{code}")
def get_language(code: str, to: str = "/") -> Response:
    """Choose a language, and go back to where it was chosen."""
    if code not in LANGUAGES:
        raise Problem("not-found", "there is no such language")
    answer = RedirectResponse(login.inside(to), 303)
    answer.set_cookie("lang", code, max_age=31_536_000, httponly=True, samesite="lax")
    return answer


def _answer(request: Request, error: Exception) -> Response:
    """The error as a page for browsers; otherwise as a document."""
    if not reads_pages(request.headers) or request.url.path.startswith(_FOR_PROGRAMS):
        return problems.answer(request, error)
    problem = problems.problem_of(error)
    status, _ = problems.TYPES[problem.kind]
    t = words(request)
    known = {
        "not-found": "not_found",
        "method-not-allowed": "not_found",
        "busy": "said_busy",
        "internal": "said_failure",
    }
    said = t(known.get(problem.kind, "said_refused"))
    shown = {"said": said, "detail": "" if problem.kind in known else str(problem)}
    if problem.kind != "internal":
        with contextlib.suppress(Exception):  # what stands on every page may fail, too
            return page(request, "problem.html", "", shown, status=status)
    return page(request, "problem.html", "", shown, status=status, fresh=False)
