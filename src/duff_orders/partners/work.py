"""What waits for somebody, of all time and oldest first: days without files, files and rows, and what is unusual."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Literal

from duff_orders.documents import LedgerRow
from duff_orders.lake.standing import Standing, Standings
from duff_orders.partners.days import Day, PartnerDays, Word

Kind = Literal["missing", "invalid", "rows", "unusual"]
KINDS: tuple[Kind, ...] = ("missing", "invalid", "rows", "unusual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that waits: a day of a partner, or a file, and since when.

    `days` are those that it is about: several, where more and more was rejected on days that follow each other.
    """

    kind: Kind
    word: Word
    since: datetime
    partner: str | None = None
    days: tuple[Day, ...] = ()
    standing: Standing | None = None

    @property
    def day(self) -> Day | None:
        """The last of its days, if it is about any."""
        return self.days[-1] if self.days else None

    @property
    def date(self) -> date:
        """The day that it is about; of a file for no expected day that of its event (UTC)."""
        return self.days[-1].slot.day if self.days else self.since.date()


def work(told: Sequence[PartnerDays], standings: Standings) -> list[Item]:
    """All that is open, oldest first."""
    items, placed = list[Item](), dict[str, Day]()
    for partner in told:
        items += _of_days(partner.name, partner.days)
        for day in partner.days:
            placed |= {row.file_id: day for row in (*day.slot.files, *day.slot.unusable)}
    for standing in standings.open():
        row, of = standing.row, placed.get(standing.row.file_id)
        items.append(
            Item(
                kind="invalid" if is_broken(row) else "rows",
                word="failed" if row.verdict == "failed" else "invalid" if is_broken(row) else "rows",
                since=row.event_time,
                partner=of.partner if of is not None else _sender(told, row),
                days=(of,) if of is not None else (),
                standing=standing,
            )
        )
    return sorted(items, key=lambda item: (item.since, item.partner or "", item.kind))


def is_broken(row: LedgerRow) -> bool:
    """Whether nothing of a file could be taken in."""
    return row.verdict in ("invalid", "failed")


def _of_days(name: str, days: Sequence[Day]) -> Iterator[Item]:
    for day in days:
        if day.word in ("missing", "missed"):
            yield Item(kind="missing", word=day.word, since=day.slot.late_from, partner=name, days=(day,))
        for mark in day.marks:
            if mark.what != "rejects":
                yield Item(kind="unusual", word=mark.what, since=_came(day), partner=name, days=(day,))
    for marked, some in groupby(days, lambda day: any(mark.what == "rejects" for mark in day.marks)):
        if marked:
            run = tuple(some)
            yield Item(kind="unusual", word="rejects", since=_came(run[0]), partner=name, days=run)


def _came(day: Day) -> datetime:
    return day.slot.arrived or day.slot.due


def _sender(told: Sequence[PartnerDays], row: LedgerRow) -> str | None:
    return next((each.name for each in told if each.under.holds(row.source_file)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How a day stands: of the files that are expected those that came, are missing, or have time; and what is open."""

    expected: int
    missing: int
    due: int
    invalid: int
    rows: int
    unusual: int
    files: int

    @property
    def came(self) -> int:
        """Of the files that are expected those that came."""
        return self.expected - self.missing - self.due


def balance(told: Iterable[PartnerDays], items: Sequence[Item], rows: Iterable[LedgerRow], day: date) -> Balance:
    """How a day stands; what is open counts of all time. `rows` are the ledger's, of which those of the day count."""
    missing = due = expected = 0
    for partner in told:
        today = partner.on(day)
        if today is None:
            continue
        slot = today.slot
        expected += slot.needed
        if slot.is_open or slot.state == "missed":
            missing, due = (missing, due + today.lacking) if slot.state == "due" else (missing + today.lacking, due)
    return Balance(
        expected=expected,
        missing=missing,
        due=due,
        invalid=sum(item.kind == "invalid" for item in items),
        rows=sum(item.standing.open for item in items if item.standing and item.kind == "rows"),
        unusual=sum(item.kind == "unusual" for item in items),
        files=sum(row.event_time.date() == day for row in rows),
    )


def span(days: int, until: date) -> tuple[date, date]:
    """So many days until one of them."""
    return until - timedelta(days=days - 1), until
