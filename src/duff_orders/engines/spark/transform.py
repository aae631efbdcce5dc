"""`Transform-data` on Spark: one file's records to Parquet in parallel, for files too large for one machine.

A file whose records each stand on one line is read by many tasks where it lies. Whether that holds is found out, not
guessed: a first pass counts the records, and the lines that are not UTF-8, hold NUL, leave a quote open, are blank or a
second header. A file that is Windows-1252 is read as such; one whose records span lines or are none, or that is
compressed or UTF-16, is first laid out by the scanner, on one core: one record per line, a line break within quotes
written as NUL, which no orders file may hold.

The statements are those of DuckDB. Like there, rejected records are looked for only if the count says that there are
some, and exact repeats are taken out only where an order line stands twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from duff_orders.contract import (
    BLANKS,
    COLUMN_NAMES,
    INTEGER_DIGITS,
    NULL_SPELLINGS,
    REJECTED_ROWS,
    REQUIRED_NAMES,
    STATUSES,
    TEXT_CHARACTERS,
    Column,
)
from duff_orders.documents import LedgerRow, entries
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.spark import escaped, failures_as_ours, schema_of, session
from duff_orders.engines.spark.lines import Lines, RecordsSpanLines, in_place, laid_out
from duff_orders.engines.spark.records import SparkRecords, configured
from duff_orders.engines.spark.spelling import SparkSpelling
from duff_orders.engines.spark.workspace import Workspace, address, workspace
from duff_orders.ingest import remarks, text
from duff_orders.ingest.canonical import begins_clean
from duff_orders.ingest.corrections import CORRECTABLE, correctable, is_ordinary, named_files, targets
from duff_orders.ingest.header import header, places
from duff_orders.ingest.passes import Good, Rejected, run
from duff_orders.ingest.rules import Rules, plain_forms
from duff_orders.ingest.scan_texts import UNSPLIT
from duff_orders.ingest.staged import OnPhase, Source, Transformed
from duff_orders.ingest.statements import (
    LINE,
    NULL,
    NULL_COUNTS,
    OF_TIES,
    RETURNS,
    TIE,
    Rarely,
    Statements,
    repeated,
    text_of,
)
from duff_orders.ingest.verdict import Records
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects
from duff_orders.lake.stores.base import StagedFile
from duff_orders.settings import MIB

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

#: Bytes of CSV for one object of tbl_duff_orders: some 110 MB of Parquet. What comes out smaller than the least is
#: put together again.
SOURCE_BYTES = 512 * MIB
#: How Parquet is written that may be published, and what is only read once more.
# What a task wrote is moved once, not twice, which would be a copy each time on S3: nobody reads before all have ended.
_COMMITTED: Mapping[str, int | str] = {"mapreduce.fileoutputcommitter.algorithm.version": 2}
PUBLISHED: Mapping[str, int | str] = {**_COMMITTED, "parquet.block.size": 32 * MIB}
CHEAP: Mapping[str, int | str] = {**_COMMITTED, "compression": "none", "parquet.enable.dictionary": "false"}
_VALUES = ", ".join(COLUMN_NAMES)
LEAST_BYTES, USUAL_BYTES = 64 * MIB, 128 * MIB
# Passes that write little are cut finer, for all the cores that there are.
COUNTED_BYTES = 64 * MIB
# The records that are looked at beforehand; a small file may as well be read as a whole.
SAMPLE = 20_000
SMALL_BYTES = 8 * MIB


@contextmanager
def transform(lake: Lake, source: Source, *, memory_fraction: float, phase: OnPhase) -> Iterator[Transformed]:
    """Transform a file on Spark; see `ingest.transform`. Memory is Spark's own affair."""
    with workspace(lake.store) as space, failures_as_ours():
        spark = session(lake.settings)
        read, size = [0], max(source.event.size, 1)
        lines: Lines | None = None
        if source.dialect.encoding == text.WINDOWS:  # which its beginning alone cannot tell
            source = _settled(source)
        while True:
            try:
                phase("transform", lambda: 0.0)
                lines = lines or in_place(source, space)
                records = SparkRecords(spark, source, lines)
                split, unseen = _counted(records, lines)
                job = Job(spark, lake, source, lines, records, space.within(lines.encoding), split)
                job.signs["unseen"] = unseen
                outcome = run(job, source.reading.share)
                break
            except text.NotUtf8:
                source = _settled(source)
                if source.dialect.encoding == text.WINDOWS:
                    lines = None
                    continue
            except RecordsSpanLines:
                pass
            phase("scan", lambda: read[0] / size)
            lines = laid_out(source, space, read)
            assert lines.scanned
            source = replace(source, dialect=lines.scanned.dialect)
        yield Transformed(
            outcome=outcome,
            dialect=source.dialect,
            extra_columns=lines.extra_columns,
            orders=job.orders if outcome.rows_published else [],
            rejected=job.rejected if outcome.rows_rejected else [],
        )


