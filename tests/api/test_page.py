"""docs/api.md: one example a route, answered over the samples. `python -m tests.api.test_page` writes it."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duff_orders.api.documents import openapi
from duff_orders.api.problems import TYPES
from duff_orders.lake.lake import Lake
from duff_orders.query import reports
from tests.api.lakes import application, sample_lake

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
DIRTY = "40228693a13062e8cf6b1f1ac436c952"
QUERY = {"sql": "select status, count(*) as n from fact_orders join dim_status using (status_id) group by status"}
ACME = 'prefix = "acme/"\n[numbers]\ndecimal_mark = ","\n[headers]\nproduct_price = "Precio"\n'
PROMISED = f'{ACME}[expect]\nzone = "Europe/Madrid"\ndays = ["tue"]\nby = "08:00"\nsince = "2026-11-17"\n'
#: What is sent with a request, by its route.
BODIES = {
    "POST /v1/queries": QUERY,
    "PUT /v1/profiles/{profile}": {"text": PROMISED},
    "POST /v1/profiles/check": {"text": ACME, "file_id": DIRTY},
}
#: For each route, what is asked; `QUERY_ID` is that of the query before.
EXAMPLES = {
    "GET /v1/orders": "/v1/orders?client_id=1001&status=delivered&sort=-total_price&limit=1",
    "GET /v1/orders/{order_id}": "/v1/orders/5678",
    "GET /v1/clients": "/v1/clients?name=Moe&limit=1",
    "GET /v1/clients/{client_id}": "/v1/clients/1001",
    "GET /v1/clients/{client_id}/orders": "/v1/clients/1001/orders?limit=1",
    "GET /v1/products": "/v1/products",
    "GET /v1/channels": "/v1/channels",
    "GET /v1/reports": "/v1/reports",
    **{f"GET /v1/reports/{name}": f"/v1/reports/{name}?from=2026-11-01&limit=2" for name in reports.names()},
    "GET /v1/files": "/v1/files?verdict=valid_with_rejects",
    "GET /v1/files/{file_id}": f"/v1/files/{DIRTY}",
    "GET /v1/files/{file_id}/rejects": f"/v1/files/{DIRTY}/rejects?reason=product_ccf:not_an_integer&summary=true",
    "GET /v1/files/{file_id}/corrections": f"/v1/files/{DIRTY}/corrections",
    "GET /v1/files/{file_id}/header": f"/v1/files/{DIRTY}/header",
    "PUT /v1/profiles/{profile}": "/v1/profiles/acme",
    "GET /v1/profiles": "/v1/profiles",
    "GET /v1/profiles/{profile}": "/v1/profiles/acme",
    "POST /v1/profiles/check": "/v1/profiles/check",
    "GET /v1/calendar": "/v1/calendar?from=2026-11-16&to=2026-11-22",
    "GET /v1/partners": "/v1/partners",
    "GET /v1/partners/{partner}": "/v1/partners/acme",
    "GET /v1/proofs/{day}": "/v1/proofs/2026-11-03",
    "POST /v1/queries": "/v1/queries",
    "GET /v1/queries/{query_id}": "/v1/queries/QUERY_ID",
    "GET /v1/queries/{query_id}/result": "/v1/queries/QUERY_ID/result?limit=2",
    "DELETE /v1/queries/{query_id}": "/v1/queries/QUERY_ID",
    "GET /v1/health": "/v1/health",
    # last: it changes the row of the file, in its own time
    "POST /v1/files/{file_id}/replay": f"/v1/files/{DIRTY}/replay",
}
#: What tells of the moment at which the page was written.
_MOMENT = (
    (r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}", "20261124T182109.280524Z-1b4aaf5a"),
    (r'"(computed_at|newest_file|started|finished|since|made)": "[^"]*"', r'"\1": "2026-11-24T18:21:09.280524Z"'),
    (r'"newest_file_age_seconds": \d+', '"newest_file_age_seconds": 42'),
    (r'"seconds": [\d.]+', '"seconds": 0.041'),
    (r'"next_cursor": "[^"]*"', '"next_cursor": "eyJ2IjoxLCJzIjoi…"'),
    (r"q_[0-9a-f]{32}", "q_0123456789abcdef0123456789abcdef"),
    (r'"request_id": "[0-9a-f]+"', '"request_id": "b2026162ccd541b7bf763068b1d1fe43"'),
)
BEGIN = """# The API

