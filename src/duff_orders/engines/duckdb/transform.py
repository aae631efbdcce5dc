"""`Transform-data` on DuckDB: one file's records to Parquet, good ones and rejected ones, out of core.

Canonical lines are read with their types (`typed`), all other records as texts (`texts`). A clean file needs one pass:
its good records are written as they are read. Where others are among canonical lines, these are taken in chunks
without repeats. Of a file that is read as texts a second pass writes those that the count shows not to be good, and
repeats are taken out where an order line stands twice; if its beginning shows that, and memory has room, it is checked
into a table first. The scanner's independent count must come out at the end, or nothing is published.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import duckdb

from duff_orders.contract import COLUMN_NAMES, REJECTED_ROWS, REQUIRED_NAMES
from duff_orders.documents import LedgerRow, Outcome, entries
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import ROW_GROUP_BYTES, path_text, read_parquet
from duff_orders.engines.duckdb.csv import read_csv
from duff_orders.engines.duckdb.long_records import LINES_WITHIN, LONG_REJECTED, LongJob, LongOutcome
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.engines.duckdb.texts import Texts
from duff_orders.engines.duckdb.typed import FEW, OTHERS, Chunked, read_typed
from duff_orders.errors import EngineError
from duff_orders.ingest import remarks
from duff_orders.ingest.canonical import may_repeat
from duff_orders.ingest.corrections import (
    CHANGES_TEXT,
    CORRECTABLE,
    CORRECTS_TEXT,
    correctable,
    is_ordinary,
    named_files,
    targets,
)
from duff_orders.ingest.long_records import STAND_IN_COLUMNS
from duff_orders.ingest.passes import Good, Rejected, run
from duff_orders.ingest.rules import Rules
from duff_orders.ingest.scan import Scan, Typed, scan
from duff_orders.ingest.scan_texts import UNSPLIT
from duff_orders.ingest.staged import OnPhase, Source, Transformed
from duff_orders.ingest.statements import (
    LINE,
    NULL_COUNTS,
    RETURNS,
    TIE,
    VALUES,
    Statements,
    repeated,
    text_of,
    without_repeats,
)
from duff_orders.ingest.verdict import Records
from duff_orders.lake import relation
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects

# The share of the memory that the table may take: duplicates and the writer need the rest.
TABLE_SHARE = 0.6
# Where more than one record in so many is not canonical by its bytes, some may be by their values.
FEW_OTHERS = 8
_WILD = re.compile(r"[*?\[\]{}\\]")
# Records that are looked at beforehand.
SAMPLE = 20_000
# Rows of a Parquet row group: half of DuckDB's default takes 40 MB less to write and no more time.
ROW_GROUP = 61_440
#: The names of the files that good records are written to.
ORDERS_PART = "orders-{}.parquet"
#: Fewer where they are long.
PARQUET = f"format parquet, row_group_size {ROW_GROUP}, row_group_size_bytes {ROW_GROUP_BYTES}"


@contextmanager
def transform(lake: Lake, source: Source, *, memory_fraction: float, phase: OnPhase) -> Iterator[Transformed]:
    """Scan a file and transform it; see `ingest.transform`."""
    with lake.store.scratch() as scratch:
        read = [0]
        phase("scan", lambda: read[0] / max(source.event.size, 1))
        scanned = scan(source.path, source.event.key, source.dialect, source.reading, scratch, read, set_aside=True)
        scanned = replace(scanned, source=_named(scanned.source, scratch / "source.csv"))
        if scanned.typed and scanned.typed.header:
            paths = tuple(_named(path, scratch / "typed.csv") for path in scanned.typed.paths)
            scanned = replace(scanned, typed=replace(scanned.typed, paths=paths))

        def judged(*, parallel: bool) -> tuple[Job, Outcome]:
            with lake.shared_engine(scratch, memory_fraction=memory_fraction) as connection:
                phase("transform", lambda: _progress(connection))
                job = Job(
                    connection=connection,
                    lake=lake,
                    scan=scanned,
                    source=source,
                    scratch=scratch,
                    memory=lake.engine_memory(memory_fraction),
                    parallel=parallel,
                )
                return job, run(job, source.reading.share)

        try:
            job, outcome = judged(parallel=True)
        except EngineError as error:
            # its CSV reader refuses some files in parallel, by where its buffers happen to begin
            if not isinstance(error.__cause__, duckdb.NotImplementedException):
                raise
            job, outcome = judged(parallel=False)
        yield Transformed(
            outcome=outcome,
            dialect=scanned.dialect,
            extra_columns=scanned.extra_columns,
            orders=job.orders if outcome.rows_published else [],
            rejected=[path for path in (job.rejected, *job.long_rejected) if path.exists()],
        )


def _named(path: Path, link: Path) -> Path:
    """A file under a name that DuckDB takes for one.

    For a name with wild cards it lists the folder, and fails where a neighbour's begins with a backslash.
    """
    if not _WILD.search(str(path)):
        return path
    link.symlink_to(path.resolve())
    return link


def _progress(connection: duckdb.DuckDBPyConnection) -> float:
    try:
        return max(connection.query_progress(), 0.0) / 100
    except Exception:  # asked from another thread, a moment after the connection was closed
        return 1.0


class Known(NamedTuple):
    """What is known once the good records are written.

    The long ones; how many of the others that were read as texts are `good`, and the relation where those stand that
    are not; whether an order line stands more than once, in `repeated`.
    """

    long: LongOutcome
    good: int
    suspects: str
    repeats: bool


class Written(NamedTuple):
    """Good records that were written: how many there were, how many are unique, whether order lines are repeated."""

    good: int
    unique: int
    repeats: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file's transformation: where its records are read from and what its rows are marked with.

    `parallel`: several threads may read a file.
    """

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    scan: Scan
    source: Source
    scratch: Path
    memory: int
    parallel: bool = True

    @property
    def orders(self) -> list[Path]:
        """The good records, exact duplicates removed."""
        return sorted(self.scratch.glob(ORDERS_PART.format("*")))

    @property
    def rejected(self) -> Path:
        """The rejected records."""
        return self.scratch / "rejected.parquet"

    @property
    def ties(self) -> bool:
        """Whether records may correct others."""
        return self.scan.dialect.ties

    def write_good(self) -> Good[Known]:
        """Write the good records: those of canonical lines, and the others with the long ones beside them."""
        # Values are computed once, below the filter: pushed down it would compute them a second time. And a list of
        # literals must not become a join, for which all rows would pay.
        self.connection.execute("set disabled_optimizers = 'filter_pushdown,in_clause'")
        long = self._long_records()
        typed = self.scan.typed
        if typed is None:
            return self._write_texts(long)
        if not self.scan.split and not long.good:
            written = self._write_typed(typed, [], 0)
            return Good(written.good, written.unique, Known(long, 0, "checked", written.repeats))
        good, others, suspects = self._others(typed)
        if long.good:
            others.append(f"(select {VALUES} from {read_parquet(*long.orders)})")
        written = self._write_typed(typed, others if good + long.good else [], good + long.good)
        return Good(written.good, written.unique, Known(long, good, suspects, written.repeats))

    def _write_texts(self, long: LongOutcome) -> Good[Known]:
        """Write the good records of a file that is read as texts: by a table or as they are read."""
        if not self.scan.split and not long.good:
            return Good(0, 0, Known(long, 0, "checked", False))
        if self.scan.split:
            self.connection.execute(f"create temp view checked as {self._texts.checked()}")
        by_table = None if long.good or not self._worth_a_table() else self._by_table()
        written, suspects = by_table or self._by_passes(long)
        known = Known(long, written.good, suspects, written.repeats)
        return Good(written.good + long.good, written.unique, known)

    def _write_typed(self, typed: Typed, others: list[str], number: int) -> Written:
        """Write canonical lines, with relations of others of so many records."""
        if typed.header and not others:
            return self._write_whole(typed)
        return self._write_chunks(typed, others, number)

    def _write_whole(self, typed: Typed) -> Written:
        """Write canonical lines as they are read: nothing else is in the file."""
        (path,) = typed.paths
        dialect = self.scan.dialect
        source = read_typed(typed, path, dialect, self._rules, self.memory, parallel=self.parallel)
        good = self._write_orders(f"(select *, true as good from {source})")
        if typed.lines <= FEW and not may_repeat(dialect, path.read_bytes().splitlines()[1:]):
            return Written(good, good, False)
        if without := self._without_repeats(read_parquet(*self.orders)):
            return Written(good, self._rewrite(without), True)
        return Written(good, good, False)

    def _write_chunks(self, typed: Typed, others: list[str], number: int) -> Written:
        """Write canonical lines chunk by chunk; the others' relations, of so many records, go with the first."""
        dialect = self.scan.dialect
        sources = [
            read_typed(typed, path, dialect, self._rules, self.memory, parallel=self.parallel) for path in typed.paths
        ]
        if number <= OTHERS:
            sources[0] = f"({' union all '.join(f'select {VALUES} from {each}' for each in (sources[0], *others))})"
        else:
            sources += others
        work = Chunked(self.connection, self._statements, self.scratch, self._copy)
        return Written(*work.write(sources, self._part))

    def _others(self, typed: Typed) -> tuple[int, list[str], str]:
        """Check the records that are not canonical lines: how many are good, their relations, and the suspects."""
        if not self.scan.split:
            return 0, [], "checked"
        if self._room_for_a_table and self.scan.split <= OTHERS:
            try:
                look = self.scan.split * FEW_OTHERS > typed.lines
                checked = self._texts.checked(numbered=True, look=look)
                self.connection.execute(f"create temp table records as {checked}")
                good = self._row("select count(*) from records where good")[0]
                return good, ["(from records where good)"], "records"
            except duckdb.OutOfMemoryException:
                self.connection.execute("drop table if exists records")
        path = self.scratch / "others.parquet"
        self.connection.execute(f"create temp view checked as {self._texts.checked()}")
        good = self._copy(f"select {VALUES} from checked where good", path)
        self.connection.execute(f"create temp view suspects as {self._texts.suspects}")
        source = f"read_parquet({path_text(path)}, file_row_number = true)"
        slices = range(0, good, OTHERS)
        cut = "(from {} where file_row_number >= {} and file_row_number < {})"
        return good, [cut.format(source, begin, begin + OTHERS) for begin in slices], "suspects"

    def write_rejected(self, good: Good[Known], *, only_corrections: bool) -> Rejected:
        """Write the rejected records; the long ones were when the good ones were."""
        long, split, suspects, _ = good.known
        rejected, returns, empty = self._write_rejected(suspects if split < self.scan.split else None)
        aside = self.scan.long
        records = Records(
            split=(self.scan.typed.lines if self.scan.typed else 0) + self.scan.split + aside.split + self.scan.headers,
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
        sources = [f"(select {self._texts.further_texts} from {self._texts.reader})"] if self.scan.split else []
        sources += [
            read_csv(chunk.stand_ins, dict.fromkeys(STAND_IN_COLUMNS, "varchar")) for chunk in self.scan.long.chunks
        ]
        named, ordinary = set[str](), 0
        for source in sources:
            named |= {row[0] for row in self.connection.execute(named_files(spelling, source)).fetchall()}
            ordinary += self._row(f"select count(*) from {source} as records where {is_ordinary()}")[0]
        entries = targets(self.lake, named - {self.source.event.file_id})
        store = self.lake.store

        def rejected_rows(row: LedgerRow) -> str:
            paths = [str(store.local(name, self.scratch)) for name in data_objects(REJECTED_ROWS.name, row)]
            return relation.of_paths(REJECTED_ROWS, {row.contract: paths}, dated=False)

        made = correctable(entries, rejected_rows, spelling)
        self.connection.execute(f"create temp table {CORRECTABLE} as {made}")
        return not ordinary

    def taken(self) -> tuple[str, ...] | None:
        """The rows whose place published ones take."""
        return self._entries(*self.orders)

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
            swallowing.append(f"({self._texts.checked('where holds_a_line', told_lines=True)}) where good")
        if good.known.long.lines_within:
            swallowing.append(LINES_WITHIN)
        if swallowing:
            counts["lines_within_quotes"] = self._row(remarks.lines_within_quotes(swallowing))[0]
        orders = read_parquet(*self.orders)
        if good.known.repeats:
            counts["order_line_repeated"] = self._row(remarks.order_line_repeated(orders))[0]
        if self.scan.invisible:
            counts["invisible_characters"] = self._row(remarks.invisible_characters(orders, DuckDBSpelling()))[0]
        return counts

    def _long_records(self) -> LongOutcome:
        """Write the long records, the good ones and the rejected ones each to files of their own."""
        work = LongJob(self.connection, self._statements, self.scratch)
        for chunk in self.scan.long.chunks:
            stand_ins = read_csv(chunk.stand_ins, dict.fromkeys(STAND_IN_COLUMNS, "varchar"))
            texts = ", ".join(f"{name} as {text_of(name)}" for name in COLUMN_NAMES)
            work.take(chunk, f"(select n, {CORRECTS_TEXT}, {CHANGES_TEXT}, {texts} from {stand_ins})")
        return work.finish()

    @property
    def long_rejected(self) -> list[Path]:
        """The rejected long records."""
        return sorted(self.scratch.glob(LONG_REJECTED.format("*")))

    def _by_passes(self, long: LongOutcome) -> tuple[Written, str]:
        """Write the good records as they are read; returns what, and where rejected ones stand.

        The unique are counted with the long ones, which are written beside them.
        """
        good = self._write_orders("checked") if self.scan.split else 0
        unique = good + long.good
        if long.good:
            self._rewrite(f"select * from {read_parquet(*(self.orders if good else ()), *long.orders)}")
        without = self._without_repeats(read_parquet(*self.orders))
        if without:
            unique = self._rewrite(without)
        if self.scan.split:
            self.connection.execute(f"create temp view suspects as {self._texts.suspects}")
        return Written(good, unique, without is not None), "suspects"

    def _by_table(self) -> tuple[Written, str] | None:
        """Check the records into a table and write the good ones from there; returns as `_by_passes` does.

        None where the memory does not suffice after all.
        """
        try:
            self.connection.execute(f"create temp table records as {self._texts.checked(numbered=True)}")
            good = self._row("select count(*) from records where good")[0]
            without = self._without_repeats("(from records where good)")
            unique = self._write_orders(without or "records")
        except duckdb.OutOfMemoryException:
            self.connection.execute("drop table if exists records")
            return None
        return Written(good, unique, without is not None), "records"

    @property
    def _room_for_a_table(self) -> bool:
        return self._texts.size <= TABLE_SHARE * self.memory

    def _worth_a_table(self) -> bool:
        """Whether the first records show rejects or repeats, and a table of all would fit into the memory."""
        if not self._room_for_a_table:
            return False
        rows, good, lines = self._row(
            "select count(*), count(*) filter (where good), count(distinct (order_id, product_id)) "
            f"from (from checked limit {SAMPLE})"
        )
        return good < rows or lines < rows

    def _part(self, number: int) -> Path:
        return self.scratch / ORDERS_PART.format(f"{number:05}")

    def _write_orders(self, source: str) -> int:
        return self._copy(self._statements.orders(source), self._part(0))

    def _rewrite(self, query: str) -> int:
        """Write the good records anew, from what was written of them."""
        rewritten = self.scratch / "rewritten.parquet"
        rows = self._copy(query, rewritten)
        rewritten.replace(self._part(0))
        return rows

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
    def _texts(self) -> Texts:
        return Texts(self.scan, self._statements, parallel=self.parallel)

    @property
    def _rules(self) -> Rules:
        return Rules.of(DuckDBSpelling(), self.scan.dialect, self.source.reading)

    @property
    def _statements(self) -> Statements:
        return Statements(
            rules=self._rules,
            event=self.source.event,
            file_id=self.source.event.file_id,
            ties=self.scan.dialect.ties,
            replaced=self.source.replaced,
        )

    def _copy(self, query: str, target: Path) -> int:
        return int(self._row(f"copy ({query}) to {sql_text(target)} ({PARQUET})")[0])

    def _row(self, query: str) -> Sequence[int]:
        row = self.connection.execute(query).fetchone()
        assert row is not None  # each of these queries has one row
        return row
