"""Which column is which: a file whose header does not fit is asked about once, and its partner's files are read so.

Without a script the page is a form; each button sends it, and gets it back with what would come of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from duff_orders.api.problems import Problem
from duff_orders.api.profiles import Rights, beginning_of, event_of, may_change
from duff_orders.clock import utc_now
from duff_orders.console.page import backend, form, missing, page, words
from duff_orders.console.source import Source
from duff_orders.console.texts import Words
from duff_orders.contract import COLUMNS, STATUSES, Column
from duff_orders.documents import LedgerRow
from duff_orders.errors import DamagedObject, InputError, InvalidFile
from duff_orders.lake import partners
from duff_orders.local.mapping import (
    FIXED,
    Found,
    Proposal,
    Said,
    as_found,
    example,
    meanings,
    name_of,
    profile_of,
    proposals,
)
from duff_orders.local.trial import SAMPLE_BYTES, Trial, look_at, trial
from duff_orders.profiles.profile import Profile, ProfileError
from duff_orders.profiles.reading import resolve
from duff_orders.profiles.written import written

router = APIRouter(include_in_schema=False)

#: Files of a partner that can be taken up at once, and rejected records that are named.
FILES, REJECTS = 1000, 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A file, what stands in it, and the profile that its partner has, if any."""

    row: LedgerRow
    data: bytes
    found: Found
    known: partners.Known | None


@router.get("/files/{file_id}/columns")
def get_columns(request: Request, file_id: str, saved: str = "") -> Response:
    """The columns of a file beside those of the contract; `saved` is the profile by which it is taken up."""
    source = backend(request)
    row = source.file(file_id)
    if row is None:
        return missing(request)
    if saved:
        return _saved(request, source, row, saved)
    asked = _asked(source, row)
    if isinstance(asked, str):
        return page(request, "columns_none.html", "files", {"row": row, "why": words(request).why(asked)})
    said = as_found(asked.found, asked.known.profile if asked.known else None)
    return _page_of(request, asked, said, {})


@router.post("/files/{file_id}/columns")
async def post_columns(request: Request, file_id: str) -> Response:
    """What was said: tried, or saved, by the button that sent it."""
    return await run_in_threadpool(_said, request, file_id, await form(request))


@router.post("/profiles/{name}/take-up")
def post_take_up(request: Request, name: str) -> Response:
    """Take up the invalid files that a profile is for."""
    rights = rights_of(request)
    source = backend(request)
    rights.take_up([event_of(source.lake, row.file_id) for row in _waiting(source, name)[:FILES]])
    return RedirectResponse("/files?verdict=invalid", 303)


def rights_of(request: Request) -> Rights:
    """What a caller may change; raises Problem for who may not."""
    rights: Rights | None = request.app.state.rights
    if rights is None or not may_change(request):
        raise Problem("forbidden", words(request)("may_not"))
    return rights


def _asked(source: Source, row: LedgerRow) -> Asked | str:
    """The file that is asked about; or why its columns cannot be told."""
    try:
        event, data = beginning_of(source.lake, row.file_id, SAMPLE_BYTES)
        known = partners.of_key(source.lake.store, row.source_file)
        delimiter = known.profile.delimiter if known else None
        try:
            found = look_at(data, event.key, whole=len(data) == event.size, delimiter=delimiter)
        except InvalidFile:
            found = look_at(data, event.key, whole=len(data) == event.size)
    except (InvalidFile, DamagedObject, Problem) as error:
        return str(error)
    return Asked(row, data, found, known)


def _said(request: Request, file_id: str, fields: Mapping[str, str]) -> Response:
    source = backend(request)
    row = source.file(file_id)
    if row is None:
        return missing(request)
    asked = _asked(source, row)
    if isinstance(asked, str):
        return page(request, "columns_none.html", "files", {"row": row, "why": words(request).why(asked)})
    said = _read(asked, fields)
    if "save" not in fields or said.open:
        return _page_of(request, asked, said, fields)
    rights = rights_of(request)
    name, prefix = fields.get("name", "").strip(), fields.get("prefix", "").strip()
    try:
        before = _profile(source, name)
        text = written(profile_of(said, asked.found, prefix, before))
        if not row.source_file.startswith(prefix):
            raise InputError(words(request)("other_prefix", name=row.source_file, prefix=prefix))
        partners.put(source.lake.store, name, text, utc_now())
    except InputError as error:
        return _page_of(request, asked, said, fields, wrong=str(error))
    rights.take_up([event_of(source.lake, file_id)])
    return RedirectResponse(f"/files/{file_id}/columns?saved={quote(name)}", 303)


def _read(asked: Asked, fields: Mapping[str, str]) -> Said:
    """What the form says, beside columns under their very names; a proposal that was taken is said, too."""
    columns = dict(as_found(asked.found, None).columns)
    taken, _, taken_place = fields.get("take", "").partition(":")
    for column in COLUMNS:
        if columns[column.name] is not None:
            continue
        value = taken_place if column.name == taken else fields.get(f"column_{column.name}", "")
        is_place = value.isdecimal() and int(value) < len(asked.found.columns)
        columns[column.name] = int(value) if is_place else FIXED if value == FIXED and _may_be_fixed(column) else None
    fixed = {column.name: fields.get(f"fixed_{column.name}", "").strip() for column in COLUMNS}
    marks = fields.get("marks", "")
    told = {f"word_{number}": text for number, text in enumerate(_listed(fields))}
    statuses = {text: fields.get(name, "") for name, text in told.items()}
    return Said(columns, fixed, marks, {text: status for text, status in statuses.items() if status in STATUSES})


