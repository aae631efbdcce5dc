"""The ledger: files, their verdicts, their rejected rows."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from duff_orders.api import models, paging
from duff_orders.api.backend import Backend
from duff_orders.api.cache import fields_of
from duff_orders.api.formats import Body, respond
from duff_orders.api.parameters import CONDITIONAL, AnyFormat, BackendDependency, Cursor, FileId, Limit, Partner
from duff_orders.api.problems import Problem
from duff_orders.clock import format_time
from duff_orders.contract import COLUMN_NAMES, FILES
from duff_orders.documents import LedgerRow, Verdict, ranges
from duff_orders.lake.corrections import published
from duff_orders.lake.partners import Under
from duff_orders.lake.partners import under as keys_of
from duff_orders.lake.standing import Correcting, Standing
from duff_orders.query import statements

router = APIRouter(prefix="/files", tags=["files"])

_TYPES = {field.name: field.type for field in FILES.all_fields}
_COLUMNS = [(name, "varchar" if "string" in _TYPES[name] else _TYPES[name]) for name in statements.FILE]
_REJECT = [
    *((name, "varchar") for name in (*COLUMN_NAMES, "reasons", "record")),
    ("line", "bigint"),
    ("corrects", "varchar"),
]


def _moment(value: Any) -> str:
    text = paging.text(value)
    datetime.fromisoformat(text)
    return text


def _hex(value: Any) -> str:
    text = paging.text(value)
    int(text, 16)
    return text


def page_of_files(
    backend: Backend,
    verdict: str | None,
    cursor: str | None,
    limit: int,
    *,
    partner: Under | None = None,
    only_open: bool = False,
) -> Callable[[], tuple[list[Mapping[str, Any]], str | None]]:
    """What gives a page of the ledger, newest first, and the next one's cursor; raises Problem for a wrong cursor.

    With `only_open` the files of which something is to be corrected or given up, each with its `rows_open`.
    """
    scope, sort = f"files {verdict}{' open' if only_open else ''}", "-event_time"
    if partner is not None:
        scope += f" of {partner.name}"
    after = paging.read(cursor, scope, sort, (_moment, _hex))

    def page() -> tuple[list[Mapping[str, Any]], str | None]:
        if only_open:
            rows = _open(backend, verdict, partner, after, limit)
        else:
            rows = list(backend.files(verdict, partner, after, limit))
        shown = rows[:limit]
        more = len(rows) > limit
        return shown, paging.cursor(scope, sort, [shown[-1]["event_time"], shown[-1]["file_id"]]) if more else None

    return page


def _open(
    backend: Backend, verdict: str | None, partner: Under | None, after: Sequence[Any] | None, limit: int
) -> list[Mapping[str, Any]]:
    """A page of the open files and one more, newest first."""
    standings = (each for each in backend.standings().open() if verdict in (None, each.row.verdict))
    if partner is not None:
        standings = (each for each in standings if partner.was_for(each.row))
    rows = (fields_of(each.row) | {"rows_open": each.open} for each in standings)
    return [
        *islice((row for row in rows if not after or (row["event_time"], row["file_id"]) < tuple(after)), limit + 1)
    ]


@router.get("", response_model=models.Files, responses=CONDITIONAL)
def list_files(
    request: Request,
    backend: BackendDependency,
    verdict: Annotated[Verdict | None, Query()] = None,
    open: Annotated[
        bool, Query(description="only files of which rows are neither corrected nor given up; with `rows_open`")
    ] = False,
    partner: Partner = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    format: AnyFormat = None,
) -> Response:
    """The ledger, newest first: every file, its verdict and its counts, which add up to the rows it holds."""
    page = page_of_files(backend, verdict, cursor, limit, partner=under(backend, partner), only_open=open)
    columns = [*_COLUMNS, ("rows_open", "bigint")] if open else _COLUMNS

    def make() -> Body:
        shown, following = page()
        rows = [[_cell(row[name]) for name, _ in columns] for row in shown]
        return Body({"data": shown, "next_cursor": following}, columns, rows, following)

    return respond(request, backend.files_version(), make, name="files")


def _cell(value: Any) -> Any:
    """A value of the ledger in a table: parts as one text."""
    return statements.BETWEEN_REMARKS.join(value) if isinstance(value, list) else value


@router.get("/{file_id}", response_model=models.FileDocument)
def get_file(request: Request, backend: BackendDependency, file_id: FileId) -> Response:
    """One file's verdict with all its parts."""
    row = row_of(backend, file_id)
    return respond(request, None, lambda: Body(json.loads(row.to_json())), formats=("json",))


