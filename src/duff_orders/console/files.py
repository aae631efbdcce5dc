"""One file: its verdict, why its rows were rejected, what became of them, and the way to correct them."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from duff_orders.api.backend import rejected_lines
from duff_orders.api.files import reasons_of, rejected
from duff_orders.api.problems import Problem
from duff_orders.api.profiles import event_of, may_change
from duff_orders.clock import format_time, utc_now
from duff_orders.console.headers import is_about_the_header
from duff_orders.console.mapping import rights_of
from duff_orders.console.page import backend, form, locale, missing, page, words
from duff_orders.console.source import Source
from duff_orders.console.texts import Words
from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.documents import Entry, LedgerRow, ranges, tied
from duff_orders.errors import DamagedObject, SourceChanged
from duff_orders.lake import layout, partners
from duff_orders.lake.corrections import published
from duff_orders.lake.documents import EVENTS
from duff_orders.lake.given_up import Refused, give_up, read_lines, take_back
from duff_orders.lake.standing import Standing, Standings
from duff_orders.local.correcting.draft import draft_of
from duff_orders.local.correcting.rows import changes_of
from duff_orders.partners.days import Day
from duff_orders.printable import printable
from duff_orders.profiles.reading import in_force
from duff_orders.query import rejects, statements
from duff_orders.query.readers import reader_in

router = APIRouter(include_in_schema=False)

#: The contract since which it is known on which line a rejected row begins.
REJECTED_ROWS_HAVE_LINES = 2
#: Rejected rows that are shown, characters of a cell, and files of one name.
ROWS, CHARACTERS, VERSIONS = 100, 500, 20
#: Texts that are shown of a reason, characters of each, those of a key, and bytes that are sent at once.
FOUND, FOUND_CHARACTERS, MOST_KEY, PART = 3, 40, 1024, 1 << 18


@router.get("/files/{file_id}")
def get_file(request: Request, file_id: str, reason: str = "", published: str = "", rows: int = 0) -> Response:
    """One file: its verdict, why rows were rejected, which cells are wrong, and the way to correct them.

    `published` is the key of corrections that were published just now, and `rows` how many.
    """
    row = backend(request).file(file_id)
    if row is None:
        return missing(request)
    told = words(request).many("published_here", rows, file=printable(published)[:MOST_KEY]) if published else ""
    return _page_of(request, row, reason, told=told)


@router.get("/files/{file_id}/original")
def get_original(request: Request, file_id: str) -> Response:
    """The file as it came."""
    source = backend(request)
    row = source.file(file_id)
    event = EVENTS.read(source.lake.store, layout.event_object(file_id)) if row else None
    if row is None or event is None:
        return missing(request)
    name = PurePosixPath(row.source_file).name
    headers = {
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}",
        "Content-Length": str(event.size),
        "Cache-Control": "no-store",
    }
    stack = ExitStack()
    try:
        raw = stack.enter_context(source.lake.store.raw(event))
        stream = stack.enter_context(raw.open().open("rb"))
    except SourceChanged as error:
        stack.close()
        raise Problem("not-found", str(error)) from None

    def parts() -> Iterator[bytes]:
        with stack:
            while part := stream.read(PART):
                yield part

    return StreamingResponse(parts(), media_type="application/octet-stream", headers=headers)


@router.post("/files/{file_id}/take-up")
def post_take_up(request: Request, file_id: str) -> Response:
    """Process a file again, as it is read today."""
    source = backend(request)
    if source.file(file_id) is None:
        return missing(request)
    rights_of(request).take_up([event_of(source.lake, file_id)])
    return RedirectResponse(f"/files/{file_id}", 303)


@router.get("/files/{file_id}/corrections.csv")
def get_corrections(request: Request, file_id: str) -> Response:
    """The open rejected rows as a file for the reader's spreadsheet, to be corrected and dropped again."""
    source = backend(request)
    row = source.file(file_id)
    if row is None:
        return missing(request)
    folder = tempfile.TemporaryDirectory(prefix="duff-corrections-")
    path = Path(folder.name, "corrections.csv")
    only = rejects.open_ones(row, source.standings())
    rejects.export(source.lake, row, path, reader_in(locale(request)), only=only)
    name = f"{PurePosixPath(row.source_file).name.partition('.')[0]}-corrected.csv"
    return FileResponse(path, media_type="text/csv", filename=name, background=BackgroundTask(folder.cleanup))


