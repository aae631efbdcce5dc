"""Is everything in? What partners have promised, and what came."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from duff_orders.api import models
from duff_orders.api.formats import Body, respond
from duff_orders.api.parameters import BackendDependency, Day
from duff_orders.api.problems import invalid
from duff_orders.clock import utc_now
from duff_orders.profiles.calendar import FIRST_DAY, LAST_DAY

router = APIRouter(prefix="/calendar", tags=["partners"])

#: Days of an answer.
MOST_DAYS = 100
#: Days before `to` where an answer begins that was asked for none.
_FOUR_WEEKS = 27


@router.get("", response_model=models.Calendar)
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
    from duff_orders.local.expected import facts, promised

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
        lambda: Body(document | {"data": [*map(facts, promised(backend.lake, now, first, last))]}),
        formats=("json",),
    )
