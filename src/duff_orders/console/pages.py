"""The pages: what is in, what broke, what to do; every file; one file, and the way to mend it."""

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.background import BackgroundTask

from duff_orders.api.embedded import Embedded
from duff_orders.api.files import page_of_files, reasons_of, rejected
from duff_orders.api.problems import Problem
from duff_orders.console import uploads
from duff_orders.console.progress import Progress
from duff_orders.console.texts import LANGUAGES, TEXTS, Words
from duff_orders.console.uploads import words
from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import current
from duff_orders.messages import LedgerRow, Verdict, format_time, utc_now
from duff_orders.query import rejects, reports, statements

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parent / "static"
_TYPES = {"style.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
#: Files of a page, rejected rows that are shown, files that are to be looked at, and the days that count as now.
FILES, ROWS, TODO, NOW = 50, 100, 3, timedelta(days=7)
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

pages = Environment(
    loader=PackageLoader("duff_orders.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def install(app: FastAPI, lake: Lake, backend: Embedded) -> None:
    """Give the application its pages, over a lake in a folder."""
    app.state.lake, app.state.progress = lake, Progress(lake, backend.ledger)
    app.include_router(router)
    app.include_router(uploads.router)


@router.get("/static/{name}")
def get_static(name: str) -> Response:
    """Style and script."""
    if name not in _TYPES:
        raise Problem("not-found", "there is no such file")
    return FileResponse(STATIC / name, media_type=_TYPES[name], headers={"Cache-Control": "private, max-age=60"})


@router.get("/lang/{code}")
def get_language(code: str, to: str = "/") -> Response:
    """Choose a language, and go back to where it was chosen."""
    if code not in LANGUAGES:
        raise Problem("not-found", "there is no such language")
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    answer = RedirectResponse(to if inside else "/", 303)
    answer.set_cookie("lang", code, max_age=31_536_000, httponly=True, samesite="lax")
    return answer


@router.get("/")
def get_overview(request: Request) -> Response:
    """Three questions, answered in sentences; sales by status and channel; a place to drop files."""
    t, asked = words(request), _backend(request)
    rows = asked.ledger.rows()
    now = utc_now()
    recent = sorted((row for row in rows if row.event_time > now - NOW), key=lambda row: row.event_time, reverse=True)
    by_verdict = {verdict: sum(row.verdict == verdict for row in recent) for verdict in _VERDICTS}
    worst = next((each for each in ("failed", "invalid") if by_verdict[each]), "valid_with_rejects")
    to_do = [row for row in recent if row.verdict in ("failed", "invalid") or row.rows_rejected][:TODO]
    shown = {
        "today": sum(row.event_time.date() == now.date() for row in rows),
        "waiting": request.app.state.progress.waiting(),
        "invalid": by_verdict["invalid"],
        "failed": by_verdict["failed"],
        "rejected": sum(row.rows_rejected for row in recent),
        "worst": worst,
        "todo": [{"row": row, "text": _to_do(t, asked, row)} for row in to_do],
        "by_status": asked.report(reports.report("status_summary"), {}).dictionaries(),
        "by_channel": asked.report(reports.report("sales_by_channel"), {"limit": 10}).dictionaries(),
    }
    return _page(request, "overview.html", "overview", shown)


@router.get("/files")
def list_files(request: Request, verdict: str = "", cursor: str = "") -> Response:
    """The ledger, newest first."""
    wanted = verdict if verdict in _VERDICTS else None
    rows, following = page_of_files(_backend(request), wanted, cursor or None, FILES)()
    shown = {
        "rows": rows,
        "verdict": wanted,
        "verdicts": _VERDICTS,
        "next": following,
        "cursor": cursor,
    }
    return _page(request, "files.html", "files", shown)


@router.get("/files/{file_id}")
def get_file(request: Request, file_id: str, reason: str = "") -> Response:
    """One file: its verdict, why rows were rejected, which cells are wrong, and the way to correct them."""
    t, asked = words(request), _backend(request)
    row = asked.file(file_id)
    if row is None:
        return _page(request, "missing.html", "files", {}, status=404)
    rows = asked.rejects(row, statements.rejects(row.file_id, row.pa_date, reason or None, 0, ROWS)).dictionaries()[
        :ROWS
    ]
    shown = [rejected(each) for each in rows]
    for each in shown:
        each["wrong"] = {one["column"]: one["code"] for one in each["reasons"]}
    text = t(
        f"said_{row.verdict}",
        **{"name": row.source_file, "published": row.rows_published, "rejected": row.rows_rejected}
        | {"reason": row.reason or ""},
    )
    known = {
        "file_id": row.file_id,
        "etag": row.etag,
        t("size"): t.number(row.size),
        t("came"): format_time(row.event_time),
        t("finished"): format_time(row.finished),
        t("engine"): row.engine or "–",
        "encoding": row.encoding or "–",
        "delimiter": row.delimiter or "–",
        t("revision"): row.revision,
        "error": row.error or "–",
    }
    shown_now = {
        "row": row,
        "said": text,
        "reasons": reasons_of(asked, row),
        "columns": COLUMN_NAMES,
        "rejects": shown,
        "shown": len(shown),
        "details": list(known.items()),
    }
    return _page(request, "file.html", "files", shown_now)


@router.get("/files/{file_id}/corrections.csv")
def get_corrections(request: Request, file_id: str) -> Response:
    """The rejected rows as a file to be corrected and dropped again: in the original's delimiter."""
    row = _backend(request).file(file_id)
    if row is None:
        return _page(request, "missing.html", "files", {}, status=404)
    folder = tempfile.TemporaryDirectory(prefix="duff-corrections-")
    path = Path(folder.name, "corrections.csv")
    rejects.export(request.app.state.lake, row, path)
    name = f"{Path(row.source_file).name.partition('.')[0]}-corrected.csv"
    return FileResponse(path, media_type="text/csv", filename=name, background=BackgroundTask(folder.cleanup))


def _page(request: Request, template: str, here: str, shown: Mapping[str, Any], *, status: int = 200) -> Response:
    t = words(request)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    text = pages.get_template(template).render(
        **shown,
        t=t,
        here=here,
        path=path,
        fresh=_fresh(t, _backend(request)),
        languages=[(code, TEXTS[code]["language"]) for code in LANGUAGES],
    )
    headers = {"Cache-Control": "no-store", "Content-Language": t.language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(text, status, headers=headers)


def _fresh(t: Words, asked: Embedded) -> str:
    """The newest file, and how much there is."""
    rows = asked.ledger.rows()
    newest = max(rows, key=lambda row: row.finished, default=None)
    if newest is None:
        return t("fresh_none")
    built = current(asked.lake.store).ledger_read
    return t(
        "fresh",
        name=newest.source_file,
        age=t.age(newest.finished, utc_now()),
        files=len(rows),
        rows=sum(row.rows_read for row in rows),
        build=t.moment(built) if built else t("tables_none"),
    )


def _to_do(t: Words, asked: Embedded, row: LedgerRow) -> str:
    counts = reasons_of(asked, row) if row.rows_rejected else []
    if not counts:
        return t("do_look", verdict=t.verdict(row.verdict), reason=row.reason or row.error or "")
    first = f"{counts[0]['column']}: {t.reason(counts[0]['code'])}"
    return t("do_correct", rejected=row.rows_rejected, read=row.rows_read, reason=first)


def _backend(request: Request) -> Embedded:
    backend: Embedded = request.app.state.backend
    return backend
