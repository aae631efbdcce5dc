"""What one request may use: bytes, and time. Pure ASGI."""

import asyncio
import time
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duff_orders.api.problems import Problem

#: Bytes of a body, which is a query.
LARGEST_BODY = 256 * 1024 + 4096
#: Seconds within which a connection must ask something, the head of a request and a whole body must come, and each part
#: of an answer be taken.
SLOWEST = 10.0


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """Counts a body while it is read, as one sent in chunks tells no length, and waits only so long for all of it.

    A body that is put below `uploads` is a file, which whoever takes it limits.
    """

    app: ASGIApp
    uploads: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the body on until it is too large."""
        if scope["type"] != "http" or is_upload(scope, self.uploads):
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


def is_upload(scope: Scope, uploads: str) -> bool:
    """Whether the body is a file."""
    return bool(uploads and scope["method"] == "PUT" and scope["path"].startswith(uploads))


def too_large(headers: Headers) -> Problem | None:
    """The refusal of a body that is said to be too large."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return Problem("too-large", f"allowed are {LARGEST_BODY} bytes")
    return None
