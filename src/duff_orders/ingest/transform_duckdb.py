"""`Transform-data` on DuckDB: one file's records to Parquet, good ones and rejected ones, out of core.

The good records are written in one pass over the file. Only where the count shows that some were not good, a second
pass writes these with their reasons; only where an order line stands twice, exact duplicates are looked for. The
scanner's independent count must come out at the end, or nothing is published.
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
        # Values are computed once, below the filter: pushed down it would compute them a second time.
        self.connection.execute("set disabled_optimizers = 'filter_pushdown,in_clause'")
        good = self._write_orders() if self.scan.split else 0
        rejected, nulls = self._write_rejected(good)
        if good + rejected != self.scan.records:
            raise CountMismatch(
                f"the engine read {good} good and {rejected} rejected records, the scanner {self.scan.records} in all"
            )
        unique = self._remove_duplicates(good)
        return judge(
            self.scan,
            good=good,
            unique=unique,
            rejected=rejected,
            nulls=nulls,
            max_reject_share=max_reject_share,
        )

    def _write_orders(self) -> int:
        values = ", ".join(
            f"case when plain then {self._rules.plain_value(column, column.name)} "
            f"else {self._rules.value(column, column.name)} end as {column.name}"
            for column in COLUMNS
        )
        all_good = " and ".join(f"{name} is not null" for name in COLUMN_NAMES)
        return self._copy(
            f"select {', '.join(COLUMN_NAMES)}, "
            f"cast(cast(product_price as {MONEY}) * product_ccf as {MONEY}) as total_price, {self._lineage} "
            f"from (select {values} from ({self._texts})) where {all_good}",
            self.orders,
        )

    def _write_rejected(self, good: int) -> tuple[int, dict[str, int]]:
        """Write the rejected records; returns how many, and the records without a value by column."""
        sources = []
        if good < self.scan.split:
            texts = ", ".join(f"coalesce({name}, '') as {name}" for name in COLUMN_NAMES)
            suspects = f"select * from ({self._texts}) where not plain or {self._zero}"
            judged = f"select {texts}, {self._rules.reasons(_AS_READ)} as reasons from ({suspects})"
            sources.append(f"select *, cast(null as string) as record from ({judged}) where reasons <> ''")
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

    def _remove_duplicates(self, good: int) -> int:
        """Keep one of the records whose ten values are equal; returns how many records remain."""
        if good < 2:
            return good
        # Equal records are the same order line: compare in full only the lines that stand more than once.
        self.connection.execute(
            f"create or replace temp table repeated as select order_id, product_id from {sql_text(self.orders)} "
            "group by order_id, product_id having count(*) > 1"
        )
        if not self._row("select count(*) from repeated")[0]:
            return good
        columns = ", ".join(COLUMN_NAMES)
        extra = self._row(
            f"select coalesce(sum(n - 1), 0) from (select count(*) as n from {sql_text(self.orders)} "
            f"semi join repeated using (order_id, product_id) group by {columns})"
        )[0]
        if not extra:
            return good
        unique = self.scratch / "unique.parquet"
        kept = self._copy(
            f"select * from {sql_text(self.orders)} anti join repeated using (order_id, product_id) "
            "union all "
            f"select distinct * from {sql_text(self.orders)} semi join repeated using (order_id, product_id)",
            unique,
        )
        if kept != good - int(extra):
            raise CountMismatch(f"{kept} records remain of {good} less {extra} duplicates")
        unique.replace(self.orders)
        return kept

    @property
    def _rules(self) -> Rules:
        return Rules(DuckDBFunctions(), self.scan.dialect.decimal_mark)

    @property
    def _texts(self) -> str:
        """The records' texts, and whether they are all written plainly."""
        return f"select {', '.join(COLUMN_NAMES)}, {self._rules.plain(_AS_READ)} as plain from {self._reader}"

    @property
    def _zero(self) -> str:
        """Whether a record that is written plainly has a zero where none is allowed."""
        zeros = (f"{self._rules.plain_value(c, c.name)} is null" for c in COLUMNS if c.exclusive)
        return " or ".join(zeros)

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
        return int(self._row(f"copy ({query}) to {sql_text(target)} (format parquet)")[0])

    def _row(self, query: str) -> Sequence[int]:
        row = self.connection.execute(query).fetchone()
        assert row is not None  # each of these queries has one row
        return row


_AS_READ = {name: name for name in COLUMN_NAMES}
_LINEAGE_FIELDS = tuple(field.name for field in REJECTED_ROWS.fields[-3:])
