"""The list of files: searched, and grouped by day with what is missing of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duff_orders.clock import utc_now
from duff_orders.console.page import backend, page, partner_names, words
from duff_orders.console.texts import Words
from duff_orders.documents import VERDICTS, LedgerRow
from duff_orders.lake.partners import Under
from duff_orders.lake.standing import Standings
from duff_orders.partners.days import PartnerDays

router = APIRouter(include_in_schema=False)

#: Files of a page, and characters of what is looked for.
FILES, MOST_CHARACTERS = 50, 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files: those whose key holds a text, of a partner, of a verdict, of some days where the reader is."""

    name: str = ""
    partner: str = ""
    verdict: str = ""
    first: date | None = None
    last: date | None = None
    only_open: bool = False

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Wanted":
        """What was asked for; what is not allowed counts as not asked."""
        verdict = asked.get("verdict", "")
        return cls(
            name=asked.get("name", "").strip()[:MOST_CHARACTERS],
            partner=asked.get("partner", ""),
            verdict=verdict if verdict in VERDICTS else "",
            first=_day(asked.get("from", "")),
            last=_day(asked.get("to", "")),
            only_open=bool(asked.get("open")),
        )

    def query(self, **changed: object) -> str:
        """The address of the same, or nearly the same, files."""
        values = {
            "name": self.name,
            "partner": self.partner,
            "verdict": self.verdict,
            "from": self.first or "",
            "to": self.last or "",
            "open": 1 if self.only_open else "",
        } | changed
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def searches(self) -> bool:
        """Whether anything but a tab was chosen."""
        return bool(self.name or self.partner or self.first or self.last)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@router.get("/files")
def list_files(request: Request, before: str = "") -> Response:
    """The ledger, newest first, by days; `before` is the last file of the page before."""
    t, source = words(request), backend(request)
    wanted, zone = Wanted.of(request.query_params), ZoneInfo(t.zone)
    standings = source.standings()
    told = source.partner_days(utc_now())
    unders = {each.name: each.under for each in told}
    every = sorted(source.ledger.rows(), key=_newest_first, reverse=True)
    found = [row for row in every if _is_wanted(row, wanted, unders, standings, zone)]
    start = next((place + 1 for place, row in enumerate(found) if row.file_id == before), 0)
    shown = found[start : start + FILES]
    listed = {
        "wanted": wanted,
        "total": len(found),
        "all": len(every),
        "counts": {verdict: sum(row.verdict == verdict for row in every) for verdict in VERDICTS},
        "open": len(standings.open()),
        "groups": [
            _group(t, day, [*rows], told, unders, standings)
            for day, rows in groupby(shown, lambda row: row.event_time.astimezone(zone).date())
        ],
        "verdicts": VERDICTS,
        "next": wanted.query(before=shown[-1].file_id) if start + FILES < len(found) else "",
        "first_page": wanted.query() if start else None,
        "waiting": request.app.state.progress.on_their_way(t),
        "partners": partner_names(source),
    }
    return page(request, "files.html", "files", listed)


def _newest_first(row: LedgerRow) -> tuple[datetime, str]:
    return row.event_time, row.file_id


def _is_wanted(
    row: LedgerRow, wanted: Wanted, unders: Mapping[str, Under], standings: Standings, zone: ZoneInfo
) -> bool:
    if wanted.name and wanted.name.casefold() not in row.source_file.casefold():
        return False
    if wanted.partner and not (wanted.partner in unders and unders[wanted.partner].was_for(row)):
        return False
    if wanted.verdict and row.verdict != wanted.verdict:
        return False
    day = row.event_time.astimezone(zone).date()
    if (wanted.first and day < wanted.first) or (wanted.last and day > wanted.last):
        return False
    return not wanted.only_open or standings.of(row).is_open


def _group(
    t: Words,
    day: date,
    rows: Sequence[LedgerRow],
    told: Sequence[PartnerDays],
    unders: Mapping[str, Under],
    standings: Standings,
) -> dict[str, Any]:
    """The files of a day by partner, below what was expected of it."""
    expected = came = late = 0
    missing = list[str]()
    for of in told:
        found = of.on(day)
        if found is not None:
            expected += found.slot.needed
            came += min(found.slot.needed, len(found.slot.files))
            late += found.slot.state == "late"
            if found.slot.state in ("missing", "missed") and not found.slot.is_complete:
                missing.append(of.name)
    parts = [t("day_in", came=came, expected=expected)] if expected else [t.many("day_files", len(rows))]
    parts += [t("day_late", n=late)] if late else []
    parts += [t("day_missing", names=t.all_of(missing))] if missing else []
    by_partner = sorted(
        rows, key=lambda row: next((name for name, each in unders.items() if each.holds(row.source_file)), "~")
    )
    return {
        "day": day,
        "title": t.long_day(day),
        "said": " · ".join(parts),
        "rows": [{"row": row, "standing": standings.of(row)} for row in by_partner],
    }
