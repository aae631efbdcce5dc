"""Athena: a statement with parameters in, typed rows out. Values never become part of the text."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from duff_orders.drivers.dialect import sql_text
from duff_orders.errors import PipelineError, QueryRefused
from duff_orders.query.result import Result

# How long to wait between looks at a query: most take about a second.
_FIRST, _LONGEST = 0.1, 1.0
# The most rows that Athena hands out at once.
_PAGE = 1000

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class ResultPages:
    """A result, page by page: one of any length takes the memory of one page.

    Columns and values are those of `Result`, with times as Athena writes them.
    """

    columns: list[tuple[str, str]]
    pages: Iterator[list[list[Any]]]
    bytes_scanned: int


@dataclass(frozen=True, slots=True)
class Execution:
    """The status of a query; `reason` tells why it failed, `seconds` is what it took so far."""

    state: State
    reason: str
    bytes_scanned: int
    seconds: float

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("queued", "running")


@dataclass(frozen=True, slots=True)
class Athena:
    """One workgroup and the database that is asked; `client` is boto3's for Athena."""

    client: Any
    workgroup: str
    database: str

    def ask(self, sql: str, parameters: Sequence[int | str] = (), *, timeout: float = 25.0) -> Result:
        """The whole answer to a statement, with times as ISO 8601 in UTC; raises as `run` does."""
        result = self.run(sql, parameters, timeout=timeout)
        rows = [row for page in result.pages for row in page]
        for place, (_, kind) in enumerate(result.columns):
            if kind == "timestamp":
                for row in rows:
                    row[place] = row[place] and _time(row[place])
        return Result(result.columns, rows, result.bytes_scanned)

    def run(self, sql: str, parameters: Sequence[int | str] = (), *, timeout: float = 25.0) -> ResultPages:
        """Run a statement whose `?` stand for the parameters.

        Raises QueryRefused where Athena refuses it or scans more than the workgroup allows, PipelineError where it
        takes longer than `timeout` seconds. Whatever ends the waiting cancels the query.
        """
        query = self.start(sql, parameters)
        deadline, pause = time.monotonic() + timeout, _FIRST
        try:
            while not (execution := self.execution(query)).ended:
                if time.monotonic() > deadline:
                    raise PipelineError(f"the query took longer than {timeout:.0f} s and was cancelled")
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST)
        except BaseException:  # Ctrl-C, too
            self.stop(query)
            raise
        if execution.state != "succeeded":
            raise QueryRefused(f"the query cannot be answered: {execution.reason or execution.state}")
        return self.result(query, execution.bytes_scanned)

    def start(self, sql: str, parameters: Sequence[int | str] = (), *, token: str = "") -> str:
        """Start a query; its id. The same `token` (32 characters and more) with the same statement starts it once."""
        request: dict[str, Any] = {
            "QueryString": sql,
            "WorkGroup": self.workgroup,
            "QueryExecutionContext": {"Database": self.database},
        }
        if parameters:
            request["ExecutionParameters"] = [literal(value) for value in parameters]
        if token:
            request["ClientRequestToken"] = token
        return str(self.client.start_query_execution(**request)["QueryExecutionId"])

    def execution(self, query: str) -> Execution:
        """The status of a query."""
        execution = self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        statistics = execution.get("Statistics", {})
        return Execution(
            state=execution["Status"]["State"].lower(),
            reason=execution["Status"].get("StateChangeReason", ""),
            bytes_scanned=int(statistics.get("DataScannedInBytes", 0)),
            seconds=int(statistics.get("TotalExecutionTimeInMillis", 0)) / 1000,
        )

    def stop(self, query: str) -> None:
        """Cancel a query; one that has ended stays as it is."""
        self.client.stop_query_execution(QueryExecutionId=query)

    def result(self, query: str, bytes_scanned: int = 0) -> ResultPages:
        """What a query found that has succeeded; its pages are fetched as they are taken."""
        page = self.client.get_query_results(QueryExecutionId=query, MaxResults=_PAGE)
        metadata = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        columns = [(each["Name"], _type(each)) for each in metadata]
        kinds = [_KINDS.get(each["Type"], str) for each in metadata]

        def pages(page: dict[str, Any]) -> Iterator[list[list[Any]]]:
            names = 1  # the first row of the first page
            while True:
                execution = (
                    [each.get("VarCharValue") for each in row["Data"]] for row in page["ResultSet"]["Rows"][names:]
                )
                yield [
                    [None if text is None else kind(text) for kind, text in zip(kinds, row, strict=True)]
                    for row in execution
                ]
                if "NextToken" not in page:
                    return
                page = self.client.get_query_results(
                    QueryExecutionId=query, MaxResults=_PAGE, NextToken=page["NextToken"]
                )
                names = 0

        return ResultPages(columns, pages(page), bytes_scanned)


def literal(value: int | str) -> str:
    """A parameter as Athena wants it: a literal of SQL."""
    return str(value) if isinstance(value, int) else sql_text(value)


def _type(column: dict[str, Any]) -> str:
    if column["Type"] == "decimal":
        return f"decimal({column.get('Precision', 38)},{column.get('Scale', 0)})"
    return str(column["Type"])


def _time(text: str) -> str:
    """`2026-11-24 18:19:50.028` (or with six decimals) as ISO 8601 in UTC."""
    day, _, clock = text.removesuffix(" UTC").partition(" ")
    whole, _, fraction = clock.partition(".")
    return f"{day}T{whole}.{fraction.ljust(6, '0')[:6]}Z"


_KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    "boolean": "true".__eq__,
}