def _listed(fields: Mapping[str, str]) -> list[str]:
    """The words that the form asked about, by their numbers."""
    return [fields[f"text_{number}"] for number in range(64) if f"text_{number}" in fields]


def _may_be_fixed(column: Column) -> bool:
    return column.may_default or not column.required


def _profile(source: Source, name: str) -> Profile | None:
    """The profile of a name, as it is."""
    store = source.lake.store
    entry = next((each for each in partners.partners(store).profiles if each.name == name), None)
    return None if entry is None else partners.known(store, entry).profile


def _others(source: Source, asked: Asked) -> list[tuple[str, Profile]]:
    """The profiles of other partners, but those that cannot be read."""
    store, told = source.lake.store, []
    for entry in partners.partners(store).profiles:
        if asked.known is None or entry.name != asked.known.entry.name:
            try:
                told.append((entry.name, partners.known(store, entry).profile))
            except DamagedObject:
                continue
    return told


def _waiting(source: Source, name: str) -> list[LedgerRow]:
    """The invalid files that a profile is for and by which they were not read yet, as it is."""
    under = partners.under(source.lake.store, name)
    reading = partners.reading_of(source.lake.store, f"{under.prefix}x", source.lake.settings.max_reject_share)
    return [
        row
        for row in source.ledger.rows()
        if row.verdict == "invalid" and under.holds(row.source_file) and row.reading != reading.name
    ]


def _saved(request: Request, source: Source, row: LedgerRow, name: str) -> Response:
    try:
        others = [each for each in _waiting(source, name) if each.file_id != row.file_id]
        entry = partners.named(partners.partners(source.lake.store), name)
    except InputError:
        return missing(request)
    shown = {"row": row, "name": name, "prefix": entry.prefix, "others": others, "may": may_change(request)}
    return page(request, "columns_saved.html", "files", shown)


def _page_of(request: Request, asked: Asked, said: Said, fields: Mapping[str, str], *, wrong: str = "") -> Response:
    """The page, with what would come of it as soon as every column is said."""
    t, source = words(request), backend(request)
    folder = asked.row.source_file.rpartition("/")
    prefix = fields.get("prefix", asked.known.entry.prefix if asked.known else folder[0] + folder[1]).strip()
    name = fields.get("name", asked.known.entry.name if asked.known else name_of(prefix)).strip() or name_of(prefix)
    tried: Trial | None = None
    if not said.open:
        try:
            profile = profile_of(said, asked.found, prefix or "preview/", _profile(source, name))
            reading = resolve(name, profile, source.lake.settings.max_reject_share)
            tried = trial(
                source.lake, asked.data, asked.row.source_file, reading, whole=len(asked.data) == asked.row.size
            )
        except ProfileError as error:
            wrong = wrong or str(error)
    offered = proposals(asked.found, _others(source, asked))
    used = {place for place in said.columns.values() if isinstance(place, int)}
    texts = [*dict.fromkeys((*said.words, *(tried.unknown if tried else ())))]
    shown = {
        "row": asked.row,
        "found": asked.found.columns,
        "to_say": [_line(t, asked, said, offered, column) for column in COLUMNS if not _is_exact(asked, column)],
        "exact": [_line(t, asked, said, offered, column) for column in COLUMNS if _is_exact(asked, column)],
        "open": said.open,
        "prefix": prefix,
        "name": name,
        "example": (text := example(asked.found)),
        "meanings": meanings(text) if text else [],
        "marks": said.marks,
        "words": [(text, said.words.get(text, "")) for text in texts],
        "statuses": STATUSES,
        "unused": [each.name for place, each in enumerate(asked.found.columns) if place not in used],
        "tried": tried,
        "rejects": _rejects(t, tried) if tried else [],
        "may": may_change(request),
        "wrong": wrong,
    }
    return page(request, "columns.html", "files", shown, status=422 if wrong else 200)


def _is_exact(asked: Asked, column: Column) -> bool:
    """Whether a column of the file has the very name."""
    return any(each.column == column.name for each in asked.found.columns)


def _line(t: Words, asked: Asked, said: Said, offered: Mapping[str, Proposal], column: Column) -> dict[str, Any]:
    """A column of the contract: what it is, and which of the file's it is by now."""
    place = said.columns.get(column.name)
    proposal = offered.get(column.name)
    texts = asked.found.columns[place].texts if isinstance(place, int) else ()
    exact = isinstance(place, int) and asked.found.columns[place].column == column.name
    state = "exact" if exact else "fixed" if place == FIXED else "said" if place is not None else "open"
    if proposal and proposal.place == place:
        state = "taken"
    return {
        "name": column.name,
        "gloss": t(f"gloss_{column.name}") if t.has(f"gloss_{column.name}") else column.comment,
        "place": place,
        "fixed": said.fixed.get(column.name, ""),
        "may_be_fixed": _may_be_fixed(column),
        "choices": [*STATUSES] if column.kind == "status" else [],
        "texts": texts,
        "state": state,
        "proposal": proposal if proposal and place is None else None,
        "by": proposal.profile if proposal else "",
        "theirs": asked.found.columns[proposal.place].name if proposal else "",
    }


def _rejects(t: Words, tried: Trial) -> list[str]:
    """The first rejected records, each by its line and its first reason."""
    told = []
    for each in tried.first:
        if each.reasons:
            column, _, code = each.reasons[0].partition(":")
            text = each.texts.get(column) if each.record is None else each.record
            reason = t.reason(code, column)
            told.append(t("rejected_line", line=each.line, column=column, reason=reason, text=(text or "")[:60]))
    return told[:REJECTS]
