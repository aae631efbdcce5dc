"""Is everything in? What partners have promised, what came, and what is open of it."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from duff_orders.api import models
from duff_orders.api.formats import Body, respond
from duff_orders.api.parameters import BackendDependency, Day, ProfileName
from duff_orders.api.problems import Problem, invalid
from duff_orders.clock import utc_now
from duff_orders.partners.calendar import facts, promised
from duff_orders.partners.facts import day_facts, partner_facts
from duff_orders.partners.proof import facts as proof_facts
from duff_orders.partners.proof import proof
from duff_orders.partners.slots import FIRST_DAY, LAST_DAY

router = APIRouter(tags=["partners"])

#: Days of an answer.
MOST_DAYS = 100
#: Days before `to` where an answer begins that was asked for none.
_FOUR_WEEKS = 27


@router.get("/calendar", response_model=models.Calendar)
def get_calendar(
    request: Request,
    backend: BackendDependency,
    from_: Annotated[Day | None, Query(alias="from", description="the first day; else 27 before the last")] = None,
    to: Annotated[Day | None, Query(description="the last day; else today (UTC)")] = None,
) -> Response:
    """Whether everything is in: for each partner that has promised files the days on which some are expected.

    Days are those of the partner's time zone. States are told from the ledger alone: `due`, `on_time`, `late`,
    `missing` while files may still come, `missed` once the next day's were due.
    """
    now = utc_now()
    for name, day in (("from", from_), ("to", to)):
        if day and not FIRST_DAY <= day <= LAST_DAY:
            raise invalid("query", name, day, f"a day from {FIRST_DAY} to {LAST_DAY}")
    last: date = to or now.date()
    first: date = from_ or max(FIRST_DAY, last - timedelta(days=_FOUR_WEEKS))
    if not 0 <= (last - first).days < MOST_DAYS:
        raise invalid("query", "from", first, f"a day that is not after `to`, {last}, and less than {MOST_DAYS} before")
    document = {"from": first.isoformat(), "to": last.isoformat()}
    return respond(
        request,
        None,
        lambda: Body(
            document
            | {"data": [*map(facts, promised(backend.lake.store, backend.came, backend.settled(), now, first, last))]}
        ),
        formats=("json",),
    )


@router.get("/partners", response_model=models.Partners)
def list_partners(request: Request, backend: BackendDependency) -> Response:
    """All partners, each with what it has promised, how the last four weeks went, and what is open of its files."""
    now = utc_now()
    standings = backend.standings()
    told = [partner_facts(each, standings, now) for each in backend.partner_days(now)]
    return respond(request, None, lambda: Body({"data": told}), formats=("json",))


@router.get("/partners/{partner}", response_model=models.PartnerDocument)
def get_partner(request: Request, backend: BackendDependency, partner: ProfileName) -> Response:
    """One partner, with its expected days of the last four weeks, oldest first, and the bounds of what is unusual."""
    now = utc_now()
    found = next((each for each in backend.partner_days(now) if each.name == partner), None)
    if found is None:
        raise Problem("not-found", f"no partner has a profile {partner}")
    document: dict[str, Any] = partner_facts(found, backend.standings(), now)
    days = [*map(day_facts, found.between(now.date() - timedelta(days=_FOUR_WEEKS), now.date() + timedelta(days=1)))]
    return respond(request, None, lambda: Body(document | {"days": days}), formats=("json",))


@router.get("/proofs/{day}", response_model=models.DayProof)
def get_proof(request: Request, backend: BackendDependency, day: Day) -> Response:
    """The proof of a day: each file that was expected or came, its hash, what became of its rows, and whether it holds.

    A file stands on one day: that of the partner's calendar for which it came, else that of its event. `digest` is that
    of all but `made`: two answers with the same one say the same.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise invalid("path", "day", day, f"a day from {FIRST_DAY} to {LAST_DAY}")
    now = utc_now()
    rows = backend.came(day - timedelta(days=1), day + timedelta(days=1))
    found = proof(backend.lake.store, rows, backend.standings(), backend.partner_days(now), day)
    return respond(request, None, lambda: Body(proof_facts(found, now)), formats=("json",))
