"""What somebody says of a day: that no file was expected, or that what came is right; it can be taken back."""

from collections.abc import Mapping
from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from duff_orders.clock import utc_now
from duff_orders.console.page import backend, form, missing, page, words
from duff_orders.console.partners import found
from duff_orders.documents import Said
from duff_orders.errors import InputError
from duff_orders.lake.given_up import LONGEST_WHY
from duff_orders.partners.days import PartnerDays
from duff_orders.partners.settled import settle

router = APIRouter(include_in_schema=False)

#: Days of which something may be said at once.
MOST_DAYS = 366


@router.get("/partners/{name}/settle")
def get_settle(request: Request, name: str, what: str, day: date, to: date | None = None) -> Response:
    """What is about to be said of a day, and why; or to be taken back."""
    of = found(backend(request), name, utc_now())
    if of is None or what not in ("not_expected", "right"):
        return missing(request)
    return _settle_page(request, of, "right" if what == "right" else "not_expected", day, to or day)


@router.post("/partners/{name}/settle")
async def post_settle(request: Request, name: str) -> Response:
    """Say it, or take it back."""
    fields = {key: value.strip() for key, value in (await form(request)).items()}
    return await run_in_threadpool(_settle, request, name, fields)


def _settle(request: Request, name: str, fields: Mapping[str, str]) -> Response:
    source = backend(request)
    of = found(source, name, utc_now())
    what: Said = "right" if fields.get("what") == "right" else "not_expected"
    try:
        first, last = date.fromisoformat(fields["day"]), date.fromisoformat(fields.get("to") or fields["day"])
    except (KeyError, ValueError):
        return missing(request)
    days = [first + timedelta(days=number) for number in range(min((last - first).days, MOST_DAYS) + 1)]
    if of is None or not days:
        return missing(request)
    if what == "right":  # of the days between those alone that files are expected on
        days = [day for day in days if of.on(day)] or days[:1]
    undo = bool(fields.get("undo"))
    try:
        settle(source.lake.store, name, days, what, fields.get("why", ""), by=request.scope.get("caller"), undo=undo)
    except InputError:
        wrong = words(request)("settle_needs_why", most=LONGEST_WHY)
        return _settle_page(request, of, what, first, last, wrong=wrong)
    source.ledger.look_again()
    return RedirectResponse(f"/partners/{name}?day={last}#day", 303)


def _settle_page(
    request: Request, of: PartnerDays, what: Said, first: date, last: date, *, wrong: str = ""
) -> Response:
    t, source = words(request), backend(request)
    said = source.settled().get((of.name, first))
    held = said.holds(what) if said else None
    day = t.long_day(first) if first == last else f"{t.long_day(first)} – {t.long_day(last)}"
    shown = {
        "of": of,
        "what": what,
        "title": t(f"settle_{what}", name=of.name, day=day),
        "held": held,
        "first": first,
        "last": last,
        "wrong": wrong,
        "most": LONGEST_WHY,
    }
    return page(request, "settle.html", "partners", shown, status=422 if wrong else 200)