@router.post("/files/{file_id}/give-up")
async def post_give_up(request: Request, file_id: str) -> Response:
    """Give up what is open of a file, or take that back: the form of its page."""
    fields = {name: value.strip() for name, value in (await form(request)).items()}
    return await run_in_threadpool(_give_up, request, file_id, fields)


def _give_up(request: Request, file_id: str, fields: Mapping[str, str]) -> Response:
    source, by = backend(request), request.scope.get("caller")
    row = source.file(file_id)
    if row is None:
        return missing(request)
    standing = source.standings().of(row)
    try:
        lines = read_lines(fields["lines"]) if fields.get("lines") else None
        if fields.get("undo"):
            take_back(source.lake.store, standing, fields.get("why", ""), lines, by)
        else:
            give_up(source.lake.store, standing, rejected_lines(source, row), fields.get("why", ""), lines, by)
    except Refused as error:
        return _page_of(request, row, wrong=words(request)(f"refused_{error.key}", **error.places))
    source.ledger.look_again()
    return RedirectResponse(f"/files/{file_id}#standing", 303)


def _page_of(request: Request, row: LedgerRow, reason: str = "", wrong: str = "", told: str = "") -> Response:
    """The page of a file; `wrong` is what was wrong with what was asked on it, `told` what was done."""
    t, source = words(request), backend(request)
    standings = source.standings()
    rejects = source.rejects(row, statements.rejects(row.file_id, row.pa_date, reason or None, 0, ROWS)).dictionaries()
    said = t(
        f"said_{row.verdict}",
        name=row.source_file,
        published=row.rows_published,
        rejected=row.rows_rejected,
        reason=t.why(row.reason or ""),
    )
    standing, partner = standings.of(row), _partner(source, row)
    shown_rejects = _shown(source, standings, row, rejects[:ROWS])
    draft = draft_of(source.lake.store, row) if row.rows_rejected else None
    others = [each for each in source.ledger.rows() if each.source_file == row.source_file and each != row]
    page_of = {
        "row": row,
        "said": said,
        "wrong": wrong,
        "reasons": reasons_of(source, row),
        "reason": reason,
        "columns": COLUMN_NAMES,
        "rejects": shown_rejects,
        "found": _found(shown_rejects),
        "correctable": correctable(standing),
        "may_replay": may_change(request),
        "told": told,
        "published": published(source.lake.store, row.file_id),
        "draft": draft if draft and changes_of(draft) else None,
        "drafted": len(changes_of(draft)),
        "day": _day(source, partner, row),
        "more": len(rejects) > ROWS,
        "most": CHARACTERS,
        "nulls": [(name, count) for name, count in (row.nulls or {}).items() if count],
        "standing": standing,
        "corrects": [(source.file(entry.file_id), ranges(entry.lines)) for entry in map(Entry.of, row.corrects or ())],
        "partner": partner,
        "read_as": _read_as(t, source, row),
        "says_columns": is_about_the_header(row),
        "others": sorted(others, key=lambda each: each.event_time, reverse=True)[:VERSIONS],
        "details": _details(t, row),
    }
    return page(request, "file.html", "files", page_of, status=422 if wrong else 200)


def correctable(standing: Standing) -> int:
    """How many rows of a file can be corrected in the browser: of an invalid one those that were rejected."""
    row = standing.row
    if row.contract < REJECTED_ROWS_HAVE_LINES or not standing.is_open or is_about_the_header(row):
        return 0
    return standing.open if row.published else row.rows_rejected


