"""A page in the reader's language: what every page shows, and how it is rendered."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import available_timezones

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from duff_orders.console.source import Source
from duff_orders.console.texts import LANGUAGES, TEXTS, Words, chosen
from duff_orders.documents import ranges
from duff_orders.errors import DamagedObject
from duff_orders.lake import partners

templates = Environment(
    loader=PackageLoader("duff_orders.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.globals["ranges"] = ranges


def words(request: Request) -> Words:
    """What is said to this reader, with times where the browser says that it is."""
    zone = request.cookies.get("zone", "").replace("%2F", "/")
    language = chosen(request.cookies.get("lang"), request.headers.get("accept-language"))
    return Words(language, zone if zone in _zones() else "UTC")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def locale(request: Request) -> str:
    """The reader's locale: the language of the pages, with the region that the browser tells for it."""
    language = words(request).language
    for part in request.headers.get("accept-language", "").split(","):
        tag = part.strip().partition(";")[0]
        if tag.lower().startswith(f"{language}-") and len(tag) == len(language) + 3:
            return tag
    return language


async def form(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, as they were filled in; of several of one name the first."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def backend(request: Request) -> Source:
    """Where the data is."""
    source: Source = request.app.state.backend
    return source


def page(
    request: Request,
    template: str,
    here: str,
    shown: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    fresh: bool = True,
) -> Response:
    """The page of a template; `here` is the part of the console that it belongs to, "" for none.

    `fresh`: with how new the data is. The page `login` is shown to callers without a key, so it tells of no data.
    """
    t = words(request)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    text = templates.get_template(template).render(
        **shown or {},
        t=t,
        here=here,
        path=path,
        caller=request.scope.get("caller"),
        languages=[(code, TEXTS[code]["language"]) for code in LANGUAGES],
        **(_freshness(request, t) if fresh and here != "login" else {"fresh": [], "lag": "", "amiss": []}),
    )
    headers = {"Cache-Control": "no-store", "Content-Language": t.language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(text, status, headers=headers)


def partner_names(source: Source) -> list[str]:
    """The names of the profiles that are in force; none where they cannot be read."""
    try:
        return [each.name for each in partners.partners(source.lake.store).profiles]
    except DamagedObject:
        return []


def missing(request: Request) -> Response:
    """The page of what is not there."""
    return page(request, "problem.html", "", {"said": words(request)("not_found")}, status=404)


def _freshness(request: Request, t: Words) -> dict[str, Any]:
    """How much there is, how new the tables are, and whether they lag behind the ledger."""
    source = backend(request)
    rows = source.ledger.rows()
    watched = request.app.state.watched
    zone = t("zone", zone=t.zone)
    if not rows:
        return {"fresh": [t("fresh_none"), zone], "lag": "" if watched else t("unwatched"), "amiss": source.amiss()}
    snapshot = source.snapshot.current()
    build = t.moment(snapshot.ledger_read) if snapshot.ledger_read else t("tables_none")
    counts = t("fresh", files=len(rows), rows=sum(row.rows_read for row in rows))
    behind = sum(
        row.published and row.rows_published > 0 and snapshot.files.get(row.file_id) != row.revision for row in rows
    )
    lags = [t("behind", files=behind)] if behind else []
    if snapshot.build_id is not None and (lag := source.lag(snapshot.build_id)):
        lags.append(t(lag))
    if not watched:
        lags.append(t("unwatched"))
    fresh = [counts, t("tables_as_of", build=build), zone]
    return {"fresh": fresh, "lag": " ".join(lags), "amiss": source.amiss()}
