"""The predefined reports and their answers: a route for each, generated from what its file declares."""

import inspect
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from duff_orders.api import models
from duff_orders.api.backend import Backend
from duff_orders.api.formats import Body, columns_told, respond
from duff_orders.api.parameters import CONDITIONAL, AnyFormat, BackendDependency
from duff_orders.api.problems import Problem, invalid
from duff_orders.clock import format_time, utc_now
from duff_orders.errors import DamagedObject, InputError
from duff_orders.query import reports
from duff_orders.query.kept import find, kept
from duff_orders.query.reports import Parameter, Report, Value

router = APIRouter(prefix="/reports", tags=["reports"])

#: Rows of an answer to a question that the lake keeps, and seconds that it may take.
MOST_ROWS, LONGEST = 10_000, 20
_PAUSE = 0.05


@router.get("", response_model=models.ReportList)
def list_reports(request: Request, backend: BackendDependency) -> Response:
    """The ready-made questions, what may be given to each, and the columns that it gives; those of the lake last."""
    own = kept(backend.lake.store, lambda _: None)
    declared = [*(reports.report(name) for name in reports.names()), *own.values()]
    document = {
        "data": [
            {
                "name": each.name,
                "title": each.title,
                "over": each.over,
                "parameters": [
                    {
                        "name": one.name,
                        "type": one.type,
                        "default": str(one.default),
                        "about": one.about,
                        "allowed": one.allowed,
                    }
                    for one in each.parameters
                ],
                "columns": columns_told(each.columns),
            }
            for each in declared
        ]
    }
    return respond(request, None, lambda: Body(document), formats=("json",))


def _answered(request: Request, backend: Backend, report: Report, texts: Mapping[str, object]) -> Response:
    """The answer to a report, with what was given to it: texts by parameter, None where nothing was."""
    chosen: dict[str, Value] = {}
    for each in report.parameters:
        if (text := texts[each.name]) is not None:
            try:
                chosen[each.name] = each.read(str(text))
            except InputError:
                raise invalid("query", each.name, text, each.allowed) from None
    values, most = report.values(chosen), report.limit(chosen)
    of_star = report.over == "star"

    def make() -> Body:
        result = backend.report(report, chosen if most is None else chosen | {"limit": most + 1})
        truncated = most is not None and len(result.rows) > most
        result = replace(result, rows=result.rows[:most])
        document = {
            "name": report.name,
            "parameters": {each.name: _plain(values[each.name]) for each in report.parameters},
            "columns": columns_told(report.columns),
            "data": result.dictionaries(),
            "truncated": truncated,
            "version": backend.version() if of_star else None,
            "computed_at": format_time(utc_now()),
        }
        return Body(document, report.columns, result.rows, truncated=truncated)

    return respond(request, backend.version() if of_star else backend.files_version(), make, name=report.name)


def _plain(value: Value) -> int | str:
    return value.isoformat() if isinstance(value, date) else value


def _told(parameter: Parameter) -> str:
    return f"{parameter.about}; {parameter.allowed}, by default {parameter.default}"


def _query(parameter: Parameter) -> Any:
    """What a parameter of a report is as one of a route."""
    common = {"alias": parameter.name, "title": parameter.name, "description": _told(parameter)}
    if parameter.type == "integer":
        return Annotated[int | None, Query(**common, ge=parameter.minimum, le=parameter.maximum)]  # type: ignore[arg-type]
    extra = {"format": "date"} if parameter.type == "date" else {}
    return Annotated[str | None, Query(**common, json_schema_extra=extra)]  # type: ignore[arg-type]


def _add_route(report: Report) -> None:
    """Give a report a route of its own, with the parameters that it declares."""

    def get(request: Request, backend: BackendDependency, **arguments: Any) -> Response:
        texts = {each.name: arguments[f"given_{each.name}"] for each in report.parameters}
        return _answered(request, backend, report, texts)

    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in (
            ("request", Request, inspect.Parameter.empty),
            ("backend", BackendDependency, inspect.Parameter.empty),
            *((f"given_{each.name}", _query(each), None) for each in report.parameters),
            ("format", AnyFormat, None),
        )
    ]
    get.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined] # which FastAPI reads
    over = (
        "Days are those on which order lines first appeared" if report.over == "star" else "Days are those of the files"
    )
    router.add_api_route(
        f"/{report.name}",
        get,
        response_model=models.ReportAnswer,
        responses=CONDITIONAL,
        name=report.name,
        summary=report.name.replace("_", " ").capitalize(),
        operation_id=f"get_report_{report.name}",
        description=f"{report.title}\n\n{over}. Where `limit` left rows out, `truncated` is true, and in every format "
        "the header `Truncated`.",
    )


for _name in reports.names():
    _add_route(reports.report(_name))


@router.get("/{name}", include_in_schema=False)
def get_kept_report(request: Request, backend: BackendDependency, name: str) -> Response:
    """A question that the lake keeps: it runs as SQL from outside does, where that is switched on."""
    try:
        report = find(backend.lake.store, name)
    except (InputError, DamagedObject) as error:
        raise Problem("not-found", str(error)) from None
    if backend.queries is None:
        raise Problem("queries-off", "whoever runs this server has not switched queries on")
    chosen: dict[str, Value] = {}
    for given, text in request.query_params.multi_items():
        if given == "format":
            continue
        try:
            chosen[given] = report.parameter(given).read(text)
        except InputError as error:
            raise invalid("query", given[:80], text, str(error)) from None
    caller = request.scope.get("caller")
    query_id = backend.queries.submit(report.text(chosen), MOST_ROWS, caller=caller, token=None)
    deadline = time.monotonic() + LONGEST
    while (state := backend.queries.state(query_id, caller=caller)) is None or not state.ended:
        if time.monotonic() > deadline:
            backend.queries.cancel(query_id)
            raise Problem("query-failed", f"the question takes longer than {LONGEST} seconds; ask it as a query")
        time.sleep(_PAUSE)
    if state.state != "succeeded":
        raise Problem(state.problem, state.reason or "the query failed")
    result = backend.queries.result(query_id, 0, MOST_ROWS)

    def make() -> Body:
        document = {
            "name": name,
            "parameters": {
                each.name: _plain(value)
                for each, value in zip(report.parameters, report.values(chosen).values(), strict=True)
            },
            "columns": columns_told(result.columns),
            "data": result.dictionaries(),
            "truncated": state.truncated,
            "version": None,
            "computed_at": format_time(utc_now()),
        }
        return Body(document, result.columns, result.rows, truncated=state.truncated)

    return respond(request, None, make, name=name)
