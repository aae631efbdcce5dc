"""`Transform-data` on DuckDB: one file's records to Parquet, good ones and rejected ones, out of core.

A clean file needs one pass: its good records are written as they are read. Only where the count shows that some were
not good, a second pass writes these with their reasons; only where an order line stands twice, exact duplicates are
looked for and taken out. A file whose beginning shows that this will happen is checked into a table first, if memory
has room for it. The scanner's independent count must come out at the end, or nothing is published.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import duckdb

from duff_orders.contract import COLUMN_NAMES, REJECTED_ROWS, REQUIRED_NAMES, Column
from duff_orders.documents import LedgerRow, entries
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import ROW_GROUP_BYTES, path_text, read_parquet
from duff_orders.engines.duckdb.long_records import LINES_WITHIN, LONG_REJECTED, LongJob, LongOutcome
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.ingest import remarks
from duff_orders.ingest.corrections import (
    CHANGES_TEXT,
    CORRECTABLE,
    CORRECTS_TEXT,
    correctable,
    is_ordinary,
    named_files,
    targets,
)
from duff_orders.ingest.header import header_columns, places
from duff_orders.ingest.long_records import STAND_IN_COLUMNS
from duff_orders.ingest.passes import Good, Rejected, run
from duff_orders.ingest.rules import Rules
from duff_orders.ingest.scan import UNSPLIT, Scan, scan
from duff_orders.ingest.staged import OnPhase, Source, Transformed
from duff_orders.ingest.statements import (
    AS_READ,
    LINE,
    NULL,
    NULL_COUNTS,
    RETURNS,
    TIE,
    Statements,
    repeated,
    text_of,
    without_repeats,
)
from duff_orders.ingest.verdict import Records
from duff_orders.lake import relation
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects
from duff_orders.settings import MIB

# Bytes that a checked record takes in a table beside its text, and the records that are looked at beforehand.
TABLE_ROW = 150
# The share of the memory that the table may take: duplicates and the writer need the rest.
TABLE_SHARE = 0.6
SAMPLE = 20_000
# Rows of a Parquet row group: half of DuckDB's default takes 40 MB less to write and no more time.
ROW_GROUP = 61_440
#: Fewer where they are long.
PARQUET = f"format parquet, row_group_size {ROW_GROUP}, row_group_size_bytes {ROW_GROUP_BYTES}"


@contextmanager
def transform(lake: Lake, source: Source, *, memory_fraction: float, phase: OnPhase) -> Iterator[Transformed]:
    """Scan a file and transform it; see `ingest.transform`."""
    with lake.engine(memory_fraction=memory_fraction) as (connection, scratch):
        read = [0]
        phase("scan", lambda: read[0] / max(source.event.size, 1))
        scanned = scan(source.path, source.event.key, source.dialect, scratch, read, set_aside=True)
        # Under a name of ours: for one with wild cards DuckDB lists the folder, and fails where a neighbour's begins
        # with a backslash.
        link = scratch / "source.csv"
        link.symlink_to(scanned.source.resolve())
        scanned = replace(scanned, source=link)
        phase("transform", lambda: _progress(connection))
        job = Job(
            connection=connection,
            lake=lake,
            scan=scanned,
            source=source,
            scratch=scratch,
            memory=lake.engine_memory(memory_fraction),
        )
        outcome = run(job, lake.settings.max_reject_share)
        yield Transformed(
            outcome=outcome,
            dialect=scanned.dialect,
            extra_columns=scanned.extra_columns,
            orders=[job.orders] if outcome.rows_published else [],
            rejected=[path for path in (job.rejected, *job.long_rejected) if path.exists()],
        )


def _progress(connection: duckdb.DuckDBPyConnection) -> float:
    try:
        return max(connection.query_progress(), 0.0) / 100
    except Exception:  # asked from another thread, a moment after the connection was closed
        return 1.0


class Known(NamedTuple):
    """What is known once the good records are written: the long ones, the good ones beside them, and the suspects."""

    long: LongOutcome
    good: int
    suspects: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file's transformation: where its records are read from and what its rows are marked with."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    scan: Scan
    source: Source
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

    @property
    def ties(self) -> bool:
        """Whether records may correct others."""
        return self.scan.dialect.ties

    def write_good(self) -> Good[Known]:
        """Write the good records: by a table or as they are read, with the long ones beside them."""
        # Values are computed once, below the filter: pushed down it would compute them a second time. And a list of
        # literals must not become a join, for which all rows would pay.
        self.connection.execute("set disabled_optimizers = 'filter_pushdown,in_clause'")
        self.connection.execute(f"create temp view checked as {self._checked()}")
        long = self._long_records()
        if not self.scan.split and not long.good:
            return Good(0, 0, Known(long, 0, "checked"))
        by_table = None if long.good or not self._worth_a_table() else self._by_table()
        good, unique, suspects = by_table or self._by_passes(long)
        return Good(good + long.good, unique, Known(long, good, suspects))

    def write_rejected(self, good: Good[Known], *, only_corrections: bool) -> Rejected:
        """Write the rejected records; the long ones were when the good ones were."""
        long, split, suspects = good.known
        rejected, returns, empty = self._write_rejected(suspects if split < self.scan.split else None)
        aside = self.scan.long
        records = Records(
            split=self.scan.split + aside.split + self.scan.headers,
            unsplit=self.scan.unsplit_records + aside.unsplit - self.scan.headers,
            unclosed=self.scan.unclosed,
            turned=self.scan.turned,
            fields=self.scan.dialect.fields,
            returns=returns or long.returns,
            only_corrections=only_corrections,
        )
        nulls = {name: empty[name] + long.nulls[name] for name in REQUIRED_NAMES}
        return Rejected(rejected + long.rejected, records, nulls)

    def name_correctable(self) -> bool:
        """Name the relation of the rejected rows that the records may correct.

        Returns whether all records that could be split are corrections.
        """
        spelling = DuckDBSpelling()
        sources = [f"(select {self._further_texts} from {self._reader})"] if self.scan.split else []
        sources += [read_csv(chunk.stand_ins, STAND_IN_COLUMNS) for chunk in self.scan.long.chunks]
        named, ordinary = set[str](), 0
        for source in sources:
            named |= {row[0] for row in self.connection.execute(named_files(spelling, source)).fetchall()}
            ordinary += self._row(f"select count(*) from {source} as records where {is_ordinary()}")[0]
        entries = targets(self.lake.ledger, named - {self.source.event.file_id})
        store = self.lake.store

        def rejected_rows(row: LedgerRow) -> str:
            paths = [str(store.local(name, self.scratch)) for name in data_objects(REJECTED_ROWS.name, row)]
            return relation.of_paths(REJECTED_ROWS, {row.contract: paths}, dated=False)

        made = correctable(entries, rejected_rows, spelling)
        self.connection.execute(f"create temp table {CORRECTABLE} as {made}")
        return not ordinary

    def taken(self) -> tuple[str, ...] | None:
        """The rows whose place published ones take."""
        return self._entries(self.orders)

    def attempted(self) -> tuple[str, ...] | None:
        """The rows whose place rejected ones were to take."""
        return self._entries(*(path for path in (self.rejected, *self.long_rejected) if path.exists()))

    def _entries(self, *paths: Path) -> tuple[str, ...] | None:
        named = f"select {TIE} from {read_parquet(*paths)} where {TIE} is not null"
        return entries(row[0] for row in self.connection.execute(named).fetchall())

    def remarked(self, good: Good[Known]) -> dict[str, int]:
        """How often each remark holds of what is published. Nothing is asked that the scanner did not see a sign of."""
        counts = {}
        swallowing = []
        if self.scan.lines_within:
            swallowing.append(f"({self._checked('where holds_a_line', told_lines=True)}) where good")
        if good.known.long.lines_within:
            swallowing.append(LINES_WITHIN)
        if swallowing:
            counts["lines_within_quotes"] = self._row(remarks.lines_within_quotes(swallowing))[0]
        orders = read_parquet(self.orders)
        if self._row("select count(*) from repeated")[0]:
            counts["order_line_repeated"] = self._row(remarks.order_line_repeated(orders))[0]
        if self.scan.invisible:
            counts["invisible_characters"] = self._row(remarks.invisible_characters(orders, DuckDBSpelling()))[0]
        return counts

    def _long_records(self) -> LongOutcome:
        """Write the long records, the good ones and the rejected ones each to files of their own."""
        work = LongJob(self.connection, self._statements, self.scratch)
        for chunk in self.scan.long.chunks:
            stand_ins = read_csv(chunk.stand_ins, STAND_IN_COLUMNS)
            texts = ", ".join(f"{name} as {text_of(name)}" for name in COLUMN_NAMES)
            work.take(chunk, f"(select n, {CORRECTS_TEXT}, {CHANGES_TEXT}, {texts} from {stand_ins})")
        return work.finish()

    @property
    def long_rejected(self) -> list[Path]:
        """The rejected long records."""
        return sorted(self.scratch.glob(LONG_REJECTED.format("*")))

    def _by_passes(self, long: LongOutcome) -> tuple[int, int, str]:
        """Write the good records as they are read; returns the good, the unique, and where rejected ones stand.

        The unique are counted with the long ones, which are written beside them.
        """
        good = self._write_orders("checked") if self.scan.split else 0
        unique = good + long.good
        if long.good:
            together = self.scratch / "together.parquet"
            parts = [self.orders, *long.orders] if good else long.orders
            self._copy(f"select * from {read_parquet(*parts)}", together)
            together.replace(self.orders)
        if without := self._without_repeats(read_parquet(self.orders)):
            rewritten = self.scratch / "unique.parquet"
            unique = self._copy(without, rewritten)
            rewritten.replace(self.orders)
        # a record may be canonical and yet correct nothing, or more than it may
        suspicious = "" if self.scan.dialect.ties else self._statements.suspicious(_canonical)
        self.connection.execute(f"create temp view suspects as {self._checked(suspicious, numbered=True)}")
        return good, unique, "suspects"

    def _by_table(self) -> tuple[int, int, str] | None:
        """Check the records into a table and write the good ones from there; returns as `_by_passes` does.

        None where the memory does not suffice after all.
        """
        try:
            self.connection.execute(f"create temp table records as {self._checked(numbered=True)}")
            good = self._row("select count(*) from records where good")[0]
            unique = self._write_orders(self._without_repeats("(from records where good)") or "records")
        except duckdb.OutOfMemoryException:
            self.connection.execute("drop table if exists records")
            return None
        return good, unique, "records"

    def _checked(self, where: str = "", *, numbered: bool = False, told_lines: bool = False) -> str:
        """The records: their values, whether all are good, and the original texts of those that are not.

        If they are `numbered`, also the `number` of those that are not good, from 0, and `within`, the line breaks
        within quotes before it: the engine then reads with one core. With `told_lines` a column `holds_a_line` says
        whether a quoted field does.
        """
        present = {name for name, place in places(self.scan.dialect).items() if place is not None}
        texts = [f"{name if name in present else NULL} as {text_of(name)}" for name in COLUMN_NAMES]
        if self.scan.dialect.ties:
            texts.append(self._further_texts)
        originals = ", ".join(
            f"coalesce({text_of(name)}, '')" if name in present else text_of(name) for name in COLUMN_NAMES
        )
        canonical = self._statements.rules.canonical({name: AS_READ[name] for name in COLUMN_NAMES if name in present})
        also = [f"case when not good then [{originals}] end as texts"]
        numbers = ""
        if numbered:
            also += [f"case when not good then {name} end as {name}" for name in ("number", "within")]
            within = "0"
            if self.scan.quoted_line_breaks:
                texts.append(f"{self._line_breaks} as line_breaks")
                before = "sum(line_breaks) over (rows between unbounded preceding and current row) - line_breaks"
                within = f"cast({before} as bigint)"
            numbers = f", row_number() over () - 1 as number, {within} as within"
        if told_lines:
            dialect = self.scan.dialect
            holds = remarks.holds_a_line(
                header_columns(dialect), DuckDBSpelling(), delimiter=dialect.delimiter, fields=dialect.fields
            )
            texts.append(f"{holds} as holds_a_line")
        return self._statements.checked(
            f"(select *, {canonical} as canonical{numbers} from (select {', '.join(texts)} from {self._reader}))",
            canonical=_canonical,
            also=", ".join(also),
            where=where,
        )

    @property
    def _further_texts(self) -> str:
        """The texts of the columns that say what a record corrects, and what else it changes."""
        dialect = self.scan.dialect
        corrects, changes = (
            NULL if place is None else f"extra_{place}" for place in (dialect.corrects, dialect.changes)
        )
        return f"{corrects} as {CORRECTS_TEXT}, {changes} as {CHANGES_TEXT}"

    @property
    def _line_breaks(self) -> str:
        """How many line breaks stand within a record's quotes."""
        names = [*header_columns(self.scan.dialect)]
        return " + ".join(f"coalesce(length({name}) - length(replace({name}, chr(10), '')), 0)" for name in names)

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
        return self._copy(self._statements.orders(source), self.orders)

    def _without_repeats(self, source: str) -> str | None:
        """The rows of `source`, one of those whose values are equal; None where there are none to take out."""
        self.connection.execute(f"create or replace temp table repeated as {repeated(source)}")
        return without_repeats(source) if self._row("select count(*) from repeated")[0] else None

    def _write_rejected(self, suspects: str | None) -> tuple[int, bool, dict[str, int]]:
        """Write the rejected records, those among `suspects` and those that could not be split.

        Returns how many there are, whether one that could not be split holds a carriage return, and how many records
        have no value, by column.
        """
        parts = []
        if suspects:
            texts = {name: f"texts[{place}]" for place, name in enumerate(COLUMN_NAMES, 1)}
            source, line = self._placed(suspects)
            parts.append(self._statements.rejected(source, texts, line=line))
        if self.scan.unsplit_records:
            columns = ", ".join((*(f"{name}: 'varchar'" for name in UNSPLIT), f"{LINE}: 'bigint'"))
            unsplit = (
                f"read_json({path_text(self.scan.unsplit)}, format = 'newline_delimited', "
                f"columns = {{{columns}}}, hive_partitioning = false)"
            )
            parts.append(self._statements.unsplit(unsplit))
        if not parts:
            return 0, False, dict.fromkeys(REQUIRED_NAMES, 0)
        rejected = self._copy(self._statements.rejected_rows(parts), self.rejected)
        returns, *counts = self._row(f"select {RETURNS}, {NULL_COUNTS} from {read_parquet(self.rejected)}")
        return rejected, returns > 0, dict(zip(REQUIRED_NAMES, map(int, counts), strict=True))

    def _placed(self, suspects: str) -> tuple[str, str]:
        """The relation of the records that are not good, and SQL for the line on which each begins."""
        with self.scan.shifts.open(encoding="ascii") as shifts:
            first, second = shifts.readline(), shifts.readline()
        if not second:
            return suspects, f"number + within + {int(first.partition(',')[2])}"
        if suspects != "records":
            self.connection.execute(f"create temp table records as select * from {suspects} where not good")
        relation = (
            f"read_csv({path_text(self.scan.shifts)}, header = false, auto_detect = false, hive_partitioning = false,"
            " columns = {'first': 'bigint', 'shift': 'bigint'})"
        )
        # of the numbers alone: with the texts this join takes ten times as long
        self.connection.execute(f"""create temp table placed as
            select number, number + within + shift as {LINE}
            from (select number, within from records where not good) asof join {relation} as shifts
            on number >= shifts.first""")
        return "((select * from records where not good) join placed using (number))", LINE

    @property
    def _statements(self) -> Statements:
        rules = Rules(DuckDBSpelling(), self.scan.dialect.decimal_mark)
        return Statements(
            rules=rules,
            event=self.source.event,
            file_id=self.source.event.file_id,
            ties=self.scan.dialect.ties,
            replaced=self.source.replaced,
        )

    @property
    def _reader(self) -> str:
        """The source as rows of text; an empty field is null. Nothing is guessed: the scanner knows."""
        return read_csv(
            self.scan.source,
            header_columns(self.scan.dialect),
            delimiter=self.scan.dialect.delimiter,
            header=self.scan.header,
            parallel=not self.scan.quoted_line_breaks,
        )

    def _copy(self, query: str, target: Path) -> int:
        return int(self._row(f"copy ({query}) to {sql_text(target)} ({PARQUET})")[0])

    def _row(self, query: str) -> Sequence[int]:
        row = self.connection.execute(query).fetchone()
        assert row is not None  # each of these queries has one row
        return row


def _canonical(_: Column) -> str:
    """The reader tells it of the whole record."""
    return "canonical"


def read_csv(
    path: Path, columns: Iterable[str], *, delimiter: str = ",", header: bool = False, parallel: bool = False
) -> str:
    """DuckDB's relation of a clean CSV file: all columns as text, nothing guessed.

    In parallel a reader may take a line break within quotes for the end of a record.
    """
    listed = ", ".join(f"{sql_text(name)}: 'varchar'" for name in columns)
    options = (
        f"delim = {sql_text(delimiter)}",
        "quote = '\"'",
        "escape = '\"'",
        "new_line = '\\n'",
        "auto_detect = false",
        "hive_partitioning = false",
        f"header = {str(header).lower()}",
        f"columns = {{{listed}}}",
        f"max_line_size = {2 * MIB}",
        f"parallel = {str(parallel).lower()}",
    )
    return f"read_csv({path_text(path)}, {', '.join(options)})"
