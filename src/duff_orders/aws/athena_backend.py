"""The backend of a deployment: Athena, the ledger and the snapshot on S3."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from typing import Any

from duff_orders.api.backend import Queries, Query, rejected_lines
from duff_orders.contract import FILES
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.given_up import all_given_up
from duff_orders.lake.glue_catalog import newest_verdict, registered, shown
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.partners import Under
from duff_orders.lake.standing import Standings
from duff_orders.lake.stores.base import Store
from duff_orders.local.condition import Amiss
from duff_orders.partners.days import PartnerDays, all_days
from duff_orders.partners.settled import Settlements, all_settled
from duff_orders.query import statements
from duff_orders.query.athena import Athena
from duff_orders.query.reports import Report, Value
from duff_orders.query.result import Result
from duff_orders.query.statements import LINES, Statement
from duff_orders.settings import MINIMUM_MEMORY, Settings

#: Seconds for which the version is not looked up again.
_FRESH = 1.0
#: Days of the ledger that are read for what partners did: four weeks, and the eight before, which tell what is usual.
KNOWN_DAYS = 12 * 7


@dataclass
class AthenaBackend:
    """A deployment's star schema, ledger and rejected rows; see `api.backend`."""

    athena: Athena
    store: Store
    queries: Queries | None = None
    _known: tuple[float, str | None] = (0.0, None)

    @cached_property
    def lake(self) -> Lake:
        """The lake, for a look at files as they came: little memory will do."""
        return Lake(Settings.load(memory=MINIMUM_MEMORY, threads=1), self.store)

    def version(self) -> str | None:
        """The build that the catalog shows whole: none while it moves to the next, so that no answer is kept."""
        when, known = self._known
        if time.monotonic() - when > _FRESH:
            known = shown(self.store)
            self._known = time.monotonic(), known
        return known

    def files_version(self) -> str | None:
        """Nothing tells it without a look at all rows."""
        return None

    def amiss(self) -> list[Amiss]:
        """Nothing that could be told without a look at the whole lake: alarms tell of it."""
        return []

    def newest(self) -> datetime | None:
        """When the newest verdict was written."""
        return newest_verdict(self.store)

    def lines(self, *, by_client: bool = False) -> str:
        """Facts with their dimensions."""
        return LINES

    def ask(self, statement: Statement) -> Result:
        """The answer to a statement."""
        version = self.version()
        return replace(self.athena.ask(*statement), version=version)

    def order(self, order_id: int) -> Result:
        """The lines of an order with their client's name, in one query: each takes a second."""
        return self.ask(statements.order(LINES, order_id))

    def report(self, report: Report, values: Mapping[str, Value]) -> Result:
        """The answer to a report."""
        return replace(self.ask(report.statement(values)), columns=list(report.columns))

    def files(
        self, verdict: str | None, partner: Under | None, after: Sequence[Any] | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """A page of the ledger and one more, newest first: of the newest days that hold as many files, then of more."""
        documents: list[Mapping[str, Any]] = []
        for days in self._days(str(after[0])[:10] if after else None, limit):
            kept = list(after) if after else None
            statement = statements.files(days, verdict, partner, kept, limit - len(documents))
            rows = self.athena.ask(*statement).dictionaries()
            documents += [row | {"remarks": _parts(row["remarks"])} for row in rows]
            if len(documents) > limit:
                break
        return documents

    def _days(self, newest: str | None, limit: int) -> Iterator[tuple[str, str]]:
        """Spans of days, the newest first, each with more files than were asked for, and twice as many as before it."""
        last, count, due = "", 0, limit
        days = [day for day in registered(self.store) if newest is None or day <= newest]
        for first in range(0, len(days), self.store.reads_at_once):
            some = days[first : first + self.store.reads_at_once]
            for day, files in zip(some, self._counted(some, due), strict=True):
                last, count = last or day, count + files
                if count > due:
                    yield day, last
                    last, count, due = "", 0, 2 * due
        if last:
            yield days[-1], last

    def _counted(self, days: Sequence[str], most: int) -> list[int]:
        """The files of each day, as far as they matter: up to `most`, and one more."""

        def count(day: str) -> int:
            rows = self.store.listed(f"{layout.partition(FILES.name, date.fromisoformat(day))}/")
            return sum(1 for _ in islice(rows, most + 1))

        with ThreadPoolExecutor(len(days), thread_name_prefix="days") as pool:
            return [*pool.map(count, days)]

    def came(self, first: date, last: date) -> list[LedgerRow]:
        """The ledger rows of some days, in one query."""
        return self._rows(statements.came((first.isoformat(), last.isoformat())))

    def settled(self) -> Settlements:
        """What was said of days that files are expected on."""
        return all_settled(self.store, lambda error: None)

    def partner_days(self, now: datetime) -> list[PartnerDays]:
        """All partners with their days, of which the newest are known in full: a query reads no more of the ledger."""
        rows = self.came(now.date() - timedelta(days=KNOWN_DAYS), now.date())
        return all_days(self.store, rows, self.standings(), self.settled(), now, KNOWN_DAYS)

    def _rows(self, statement: Statement) -> list[LedgerRow]:
        return [LedgerRow.of(_without_nulls(row)) for row in self.athena.ask(*statement).dictionaries()]

    def standings(self) -> Standings:
        """What became of the rows that files did not bring in."""
        rows = self._rows(statements.standing())
        return Standings(rows, all_given_up(self.store, lambda error: None), partial(rejected_lines, self))

    def file(self, file_id: str) -> LedgerRow | None:
        """The ledger row of a file, from its own object."""
        return Ledger(self.store).of(file_id)

    def rejects(self, row: LedgerRow, statement: Statement) -> Result:
        """The answer to a statement over the rejected rows of one file."""
        return self.athena.ask(*statement)


def _parts(text: str | None) -> list[str] | None:
    return text if text is None else [each for each in text.split(statements.BETWEEN_REMARKS) if each]


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `statements.standing` as a document: what is null takes its default."""
    lists = {name: _parts(row[name]) for name in ("remarks", *statements.CORRECTING)}
    return {name: value for name, value in (row | lists).items() if value is not None}


@dataclass
class AthenaQueries:
    """SQL from outside, answered by Athena; see `api.backend.Queries`.

    No state is kept here: an id holds Athena's own, the most rows asked for and, for a caller with a key, what only
    that key's id gives.
    """

    athena: Athena

    def submit(self, sql: str, max_rows: int, *, caller: str | None, token: str | None) -> str:
        """Start a query; its id."""
        from duff_orders.query.guard.check import check  # the parser: who asks in SQL pays for it

        check(sql)
        digest = hashlib.sha256(f"{caller} {max_rows} {token}".encode()).hexdigest() if token else ""
        return _named(self.athena.start(sql, token=digest), max_rows, caller)

    def state(self, query_id: str, *, caller: str | None) -> Query | None:
        """The status of a query; None where it is another caller's."""
        query, most = _query(query_id)
        if _named(query, most, caller) != query_id:
            return None
        try:
            execution = self.athena.execution(query)
        except self.athena.client.exceptions.InvalidRequestException:
            return None
        rows = self._rows(query, most) if execution.state == "succeeded" else None
        return Query(
            id=query_id,
            state=execution.state,
            reason=execution.reason,
            rows=None if rows is None else min(rows, most),
            truncated=rows is not None and rows > most,
            bytes_scanned=execution.bytes_scanned,
            seconds=execution.seconds,
        )

    def result(self, query_id: str, after: int, limit: int) -> Result:
        """Rows of a query that has succeeded."""
        query, most = _query(query_id)
        result_pages, limit = self.athena.result(query), min(limit, most - after)
        rows: list[list[Any]] = []
        skipped = 0
        for page in result_pages.pages:
            rows += page[max(0, after - skipped) :]
            skipped += len(page)
            if len(rows) >= limit:
                break
        return Result(result_pages.columns, rows[:limit])

    def cancel(self, query_id: str) -> None:
        """End a query."""
        self.athena.stop(_query(query_id)[0])

    def _rows(self, query: str, most: int) -> int:
        """The rows of an answer, and one more than may be read."""
        count = 0
        for page in self.athena.result(query).pages:
            count += len(page)
            if count > most:
                break
        return count


def _named(query: str, most: int, caller: str | None) -> str:
    owner = hashlib.sha256(f"{caller} {query} {most}".encode()).hexdigest()[:16] if caller else ""
    return f"q_{query.replace('-', '')}{most:04x}{owner}"


def _query(query_id: str) -> tuple[str, int]:
    """Athena's own id, a UUID, of one of ours, and the most rows that were asked for."""
    digits = query_id[2:34]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])), int(
        query_id[34:38] or "0", 16
    )
