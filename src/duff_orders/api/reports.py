"""The ready-made questions and their answers."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from duff_orders.api import models
from duff_orders.api.formats import Body, columns_told, respond
from duff_orders.api.parameters import CONDITIONAL, AnyFormat, Asked
from duff_orders.api.problems import Problem, invalid
from duff_orders.clock import format_time, utc_now
from duff_orders.errors import InputError
from duff_orders.query import reports
from duff_orders.query.reports import Value

router = APIRouter(prefix="/reports", tags=["reports"])


def _limits() -> str:
    """The most rows where none is given, which differs from report to report."""
    names: dict[Value, list[str]] = {}
    for name in reports.names():
        names.setdefault(reports.report(name).parameter("limit").default, []).append(name)
    return "the most rows; unless given " + ", ".join(
        f"{most} of {' and '.join(few) if len(few) < 3 else 'the others'}"
        for most, few in sorted(names.items(), key=lambda each: len(each[1]))
    )


@router.get("", response_model=models.ReportList)
def list_reports(request: Request) -> Response:
    """The ready-made questions, what may be given to each, and the columns that it gives."""
    told = [reports.report(name) for name in reports.names()]
    document = {
        "data": [
            {
                "name": each.name,
                "title": each.title,
                "parameters": [
                    {"name": one.name, "type": one.type, "default": str(one.default), "about": one.about}
                    for one in each.parameters
                ],
                "columns": columns_told(each.columns),
            }
            for each in told
        ]
    }
    return respond(request, None, lambda: Body(document), formats=("json",))


@router.get("/{name}", response_model=models.ReportAnswer, responses=CONDITIONAL)
def get_report(
    request: Request,
    asked: Asked,
    name: Annotated[str, Path(json_schema_extra={"enum": list(reports.names())})],
    from_: Annotated[str | None, Query(alias="from", json_schema_extra={"format": "date"})] = None,
    to: Annotated[str | None, Query(json_schema_extra={"format": "date"})] = None,
    limit: Annotated[int | None, Query(ge=1, le=reports.MOST_ROWS, description=_limits())] = None,
    format: AnyFormat = None,
) -> Response:
    """The answer to one of them: days are those on which order lines first appeared, both ends included.

    Where `limit` left rows out, `truncated` is true, and in every format the header `Truncated`.
    """
    try:
        report = reports.report(name)
    except InputError as error:
        raise Problem("not-found", str(error)) from None
    values: dict[str, Value] = {}
    texts = {"from": from_, "to": to, "limit": None if limit is None else str(limit)}
    for each in report.parameters:
        if (text := texts[each.name]) is not None:
            try:
                values[each.name] = each.read(text)
            except InputError as error:
                raise invalid("query", each.name, text, str(error).rpartition("allowed is ")[2]) from None

    most = values.setdefault("limit", report.parameter("limit").default)
    assert isinstance(most, int)

    def make() -> Body:
        found = asked.report(report, values | {"limit": most + 1})
        truncated = len(found.rows) > most
        found = replace(found, rows=found.rows[:most])
        document = {
            "name": name,
            "parameters": {each.name: _plain(values.get(each.name)) for each in report.parameters},
            "columns": columns_told(report.columns),
            "data": found.dictionaries(),
            "truncated": truncated,
            "version": asked.version(),
            "computed_at": format_time(utc_now()),
        }
        return Body(document, report.columns, found.rows, truncated=truncated)

    return respond(request, asked.version(), make, name=name)


def _plain(value: Value | None) -> Any:
    return value if value is None or isinstance(value, int) else value.isoformat()
