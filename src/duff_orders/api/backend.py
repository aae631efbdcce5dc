"""What the application needs from wherever the data is: a local lake, or Athena."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from duff_orders.documents import LedgerRow
from duff_orders.lake.lake import Lake
from duff_orders.lake.partners import Under
from duff_orders.lake.standing import Standings
from duff_orders.local.condition import Amiss
from duff_orders.partners.days import PartnerDays
from duff_orders.partners.settled import Settlements
from duff_orders.query import statements
from duff_orders.query.reports import Report, Value
from duff_orders.query.result import Result
from duff_orders.query.statements import Statement

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The status of a query. `reason` tells why it failed, of the kind `problem`; `rows` is known once it succeeded."""

    id: str
    state: State
    reason: str = ""
    problem: str = "query-failed"
    rows: int | None = None
    truncated: bool = False
    bytes_scanned: int = 0
    seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("queued", "running")


class Queries(Protocol):
    """SQL from outside. A query is visible to the caller who made it, and to nobody else."""

    def submit(self, sql: str, max_rows: int, *, caller: str | None, token: str | None) -> str:
        """Start a query; its id. The same token with the same query gives the same id.

        Raises QueryRefused for what is no SELECT over the tables, Problem where too much is asked at once or the token
        was used for another query.
        """

    def state(self, query_id: str, *, caller: str | None) -> Query | None:
        """The status of a query; None where this caller has none such."""

    def result(self, query_id: str, after: int, limit: int) -> Result:
        """Rows of a query that has succeeded, from number `after` on."""

    def cancel(self, query_id: str) -> None:
        """End a query; one that has ended stays as it is."""


class HoldsRejects(Protocol):
    """What answers questions about rejected rows."""

    def rejects(self, row: LedgerRow, statement: Statement) -> Result:
        """The answer to a statement of `statements` over the rejected rows of one file."""


def rejected_lines(backend: HoldsRejects, row: LedgerRow) -> list[int]:
    """The lines of a file's rejected rows, but of those that were to correct others."""
    return [line for (line,) in backend.rejects(row, statements.rejected_lines(row.file_id, row.pa_date)).rows]


class Backend(HoldsRejects, Protocol):
    """Where the data is. `queries` is None where SQL from outside is switched off; `lake` keeps files and profiles."""

    queries: Queries | None

    @property
    def lake(self) -> Lake:
        """The lake itself."""

    def version(self) -> str | None:
        """The build of the star schema that answers show; None before the first, and while Athena's tables change."""

    def files_version(self) -> str | None:
        """Changes with the ledger; None where that cannot be told without asking."""

    def amiss(self) -> list[Amiss]:
        """What is amiss: left out of answers, or not done for now."""

    def newest(self) -> datetime | None:
        """When the newest verdict was written."""

    def lines(self, *, by_client: bool = False) -> str:
        """The relation that `statements` take for order lines; `by_client` where a client's are asked for."""

    def ask(self, statement: Statement) -> Result:
        """The answer to a statement of `statements` over the star schema."""

    def order(self, order_id: int) -> Result:
        """The lines of an order; the last column is their client's name."""

    def report(self, report: Report, values: Mapping[str, Value]) -> Result:
        """The answer to a report, with the types that it promises."""

    def files(
        self, verdict: str | None, partner: Under | None, after: Sequence[Any] | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """A page of the ledger and one more, newest first, with the fields `statements.FILE`."""

    def came(self, first: date, last: date) -> Sequence[LedgerRow]:
        """The ledger rows of some days, both included, in no order; as much of each as lists tell."""

    def settled(self) -> Settlements:
        """What was said of days that files are expected on."""

    def partner_days(self, now: datetime) -> list[PartnerDays]:
        """All partners with what is to be said of their days; where the ledger is large, of the newest days."""

    def standings(self) -> Standings:
        """What became of the rows that files did not bring in."""

    def file(self, file_id: str) -> LedgerRow | None:
        """The ledger row of a file."""
