"""The proof of a day as a sheet: to be read, printed and signed."""

from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.clock import utc_now
from duff_orders.console.page import backend, missing, page, templates, words
from duff_orders.console.texts import Words
from duff_orders.partners.proof import COUNTS, FATES, Entry, Proof, facts, proof

router = APIRouter(include_in_schema=False)

#: Corrected cells that a sheet names, and digits of a hash that it shows in groups of four.
CELLS, HASH = 20, 12


@router.get("/proof/{day}")
def get_proof(request: Request, day: str) -> Response:
    """The sheet of a day."""
    t, source, now = words(request), backend(request), utc_now()
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        return missing(request)
    found = proof(source.lake.store, source.ledger.rows(), source.standings(), source.partner_days(now), wanted)
    shown = sheet(t, found, now) | {
        "before": wanted - timedelta(days=1) if wanted > date.min else None,
        "after": wanted + timedelta(days=1) if wanted < date.max else None,
    }
    return page(request, "proof.html", "today", shown)


def standalone(of: Proof, made: datetime) -> str:
    """The sheet as a page of its own, in English, which needs no server: for `duff proof --html`."""
    style = (Path(__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
    t = Words("en")
    return templates.get_template("proof_alone.html").render(t=t, style=style, **sheet(t, of, made))


def sheet(t: Words, of: Proof, made: datetime) -> dict[str, Any]:
    """What stands on a sheet."""
    document, totals = facts(of, made), of.totals
    cells = [
        t(
            "proof_cell",
            file=row.source_file.rpartition("/")[2],
            change=t(
                "cell_change",
                line=str(change.line),
                column=change.column,
                before=(change.before or "")[:40],
                after=(change.after or "")[:40],
            ),
            by=each.by or t("somebody"),
            when=t.moment(each.at),
        )
        for row, each in of.corrections
        for change in each.changes
    ]
    return {
        "proof": of,
        "title": t("proof_title", day=t.long_day(of.day)),
        "said": _said(t, of, totals),
        "lines": [_line(t, each) for each in of.entries],
        "totals": [t.number(totals[name]) for name in (*COUNTS, *FATES)],
        "remarks": [*_remarks(t, of)],
        "cells": cells[:CELLS],
        "more_cells": max(0, len(cells) - CELLS),
        "digest": _grouped(document["digest"]),
        "made": t.moment(made),
        "release": version("duff-orders"),
    }


def _said(t: Words, of: Proof, totals: dict[str, int]) -> str:
    """What a manager would say of the day."""
    parts = [t("proof_came", came=of.came, expected=of.expected)] if of.expected else []
    parts += [t.many("proof_late", of.late)] if of.late else []
    rows = t(
        "proof_rows",
        read=totals["rows_read"],
        published=totals["rows_published"],
        repeated=totals["rows_duplicate"],
        rejected=totals["rows_rejected"],
        withheld=totals["rows_withheld"],
        corrected=totals["corrected"],
        given_up=totals["given_up"],
        open=totals["open"],
    )
    end = [] if of.faults else [t("proof_none_lost")]
    return " ".join((*parts, rows, *end)) if of.entries else t("proof_nothing")


def _line(t: Words, of: Entry) -> dict[str, Any]:
    row = of.row
    digest = (row.content or "").partition("-")[0] if row else ""
    return {
        "partner": of.partner or "–",
        "due": f"{of.due_there:%H:%M}" if of.due_there else "–",
        "came": f"{of.came:%H:%M}" if of.came else "",
        "late": of.late,
        "file": row.source_file.rpartition("/")[2] if row else "",
        "file_id": row.file_id if row else "",
        "verdict": row.verdict if row else "",
        "missing": t("word_missing") if of.late else t("still_due"),
        "hash": _grouped(digest[:HASH]),
        "counts": [t.number(getattr(row, name)) for name in COUNTS] if row else [],
        "fates": [t.number(each) for each in of.fates] if row else [],
    }


def _grouped(digits: str) -> str:
    return " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))


def _remarks(t: Words, of: Proof) -> Any:
    for each in of.entries:
        row = each.row
        if row is None:
            continue
        name = row.source_file.rpartition("/")[2]
        if row.verdict in ("invalid", "failed", "duplicate"):
            yield f"{name}: {t.verdict(row.verdict)}. {t.why(row.reason or row.error or '')}"
        for remark in row.remarks or ():
            yield f"{name}: {t.remark(remark)}"
