"""The application: routes over a backend. It runs on a laptop (`duff serve`) and behind API Gateway alike."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from duff_orders.api import docs_page, files, health, orders, partners, problems, profiles, queries, reports
from duff_orders.api.backend import Backend
from duff_orders.api.formats import Kept
from duff_orders.api.limits import BodyLimit
from duff_orders.api.models import ProblemDocument
from duff_orders.api.problems import Problem
from duff_orders.api.security import LOOPBACK, Guard

ABOUT = """Orders that came as CSV files: lines and orders, reports, the ledger of files, their rejected rows, SQL.

Decimals are text with the stored digits, times ISO 8601 in UTC, ids integers of up to 18 digits (more than JavaScript's
numbers hold exactly). Every error is a problem document (RFC 9457). Lists have cursors: take `next_cursor`, or the
header `Link`, as it is. A line whose `pa_date` moves between two pages may be seen twice, or not at all."""


def create_app(backend: Backend, rights: profiles.Rights | None = None) -> FastAPI:
    """The application without its guards: for `guarded`, and for the documents. Without `rights` nobody may change."""
    app = FastAPI(
        title="duff-orders",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(_only_known_parameters)],
        redirect_slashes=False,
    )
    app.state.backend = backend
    app.state.rights = rights
    app.state.kept = Kept()
    app.state.pages = None  # until the console is installed
    routers = (
        orders.router,
        reports.router,
        files.router,
        profiles.of_files,
        profiles.router,
        partners.router,
        queries.router,
    )
    for router in (*routers, health.router):
        app.include_router(router, prefix="/v1", responses=_ERRORS)
    app.include_router(docs_page.router)
    app.get("/v1/openapi.json", include_in_schema=False)(_openapi)
    app.get("/problems/{kind}", include_in_schema=False)(_about_problem)
    problems.install(app)
    return app


def guarded(app: FastAPI, *, hosts: frozenset[str] | None = LOOPBACK, keys: Mapping[str, str] | None = None) -> ASGIApp:
    """The application as it may be served: for `hosts`, to holders of one of the `keys`; see `security.Guard`."""
    if hosts is not None:  # API Gateway compresses by itself
        app.add_middleware(GZipMiddleware, minimum_size=1000)
    pages = app.state.pages
    app.add_middleware(BodyLimit, uploads=pages.uploads if pages else "")
    return Guard(app, hosts, keys or {}, pages=pages)


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document. Every error is a problem, so FastAPI's own forms of them have no place in it."""
    openapi = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = openapi["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    openapi["components"]["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
    openapi["security"] = [{"key": []}]
    for path, methods in openapi["paths"].items():
        for operation in methods.values():
            # what a route does in a sentence, not its function's name
            operation["summary"] = operation["description"].partition("\n")[0].partition(". ")[0].removesuffix(".")
            if path == "/v1/health":
                operation["security"] = []
            for status, answer in operation["responses"].items():
                if not status.startswith("2") and status != "304":
                    answer["content"] = {
                        problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
                    }
    return openapi


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDocument, "description": "; ".join(title for code, title in known if code == status)}
    for known in [list(problems.TYPES.values())]
    for status in sorted({code for code, _ in known})
}


async def _only_known_parameters(request: Request) -> None:
    """Refuse a query parameter that the route does not have: a typing error must not widen an answer."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    known = [each.alias for each in route.dependant.query_params]
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise problems.invalid("query", name[:80], value, f"the parameters {', '.join(known) or '(none)'}")
        if len(request.query_params.getlist(name)) > 1:
            raise problems.invalid("query", name, value, "given once")


def _openapi(request: Request) -> Response:
    """The OpenAPI document."""
    app = request.app
    if getattr(app.state, "document", None) is None:
        app.state.document = JSONResponse(document(app)).body  # once: who has no key may ask for it, too
    return Response(app.state.document, media_type="application/json")


def _about_problem(kind: str) -> Response:
    """What a type of problem means."""
    if not re.fullmatch(r"[a-z-]{1,40}", kind) or kind not in problems.TYPES:
        raise Problem("not-found", "no such type of problem")
    status, title = problems.TYPES[kind]
    return PlainTextResponse(f"{title} (status {status}).\n")
