"""Access control: host, site, key; and the security headers of each response. Pure ASGI."""

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duff_orders.api import limits
from duff_orders.api.keys import name_of
from duff_orders.api.places import Places
from duff_orders.api.problems import Problem, response
from duff_orders.api.sessions import COOKIE, Sessions

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Without a key: what a load balancer asks, and what names no data.
_OPEN = re.compile(r"/v1/(health|openapi\.json)|/docs(/.*)?|/problems/[a-z-]+")
_SAFE = frozenset({"GET", "HEAD"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
access = logging.getLogger("duff_orders.access")


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePaths:
    """What pages within the application say of their own paths.

    `door` are those that need no key and name no data, at `login` a session begins. Bodies below `uploads` are files,
    which the pages limit; whoever reads `streams` holds no place.
    """

    door: re.Pattern[str]
    login: str
    uploads: str
    streams: str


@dataclass(frozen=True, slots=True)
class Guard:
    """The application `app`, for those who may ask.

    `hosts` are the names by which this server is called, none where every name will do (keys keep strangers out, then);
    None where something in front of it checks them and the key, as API Gateway does. `keys` are SHA-256 (hex) by name;
    without any, none is asked for. With `pages` a session will do in a key's place, and who has none is led to where
    one begins.
    """

    app: ASGIApp
    hosts: frozenset[str] | None = LOOPBACK
    keys: Mapping[str, str] = field(default_factory=dict)
    pages: PagePaths | None = None
    places: Places = field(default_factory=Places)
    sessions: Sessions = field(default_factory=Sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        gateway = scope.get("aws.context")
        scope["request_id"] = getattr(gateway, "aws_request_id", None) or uuid.uuid4().hex
        scope["keys"], scope["sessions"] = self.keys, self.sessions
        sent: dict[str, Any] = {"status": 500, "bytes": 0}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = scope["request_id"]
            elif message["type"] == "http.response.body":
                sent["bytes"] += len(message.get("body", b""))
            try:
                await asyncio.wait_for(send(message), limits.SLOWEST)
            except TimeoutError:
                raise OSError("the answer is not taken") from None  # as where the caller has gone

        try:
            problem = self._refusal(scope)
            if problem is not None and problem.kind == "missing-key" and self.pages and _reads(scope):
                to = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
                await RedirectResponse(f"{self.pages.login}?to={quote(to, safe='')}", 303)(scope, receive, tell)
            elif problem is not None:
                await response(problem, scope["path"], scope["request_id"])(scope, receive, tell)
            # streams hold no place, and are limited by themselves
            elif self.pages and scope["path"] == self.pages.streams:
                await self.app(scope, receive, tell)
            else:
                known = not self.keys or scope.get("caller") is not None
                with self.places.taken(scope.get("caller"), known=known, body=scope["method"] not in _SAFE):
                    await self.app(scope, receive, tell)
        except Problem as problem:  # there is no place; those of the application it answers itself
            await response(problem, scope["path"], scope["request_id"])(scope, receive, tell)
        finally:
            line = {
                "method": scope["method"],
                "path": scope["path"],
                **sent,
                "seconds": round(time.monotonic() - began, 4),
                "caller": scope.get("caller"),
                "request_id": scope["request_id"],
            }
            access.info("%s", json.dumps(line))

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        if self.hosts is None:
            scope["caller"] = _gateway_key(scope)
            return limits.too_large(headers)
        if self.hosts and _host(headers.get("host", "")) not in self.hosts:
            return Problem("misdirected", f"this server is called {', '.join(sorted(self.hosts))}")
        if scope["method"] not in _SAFE:
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            own = {f"http://{headers.get('host')}", f"https://{headers.get('host')}"}
            if site == "same-origin":
                own.add("null")  # as a form says it that is sent under the policy `no-referrer`
            if site not in (None, "same-origin", "none") or origin not in (None, *own):
                return Problem("cross-site", "only a page of this server may ask for a change")
        uploads = self.pages.uploads if self.pages else ""
        return self._wrong_key(scope, headers) or (
            None if limits.is_upload(scope, uploads) else limits.too_large(headers)
        )

    def _wrong_key(self, scope: Scope, headers: Headers) -> Problem | None:
        scope["caller"] = caller = None
        if not self.keys:
            return None
        key = headers.get("x-api-key")
        if key is not None:
            scope["caller"] = caller = name_of(key, self.keys)
        elif self.pages:
            token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
            scope["caller"] = caller = self.sessions.caller(token)
        is_open = _OPEN.fullmatch(scope["path"]) or (self.pages and self.pages.door.fullmatch(scope["path"]))
        if caller is not None or is_open:
            return None
        if key is None:
            return Problem(
                "missing-key", "the header X-API-Key is to hold a key", headers={"WWW-Authenticate": "ApiKey"}
            )
        return Problem("wrong-key", "the key in X-API-Key is not known here")


def _reads(scope: Scope) -> bool:
    """Whether a reader of pages asks, and for nothing but a look."""
    return scope["method"] in _SAFE and reads_pages(Headers(scope=scope))


def reads_pages(headers: Headers) -> bool:
    """Whether a page will do as an answer: a browser asks, or who reads as one does."""
    return "text/html" in headers.get("accept", "")


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def _gateway_key(scope: Scope) -> str | None:
    """The id of the key that API Gateway found good."""
    identity = scope.get("aws.event", {}).get("requestContext", {}).get("identity", {})
    key_id = identity.get("apiKeyId")
    return str(key_id) if key_id else None
