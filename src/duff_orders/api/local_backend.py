"""The backend of a lake in a folder: DuckDB over the serving copy, the ledger kept in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from duff_orders.api.backend import Queries, Query
from duff_orders.api.cache import CachedAnswers, FolderLedger, OverLedger
from duff_orders.api.problems import Problem, invalid
from duff_orders.contract import ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow
from duff_orders.lake import relation
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import KeptSnapshot
from duff_orders.local.condition import Amiss, Condition
from duff_orders.query import statements
from duff_orders.query.duckdb import answer
from duff_orders.query.reports import Report, Value
from duff_orders.query.result import Result, plain
from duff_orders.query.runner import WAITING, Runner, TokenUsed, TooMany
from duff_orders.query.serving import Serving
from duff_orders.query.statements import Statement

#: Answers over rejected rows that are kept, and the characters of which each may be.
KEPT, SHORT = 100, 100_000


class LocalBackend(OverLedger):
    """A lake in a folder; see `api.backend`."""

    def __init__(self, lake: Lake, serving: Serving, queries: Queries | None = None) -> None:
        self.lake = lake
        self.serving = serving
        self.queries = queries
        self.ledger = FolderLedger(lake)
        self.condition = Condition()
        self.snapshot = KeptSnapshot(lake.store)
        self._rejects = CachedAnswers(KEPT, SHORT)

    def version(self) -> str | None:
        """The build that answers show."""
        return self.serving.version

    def amiss(self) -> list[Amiss]:
        """What the watcher and the serving copy tell, and what is left out of answers."""
        self.snapshot.current()
        damaged = [Amiss("document", str(self.snapshot.damaged))] if self.snapshot.damaged else []
        # what the watcher leaves out is no other than what answers do
        return [*dict.fromkeys([*self.condition.amiss(), *damaged, *super().amiss()])]

    def lines(self, *, by_client: bool = False) -> str:
        """The copy that is sorted as the question wants it."""
        return self.serving.lines(by_client=by_client)

    def ask(self, statement: Statement) -> Result:
        """The answer to a statement of `statements`."""
        return self.serving.ask(lambda: statement)

    def order(self, order_id: int) -> Result:
        """The lines of an order and their client's name: two look-ups are quicker than one join."""
        result = self.serving.ask(lambda: statements.lines_of_order(self.lines(), order_id))
        names: dict[Any, Any] = {}
        place = [name for name, _ in result.columns].index("client_id")
        for client_id in {row[place] for row in result.rows}:
            statement = statements.client(client_id)
            names |= {row[0]: row[1] for row in self.serving.ask(lambda statement=statement: statement).rows}  # type: ignore[misc]
        rows = [[*row, names.get(row[place])] for row in result.rows]
        return replace(result, columns=[*result.columns, ("client_name", "varchar")], rows=rows)

    def report(self, report: Report, values: Mapping[str, Value]) -> Result:
        """The answer to a report: from the serving copy, or from the ledger's documents and the rows of files."""
        if report.over == "star":
            return self.serving.report(report, values)
        with answer(self.lake, report.text(values), left_out=[]) as result:
            return Result(list(report.columns), plain(result.fetchall()))

    def rejects(self, row: LedgerRow, statement: Statement) -> Result:
        """The answer to a statement over the rejected rows of one file; what is short is kept."""
        key = (row.file_id, row.revision, statement[0], *statement[1])
        return self._rejects.get(key, lambda: self._ask_rejects(row, statement))

    def lag(self, build_id: str | None) -> str:
        """Answers are slow until the newest build's copy is there."""
        return "" if self.serving.has_copy else "copying"

    def shows(self, build_id: str | None) -> bool:
        """Those of the copy, or until it is there the objects that a snapshot names."""
        return True

    def said_of_order(self, order_id: int, files: Sequence[LedgerRow]) -> Result:
        """What the records of some published files say of an order."""
        source = relation.of_files(self.lake.store, ORDERS, files)
        return self.serving.over({ORDERS.name: source}, statements.said_of_order(order_id))

    def reports(self, wanted: Sequence[tuple[Report, Mapping[str, Value]]]) -> list[Result]:
        """The answers to several reports."""
        return [self.report(report, values) for report, values in wanted]

    def _ask_rejects(self, row: LedgerRow, statement: Statement) -> Result:
        source = relation.of_files(self.lake.store, REJECTED_ROWS, [row])
        return self.serving.over({REJECTED_ROWS.name: source}, statement)


class LocalQueries:
    """SQL from outside over a lake in a folder; see `api.backend.Queries`."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def submit(self, sql: str, max_rows: int, *, caller: str | None, token: str | None) -> str:
        """Queue a query; its id."""
        try:
            return self.runner.submit(sql, max_rows, caller=caller, token=token)
        except TooMany:
            detail = f"one query runs and {WAITING} wait; ask again"
            raise Problem("rate-limited", detail, headers={"Retry-After": "2"}) from None
        except TokenUsed:
            raise invalid("header", "Idempotency-Key", token, "one that was not used for another query") from None

    def state(self, query_id: str, *, caller: str | None) -> Query | None:
        """The status of a query."""
        run = self.runner.get(query_id, caller)
        if run is None:
            return None
        return Query(
            id=run.id,
            state=run.state,
            reason=run.reply.get("reason", ""),
            problem=run.reply.get("problem", "query-failed"),
            rows=run.reply.get("rows"),
            truncated=run.reply.get("truncated", False),
            seconds=run.seconds,
        )

    def result(self, query_id: str, after: int, limit: int) -> Result:
        """Rows of a query that has succeeded."""
        result = self.runner.answer(query_id)
        return Result(result.columns, result.rows[after : after + limit])

    def cancel(self, query_id: str) -> None:
        """End a query."""
        self.runner.cancel(query_id)