def _settled(source: Source) -> Source:
    """The file in the encoding that all of it speaks for, where it is not UTF-8 throughout."""
    key = source.event.key
    encoding = text.settled(source.path, compressed=text.is_compressed(key))
    return replace(source, dialect=header(source.path, key, encoding, source.reading)[0].dialect)


def _counted(records: SparkRecords, lines: Lines) -> tuple[int, int]:
    """Name the records; how many could be split, and how many hold a character that nobody sees.

    Raises NotUtf8 or RecordsSpanLines where the file must be read in another way, InvalidFile for NUL characters and
    lines of more than 16 MiB.
    """
    records.name()
    if lines.scanned:
        return lines.scanned.split, 0
    with records.tasks_of(COUNTED_BYTES):
        return records.count()


@dataclass(frozen=True, slots=True)
class Job:
    """One file's transformation."""

    spark: "SparkSession"
    lake: Lake
    source: Source
    lines: Lines
    records: SparkRecords
    space: Workspace
    #: The records that could be split.
    split: int
    # of what was staged, by name: to read it out of the files would be a job of its own each time
    schemas: "dict[str, StructType]" = field(default_factory=dict)
    # signs of what may be remarked, and how often they were seen
    signs: Counter[str] = field(default_factory=Counter)

    @property
    def orders(self) -> list[StagedFile]:
        """The files of the good records, exact duplicates removed."""
        return [part.staged for part in self.space.parts("unique") or self.space.parts("orders")]

    @property
    def rejected(self) -> list[StagedFile]:
        """The files of the rejected records."""
        return [part.staged for part in self.space.parts("rejected")]

    @property
    def ties(self) -> bool:
        """Whether records may correct others."""
        return self.source.dialect.ties

    def write_good(self) -> Good[str]:
        """Write the good records: as they are read, or from all that were set aside."""
        small = self.lines.size <= SMALL_BYTES
        if not (small or self.ties):
            # a guess, made here, where it costs the least
            guess = begins_clean(self.source.dialect, self.source.reading, self.lines.beginning(self.source, SAMPLE))
            self.signs["canonical"] = guess is not None
            clean = self._begins_clean() if guess is None else guess
        all_staged = small or self.ties or not clean
        good = self._stage_checked() if all_staged else self._write_orders()
        unique = good - self._remove_repeats()
        if good < self.split and not small:
            self._stage_suspects(all_staged)
        return Good(good, unique, "checked" if small else "suspects")

    def write_rejected(self, good: Good[str], *, only_corrections: bool) -> Rejected:
        """Write the rejected records."""
        scanned = self.lines.scanned
        unsplit, rejected, returns, empty = self._write_rejected(good.known, self.split, good.records)
        everything = self.split + (scanned.unsplit_records if scanned else 0)
        unsplit -= scanned.headers if scanned else 0
        records = Records(
            split=everything - unsplit,
            unsplit=unsplit,
            unclosed=bool(scanned and scanned.unclosed),
            turned=scanned.turned if scanned else None,
            fields=self.source.dialect.fields,
            returns=returns,
            only_corrections=only_corrections,
        )
        return Rejected(rejected, records, empty)

    def taken(self) -> tuple[str, ...] | None:
        """The rows whose place published ones take."""
        return self._entries("unique" if "unique" in self.schemas else "orders")

    def attempted(self) -> tuple[str, ...] | None:
        """The rows whose place rejected ones were to take."""
        return self._entries("rejected")

    def name_correctable(self) -> bool:
        """Name the relation of the rejected rows that the records may correct.

        Returns whether all records that could be split are corrections.
        """
        spelling = SparkSpelling()
        named = {row["file_id"] for row in self.spark.sql(named_files(spelling, "records")).collect()}
        entries = targets(self.lake, named - {self.source.event.file_id})
        self._write(self.spark.sql(correctable(entries, self._rejected_rows, spelling)), CORRECTABLE, CHEAP)
        self._staged(CORRECTABLE).createOrReplaceTempView(CORRECTABLE)
        return not self._number(f"select count(1) as n from records where {is_ordinary()}")

    def _rejected_rows(self, row: LedgerRow) -> str:
        """The rejected rows of a file, as a relation."""
        objects = (escaped(address(self.lake.store, name)) for name in data_objects(REJECTED_ROWS.name, row))
        name = f"rejected_of_{row.file_id}"
        self.spark.read.schema(schema_of(REJECTED_ROWS)).parquet(*objects).createOrReplaceTempView(name)
        return f"select * from {name}"

    def _entries(self, name: str) -> tuple[str, ...] | None:
        """The rows whose place those that were written take, or were to take."""
        return entries(row[TIE] for row in self._staged(name).where(f"{TIE} is not null").select(TIE).collect())

    def remarked(self, good: Good[str]) -> dict[str, int]:
        """How often each remark holds of what is published. Nothing is asked that no sign was seen of."""
        scanned, spelling = self.lines.scanned, SparkSpelling()
        counts = {}
        if scanned and scanned.lines_within:
            dialect = self.source.dialect
            texts = (self.records.grammar.text(place) for place in range(dialect.fields))
            holds = remarks.holds_a_line(texts, spelling, delimiter=dialect.delimiter, fields=dialect.fields)
            self.records.split("lines", "swallowing", extra=f"{holds} as holds_a_line")
            checked = self._statements.checked(
                "swallowing", canonical=self._canonical, also="line", where="where holds_a_line"
            )
            counts["lines_within_quotes"] = self._number(remarks.lines_within_quotes([f"({checked}) where good"]))
        self._staged("unique" if "unique" in self.schemas else "orders").createOrReplaceTempView("published")
        if self.signs["repeated"]:
            counts["order_line_repeated"] = self._number(remarks.order_line_repeated("published"))
        if scanned.invisible if scanned else self.signs["unseen"]:
            counts["invisible_characters"] = self._number(remarks.invisible_characters("published", spelling))
        return counts

    def _number(self, query: str) -> int:
        first = self.spark.sql(query).first()
        assert first is not None  # it counts
        return int(first["n"])

    @property
    def _rules(self) -> Rules:
        return Rules.of(SparkSpelling(), self.source.dialect, self.source.reading)

    @property
    def _statements(self) -> Statements:
        event = self.source.event
        return Statements(
            rules=self._rules,
            event=event,
            file_id=event.file_id,
            ties=self.source.dialect.ties,
            replaced=self.source.replaced,
        )

    def _canonical(self, column: Column) -> str:
        """Whether a column's text is written canonically, told by functions that cost less than a match."""
        text = text_of(column.name)
        written = self._is_written(column, text)
        return written if column.required else f"(coalesce({text}, '') = '' or {written})"

    def _is_written(self, column: Column, text: str) -> str:
        match column.kind:
            case "integer" if self._rules.marks.grouped is None:
                number = f"try_cast({text} as bigint)"
                most = column.maximum or 10**INTEGER_DIGITS - 1
                return f"(cast({number} as string) = {text} and {number} between {column.minimum} and {most})"
            case "integer" | "number":
                return self._rules.spelling.full_match(text, self._rules.canonical_pattern(column))
            case "status":
                forms = (*STATUSES, *plain_forms(self._rules.words.get(column.name, ())))
                return f"({text} in ({', '.join(map(sql_text, forms))}))"
            case "text":
                # Something, not too long in any characters, no spelling of null, and nothing to be trimmed.
                literal = self._rules.spelling.literal
                ends = (f"{side}({text}, {literal(blank)})" for side in ("startswith", "endswith") for blank in BLANKS)
                nulls = ", ".join(map(literal, NULL_SPELLINGS))
                short = f"octet_length({text}) <= {max(map(len, NULL_SPELLINGS))} and lower({text}) in ({nulls})"
                fits = f"{text} <> '' and octet_length({text}) <= {TEXT_CHARACTERS}"
                return f"({fits} and not ({' or '.join((*ends, short))}))"

    def _begins_clean(self) -> bool:
        """Whether the first records show neither rejects nor repeats."""
        checked = self._statements.checked("records", canonical=self._canonical, also="line")
        beginning = self.spark.sql(f"""
            select count(1) as rows, count(case when good then 1 end) as good,
                count(distinct order_id, product_id) as lines
            from (select * from ({checked}) as checked limit {SAMPLE}) as beginning""")
        with self.records.tasks_of(max(self.lines.size, 1)):  # one task, which stops after these
            first = beginning.first()
        assert first is not None
        return bool(first["rows"] == first["good"] == first["lines"])

    def _write_orders(self) -> int:
        """Write the good records as they are read; returns how many."""
        checked = self._statements.checked("records", canonical=self._canonical, also="line", rarely=self._rarely)
        with self.records.tasks_of(SOURCE_BYTES):
            self._write(self.spark.sql(self._statements.orders(f"({checked})")), "orders")
        self._placed("orders").createOrReplaceTempView("orders")
        return self._staged("orders").count()

    def _stage_checked(self) -> int:
        """Set all records aside, checked, with the lines of those that are not good; returns how many are good.

        They are written twice, so the first time is to be cheap.
        """
        with self.records.tasks_of(COUNTED_BYTES):
            self._write(self.spark.sql(self._checked()), "checked", CHEAP)
        self._placed("checked").createOrReplaceTempView("checked")
        self.spark.sql(self._statements.orders("checked", "file", "place")).createOrReplaceTempView("orders")
        return self.spark.sql("select 1 from checked where good").count()

    def _stage_suspects(self, all_staged: bool) -> None:
        """Set the records aside that are not good: from among those that were set aside, or from the source."""
        if all_staged:
            checked = self._staged("checked")
        else:
            suspicious = f"{self._statements.suspicious(self._canonical)} and line_number >= 0"
            checked = self.spark.sql(self._checked(suspicious))
        with nullcontext() if all_staged else self.records.tasks_of(COUNTED_BYTES):
            self._write(checked.where("not good"), "suspects", CHEAP)
        self._staged("suspects").createOrReplaceTempView("suspects")

    def _checked(self, where: str = "") -> str:
        """The records, checked, with the lines of those that are not good, and where these stand."""
        also = ", ".join(f"case when not good then {name} end as {name}" for name in ("line", "row", "start"))
        rarely = None if where else self._rarely  # what is looked at again is not canonical
        return self._statements.checked("records", canonical=self._canonical, also=also, where=where, rarely=rarely)

    @property
    def _rarely(self) -> Rarely | None:
        """How the values of texts are told that are not canonical, where few are: out of the one method of all checks.

        Spark evaluates a lambda by itself, a value at a time, and makes no code of it. What is left is a quarter, which
        Java compiles as any other; of the whole its compiler makes slow code in some runs.
        """
        return SparkSpelling().by_itself if self.signs["canonical"] else None

    def _placed(self, name: str) -> "DataFrame":
        """What was written to a folder, with the place of each row: its `file`, and the `place` there."""
        return self._staged(name).selectExpr("*", "_metadata.file_name as file", "_metadata.row_index as place")

    def _remove_repeats(self) -> int:
        """Write the good records anew where there are exact repeats or small objects; returns how many went."""
        # Surplus rows by their place in the staged files: few, and the files are then rewritten without a shuffle.
        self._write(self.spark.sql(repeated("orders")), "repeated")
        self.signs["repeated"] = not self._staged("repeated").isEmpty()
        surplus = self._find_surplus() if self.signs["repeated"] else 0
        files = self.space.parts("orders")
        size = sum(part.size for part in files)
        tasks = len(files) if size >= LEAST_BYTES * len(files) else max(1, size // USUAL_BYTES)
        if not files:  # set aside in a form that is not to be published
            tasks = max(1, -(-self.lines.size // SOURCE_BYTES))
        if surplus or not files or tasks < len(files):
            rest = "select * from orders anti join surplus using (file, place)" if surplus else "select * from orders"
            # No fewer tasks on a small cluster: how many objects a file has depends on its size alone.
            with configured(self.spark, {"spark.sql.files.minPartitionNum": tasks}):
                self._write(self.spark.sql(rest).drop("file", "place").coalesce(tasks), "unique")
        return surplus

    def _find_surplus(self) -> int:
        """Note the places of exact repeats of a record, all but the first; returns how many there are."""
        self._staged("repeated").createOrReplaceTempView("repeated")
        self._write(
            self.spark.sql(f"""
                select file, place
                from (
                    select file, place, row_number() over (partition by {_VALUES}, {TIE} order by file, place) as copy
                    from orders
                    semi join repeated using (order_id, product_id)
                ) as copies
                where copy > 1"""),
            "surplus",
        )
        self._staged("surplus").createOrReplaceTempView("surplus")
        return self._staged("surplus").count()

    def _write_rejected(self, checked: str, records: int, good: int) -> tuple[int, int, bool, dict[str, int]]:
        """Write the records of `checked` that are not good, with their reasons.

        Returns how many are no data, how many there are in all, whether one of the former holds a carriage return,
        and how many have no value, by column.
        """
        scanned = self.lines.scanned
        parts = []
        if good < records:
            with self.records.tasks_of(COUNTED_BYTES):
                self.records.name_begins()
            bad = f"(select * from {checked} join begins using (start) where not good)"
            self.records.split(
                bad, "bad", "good", "row", "begin", *COLUMN_NAMES, *(OF_TIES if self.source.dialect.ties else ())
            )
            texts = {
                name: NULL if place is None else f"case when wrong is null then coalesce({text_of(name)}, '') end"
                for name, place in places(self.source.dialect).items()
            }
            row, record = "concat('row:', wrong)", "case when wrong is not null then line end"
            parts.append(self._statements.rejected("bad", texts, line="row + begin", row=row, record=record))
        if scanned and scanned.unsplit_records:
            schema = ", ".join((*(f"{name} string" for name in UNSPLIT), f"{LINE} bigint"))
            self.spark.read.schema(schema).json(
                self.space.share(scanned.unsplit, "unsplit.json")
            ).createOrReplaceTempView("unsplit_records")
            parts.append(self._statements.unsplit("unsplit_records"))
        if not parts:
            return 0, 0, False, dict.fromkeys(REQUIRED_NAMES, 0)
        rows = self.spark.sql(self._statements.rejected_rows(parts))
        objects = 1 + self.lines.size * (records - good) // max(records, 1) // SOURCE_BYTES
        # Reasons make far more code than Java compiles as one method.
        with configured(self.spark, {"spark.sql.codegen.wholeStage": False}):
            self._write(rows.repartition(objects), "rejected")
        self._staged("rejected").createOrReplaceTempView("rejected")
        counts = self.spark.sql(
            "select count(1) as rows, count(case when reasons like 'row:%' then 1 end) as unsplit, "
            f"{RETURNS}, {NULL_COUNTS} from rejected"
        ).first()
        assert counts is not None
        nulls = {name: int(counts[name]) for name in REQUIRED_NAMES}
        return int(counts["unsplit"]), int(counts["rows"]), counts["returns"] > 0, nulls

    def _staged(self, name: str) -> "DataFrame":
        return self.spark.read.schema(self.schemas[name]).parquet(self.space.of(name))

    def _write(self, frame: "DataFrame", name: str, options: Mapping[str, int | str] = PUBLISHED) -> None:
        self.schemas[name] = frame.schema
        frame.write.options(**options).mode("overwrite").parquet(self.space.to(name))
