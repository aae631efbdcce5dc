"""Partners' profiles: read, tried on files, and, where it is allowed, put; files looked at, and taken up again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from duff_orders.api import models
from duff_orders.api.files import row_of
from duff_orders.api.formats import Body as Answer
from duff_orders.api.formats import respond
from duff_orders.api.parameters import BackendDependency, FileId, ProfileName
from duff_orders.api.problems import Problem, invalid
from duff_orders.clock import format_time, utc_now
from duff_orders.documents import Event, InForce
from duff_orders.errors import InputError, InvalidFile, SourceChanged
from duff_orders.lake import layout, partners
from duff_orders.lake.documents import EVENTS
from duff_orders.lake.lake import Lake
from duff_orders.profiles.profile import load
from duff_orders.profiles.reading import READING_HALF, resolve
from duff_orders.settings import MIB

if TYPE_CHECKING:
    from duff_orders.local.trial import Trial

router = APIRouter(prefix="/profiles", tags=["partners"])
#: What is asked of a file.
of_files = APIRouter(prefix="/files", tags=["partners"])

#: Bytes of a file that are looked at for its header: more than hold the 64 KiB in which it must end, packed or not.
_FOR_A_HEADER = MIB


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may change profiles and take files up again: holders of the keys that are named; without keys, everybody.

    `take_up` processes files again, in its own time.
    """

    admins: frozenset[str]
    take_up: Callable[[Sequence[Event]], object]


def may_change(request: Request) -> bool:
    """Whether a caller may; nobody may where the application was given no rights."""
    rights: Rights | None = request.app.state.rights
    if rights is None:
        return False
    return not request.scope.get("keys") or request.scope.get("caller") in rights.admins


async def _rights(request: Request) -> Rights:
    rights: Rights | None = request.app.state.rights
    if rights is None:
        raise Problem(
            "forbidden", "here profiles are only read; who deploys changes them: `duff profile put --deployment NAME`"
        )
    if not may_change(request):
        raise Problem("forbidden", "this key may read; those that may change are named in DUFF_ADMIN_KEYS")
    return rights


RightsDependency = Annotated[Rights, Depends(_rights)]


@router.get("", response_model=models.Profiles)
def list_profiles(request: Request, backend: BackendDependency) -> Response:
    """The profiles that are in force: how partners write, and for which keys that holds."""
    index = partners.partners(backend.lake.store)
    return respond(request, None, lambda: Answer({"data": [*map(_entry, index.profiles)]}), formats=("json",))


@router.get("/{profile}", response_model=models.ProfileDocument)
def get_profile(request: Request, backend: BackendDependency, profile: ProfileName) -> Response:
    """One profile, as far as it decides what values mean; who may change it sees its text, too."""
    store = backend.lake.store
    entry = partners.named(partners.partners(store), profile)
    text = partners.text_of(store, entry)
    document = _document(entry, text, may_change(request))
    return respond(request, None, lambda: Answer(document), formats=("json",))


@router.put("/{profile}", response_model=models.ProfileDocument)
def put_profile(
    backend: BackendDependency,
    rights: RightsDependency,
    profile: ProfileName,
    asked: Annotated[models.ProfileText, Body()],
) -> Response:
    """Let a profile hold from now on, in place of the one before (`duff serve` only, for who may change profiles).

    Files that were read stay as they are; `POST /v1/files/{file_id}/replay` takes one up again.
    """
    store = backend.lake.store
    load(asked.text)  # raises with everything that is wrong with it
    try:
        entry = partners.put(store, profile, asked.text, utc_now())
    except InputError as error:
        raise invalid("path", "profile", profile, str(error)) from None
    return JSONResponse(_document(entry, asked.text, True), headers={"Cache-Control": "no-store"})


