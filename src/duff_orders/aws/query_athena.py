"""`Query_Athena`: the HTTP API behind API Gateway. A route asks Athena; every error is a problem document.

Routes: /v1/health, /v1/reports, /v1/reports/{name}, /v1/orders/{order_id}, /v1/files, /v1/files/{file_id}/rejects.
Problems are those of RFC 9457, decimals are text with the stored digits.
"""

import base64
import binascii
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from duff_orders.contract import COLUMN_NAMES, FILES
from duff_orders.errors import DuffError, QueryRefused
from duff_orders.lake import snapshot
from duff_orders.lake.glue_catalog import newest_verdict
from duff_orders.lake.s3 import S3Store
from duff_orders.messages import format_time
from duff_orders.query import reports
from duff_orders.query.athena import Athena

VERSION = 1
_MOST, _USUAL = 1000, 50
_ORDER_ID = re.compile(r"[1-9][0-9]{0,17}")
_FILE_ID = re.compile(r"[0-9a-f]{32}")


class Problem(DuffError):
    """An answer that is an error: its type, status, and what belongs to it."""

    def __init__(self, kind: str, status: int, title: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.kind, self.status, self.title, self.more = kind, status, title, more


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway (REST, proxy integration)."""
    path = "/" + str(event.get("path") or "/").strip("/")
    request_id = getattr(context, "aws_request_id", "")
    try:
        if event.get("httpMethod") != "GET":
            raise Problem("method-not-allowed", 405, "This method is not allowed here", "allowed: GET")
        body = _route(path, event.get("queryStringParameters") or {})
        return _response(200, body, "application/json")
    except Problem as problem:
        return _problem(problem, path, request_id)
    except QueryRefused as error:
        print(json.dumps({"message": "query failed", "path": path, "error": str(error)}))
        refused = Problem("query-failed", 422, "The query could not be answered", "Athena refused the query")
        return _problem(refused, path, request_id)
    except Exception as error:  # what went wrong is for the log, not for the caller
        print(
            json.dumps({"message": "failed", "path": path, "error": f"{type(error).__name__}: {error}"}),
            file=sys.stderr,
        )
        failed = Problem("internal", 500, "Something failed here", "the log has more under this request_id")
        return _problem(failed, path, request_id)


def _route(path: str, query: dict[str, str]) -> dict[str, Any]:
    for pattern, answer, allowed in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match:
            for name in query.keys() - set(allowed):
                raise _invalid("query", name, query[name], ", ".join(allowed) or "no parameters")
            return answer(query, *match.groups())
    raise _not_found(f"no route {path}")


def _health(query: dict[str, str]) -> dict[str, Any]:
    """Whether this function answers, and how fresh the lake is; asks no query."""
    store = _store()
    newest = newest_verdict(store)
    return {
        "status": "ok",
        "newest_file": newest and format_time(newest),
        "newest_file_age_seconds": newest and int((datetime.now(UTC) - newest).total_seconds()),
        "version": snapshot.current(store).build_id,
    }


def _reports(query: dict[str, str]) -> dict[str, Any]:
    """The ready-made questions."""
    return {"data": [{"name": name, "title": reports.title(name), "parameters": []} for name in reports.names()]}


def _report(query: dict[str, str], name: str) -> dict[str, Any]:
    """The answer to one of them."""
    if name not in reports.names():
        raise _not_found(f"no report {name}; reports: {', '.join(reports.names())}")
    version = snapshot.current(_store()).build_id
    answer = _athena().ask(reports.text(name))
    return {
        "name": name,
        "parameters": {},
        "columns": [{"name": column, "type": kind} for column, kind in answer.columns],
        "data": answer.dictionaries(),
        "version": version,
        "computed_at": format_time(datetime.now(UTC)),
    }


def _order(query: dict[str, str], order_id: str) -> dict[str, Any]:
    """One order with its lines, each in its latest state."""
    if not _ORDER_ID.fullmatch(order_id):
        raise _invalid("path", "order_id", order_id, f"1 to {10**18 - 1}")
    lines = (
        _athena()
        .ask(
            """
select
    f.order_id, f.product_id, f.client_id, c.client_name, s.status, n.point_of_sale_channel as channel,
    f.product_price, f.product_ccf, f.total_price, f.total_volume, f.first_seen, f.last_seen, f.pa_date,
    sum(f.total_price) over () as order_price
from fact_orders f
join dim_clients c on c.client_id = f.client_id
join dim_status s on s.status_id = f.status_id
join dim_channels n on n.channel_id = f.channel_id
where f.order_id = ?
order by f.product_id""",
            [int(order_id)],
        )
        .dictionaries()
    )
    if not lines:
        raise _not_found(f"no order {order_id}")
    total, client = lines[0]["order_price"], lines[0]["client_name"]
    statuses: dict[str, int] = {}
    for line in lines:
        statuses[line["status"]] = statuses.get(line["status"], 0) + 1
        del line["order_price"], line["client_name"]
    return {
        "order_id": int(order_id),
        "client_id": lines[0]["client_id"],
        "client_name": client,
        "total_price": total,
        "statuses": statuses,
        "lines": lines,
    }


_FILE = ", ".join(field.name for field in FILES.all_fields if field.name not in ("nulls", "extra_columns"))


def _files(query: dict[str, str]) -> dict[str, Any]:
    """The ledger, newest first."""
    limit = _limit(query)
    after = _cursor(query, "files", 2)
    where, parameters = "", list[int | str]()
    if after:
        where = "where event_time < cast(? as timestamp) or event_time = cast(? as timestamp) and file_id < ?"
        when = str(after[0]).replace("T", " ").rstrip("Z")
        parameters = [when, when, str(after[1])]
    found = _athena().ask(
        f"select {_FILE} from tbl_duff_files {where} order by event_time desc, file_id desc limit {limit + 1}",
        parameters,
    )
    return _page(found.dictionaries(), limit, "files", ("event_time", "file_id"))


def _rejects(query: dict[str, str], file_id: str) -> dict[str, Any]:
    """The rejected rows of a file, with their reasons and their original text."""
    if not _FILE_ID.fullmatch(file_id):
        raise _invalid("path", "file_id", file_id, "32 hexadecimal digits")
    limit = _limit(query)
    after = _cursor(query, file_id, 1)
    start = int(after[0]) if after else 0
    athena = _athena()
    known = athena.ask("select verdict from tbl_duff_files where file_id = ?", [file_id]).rows
    if not known:
        raise _not_found(f"no file {file_id}")
    texts = ", ".join(COLUMN_NAMES)
    found = athena.ask(
        f"""
select {texts}, reasons, record, position
from (
    select {texts}, reasons, record,
        row_number() over (order by reasons, record, {texts}) as position
    from tbl_duff_rejected_rows
    where file_id = ?
) as numbered
where position > ?
order by position
limit {limit + 1}""",
        [file_id, start],
    )
    rows = [
        {
            "reasons": [
                dict(zip(("column", "code"), reason.split(":"), strict=True)) for reason in row["reasons"].split(";")
            ],
            "fields": None if row["record"] is not None else {name: row[name] for name in COLUMN_NAMES},
            "record": row["record"],
            "position": row["position"],
        }
        for row in found.dictionaries()
    ]
    page = _page(rows, limit, file_id, ("position",))
    for each in page["data"]:
        del each["position"]
    return page


_ROUTES: tuple[tuple[str, Callable[..., dict[str, Any]], tuple[str, ...]], ...] = (
    (r"/v1/health", _health, ()),
    (r"/v1/reports", _reports, ()),
    (r"/v1/reports/([^/]+)", _report, ()),
    (r"/v1/orders/([^/]+)", _order, ()),
    (r"/v1/files", _files, ("limit", "cursor")),
    (r"/v1/files/([^/]+)/rejects", _rejects, ("limit", "cursor")),
)


def _page(rows: list[dict[str, Any]], limit: int, scope: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """A page of rows, of which one more than `limit` was asked for; the cursor names the last row shown."""
    shown = rows[:limit]
    cursor = None
    if len(rows) > limit:
        told = {"v": VERSION, "f": scope, "k": [shown[-1][key] for key in keys]}
        cursor = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    return {"data": shown, "next_cursor": cursor}


def _cursor(query: dict[str, str], scope: str, keys: int) -> list[Any]:
    text = query.get("cursor")
    if text is None:
        return []
    try:
        told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        fits = told["v"] == VERSION and told["f"] == scope and len(told["k"]) == keys and len(text) <= 200
        if not fits or not all(isinstance(key, int | str) for key in told["k"]):
            raise ValueError
        if scope == "files":
            datetime.fromisoformat(told["k"][0])
        else:
            int(told["k"][0])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise Problem(
            "invalid-cursor", 400, "The cursor is not valid", "take `next_cursor` of the page before, as it is"
        ) from None
    return list(told["k"])


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", str(_USUAL))
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= _MOST:
        raise _invalid("query", "limit", text, f"1 to {_MOST}")
    return int(text)


def _not_found(detail: str) -> Problem:
    return Problem("not-found", 404, "There is nothing here", detail)


def _invalid(where: str, name: str, found: str, allowed: str) -> Problem:
    errors = [{"in": where, "name": name, "found": found[:200], "allowed": allowed}]
    detail = f"{name}: {found[:200]!r} is not allowed; allowed: {allowed}"
    return Problem("invalid-parameter", 422, "A parameter is not valid", detail, errors=errors)


def _problem(problem: Problem, path: str, request_id: str) -> dict[str, Any]:
    document = {
        "type": f"/problems/{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": str(problem),
        "instance": path,
        **problem.more,
        "request_id": request_id,
    }
    more = {"Allow": "GET"} if problem.status == 405 else {}
    return _response(problem.status, document, "application/problem+json", **more)


def _response(status: int, body: dict[str, Any], kind: str, **headers: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": kind, "Cache-Control": "private, no-cache", **headers},
        "body": json.dumps(body, ensure_ascii=False),
    }


def _store() -> S3Store:
    return S3Store("", os.environ["PROCESSED_BUCKET"])


def _athena() -> Athena:
    import boto3

    return Athena(boto3.client("athena"), os.environ["WORKGROUP"], os.environ["DATABASE"])
