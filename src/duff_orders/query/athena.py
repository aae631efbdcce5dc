"""Athena: a statement with parameters in, typed rows out. Nothing is pasted into a statement."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from duff_orders.engines.dialect import sql_text
from duff_orders.errors import PipelineError, QueryRefused

# How long to wait between looks at a query: most take about a second.
_FIRST, _LONGEST = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one statement.

    `columns` are pairs of name and type as Athena spells it; `rows` hold the values as they go to JSON: integers and
    booleans as such, everything else as text (decimals with all their digits, times as ISO 8601 in UTC), None for null.
    """

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    bytes_scanned: int

    def dictionaries(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        names = [name for name, _ in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Athena:
    """One workgroup and the database that is asked; `client` is boto3's for Athena."""

    client: Any
    workgroup: str
    database: str

    def ask(self, sql: str, parameters: Sequence[int | str] = (), *, timeout: float = 25.0) -> Answer:
        """Run a statement whose `?` stand for the parameters.

        Raises QueryRefused where Athena refuses it or scans more than the workgroup allows, PipelineError where it
        takes longer than `timeout` seconds: it is cancelled then.
        """
        request: dict[str, Any] = {
            "QueryString": sql,
            "WorkGroup": self.workgroup,
            "QueryExecutionContext": {"Database": self.database},
        }
        if parameters:
            request["ExecutionParameters"] = [literal(value) for value in parameters]
        query = self.client.start_query_execution(**request)["QueryExecutionId"]
        deadline, pause = time.monotonic() + timeout, _FIRST
        while True:
            execution = self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            state = execution["Status"]["State"]
            if state not in ("QUEUED", "RUNNING"):
                break
            if time.monotonic() > deadline:
                self.client.stop_query_execution(QueryExecutionId=query)
                raise PipelineError(f"the query took longer than {timeout:.0f} s and was cancelled")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)
        if state != "SUCCEEDED":
            raise QueryRefused(f"the query cannot be answered: {execution['Status'].get('StateChangeReason', state)}")
        return self._answer(query, int(execution.get("Statistics", {}).get("DataScannedInBytes", 0)))

    def _answer(self, query: str, scanned: int) -> Answer:
        columns: list[tuple[str, str]] = []
        rows: list[list[Any]] = []
        kinds: list[Callable[[str], Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self.client.get_query_results(QueryExecutionId=query, MaxResults=1000, **token)
            found = [[each.get("VarCharValue") for each in row["Data"]] for row in page["ResultSet"]["Rows"]]
            if not columns:
                told = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
                columns = [(each["Name"], _type(each)) for each in told]
                kinds = [_KINDS.get(each["Type"], str) for each in told]
                found = found[1:]  # the names
            rows += [
                [None if text is None else kind(text) for kind, text in zip(kinds, row, strict=True)] for row in found
            ]
            if "NextToken" not in page:
                return Answer(columns, rows, scanned)
            token = {"NextToken": page["NextToken"]}


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
    "timestamp": _time,
}
