"""SQL: the tables and what their columns mean, examples, and an editor; the script beside it runs the query."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.console.page import backend, page
from duff_orders.contract import TABLES
from duff_orders.query import reports

router = APIRouter(include_in_schema=False)

#: Rows of an answer that are kept, and that the page shows.
MOST_ROWS, SHOWN = 10_000, 200
_FIRST = "select * from fact_orders limit 10"


@router.get("/sql")
def get_sql(request: Request, example: str = "") -> Response:
    """A place to ask in SQL, with the reports that say they stand here as examples."""
    examples = [each for each in map(reports.report, reports.names()) if each.page == "sql"]
    chosen = next((each for each in examples if each.name == example), None)
    shown = {
        "on": backend(request).queries is not None,
        "tables": list(TABLES.values()),
        "examples": examples,
        "sql": chosen.text().strip() if chosen else _FIRST,
        "most_rows": MOST_ROWS,
        "shown": SHOWN,
    }
    return page(request, "sql.html", "sql", shown)
