"""`/docs`: read and try the API in a browser, with Swagger UI 5.35.0 (Apache-2.0): offline, no inline script."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from duff_orders.api.problems import Problem
from duff_orders.api.security import HEADERS

#: Left out of the functions' bundles: there nothing is shown.
FOLDER = Path(__file__).parent / "swagger_ui"
_TYPES = {
    "swagger-ui.css": "text/css",
    "frame.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
# Swagger UI draws its icons from data: addresses; no other page may.
_POLICY = HEADERS["Content-Security-Policy"].replace("img-src 'self'", "img-src 'self' data:")

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def get_page() -> Response:
    """The page."""
    return _file("index.html", "text/html")


@router.get("/docs/{name}")
def get_asset(name: str) -> Response:
    """What the page loads."""
    if name not in _TYPES:
        raise Problem("not-found", "there is no such file")
    return _file(name, _TYPES[name])


def _file(name: str, kind: str) -> Response:
    if not FOLDER.is_dir():
        raise Problem("not-found", "there is no page here; /v1/openapi.json is the document")
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "private, max-age=3600"}
    return FileResponse(FOLDER / name, media_type=kind, headers=headers)