@router.post("/check", response_model=models.Trial)
def check_profile(backend: BackendDependency, asked: Annotated[models.TrialRequest, Body()]) -> Response:
    """Try a profile on a file, by the rules themselves, and store nothing: what would come of its first records."""
    from duff_orders.local.trial import SAMPLE_BYTES, trial  # the engine's rules: no other route needs them

    reading = resolve(asked.name, load(asked.text), backend.lake.settings.max_reject_share)
    event, data = beginning_of(backend.lake, row_of(backend, asked.file_id).file_id, SAMPLE_BYTES)
    tried = trial(backend.lake, data, event.key, reading, whole=len(data) == event.size)
    return JSONResponse(trial_document(tried), headers={"Cache-Control": "no-store"})


@of_files.get("/{file_id}/header", response_model=models.Header)
def get_header(request: Request, backend: BackendDependency, file_id: FileId) -> Response:
    """The columns of a file as its header names them, each with three of its texts, from its first 64 KiB."""
    from duff_orders.local.trial import look_at  # as above

    event, data = beginning_of(backend.lake, row_of(backend, file_id).file_id, _FOR_A_HEADER)
    try:
        found = look_at(data, event.key, whole=len(data) == event.size)
    except InvalidFile as error:
        raise Problem("not-found", f"no header: {error}") from None
    document = {
        "line": found.line,
        "delimiter": found.delimiter,
        "columns": [{"name": each.name, "texts": [*each.texts], "column": each.column} for each in found.columns],
    }
    return respond(request, None, lambda: Answer(document), formats=("json",))


@of_files.post("/{file_id}/replay", response_model=models.TakenUp, status_code=202)
def replay_file(backend: BackendDependency, rights: RightsDependency, file_id: FileId) -> Response:
    """Process a file again as it is read today (`duff serve` only, for who may change profiles).

    Its outcome takes the place of the one before, in its own time: `revision` is the one that it will have at least.
    """
    row = row_of(backend, file_id)
    rights.take_up([event_of(backend.lake, file_id)])
    document = {"file_id": file_id, "revision": row.revision + 1}
    return JSONResponse(document, 202, headers={"Cache-Control": "no-store"})


def event_of(lake: Lake, file_id: str) -> Event:
    """The announcement of a file; raises Problem where there is none any more."""
    event = EVENTS.read(lake.store, layout.event_object(file_id))
    if event is None:
        raise Problem("not-found", f"the file {file_id} was announced by nothing that is left")
    return event


def beginning_of(lake: Lake, file_id: str, size: int) -> tuple[Event, bytes]:
    """A file's announcement and its first bytes, so many; raises Problem where it is not what it was."""
    event = event_of(lake, file_id)
    try:
        return event, lake.store.head(event, size).data
    except SourceChanged as error:
        raise Problem("not-found", str(error)) from None


def _entry(entry: InForce) -> dict[str, Any]:
    return {"name": entry.name, "prefix": entry.prefix, "since": format_time(entry.since)}


def _document(entry: InForce, text: str, shown: bool) -> dict[str, Any]:
    profile = load(text)
    said = {name: getattr(profile, name) for name in READING_HALF}  # whom it tells, and when, is nobody's business here
    share = said.pop("max_reject_share")
    return {
        **_entry(entry),
        "max_reject_share": None if share is None else str(share),
        **{name: _plain(value) for name, value in said.items()},
        "text": text if shown else None,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [*value] if isinstance(value, tuple) else value


def trial_document(tried: "Trial") -> dict[str, Any]:
    """A trial as a document."""
    outcome = tried.outcome
    return {
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "whole": tried.whole,
        "rows_read": outcome.rows_read,
        "rows_good": outcome.rows_read - outcome.rows_rejected,
        "rows_rejected": outcome.rows_rejected,
        "columns": dict(tried.columns),
        "standing": dict(tried.standing),
        "further": [*tried.further],
        "reasons": [
            {"column": reason.partition(":")[0], "code": reason.partition(":")[2], "rows": rows}
            for reason, rows in tried.reasons
        ],
        "first": [
            {
                "line": each.line,
                "texts": each.texts,
                "values": each.values,
                "reasons": [*each.reasons],
                "record": each.record,
            }
            for each in tried.first
        ],
    }
