"""Correcting a file's open rows in the browser: a grid of their wrong cells, judged by the server, kept as a draft.

Every page is a form that works without a script; the script beside it sends each cell when it is left.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from duff_orders.api.backend import rejected_lines
from duff_orders.console.page import backend, form, missing, page, words
from duff_orders.console.progress import Progress
from duff_orders.console.texts import Words
from duff_orders.documents import Draft, LedgerRow, ranges
from duff_orders.documents.drafts import RECORD
from duff_orders.errors import InputError
from duff_orders.lake.given_up import LONGEST_WHY
from duff_orders.local.correcting.draft import LONGEST_CELL, Desk, Taken
from duff_orders.local.correcting.publishing import publish
from duff_orders.local.correcting.rows import OpenRow
from duff_orders.local.correcting.whole import StillInvalid
from duff_orders.printable import printable

router = APIRouter(prefix="/files/{file_id}/correct", include_in_schema=False)

#: Rows of a page, reasons to filter by, and lines that a sentence names.
ROWS, REASONS, NAMED = 50, 8, 12
#: Characters of a cell that is not open, and of what stood there before.
CHARACTERS = 60
_WRONG = "wrong"


@router.get("")
def get_grid(
    request: Request, file_id: str, reason: str = "", number: int = 1, open: int = 0, published: str = ""
) -> Response:
    """The open rows of a file."""
    row = backend(request).file(file_id)
    return missing(request) if row is None else _grid(request, row, dict(request.query_params))


@router.get("/give-up")
def get_give_up(request: Request, file_id: str, line: int) -> Response:
    """Why a row is to be given up."""
    row = backend(request).file(file_id)
    if row is None:
        return missing(request)
    shown = {"row": row, "line": line, "most": LONGEST_WHY, "query": _kept(dict(request.query_params))}
    return page(request, "correct_give_up.html", "files", shown)


@router.post("/cell")
async def post_cell(request: Request, file_id: str) -> Response:
    """A cell as its field was left: what is wrong with the row now, in words."""
    return await run_in_threadpool(_cell, request, file_id, await form(request))


@router.post("")
async def post_grid(request: Request, file_id: str) -> Response:
    """What a button of the page says: keep, undo, redo, change, give up, take back, take over or publish."""
    return await run_in_threadpool(_do, request, file_id, await form(request))


def _desk(request: Request, row: LedgerRow) -> Desk:
    source = backend(request)
    return Desk(source.lake, row, source.standings(), request.scope.get("caller"))


def _cell(request: Request, file_id: str, fields: Mapping[str, str]) -> Response:
    t = words(request)
    row = backend(request).file(file_id)
    if row is None:
        return JSONResponse({"detail": t("not_found")}, 404)
    desk = _desk(request, row)
    try:
        line, column = int(fields.get("line", "")), fields.get("column", "")
        desk.change([(line, column, fields.get("text", ""))])
        draft = desk.draft()
        changed = desk.with_draft(draft, [line])
    except Taken as error:
        return JSONResponse({"detail": _taken(t, error.draft)}, 409)
    except (InputError, ValueError) as error:
        return JSONResponse({"detail": str(error)}, 422)
    one = changed[0]
    told = t("row_is_right" if one.state == "right" else "row_is_wrong", line=str(line))
    columns = [RECORD] if one.is_malformed else desk.form.columns
    cells = {each["name"]: {"look": each["look"], "note": each["note"]} for each in _cells(t, one, columns, {})}
    bar = _bar(t, desk.rows(), draft)
    return JSONResponse(
        {"state": one.state, "told": told, "cells": cells, "bar": bar}, headers={"Cache-Control": "no-store"}
    )


def _do(request: Request, file_id: str, fields: Mapping[str, str]) -> Response:
    t, source = words(request), backend(request)
    row = source.file(file_id)
    if row is None:
        return missing(request)
    desk, query = _desk(request, row), _kept(fields)
    try:
        leads = _done(request, desk, fields)
    except Taken as error:
        return _grid(request, row, query, wrong=_taken(t, error.draft))
    except StillInvalid as error:
        return _grid(request, row, query, wrong=t("still_invalid", reason=t.why(error.reason)))
    except (InputError, ValueError) as error:
        return _grid(request, row, query, wrong=str(error))
    source.ledger.look_again()
    return RedirectResponse(leads or f"/files/{file_id}/correct?{urlencode(query)}", 303)


def _done(request: Request, desk: Desk, fields: Mapping[str, str]) -> str:
    """Do what a button says; where that leads, "" for back to the grid.

    Raises InputError, and ValueError for what is no number.
    """
    action = fields.get("action", "keep")
    if action == "undo":
        desk.undo()
    elif action == "redo":
        desk.redo()
    elif action == "take-over":
        desk.take_over()
    elif action == "give-up":
        desk.give_up([int(fields.get("line", ""))], fields.get("why", ""))
    elif action == "take-back":
        desk.give_up([int(fields.get("line", ""))], None)
    elif action == "change":
        column, before, after = fields.get("column", ""), fields.get("from", ""), fields.get("to", "")
        desk.change([(each.line, column, after) for each in _holding(desk.rows(), column, before)])
    elif action == "publish":
        return _publish(request, desk)
    else:
        cells = [name.split(":", 2) for name in fields if name.startswith("cell:")]
        desk.change([(int(line), column, fields[f"cell:{line}:{column}"]) for _, line, column in cells])
    return ""


def _publish(request: Request, desk: Desk) -> str:
    source = backend(request)
    progress: Progress = request.app.state.progress

    def put(path: Path, prefix: str, replaces: str | None) -> str:
        key = progress.landing.put(path, replaces, prefix)
        progress.received(key)
        return key

    done = publish(desk, lambda: rejected_lines(source, desk.row), put)
    told = f"?published={quote(done.key, safe='')}&rows={done.rows}" if done.key else ""
    return f"/files/{desk.row.file_id}{told}"


def _taken(t: Words, draft: Draft) -> str:
    return t("other_author", name=draft.holder or t("somebody"), when=t.moment(draft.since))


#: What of an address is kept over what is done.
_KEPT = ("reason", "number", "open", "column", "from", "to")


def _kept(fields: Mapping[str, str]) -> dict[str, str]:
    done = fields.get("action") == "change"
    return {
        name: fields[name]
        for name in _KEPT
        if fields.get(name) and not (done and name in ("column", "from", "to")) and len(fields[name]) <= LONGEST_CELL
    }


def _holding(rows: Sequence[OpenRow], column: str, text: str) -> list[OpenRow]:
    """The rows of which a cell holds exactly a text, but malformed ones and those that are given up."""
    return [
        each
        for each in rows
        if not each.is_malformed and each.why is None and column in each.texts and (each.text(column) or "") == text
    ]


def _grid(request: Request, row: LedgerRow, query: Mapping[str, str], wrong: str = "") -> Response:
    t = words(request)
    desk = _desk(request, row)
    try:
        columns = desk.form.columns
    except InputError as error:
        shown = {"row": row, "why": t("cannot_correct", why=str(error))}
        return page(request, "columns_none.html", "files", shown, status=422)
    draft = desk.draft()
    rows = desk.with_draft(draft)
    reason = query.get("reason", "")
    chosen = [each for each in rows if _is_of(each, reason)]
    pages = max(1, -(-len(chosen) // ROWS))
    number = min(max(1, int(query["number"])), pages) if query.get("number", "").isdecimal() else 1
    opened = int(query["open"]) if query.get("open", "").isdecimal() else 0
    bulk = _bulk(t, desk, rows, query)
    listed = chosen[(number - 1) * ROWS : number * ROWS]
    holder = draft.holder if draft else None
    mine = draft is None or not draft.steps or holder == desk.by
    shown = {
        "row": row,
        "total": len(rows),
        "columns": columns,
        "rows": [_row(t, each, columns, bulk, opened) for each in listed],
        "reasons": Counter(reason for each in rows for reason in each.reasons).most_common(REASONS),
        "reason": reason,
        "still": sum(each.state == "wrong" for each in rows),
        "bulk": bulk,
        "number": number,
        "pages": pages,
        "kept": {name: value for name, value in query.items() if name in ("reason", "number")},
        "bar": _bar(t, rows, draft),
        "mine": mine,
        "taken": "" if mine or draft is None else _taken(t, draft),
        "wrong": wrong,
        "most": LONGEST_CELL,
    }
    return page(request, "correct.html", "files", shown, status=422 if wrong else 200)


def _is_of(row: OpenRow, reason: str) -> bool:
    if reason == _WRONG:
        return row.state == "wrong"
    return not reason or reason in row.reasons


def _row(t: Words, row: OpenRow, columns: Sequence[str], bulk: Mapping[str, Any] | None, opened: int) -> dict[str, Any]:
    """A row as it is shown."""
    would = bulk["would"].get(row.line) if bulk else None
    return {
        "line": row.line,
        "state": row.state,
        "why": row.why,
        "malformed": row.is_malformed,
        "cells": _cells(t, row, [RECORD] if row.is_malformed else columns, would or {}, whole=row.line == opened),
        "marked": would is not None,
    }


def _cells(
    t: Words, row: OpenRow, columns: Sequence[str], would: Mapping[str, str], *, whole: bool = False
) -> list[dict[str, Any]]:
    """The cells of a row: those that were or are wrong, or were changed, are open; the others as text."""
    wrong, was = row.still_wrong, row.wrong_columns
    cells = []
    for name in columns:
        code = wrong.get("row") if name == RECORD else wrong.get(name)
        before, changed = row.before(name), name in row.changed
        if code and row.why is None:
            allowed = t("allowed_changed") if code == "changed" else t.allowed(name)
            look, note = "wrong", t("cell_wrong", reason=t.reason(code, name), allowed=allowed)
        elif changed:
            text = printable(before or "")[:CHARACTERS]
            look, note = "right", t("cell_was", text=text) if text else t("cell_was_empty")
        else:
            look, note = "", ""
        is_open = (name == RECORD or name in was or name in wrong or changed or whole) and row.why is None
        text = row.text(name) or ""
        cells.append(
            {
                "name": name,
                "text": text,
                "cut": text[:CHARACTERS] + ("…" if len(text) > CHARACTERS else ""),
                "open": is_open,
                "look": look,
                "note": note,
                "label": t("cell_label", line=str(row.line), column=name),
                "would": would.get(name, ""),
            }
        )
    return cells


def _bulk(t: Words, desk: Desk, rows: Sequence[OpenRow], query: Mapping[str, str]) -> dict[str, Any] | None:
    """A change of one text in one column: the rows that hold it, and what each would be; None where nobody asks."""
    column, before, after = query.get("column", ""), query.get("from", ""), query.get("to", "")
    if column not in desk.form.columns or "to" not in query:
        return None
    holding = _holding(rows, column, before)
    reasons = desk.tried(holding, column, after)
    right = [each for each in holding if not reasons[each.line]]
    would = {}
    for each in holding:
        codes = dict(reason.split(":", 1) for reason in reasons[each.line])
        is_right = column not in codes
        key = "would_be" if is_right else "would_still_be"
        text = t(key, text=printable(after), reason=t.reason(codes.get(column, ""), column))
        would[each.line] = {column: f"→ {text}"}
    lines = ranges(each.line for each in holding[:NAMED]).replace(",", ", ") + ("…" if len(holding) > NAMED else "")
    if not holding:
        said = t("rows_hold_none", text=printable(before))
    else:
        end = (
            t("all_would_be_right")
            if len(right) == len(holding)
            else t("some_would_be_right", right=len(right), n=len(holding))
        )
        said = f"{t.many('rows_hold', len(holding), text=printable(before), lines=lines)} {end}"
    return {"column": column, "from": before, "to": after, "said": said, "rows": len(holding), "would": would}


def _bar(t: Words, rows: Sequence[OpenRow], draft: Draft | None) -> dict[str, Any]:
    """What would be published, what is left, and since when the draft is kept."""
    states = Counter(each.state for each in rows)
    right, wrong, given = states["right"], states["wrong"], states["given_up"]
    instead = t.many("publish_give_up", given) if given else t("publish_nothing")
    text = t.many("publish", right) if right else instead
    parts = [t("sum_right", n=right), t("sum_wrong", n=wrong)]
    parts += [t("sum_given_up", n=given)] if given else []
    step = draft.steps[draft.done - 1] if draft and draft.done else None
    if step is None:
        kept = t("not_begun")
    elif step.by:
        kept = t("draft_kept_by", when=t.moment(step.at), name=step.by)
    else:
        kept = t("draft_kept", when=t.moment(step.at))
    return {
        "text": text,
        "sum": ", ".join(parts),
        "kept": kept,
        "can_publish": bool(right or given),
        "can_undo": bool(draft and draft.done),
        "can_redo": bool(draft and draft.done < len(draft.steps)),
        "still": t("filter_wrong", n=wrong),
    }