@router.get("/{file_id}/rejects", response_model=models.RejectedRows, responses=CONDITIONAL)
def list_rejects(
    request: Request,
    backend: BackendDependency,
    file_id: FileId,
    reason: Annotated[
        str | None, Query(pattern="^[a-z_]{1,40}:[a-z_]{1,40}$", description="COLUMN:CODE: rows with this reason")
    ] = None,
    summary: Annotated[bool, Query(description="count the rows by reason, too")] = False,
    raw: Annotated[bool, Query(description="CSV: leave cells alone that a spreadsheet would run as a formula")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    format: AnyFormat = None,
) -> Response:
    """A file's rejected rows, in its order: the line, the original texts, and which column broke which rule."""
    scope = f"{file_id} {reason}"
    after = paging.read(cursor, scope, "position", (paging.integer,))
    row = row_of(backend, file_id)

    def make() -> Body:
        result = backend.rejects(
            row, statements.rejects(file_id, row.pa_date, reason, after[0] if after else 0, limit)
        ).dictionaries()
        shown = result[:limit]
        following = paging.cursor(scope, "position", [shown[-1]["position"]]) if len(result) > limit else None
        document: dict[str, Any] = {"data": [rejected(each) for each in shown], "next_cursor": following}
        if summary:
            document["summary"] = reasons_of(backend, row)
        rows = [[each[name] for name, _ in _REJECT] for each in shown]
        return Body(document, _REJECT, rows, following)

    version = None if backend.files_version() is None else f"{row.file_id} {row.revision}"
    return respond(request, version, make, name=f"rejects-{file_id}", raw=raw)


@router.get("/{file_id}/corrections", response_model=models.Corrections)
def get_corrections(request: Request, backend: BackendDependency, file_id: FileId) -> Response:
    """What became of the rows that a file did not bring in: open, corrected by which file, or given up and why."""
    row = row_of(backend, file_id)
    told = {"published": [json.loads(each.to_json()) for each in published(backend.lake.store, file_id)]}
    return respond(request, None, lambda: Body(_corrections(backend.standings().of(row)) | told), formats=("json",))


def _corrections(standing: Standing) -> dict[str, Any]:
    said = standing.given_up_as
    return {
        "file_id": standing.row.file_id,
        "source_file": standing.row.source_file,
        "verdict": standing.row.verdict,
        "open": standing.is_open,
        "rows_lost": standing.lost,
        "rows_open": standing.open,
        "rows_corrected": standing.corrected,
        "rows_given_up": standing.given_up,
        "corrected_by": [*map(_correcting, standing.corrected_by)],
        "tried_by": [*map(_correcting, standing.tried_by)],
        "given_up": [json.loads(each.to_json()) for each in said.said] if said else [],
    }


def _correcting(each: Correcting) -> dict[str, Any]:
    return {
        "file_id": each.row.file_id,
        "source_file": each.row.source_file,
        "event_time": format_time(each.row.event_time),
        "lines": ranges(each.lines) or None,
    }


def row_of(backend: Backend, file_id: str) -> LedgerRow:
    """The ledger row of a file; raises Problem where there is none."""
    row = backend.file(file_id)
    if row is None:
        raise Problem("not-found", f"no file {file_id}; /v1/files lists them")
    return row


def rejected(row: dict[str, Any]) -> dict[str, Any]:
    """A rejected row as it is told: its reasons, and its texts by column or as a whole."""
    return {
        "reasons": [_reason(reason) for reason in row["reasons"].split(";")],
        "fields": None if row["record"] is not None else {name: row[name] for name in COLUMN_NAMES},
        "record": row["record"],
        "line": row["line"],
        "corrects": row["corrects"],
    }


def _reason(text: str) -> dict[str, str]:
    column, _, code = text.partition(":")
    return {"column": column, "code": code}


def reasons_of(backend: Backend, row: LedgerRow) -> list[dict[str, Any]]:
    """The reasons of a file's rejected rows, and how many rows have each, most first."""
    counts = Counter[str]()
    for each in backend.rejects(row, statements.reasons(row.file_id, row.pa_date)).dictionaries():
        for reason in each["reasons"].split(";"):
            counts[reason] += each["n"]
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{**_reason(reason), "rows": number} for reason, number in ranked]


def under(backend: Backend, partner: str | None) -> Under | None:
    """The keys that a partner's profile is for; raises InputError where there is none of this name."""
    return None if partner is None else keys_of(backend.lake.store, partner)
