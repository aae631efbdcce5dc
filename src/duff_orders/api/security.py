"""Who may ask: host, site, key; how much a body may be; what each answer says to a browser. Pure ASGI."""

import asyncio
import hashlib
import hmac
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

from duff_orders.api.places import Places
from duff_orders.api.problems import Problem, response
from duff_orders.api.sessions import COOKIE, Sessions
from duff_orders.errors import SettingsError

#: Where files are sent to.
UPLOADS = "/console/uploads/"
#: Bytes of a body, which is a query.
LARGEST_BODY = 256 * 1024 + 4096
#: Seconds within which a connection must ask something, the head of a request and a whole body must come, and each part
#: of an answer be taken.
SLOWEST = 10.0
#: Where streams of events are read.
STREAMS = "/console/events"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Without a key: what a load balancer asks, and what names no data.
_OPEN = re.compile(r"/v1/(health|openapi\.json)|/docs(/.*)?|/problems/[a-z-]+")
# The console's own, that lead to its pages and name no data either.
_DOOR = re.compile(r"/login|/logout|/static/[a-z0-9.-]+|/lang/[a-z]+")
_NAMED_KEY = re.compile(r"([A-Za-z0-9_.-]{1,40}):([0-9a-f]{64})")
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


def parse_keys(text: str) -> dict[str, str]:
    """The keys of a setting `name:sha256,...`: the SHA-256 (hex) of each, by name. Raises SettingsError."""
    keys = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        found = _NAMED_KEY.fullmatch(each)
        if found is None:
            raise SettingsError(
                "api_keys: allowed is NAME:SHA256 (64 hexadecimal digits of the key's hash), more of them after a "
                "comma; `printf %s KEY | sha256sum` makes one"
            )
        keys[found[1]] = found[2]
    return keys


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
    pages: bool = False
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
        told: dict[str, Any] = {"status": 500, "bytes": 0}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = scope["request_id"]
            elif message["type"] == "http.response.body":
                told["bytes"] += len(message.get("body", b""))
            try:
                await asyncio.wait_for(send(message), SLOWEST)
            except TimeoutError:
                raise OSError("the answer is not taken") from None  # as where the caller has gone

        try:
            problem = self._refusal(scope)
            if problem is not None and problem.kind == "missing-key" and self._is_page(scope):
                to = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
                await RedirectResponse(f"/login?to={quote(to, safe='')}", 303)(scope, receive, tell)
            elif problem is not None:
                await response(problem, scope["path"], scope["request_id"])(scope, receive, tell)
            elif scope["path"] == STREAMS:  # which hold no place, and are limited by themselves
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
                **told,
                "seconds": round(time.monotonic() - began, 4),
                "caller": scope.get("caller"),
                "request_id": scope["request_id"],
            }
            access.info("%s", json.dumps(line))

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        if self.hosts is None:
            scope["caller"] = _gateway_key(scope)
            return _too_large(headers)
        if self.hosts and _host(headers.get("host", "")) not in self.hosts:
            return Problem("misdirected", f"this server is called {', '.join(sorted(self.hosts))}")
        if scope["method"] not in _SAFE:
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            own = {f"http://{headers.get('host')}", f"https://{headers.get('host')}"}
            if site == "same-origin":
                own.add("null")  # as a form says it that is sent under the policy `no-referrer`
            if site not in (None, "same-origin", "none") or origin not in (None, *own):
                return Problem("cross-site", "only a page of this server may ask for a change")
        return self._wrong_key(scope, headers) or (None if _is_upload(scope) else _too_large(headers))

    def _is_page(self, scope: Scope) -> bool:
        """Whether a reader of pages asks."""
        return self.pages and scope["method"] in _SAFE and reads_pages(Headers(scope=scope))

    def _wrong_key(self, scope: Scope, headers: Headers) -> Problem | None:
        scope["caller"] = caller = None
        if not self.keys:
            return None
        given = headers.get("x-api-key")
        if given is not None:
            scope["caller"] = caller = name_of(given, self.keys)
        elif self.pages:
            token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
            scope["caller"] = caller = self.sessions.caller(token)
        is_open = _OPEN.fullmatch(scope["path"]) or (self.pages and _DOOR.fullmatch(scope["path"]))
        if caller is not None or is_open:
            return None
        if given is None:
            return Problem(
                "missing-key", "the header X-API-Key is to hold a key", headers={"WWW-Authenticate": "ApiKey"}
            )
        return Problem("wrong-key", "the key in X-API-Key is not known here")


def name_of(key: str, keys: Mapping[str, str]) -> str | None:
    """The name of a key; None for one that is not among the `keys`."""
    digest = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
    # All are compared, so that the time tells nothing.
    found = [name for name, known in keys.items() if hmac.compare_digest(digest, known)]
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """Counts a body while it is read, as one sent in chunks tells no length, and waits only so long for all of it."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the body on until it is too large."""
        if scope["type"] != "http" or _is_upload(scope):
            await self.app(scope, receive, send)
            return
        read, is_whole, until = 0, False, time.monotonic() + SLOWEST

        async def counted() -> Message:
            nonlocal read, is_whole
            if is_whole:
                return await receive()  # what follows is that the caller leaves, however late
            try:
                message = await asyncio.wait_for(receive(), until - time.monotonic())
            except TimeoutError:
                raise Problem("bad-request", f"the body did not come within {SLOWEST:g} s") from None
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise Problem("too-large", f"allowed are {LARGEST_BODY} bytes")
            is_whole = not message.get("more_body", False)
            return message

        await self.app(scope, counted, send)


def _is_upload(scope: Scope) -> bool:
    """Whether the body is a file, which the console limits by itself."""
    return bool(scope["method"] == "PUT" and scope["path"].startswith(UPLOADS))


def _too_large(headers: Headers) -> Problem | None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return Problem("too-large", f"allowed are {LARGEST_BODY} bytes")
    return None


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
    found = identity.get("apiKeyId")
    return str(found) if found else None
