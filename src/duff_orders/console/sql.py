"""SQL: the tables and what their columns mean, kept questions, and an editor; the script beside it runs the query."""

from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from duff_orders.api.profiles import may_change
from duff_orders.console.mapping import rights_of
from duff_orders.console.page import backend, form, page
from duff_orders.contract import TABLES
from duff_orders.errors import InputError, QueryRefused
from duff_orders.query import reports
from duff_orders.query.kept import LONGEST, LONGEST_TITLE, forget, keep, kept

router = APIRouter(include_in_schema=False)

#: Rows of an answer that are kept, and that the page shows.
MOST_ROWS, SHOWN = 10_000, 200
_FIRST = "select * from fact_orders limit 10"


@router.get("/sql")
def get_sql(request: Request, example: str = "", q: str = "") -> Response:
    """A place to ask in SQL; `q` is the question, `example` the name of one that is ready."""
    return _page_of(request, example, q[:LONGEST])


@router.post("/sql/keep")
async def post_keep(request: Request) -> Response:
    """Keep a question under a name, or keep it no more."""
    fields = {name: value.strip() for name, value in (await form(request)).items()}
    return await run_in_threadpool(_keep, request, fields)


def _keep(request: Request, fields: Mapping[str, str]) -> Response:
    rights_of(request)
    store, name, sql = backend(request).lake.store, fields.get("name", ""), fields.get("sql", "")
    try:
        if fields.get("forget"):
            forget(store, name)
            return RedirectResponse("/sql", 303)
        keep(store, name, fields.get("title", ""), sql)
    except (InputError, QueryRefused) as error:
        return _page_of(request, "", sql[:LONGEST], wrong=str(error), fields=fields)
    return RedirectResponse(f"/sql?example={quote(name)}", 303)


def _page_of(
    request: Request, example: str, sql: str, *, wrong: str = "", fields: Mapping[str, str] | None = None
) -> Response:
    source = backend(request)
    examples = [each for each in map(reports.report, reports.names()) if each.page == "sql"]
    own = kept(source.lake.store, lambda _: None)
    chosen = next((each for each in (*examples, *own.values()) if each.name == example), None)
    shown = {
        "on": source.queries is not None,
        "tables": list(TABLES.values()),
        "examples": examples,
        "kept": list(own.values()),
        "chosen": example if chosen else "",
        "sql": sql or (chosen.text().strip() if chosen else _FIRST),
        "most_rows": MOST_ROWS,
        "shown": SHOWN,
        "may": may_change(request),
        "wrong": wrong,
        "fields": fields or {},
        "longest": LONGEST,
        "longest_title": LONGEST_TITLE,
    }
    return page(request, "sql.html", "sql", shown, status=422 if wrong else 200)
