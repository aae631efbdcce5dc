"""Where a key is required: a page that accepts it and gives the browser a session instead."""

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from duff_orders.api.keys import name_of
from duff_orders.api.sessions import COOKIE, SESSION, Sessions
from duff_orders.console.page import form, page, words

router = APIRouter(include_in_schema=False)

#: Seconds that a wrong key takes: whoever tries many has time to think.
SLOWED = 0.5


def inside(to: str) -> str:
    """A path of this server: what was asked for, or today's page where that leads elsewhere."""
    stays = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return quote(to, safe="/?&=%:+,;@!$'()*~-._") if stays else "/"


@router.get("/login")
def get_login(request: Request, to: str = "/") -> Response:
    """The page that asks for a key, where one is needed."""
    if not request.scope["keys"]:
        return RedirectResponse("/", 303)
    return page(request, "login.html", "login", {"to": inside(to), "said": ""})


@router.post("/login")
async def post_login(request: Request) -> Response:
    """Take a key: a session in its place, or the page again."""
    fields = await form(request)
    to = inside(fields.get("to", "/"))
    sessions: Sessions = request.scope["sessions"]
    caller = name_of(fields.get("key", ""), request.scope["keys"])
    if caller is None:
        await asyncio.sleep(SLOWED)
        return page(request, "login.html", "login", {"to": to, "said": words(request)("wrong_key")}, status=403)
    answer = RedirectResponse(to, 303)
    secure = request.url.scheme == "https"
    token = sessions.begin(caller)
    answer.set_cookie(COOKIE, token, max_age=SESSION, httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/logout")
def post_logout(request: Request) -> Response:
    """End the session."""
    sessions: Sessions = request.scope["sessions"]
    sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