def _found(rejects: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Of each reason a few of the texts that stand there."""
    texts: dict[str, dict[str, None]] = {}
    for each in rejects:
        for reason in each["reasons"]:
            if each["fields"] is not None and reason["column"] in each["fields"]:
                text = each["fields"][reason["column"]] or ""
                texts.setdefault(f"{reason['column']}:{reason['code']}", {})[text[:FOUND_CHARACTERS]] = None
    return {reason: [*found][:FOUND] for reason, found in texts.items()}


def _day(source: Source, partner: str, row: LedgerRow) -> Day | None:
    """The expected day that a file came for; None where it came for none."""
    of = next((each for each in source.partner_days(utc_now()) if each.name == partner), None)
    days = of.days if of is not None else ()
    return next((day for day in days if any(each.file_id == row.file_id for each in day.slot.files)), None)


def _partner(source: Source, row: LedgerRow) -> str:
    """The name of the profile that a file's key is for; "" where there is none, or it cannot be told."""
    try:
        index = partners.partners(source.lake.store)
    except DamagedObject:
        return ""
    return in_force({each.name: each.prefix for each in index.profiles}, row.source_file) or ""


def _read_as(t: Words, source: Source, row: LedgerRow) -> list[str]:
    """What a partner's profile said of a file that was read by it, in sentences."""
    if not (row.profile and row.reading):
        return []
    try:
        reading = partners.reading(source.lake.store, row.reading)
    except DamagedObject as error:
        return [str(error)]
    told = [t("read_header", names=", ".join(names), column=column) for column, names in reading.headers.items()]
    marks = (("delimiter", reading.delimiter), ("decimal", reading.decimal_mark), ("thousands", reading.thousands_mark))
    told += [t(f"read_{name}", mark=printable(repr(mark)[1:-1])) for name, mark in marks if mark]
    for words_of_column in reading.values.values():
        told += [t("read_word", word=word, value=value) for word, value in words_of_column.items()]
    told += [t("read_default", column=column, value=value) for column, value in reading.defaults.items()]
    if reading.ignored:
        told.append(t("read_ignored", names=", ".join(reading.ignored)))
    if names := reading.not_listed(row.extra_columns or ()):
        told.append(t("read_not_listed", names=", ".join(names)))
    return told


def _shown(
    source: Source, standings: Standings, row: LedgerRow, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rejected rows with what is wrong in which column, what stood there before, and what became of them."""
    shown = [rejected(each) for each in rows]
    ties = [tied(each["corrects"]) for each in shown]
    corrected = {each.file_id: each for each in map(source.file, {tie[0] for tie in ties if tie}) if each}
    before = _texts_before(source, corrected, shown)
    for each, tie in zip(shown, ties, strict=True):
        each["wrong"] = {one["column"]: one["code"] for one in each["reasons"]}
        each["before"] = before.get(each["corrects"] or "", {})
        each["of"], each["of_line"] = (corrected.get(tie[0]), tie[1]) if tie else (None, 0)
        each["state"] = standings.of_row(row, each["line"], each["corrects"])
    return shown


def _texts_before(
    source: Source, corrected: Mapping[str, LedgerRow], shown: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The texts of the rows that some changed more of than was wrong, by `FILE_ID:LINE`."""
    named: dict[str, set[int]] = {}
    for each in shown:
        tie = tied(each["corrects"])
        if tie and any(one["code"] == "changed" for one in each["reasons"]):
            named.setdefault(tie[0], set()).add(tie[1])
    texts: dict[str, dict[str, Any]] = {}
    for file_id, lines in named.items():
        if row := corrected.get(file_id):
            answer = source.rejects(row, statements.rejected_at(file_id, row.pa_date, sorted(lines)))
            texts |= {f"{file_id}:{each['line']}": each for each in answer.dictionaries()}
    return texts


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
        ("profile", row.profile or "–"),
        ("reading", row.reading or "–"),
        (t("extra_columns"), ", ".join(row.extra_columns or ()) or "–"),
        (t("objects"), ", ".join(objects) or "–"),
        (t("reason"), row.reason or "–"),
        ("error", row.error or "–"),
    ]
