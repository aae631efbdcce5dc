"""The files: all of them; one, why its rows were rejected, and the way to correct it."""

import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from duff_orders.api.files import page_of_files, reasons_of, rejected
from duff_orders.console.corrections import SUFFIX, Corrections, stem
from duff_orders.console.page import backend, missing, page, words
from duff_orders.console.texts import Words
from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.lake import layout
from duff_orders.messages import VERDICTS, LedgerRow, format_time
from duff_orders.query import statements

router = APIRouter(include_in_schema=False)

#: Files of a page, rejected rows that are shown, characters of a cell, and files of one name.
FILES, ROWS, CHARACTERS, VERSIONS = 50, 100, 500, 20


@router.get("/files")
def list_files(request: Request, verdict: str = "", cursor: str = "") -> Response:
    """The ledger, newest first."""
    wanted = verdict if verdict in VERDICTS else None
    rows, following = page_of_files(backend(request), wanted, cursor or None, FILES)()
    shown = {
        "rows": rows,
        "verdict": wanted,
        "verdicts": VERDICTS,
        "next": following,
        "cursor": cursor,
        "waiting": request.app.state.progress.on_their_way(words(request)),
    }
    return page(request, "files.html", "files", shown)


@router.get("/files/{file_id}")
def get_file(request: Request, file_id: str, reason: str = "") -> Response:
    """One file: its verdict, why rows were rejected, which cells are wrong, and the way to correct them."""
    t, asked = words(request), backend(request)
    row = asked.file(file_id)
    if row is None:
        return missing(request)
    found = asked.rejects(row, statements.rejects(row.file_id, row.pa_date, reason or None, 0, ROWS)).dictionaries()
    shown = [rejected(each) for each in found[:ROWS]]
    for each in shown:
        each["wrong"] = {one["column"]: one["code"] for one in each["reasons"]}
    said = t(
        f"said_{row.verdict}",
        name=row.source_file,
        published=row.rows_published,
        rejected=row.rows_rejected,
        reason=t.why(row.reason or ""),
    )
    rows = asked.ledger.rows()
    others = [each for each in rows if each.source_file == row.source_file and each != row]
    corrections = Corrections(each for each in rows if each.event_time > row.event_time)
    page_of = {
        "row": row,
        "said": said,
        "reasons": reasons_of(asked, row),
        "reason": reason,
        "columns": COLUMN_NAMES,
        "rejects": shown,
        "more": len(found) > ROWS,
        "most": CHARACTERS,
        "nulls": [(name, count) for name, count in (row.nulls or {}).items() if count],
        "corrected_by": corrections.of(row) if row.rows_rejected or row.verdict == "invalid" else [],
        "left": corrections.left(row),
        "others": sorted(others, key=lambda each: each.event_time, reverse=True)[:VERSIONS],
        "details": _details(t, row),
    }
    return page(request, "file.html", "files", page_of)


@router.get("/files/{file_id}/corrections.csv")
def get_corrections(request: Request, file_id: str) -> Response:
    """The rejected rows as a file to be corrected and dropped again: in the original's delimiter."""
    row = backend(request).file(file_id)
    if row is None:
        return missing(request)
    folder = tempfile.TemporaryDirectory(prefix="duff-corrections-")
    path = Path(folder.name, "corrections.csv")
    backend(request).export(row, path)
    name = f"{stem(row.source_file)}{SUFFIX}.csv"
    return FileResponse(path, media_type="text/csv", filename=name, background=BackgroundTask(folder.cleanup))


def _details(t: Words, row: LedgerRow) -> list[tuple[str, Any]]:
    objects = [name for table in (ORDERS, REJECTED_ROWS) for name in layout.data_objects(table.name, row)]
    return [
        ("file_id", row.file_id),
        ("etag", row.etag),
        (t("size"), t.size(row.size)),
        (t("came"), format_time(row.event_time)),
        (t("started"), format_time(row.started)),
        (t("finished"), format_time(row.finished)),
        (t("engine"), row.engine or "–"),
        ("encoding", row.encoding or "–"),
        ("delimiter", repr(row.delimiter)[1:-1] if row.delimiter else "–"),
        ("decimal_mark", row.decimal_mark or "–"),
        (t("extra_columns"), ", ".join(row.extra_columns or ()) or "–"),
        (t("objects"), ", ".join(objects) or "–"),
        (t("reason"), row.reason or "–"),
        ("error", row.error or "–"),
    ]
