"""Errors over HTTP: each is a problem document (RFC 9457), of one of the types listed here."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from duff_orders.errors import Busy, DuffError, InputError, QueryRefused
from duff_orders.profiles.profile import ProfileError

log = logging.getLogger("duff_orders.api")

MEDIA_TYPE = "application/problem+json"
#: Status and title of each type.
TYPES: dict[str, tuple[int, str]] = {
    "invalid-parameter": (422, "A parameter is not valid"),
    "invalid-cursor": (400, "The cursor is not valid"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This method is not allowed here"),
    "not-acceptable": (406, "The answer does not come in this format"),
    "too-large": (413, "The body is too large"),
    "missing-key": (401, "A key is needed"),
    "wrong-key": (403, "The key is not known"),
    "forbidden": (403, "The key does not allow this"),
    "cross-site": (403, "Another site may not ask for this"),
    "misdirected": (421, "This server does not answer for this host"),
    "query-refused": (400, "The query is refused"),
    "query-failed": (422, "The query could not be answered"),
    "query-limit": (422, "The query takes more than it may"),
    "queries-off": (404, "Queries are switched off"),
    "bad-request": (400, "The request is not understood"),
    "unsupported-media-type": (415, "This media type is not understood"),
    "busy": (503, "Too much is asked at once"),
    "rate-limited": (429, "Too many requests"),
    "internal": (500, "Something failed here"),
}
_OF_STATUS = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 415: "unsupported-media-type"}
# Where FastAPI found what is wrong, as it is said in a document.
_PLACES = {"query": "query", "path": "path", "body": "body", "header": "header"}


class Problem(DuffError):
    """An answer that is an error: one of `TYPES`, what was found, and headers that belong to it."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.errors, self.headers = kind, list(errors), dict(headers or {})


def invalid(where: str, name: str, value: object, allowed: str) -> Problem:
    """A parameter with a value that is not allowed."""
    text = str(value)[:200]
    errors = [{"in": where, "name": name, "found": text, "allowed": allowed}]
    return Problem("invalid-parameter", f"{name}: {text!r} is not allowed; allowed: {allowed}", errors=errors)


def response(problem: Problem, path: str, request_id: str) -> Response:
    """The problem as an answer."""
    status, title = TYPES[problem.kind]
    document: dict[str, Any] = {
        "type": f"/problems/{problem.kind}",
        "title": title,
        "status": status,
        "detail": str(problem),
        "instance": path,
    }
    if problem.errors:
        document["errors"] = problem.errors
    document["request_id"] = request_id
    return JSONResponse(
        document, status, headers={"Cache-Control": "no-store", **problem.headers}, media_type=MEDIA_TYPE
    )


def answer(request: Request, error: Exception) -> Response:
    """The error as a problem document."""
    problem = problem_of(error)
    if problem.kind == "method-not-allowed":
        # Of all the routes of the path: Starlette names those of the first alone.
        routes = [route for route in request.app.routes if isinstance(route, Route)]
        methods = {
            method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()
        }
        problem.headers["Allow"] = ", ".join(sorted(methods))
    return response(problem, request.url.path, request.scope.get("request_id", ""))


def install(app: FastAPI, handler: Callable[[Request, Exception], Response] = answer) -> None:
    """Let every error of the application end as a problem, told by `handler`."""
    for kind in (Problem, RequestValidationError, HTTPException, DuffError, Exception):
        app.add_exception_handler(kind, handler)


def problem_of(error: Exception) -> Problem:
    """The problem that an error is; what nobody expected goes to the log."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _validation(error)
        case HTTPException() if isinstance(error.__cause__, Problem):  # raised while the body was read
            return error.__cause__
        case HTTPException():
            kind = _OF_STATUS.get(error.status_code, "internal")
            detail = "no such route; /v1/openapi.json lists them" if kind == "not-found" else str(error.detail)
            return Problem(kind, detail, headers=error.headers)
        case QueryRefused():
            return Problem("query-refused", str(error))
        case Busy():
            return Problem("busy", str(error), headers={"Retry-After": "1"})
        case ProfileError():
            return _profile(error)
        case InputError():
            return Problem("not-found", str(error))
    # What went wrong is for the log, not for the caller.
    log.error("%s: %s", type(error).__name__, error, exc_info=error)
    return Problem("internal", "the log has more under this request_id")


def _profile(error: ProfileError) -> Problem:
    errors = [
        {"in": "profile", "name": each.place, "found": each.found, "allowed": each.allowed} for each in error.faults
    ]
    return Problem("invalid-parameter", str(error.faults[0]), errors=errors)


def _validation(error: RequestValidationError) -> Problem:
    errors = [
        {
            "in": _PLACES.get(str(each["loc"][0]), "body"),
            "name": ".".join(map(str, each["loc"][1:])) or str(each["loc"][0]),
            "found": "" if each["type"] == "missing" else str(each.get("input"))[:200],
            "allowed": each["msg"],
        }
        for each in error.errors()
    ]
    first = errors[0]
    return Problem("invalid-parameter", f"{first['name']}: {first['found']!r}: {first['allowed']}", errors=errors)
