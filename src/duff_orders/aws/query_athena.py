"""`Query_Athena`: the HTTP API behind API Gateway: the application of `duff serve`, over Athena.

API Gateway knows who asks: it checks the key, counts the requests, and compresses the answers.
"""

import os
from dataclasses import dataclass
from typing import Any

import boto3
from mangum import Mangum
from starlette.types import ASGIApp, Receive, Scope, Send

from duff_orders.api.app import create_app, guarded
from duff_orders.aws.athena_backend import AthenaBackend, AthenaQueries
from duff_orders.lake.stores import open_store
from duff_orders.query.athena import Athena


@dataclass(frozen=True, slots=True)
class _Staged:
    """The application, which is told the path before its own: API Gateway's stage."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        event = scope["aws.event"]
        whole, path = str(event.get("requestContext", {}).get("path", "")), str(event.get("path", ""))
        if path and whole.endswith(path):
            scope["stage_path"] = whole.removesuffix(path)
        await self.app(scope, receive, send)


def _application() -> _Staged:
    athena = Athena(boto3.client("athena"), os.environ["WORKGROUP"], os.environ["DATABASE"])
    queries = AthenaQueries(athena) if os.environ.get("QUERIES") == "on" else None
    buckets = f"{os.environ['RAW_BUCKET']},{os.environ['PROCESSED_BUCKET']}"
    backend = AthenaBackend(athena, open_store(f"s3://{buckets}"), queries)
    return _Staged(guarded(create_app(backend), hosts=None))


# Whatever is none of these is handed over as base64.
_TEXT = ["text/", "application/json", "application/problem+json"]
_mangum = Mangum(_application(), lifespan="off", text_mime_types=_TEXT)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway (REST, proxy integration)."""
    return _mangum(event, context)
