"""Long records on DuckDB: judged chunk by chunk, and written a few megabytes at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duff_orders.contract import COLUMN_NAMES, REQUIRED_NAMES
from duff_orders.drivers.dialect import sql_text
from duff_orders.ingest.long_records import Chunk
from duff_orders.ingest.statements import AS_READ, LINE, REJECTED_FIELDS, TIE, Statements
from duff_orders.settings import MIB

#: The names of the files that the rejected long records are written to.
LONG_REJECTED = "long-rejected-{}.parquet"
#: The table of the good ones of which a quoted field holds a line, where there are some.
LINES_WITHIN = "long_lines_within"
#: Bytes of texts that are written at once.
BATCH = 8 * MIB


@dataclass(frozen=True, slots=True)
class LongOutcome:
    """How many long records are good and rejected, the files of the good ones, and the records without a value.

    `returns`: whether one that could not be split holds a carriage return. `lines_within`: LINES_WITHIN is there.
    """

    good: int
    rejected: int
    orders: list[Path]
    nulls: dict[str, int]
    returns: bool
    lines_within: bool


class LongJob:
    """The long records of one file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, statements: Statements, scratch: Path) -> None:
        self._connection = connection
        self._statements = statements
        self._scratch = scratch
        self._orders: list[Path] = []
        self._good = self._rejected = self._parts = self._size = 0
        self._nulls = dict.fromkeys(REQUIRED_NAMES, 0)
        self._returns = self._lines_within = False
        self._batch: list[list[str | None]] = []
        self._lines: list[int] = []

    def take(self, chunk: Chunk, source: str) -> None:
        """Judge a chunk, whose stand-ins are the relation `source`: `n`, and the texts as they are read."""
        connection, statements = self._connection, self._statements
        checked = statements.checked(source, canonical=lambda _: "false", also=f"n, {', '.join(AS_READ.values())}")
        connection.execute(f"create or replace temp table long_records as {checked}")
        target = self._scratch / f"long-orders-{len(self._orders)}.parquet"
        good = self._count(f"copy ({statements.orders('long_records')}) to {sql_text(target)} (format parquet)")
        if good:
            self._orders.append(target)
            self._good += good
        self._keep_lines_within(chunk)
        reasons = statements.rejected("long_records", AS_READ, record="n", line="n")
        judged = connection.execute(f"select cast(record as bigint), reasons, {TIE} from ({reasons})").fetchall()
        wrong = {n: (why, tie) for n, why, tie in judged}
        connection.execute("drop table long_records")
        for n, (texts, record, reason, line, _) in enumerate(chunk.read()):
            self._returns |= record is not None and "\r" in record
            if reason is not None:
                self._reject([*(texts or [None] * len(COLUMN_NAMES)), reason, record, None], line)
            elif n in wrong:
                why, tie = wrong[n]
                self._reject([*(texts or ()), why, None, tie], line)
                for name in REQUIRED_NAMES:
                    self._nulls[name] += f"{name}:missing" in why.split(";")

    def _keep_lines_within(self, chunk: Chunk) -> None:
        """Keep the good ones of which a quoted field holds a line."""
        noted = [n for n, record in enumerate(chunk.read()) if record.lines_within]
        if noted:
            self._lines_within = True
            some = f"from long_records where good and n in ({', '.join(map(str, noted))})"
            made = f"create temp table if not exists {LINES_WITHIN} as select * from long_records limit 0"
            self._connection.execute(made)
            self._connection.execute(f"insert into {LINES_WITHIN} select * {some}")

    def finish(self) -> LongOutcome:
        """Write what is left."""
        self._write()
        return LongOutcome(self._good, self._rejected, self._orders, self._nulls, self._returns, self._lines_within)

    def _reject(self, row: list[str | None], line: int) -> None:
        self._rejected += 1
        self._batch.append(row)
        self._lines.append(line)
        self._size += sum(len(text) for text in row if text)
        if self._size >= BATCH:
            self._write()

    def _write(self) -> None:
        if not self._batch:
            return
        columns = [*zip(*self._batch, strict=True), self._lines]
        types = ["varchar"] * (len(REJECTED_FIELDS) + 1) + ["bigint"]
        names = enumerate(zip((*REJECTED_FIELDS, TIE, LINE), types, strict=True), 1)
        values = ", ".join(f"unnest(${place}::{kind}[]) as {name}" for place, (name, kind) in names)
        rows = self._statements.rejected_rows([f"select {values}"])
        target = self._scratch / LONG_REJECTED.format(f"{self._parts:06}")
        self._count(f"copy ({rows}) to {sql_text(target)} (format parquet)", [list(column) for column in columns])
        self._parts += 1
        self._batch, self._lines, self._size = [], [], 0

    def _count(self, query: str, parameters: Iterable[object] = ()) -> int:
        row = self._connection.execute(query, list(parameters)).fetchone()
        assert row is not None  # a copy tells how many rows it wrote
        return int(row[0])
