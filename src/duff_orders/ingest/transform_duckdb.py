"""`Transform-data` on DuckDB: one file's records to Parquet, good ones and rejected ones, out of core.

A clean file needs one pass: its good records are written as they are read. Only where the count shows that some were
not good, a second pass writes these with their reasons; only where an order line stands twice, exact duplicates are
looked for and taken out. A file whose beginning shows that this will happen is checked into a table first, if memory
has room for it. The scanner's independent count must come out at the end, or nothing is published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from duff_orders.contract import COLUMN_NAMES, COLUMNS, MONEY, REJECTED_ROWS
from duff_orders.errors import CountMismatch
from duff_orders.ingest.outcome import Outcome, judge
from duff_orders.ingest.rules import Rules, missing
from duff_orders.ingest.scan import Scan
from duff_orders.ingest.validate import header_columns
from duff_orders.lake.lake import sql_text
from duff_orders.messages import Event
from duff_orders.settings import MIB

ENGINE = "duckdb"
# Bytes that a checked record takes in a table beside its text, and the records that are looked at beforehand.
TABLE_ROW = 150
# The share of the memory that the table may take: duplicates and the writer need the rest.
TABLE_SHARE = 0.6
SAMPLE = 20_000
# Rows of a Parquet row group: half of DuckDB's default takes 40 MB less to write and no more time.
ROW_GROUP = 61_440


class DuckDBFunctions:
    """DuckDB's way to write what the rules leave to the engine."""

    def full_match(self, text: str, pattern: str) -> str:
        """RE2 matches the whole text."""
        return f"regexp_full_match({text}, '{pattern}')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file's transformation: where its records are read from and what its rows are marked with."""

    connection: duckdb.DuckDBPyConnection
    scan: Scan
    event: Event
    file_id: str
    scratch: Path
    memory: int

    @property
    def orders(self) -> Path:
        """The good records, exact duplicates removed."""
        return self.scratch / "orders.parquet"

    @property
    def rejected(self) -> Path:
        """The rejected records."""
        return self.scratch / "rejected.parquet"

    def run(self, max_reject_share: Decimal) -> Outcome:
        """Transform the file and judge it.

        Raises CountMismatch where the engine read other records than the scanner.
        """
        # Values are computed once, below the filter: pushed down it would compute them a second time. And a list of
        # literals must not become a join, for which all rows would pay.
        self.connection.execute("set disabled_optimizers = 'filter_pushdown,in_clause'")
        self.connection.execute(f"create temp view checked as {self._checked()}")
        if not self.scan.split:
            good, unique, suspects = 0, 0, "checked"
        else:
            good, unique, suspects = (self._worth_a_table() and self._by_table()) or self._by_passes()
        rejected, nulls = self._write_rejected(suspects if good < self.scan.split else None)
        if good + rejected != self.scan.records:
            raise CountMismatch(
                f"the engine read {good} good and {rejected} rejected records, the scanner {self.scan.records} in all"
            )
        return judge(
            self.scan,
            good=good,
            unique=unique,
            rejected=rejected,
            nulls=nulls,
            max_reject_share=max_reject_share,
        )

    def _by_passes(self) -> tuple[int, int, str]:
        """Write the good records as they are read; returns the good, the unique, and where rejected ones stand."""
        good = unique = self._write_orders("checked")
        if without := self._without_repeats(sql_text(self.orders)):
            rewritten = self.scratch / "unique.parquet"
            unique = self._copy(without, rewritten)
            rewritten.replace(self.orders)
        self.connection.execute(f"create temp view suspects as {self._checked(self._suspicious)}")
        return good, unique, "suspects"

    def _by_table(self) -> tuple[int, int, str] | None:
        """Check the records into a table and write the good ones from there; returns as `_by_passes` does.

        None where the memory does not suffice after all.
        """
        try:
            self.connection.execute("create temp table records as from checked")
            good = self._row("select count(*) from records where good")[0]
            unique = self._write_orders(self._without_repeats("(from records where good)") or "records")
        except duckdb.OutOfMemoryException:
            self.connection.execute("drop table if exists records")
            return None
        return good, unique, "records"

    def _checked(self, where: str = "") -> str:
        """The records: the ten values, whether all are good, and the original texts of those that are not."""
        texts = ", ".join(f"{name} as {_text(name)}" for name in COLUMN_NAMES)
        as_read = {name: _text(name) for name in COLUMN_NAMES}
        values = ", ".join(
            f"case when plain then {self._rules.plain_value(column, _text(column.name))} "
            f"else {self._rules.value(column, _text(column.name))} end as {column.name}"
            for column in COLUMNS
        )
        all_good = " and ".join(f"{name} is not null" for name in COLUMN_NAMES)
        originals = ", ".join(f"coalesce({_text(name)}, '')" for name in COLUMN_NAMES)
        return f"""
            select {", ".join(COLUMN_NAMES)}, good, case when not good then [{originals}] end as texts
            from (
                select *, {all_good} as good
                from (
                    select *, {values}
                    from (select *, {self._rules.plain(as_read)} as plain from (select {texts} from {self._reader}))
                    {where}
                )
            )"""

    @property
    def _suspicious(self) -> str:
        """Which records can be bad at all: those not written plainly, and those with a zero where none is allowed."""
        zeros = (f"{self._rules.plain_value(c, _text(c.name))} is null" for c in COLUMNS if c.exclusive)
        return f"where not plain or {' or '.join(zeros)}"

    def _worth_a_table(self) -> bool:
        """Whether the first records show rejects or repeats, and a table of all would fit into the memory."""
        if self.scan.source.stat().st_size + self.scan.split * TABLE_ROW > TABLE_SHARE * self.memory:
            return False
        rows, good, lines = self._row(
            "select count(*), count(*) filter (where good), count(distinct (order_id, product_id)) "
            f"from (from checked limit {SAMPLE})"
        )
        return good < rows or lines < rows

    def _write_orders(self, source: str) -> int:
        total = f"cast(cast(product_price as {MONEY}) * product_ccf as {MONEY}) as total_price"
        return self._copy(
            f"select {', '.join(COLUMN_NAMES)}, {total}, {self._lineage} from {source} where good", self.orders
        )

    def _without_repeats(self, source: str) -> str | None:
        """The rows of `source`, one of those whose ten values are equal; None where there are none to take out."""
        # Equal records are the same order line: compare in full only the lines that stand more than once.
        line = "order_id, product_id"
        self.connection.execute(
            f"create or replace temp table repeated as select {line} from {source} group by {line} having count(*) > 1"
        )
        if not self._row("select count(*) from repeated")[0]:
            return None
        return (
            f"(select * from {source} as orders anti join repeated using ({line}) "
            f"union all select distinct * from {source} as orders semi join repeated using ({line}))"
        )

    def _write_rejected(self, suspects: str | None) -> tuple[int, dict[str, int]]:
        """Write the rejected records, those among `suspects` and those that could not be split.

        Returns how many there are, and how many records have no value, by column.
        """
        sources = []
        if suspects:
            reasons = self._rules.reasons({name: name for name in COLUMN_NAMES})
            texts = ", ".join(f"texts[{place}] as {name}" for place, name in enumerate(COLUMN_NAMES, 1))
            sources.append(
                f"select *, {reasons} as reasons, cast(null as string) as record "
                f"from (select {texts} from {suspects} where not good)"
            )
        if self.scan.unsplit_records:
            texts = ", ".join(f"cast(null as string) as {name}" for name in COLUMN_NAMES)
            longest = max(16 * MIB, 8 * self.scan.longest)
            sources.append(
                f"select {texts}, reasons, record from read_json({sql_text(self.scan.unsplit)}, "
                "format = 'newline_delimited', columns = {reasons: 'varchar', record: 'varchar'}, "
                f"maximum_object_size = {longest})"
            )
        if not sources:
            return 0, dict.fromkeys(COLUMN_NAMES, 0)
        names = ", ".join(field.name for field in REJECTED_ROWS.fields[: -len(_LINEAGE_FIELDS)])
        rejected = self._copy(f"select {names}, {self._lineage} from ({' union all '.join(sources)})", self.rejected)
        empty = ", ".join(f"count(*) filter (where record is null and {missing(name)})" for name in COLUMN_NAMES)
        nulls = self._row(f"select {empty} from {sql_text(self.rejected)}")
        return rejected, dict(zip(COLUMN_NAMES, map(int, nulls), strict=True))

    @property
    def _rules(self) -> Rules:
        return Rules(DuckDBFunctions(), self.scan.dialect.decimal_mark)

    @property
    def _lineage(self) -> str:
        values = (
            sql_text(self.event.key),
            sql_text(self.file_id),
            f"timestamp {sql_text(self.event.time.strftime('%Y-%m-%d %H:%M:%S.%f'))}",
        )
        return ", ".join(f"{value} as {name}" for value, name in zip(values, _LINEAGE_FIELDS, strict=True))

    @property
    def _reader(self) -> str:
        """The source as rows of text; an empty field is null. Nothing is guessed: the scanner knows."""
        longest = max(2 * MIB, 2 * self.scan.longest)
        columns = ", ".join(f"{sql_text(name)}: 'varchar'" for name in header_columns(self.scan.dialect))
        options = (
            f"delim = {sql_text(self.scan.dialect.delimiter)}",
            "quote = '\"'",
            "escape = '\"'",
            "new_line = '\\n'",
            "auto_detect = false",
            f"header = {str(self.scan.header).lower()}",
            f"columns = {{{columns}}}",
            f"max_line_size = {longest}",
            # In parallel a reader may take a line break within quotes for the end of a record.
            f"parallel = {str(not self.scan.quoted_line_breaks).lower()}",
        )
        return f"read_csv({sql_text(self.scan.source)}, {', '.join(options)})"

    def _copy(self, query: str, target: Path) -> int:
        return int(self._row(f"copy ({query}) to {sql_text(target)} (format parquet, row_group_size {ROW_GROUP})")[0])

    def _row(self, query: str) -> Sequence[int]:
        row = self.connection.execute(query).fetchone()
        assert row is not None  # each of these queries has one row
        return row


def _text(name: str) -> str:
    return f"{name}_text"


_LINEAGE_FIELDS = tuple(field.name for field in REJECTED_ROWS.fields[-3:])