`duff serve` answers on this machine, `Query_Athena` behind API Gateway over a deployment: the same application, the
same shapes. [openapi.json](openapi.json) is its OpenAPI 3.1 document (also at `/v1/openapi.json`),
[postman/](postman) a collection with every route and an environment that takes the address and a key.

- **Decimals** are text with all stored digits (`"15.0000"`), as no JSON number is exact; `duff query --format json`
  writes numbers. Ids are integers of up to 18 digits, more than JavaScript's numbers hold exactly (from 2^53 on
  `JSON.parse` changes digits without a word): read them by their source text, as in
  `JSON.parse(text, (key, value, context) => Number.isInteger(value) && !Number.isSafeInteger(value) ?
  context.source : value)`, or with a parser that keeps them. Times are ISO 8601 in UTC.
- **Pages**: take `next_cursor`, or the header `Link`, as it is, with the same filters and `sort`. There are no
  totals and no page numbers. New lines never shift a page; a line whose `pa_date` moves meanwhile may be seen
  twice, or not at all.
- **Formats**: `Accept: application/json` (as a rule), `text/csv`, `application/vnd.apache.parquet`, or
  `?format=json|csv|parquet`. In CSV a cell that a spreadsheet would run as a formula gets a space in front;
  `raw=true` leaves rejected rows as they were.
- **Unchanged**: an answer has an `ETag`; with `If-None-Match` it is a 304 until the tables change.
  While a deployment's tables change from one build to the next, answers have none, and `version` is null.
- **Keys**: the header `X-API-Key`. On AWS API Gateway knows them; `duff serve` takes them from `DUFF_API_KEYS` as
  `NAME:SHA256`, more after a comma (`printf %s KEY | sha256sum`), and without any answers this machine alone.
- **Profiles** say how partners write ([profiles](profiles.md)). They are read everywhere, and changed at `duff serve`
  alone, by this machine, or by holders of the keys that `DUFF_ADMIN_KEYS` names.
- **Queries** are off unless `--queries` or `DUFF_QUERIES=on`, on AWS `--parameter Queries=on`. Each runs in a
  process of its own, with 1.5 GB of address space and 60 seconds; one runs and four wait; a query is visible to its
  caller alone.
- **Errors** are problem documents (RFC 9457), those of API Gateway itself included.
"""


def page(lake: Lake) -> str:
    """The page, from the answers over the samples."""
    return "\n".join((BEGIN, *_examples(lake), _problems())) + "\n"


def _examples(lake: Lake) -> Iterator[str]:
    with application(lake) as (client, _):
        query_id = ""
        for route, path in EXAMPLES.items():
            method = route.partition(" ")[0]
            place = path.replace("QUERY_ID", query_id)
            sent = BODIES.get(route)
            answer = client.request(method, place, json=sent)
            yield f"## `{route}`\n"
            told = openapi()["paths"][route.partition(" ")[2]][method.lower()]
            yield f"{told['description']}\n"
            body = "" if method == "GET" else f" -X {method}"
            body += f" -H 'Content-Type: application/json' -d '{json.dumps(sent)}'" if sent else ""
            yield _masked(f'```console\n$ curl{body} "http://127.0.0.1:8000{place}"')
            if answer.content:
                document = answer.json()
                query_id = document.get("id", query_id)
                yield _masked(_short(document))
            yield "```\n"


def _short(document: dict[str, Any]) -> str:
    """The document with the first two rows of each list alone."""

    def cut(value: Any) -> Any:
        if isinstance(value, list):
            return [cut(each) for each in value[:2]] + (["…"] if len(value) > 2 else [])
        return {key: cut(each) for key, each in value.items()} if isinstance(value, dict) else value

    text = json.dumps(cut(document), indent=1, ensure_ascii=False)
    return re.sub(r'"…"', "…", text)


def _masked(text: str) -> str:
    for pattern, shown in _MOMENT:
        text = re.sub(pattern, shown, text)
    return text


def _problems() -> str:
    rows = "\n".join(f"| `/problems/{kind}` | {status} | {title} |" for kind, (status, title) in TYPES.items())
    return (
        "## Problems\n\n`errors` names each parameter that is wrong: where, what was found, what is allowed.\n\n"
        f"| type | status | title |\n|---|---|---|\n{rows}"
    )


def test_the_page_is_current(tmp_path: Path) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(sample_lake(tmp_path)), "python -m tests.api.test_page"


def test_every_route_has_an_example() -> None:
    routes = {f"{method.upper()} {path}" for path, methods in openapi()["paths"].items() for method in methods}
    assert routes == EXAMPLES.keys()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(sample_lake(Path(folder, "lake"))), encoding="utf-8")
