"""`Transform-data` on Spark: one file's records to Parquet in parallel, for files too large for one machine.

A file whose records each stand on one line is read by many tasks where it lies. Whether that holds is found out, not
guessed: a first pass counts the records, and the lines that are not UTF-8, hold NUL, leave a quote open, are blank or a
second header. A file that is Windows-1252 is read as such; one whose records span lines or are none, or that is
compressed or UTF-16, is first laid out by the scanner, on one core: a record a line, a line break within quotes written
as NUL, which no orders file may hold.

The statements are those of DuckDB. Like there, rejected records are looked for only if the count says that there are
some, and exact repeats are taken out only where an order line stands twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from duff_orders.contract import BLANKS, COLUMN_NAMES, INTEGER_DIGITS, NULL_SPELLINGS, STATUSES, TEXT_CHARACTERS, Column
from duff_orders.engines.dialect import SparkSpelling, sql_text
from duff_orders.engines.spark import failures_as_ours, session
from duff_orders.ingest import remarks, text
from duff_orders.ingest.header import header
from duff_orders.ingest.rules import Rules
from duff_orders.ingest.scan import LINE_BREAK, MAX_RECORD, UNSPLIT
from duff_orders.ingest.spark_lines import LineGrammar, Lines, RecordsSpanLines, in_place, laid_out
from duff_orders.ingest.staged import OnPhase, Source, Transformed
from duff_orders.ingest.statements import LINE, NULL_COUNTS, RETURNS, Statements, repeated, text_of
from duff_orders.ingest.verdict import Records, judge
from duff_orders.lake.lake import Lake
from duff_orders.lake.store import StagedFile
from duff_orders.lake.workspace import Workspace, workspace
from duff_orders.messages import Outcome
from duff_orders.reasons import invalid
from duff_orders.settings import MIB

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.types import StructType

#: Bytes of CSV for one object of tbl_duff_orders: some 110 MB of Parquet. What comes out smaller than the least is
#: put together again.
SOURCE_BYTES = 512 * MIB
#: How Parquet is written that may be published, and what is only read once more.
PUBLISHED: Mapping[str, int | str] = {"parquet.block.size": 32 * MIB}
CHEAP: Mapping[str, int | str] = {"compression": "none", "parquet.enable.dictionary": "false"}
_TEN = ", ".join(COLUMN_NAMES)
LEAST_BYTES, USUAL_BYTES = 64 * MIB, 128 * MIB
# Passes that write little are cut finer, for all the cores that there are.
COUNTED_BYTES = 64 * MIB
# The records that are looked at beforehand; a small file may as well be read as a whole.
SAMPLE = 20_000
SMALL_BYTES = 8 * MIB
# Windows-1252 where it is not Latin-1.
_HIGH = range(0x80, 0xA0)
_LATIN, _WINDOWS = "".join(map(chr, _HIGH)), "".join(text.WINDOWS_TABLE[byte] for byte in _HIGH)
# The index of a row within its task: the lower bits of Spark's running number.
_ROW = "(monotonically_increasing_id() & 8589934591)"


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
                job = Job(spark, source, lines, space.within(lines.encoding))
                outcome = job.run(lake.settings.max_reject_share)
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
    return replace(source, dialect=header(source.path, key, encoding)[0].dialect)


@dataclass(frozen=True, slots=True)
class Job:
    """One file's transformation."""

    spark: "SparkSession"
    source: Source
    lines: Lines
    space: Workspace
    # of what was staged, by name: to read it out of the files would be a job of its own each time
    schemas: "dict[str, StructType]" = field(default_factory=dict)
    # by the position of a task's part in the source: what added to a row's number there gives its line
    begins: dict[int, int] = field(default_factory=dict)
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

    def run(self, max_reject_share: Decimal) -> Outcome:
        """Transform the file and judge it.

        Raises NotUtf8 or RecordsSpanLines where the file must be read in another way, InvalidFile for NUL
        characters and lines of more than 16 MiB, CountMismatch where what was written is not what was counted.
        """
        self._read()
        scanned = self.lines.scanned
        records = scanned.split if scanned else self._count()
        small = self.lines.size <= SMALL_BYTES
        all_staged = small or not self._begins_clean()
        good = self._stage_checked() if all_staged else self._write_orders()
        unique = good - self._remove_repeats()
        if good < records and not small:
            self._stage_suspects(all_staged)
        unsplit, rejected, returns, empty = self._write_rejected("checked" if small else "suspects", records, good)
        everything = records + (scanned.unsplit_records if scanned else 0)
        unsplit -= scanned.headers if scanned else 0
        outcome = judge(
            Records(
                split=everything - unsplit,
                unsplit=unsplit,
                unclosed=bool(scanned and scanned.unclosed),
                turned=scanned.turned if scanned else None,
                fields=self.source.dialect.fields,
                returns=returns,
            ),
            good=good,
            unique=unique,
            rejected=rejected,
            nulls=empty,
            max_reject_share=max_reject_share,
        )
        return replace(outcome, remarks=remarks.remarks(self._remarked()) if outcome.rows_published else ())

    def _remarked(self) -> dict[str, int]:
        """How often each remark holds of what is published. Nothing is asked that no sign was seen of."""
        scanned, spelling = self.lines.scanned, SparkSpelling()
        counts = {}
        if scanned and scanned.lines_within:
            dialect = self.source.dialect
            texts = (self._grammar.text(place) for place in range(dialect.fields))
            holds = remarks.holds_a_line(texts, spelling, delimiter=dialect.delimiter, fields=dialect.fields)
            self._split("lines", "swallowing", told=f"{holds} as holds_a_line")
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
        found = self.spark.sql(query).first()
        assert found is not None  # it counts
        return int(found["n"])

    def _read(self) -> None:
        """Name the relations `lines` and `records`: every record's line, its texts, what is wrong with its quotes."""
        self.spark.read.text(self.lines.address, lineSep="\n").createOrReplaceTempView("source_lines")
        numbered = f"select *, {_ROW} as row, input_file_block_start() as start from source_lines"
        self.spark.sql(
            f"select value, row, start, {self._line} as line from ({numbered}) as numbered"
        ).createOrReplaceTempView("all_lines")
        self.spark.sql(f"select * from all_lines where {self._is_record}").createOrReplaceTempView("lines")
        self._split("lines", "records", "row", "start")

    @property
    def _is_record(self) -> str:
        """Whether a line holds a record."""
        return f"not (start = 0 and row < {self.lines.skip}) and trim(leading ' \t' from line) <> ''"

    def _split(self, lines: str, name: str, *also: str, told: str = "") -> None:
        """Name the records of a relation of lines, with columns of it in `also`; `told` is SQL over their `fields`."""
        grammar = self._grammar
        dialect = self.source.dialect
        kept = ", ".join(("line", *also))
        places = zip(COLUMN_NAMES, dialect.places, strict=True)
        texts = ", ".join(f"{grammar.text(place)} as {text_of(name)}" for name, place in places)
        self.spark.sql(f"""
            select {kept}, {texts}, {f"{told}, " if told else ""}{SparkSpelling().no_pushdown()} as line_number,
                case when fields is null then coalesce(wrong, 'wrong_field_count') end as wrong
            from (
                select {kept}, quoted, wrong,
                    case when size(pieces) = {dialect.fields} then pieces end as fields
                from (
                    select *, {grammar.pieces} as pieces
                    from (select {kept}, contains(line, '"') as quoted, {grammar.wrong} as wrong from {lines}) as told
                ) as split_lines
            ) as counted""").createOrReplaceTempView(name)

    @property
    def _grammar(self) -> LineGrammar:
        return LineGrammar(self.source.dialect.delimiter, restore=self.lines.scanned is not None)

    def _count(self) -> int:
        """Count the records, lines that they are. Raises what the lines say about the file as a whole."""
        broken = "cast(decode(cast(value as binary), 'UTF-8') as binary) <> cast(value as binary)"
        not_utf8 = broken if self.lines.encoding == text.UTF8 else "false"
        nul = SparkSpelling().literal(LINE_BREAK.decode())
        counted = self.spark.sql(f"""
            select
                start, min(row) as row, count(1) as all_rows,
                count(case when is_record then 1 end) as records,
                max(case when is_record then octet_length(value) end) as longest,
                count(case when is_record and contains(line, {nul}) then 1 end) as nul,
                count(case when is_record and {not_utf8} then 1 end) as not_utf8,
                count(case when is_record and contains(line, '"') and {self._grammar.unclosed} then 1 end) as unclosed,
                count(case when is_record and {self._grammar.strange} then 1 end) as strange,
                count(case when is_record and {SparkSpelling().some_match("line", remarks.UNSEEN)} then 1 end) as unseen
            from (select *, {self._is_record} as is_record from all_lines) as told
            group by start""")
        with self._tasks_of(COUNTED_BYTES):
            parts = counted.collect()
        self._note_begins(parts)
        kinds = ("records", "nul", "not_utf8", "unclosed", "strange", "unseen")
        found = {kind: sum(part[kind] for part in parts) for kind in kinds}
        if found["nul"]:
            raise invalid("holds_nul")
        if max((part["longest"] or 0 for part in parts), default=0) > MAX_RECORD:
            raise invalid("record_too_long")
        if found["not_utf8"]:
            raise text.NotUtf8
        if found["unclosed"] or found["strange"]:
            raise RecordsSpanLines
        self.signs["unseen"] = found["unseen"]
        return int(found["records"])

    def _note_begins(self, parts: "Iterable[Row]") -> None:
        """Of the parts that tasks read: `start`, the first `row` there, and how many there are (`all_rows`)."""
        line = 1
        for part in sorted(parts, key=lambda part: part["start"]):
            self.begins[part["start"]] = line - part["row"]
            line += part["all_rows"]

    def _name_begins(self) -> None:
        """Name the relation `begins`: what added to a row's number gives its line, by the `start` of its part."""
        if not self.begins:
            with self._tasks_of(COUNTED_BYTES):
                self._note_begins(
                    self.spark.sql(
                        "select start, min(row) as row, count(1) as all_rows from all_lines group by start"
                    ).collect()
                )
        places = ", ".join(f"(bigint({start}), bigint({begin}))" for start, begin in self.begins.items())
        self.spark.sql(f"select * from values {places} as begins(start, begin)").createOrReplaceTempView("begins")

    def _tasks_of(self, size: int) -> AbstractContextManager[None]:
        """Let a task read `size` bytes of the source, less where it comes out even. What is staged is read as usual."""
        whole = self.lines.size
        tasks = -(-whole // size) or 1
        return self._configured(
            {
                "spark.sql.files.maxPartitionBytes": -(-whole // tasks) or 1,
                "spark.sql.files.minPartitionNum": tasks,
            }
        )

    @contextmanager
    def _configured(self, options: Mapping[str, int | bool]) -> Iterator[None]:
        for name, value in options.items():
            self.spark.conf.set(name, value)
        try:
            yield
        finally:
            for name in options:
                self.spark.conf.unset(name)

    @property
    def _line(self) -> str:
        """A line without its carriage return, decoded."""
        bare = (
            "case when endswith(value, chr(13)) "
            "then cast(substring(cast(value as binary), 1, octet_length(value) - 1) as string) else value end"
        )
        if self.lines.encoding == text.UTF8:
            return bare
        latin = f"decode(cast({bare} as binary), 'ISO-8859-1')"
        literal = SparkSpelling().literal
        high = f"translate({latin}, {literal(_LATIN)}, {literal(_WINDOWS)})"
        return f"case when {latin} rlike {literal(f'[{_LATIN[0]}-{_LATIN[-1]}]')} then {high} else {latin} end"

    @property
    def _rules(self) -> Rules:
        return Rules(SparkSpelling(), self.source.dialect.decimal_mark)

    @property
    def _statements(self) -> Statements:
        return Statements(rules=self._rules, event=self.source.event, file_id=self.source.event.file_id)

    def _canonical(self, column: Column) -> str:
        """Whether a column's text is written canonically, told by functions that cost less than a match."""
        text = text_of(column.name)
        match column.kind:
            case "integer":
                number = f"try_cast({text} as bigint)"
                most = column.maximum or 10**INTEGER_DIGITS - 1
                return f"(cast({number} as string) = {text} and {number} between {column.minimum} and {most})"
            case "number":
                return self._rules.spelling.full_match(text, self._rules.canonical_pattern(column))
            case "status":
                return f"({text} in ({', '.join(map(sql_text, STATUSES))}))"
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
        with self._tasks_of(max(self.lines.size, 1)):  # one task, which stops after these
            found = beginning.first()
        assert found is not None
        return bool(found["rows"] == found["good"] == found["lines"])

    def _write_orders(self) -> int:
        """Write the good records as they are read; returns how many."""
        checked = self._statements.checked("records", canonical=self._canonical, also="line")
        with self._tasks_of(SOURCE_BYTES):
            self._write(self.spark.sql(self._statements.orders(f"({checked})")), "orders")
        self._placed("orders").createOrReplaceTempView("orders")
        return self._staged("orders").count()

    def _stage_checked(self) -> int:
        """Set all records aside, checked, with the lines of those that are not good; returns how many are good.

        They are written twice, so the first time is to be cheap.
        """
        with self._tasks_of(COUNTED_BYTES):
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
        with nullcontext() if all_staged else self._tasks_of(COUNTED_BYTES):
            self._write(checked.where("not good"), "suspects", CHEAP)
        self._staged("suspects").createOrReplaceTempView("suspects")

    def _checked(self, where: str = "") -> str:
        """The records, checked, with the lines of those that are not good, and where these stand."""
        also = ", ".join(f"case when not good then {name} end as {name}" for name in ("line", "row", "start"))
        return self._statements.checked("records", canonical=self._canonical, also=also, where=where)

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
            with self._configured({"spark.sql.files.minPartitionNum": tasks}):
                self._write(self.spark.sql(rest).drop("file", "place").coalesce(tasks), "unique")
        return surplus

    def _find_surplus(self) -> int:
        """Note the places of exact repeats of a record, all but the first; returns how many there are."""
        self._staged("repeated").createOrReplaceTempView("repeated")
        self._write(
            self.spark.sql(f"""
                select file, place
                from (
                    select file, place, row_number() over (partition by {_TEN} order by file, place) as copy
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
            self._name_begins()
            bad = f"(select * from {checked} join begins using (start) where not good)"
            self._split(bad, "bad", "good", "row", "begin", *COLUMN_NAMES)
            texts = {name: f"case when wrong is null then coalesce({text_of(name)}, '') end" for name in COLUMN_NAMES}
            row, record = "concat('row:', wrong)", "case when wrong is not null then line end"
            parts.append(self._statements.rejected("bad", texts, line="row + begin", row=row, record=record))
        if scanned and scanned.unsplit_records:
            schema = ", ".join((*(f"{name} string" for name in UNSPLIT), f"{LINE} bigint"))
            self.spark.read.schema(schema).json(
                self.space.share(scanned.unsplit, "unsplit.json")
            ).createOrReplaceTempView("unsplit_records")
            parts.append(self._statements.unsplit("unsplit_records"))
        if not parts:
            return 0, 0, False, dict.fromkeys(COLUMN_NAMES, 0)
        rows = self.spark.sql(self._statements.rejected_rows(parts))
        objects = 1 + self.lines.size * (records - good) // max(records, 1) // SOURCE_BYTES
        # Reasons make far more code than Java compiles as one method.
        with self._configured({"spark.sql.codegen.wholeStage": False}):
            self._write(rows.repartition(objects), "rejected")
        self._staged("rejected").createOrReplaceTempView("rejected")
        found = self.spark.sql(
            "select count(1) as rows, count(case when reasons like 'row:%' then 1 end) as unsplit, "
            f"{RETURNS}, {NULL_COUNTS} from rejected"
        ).first()
        assert found is not None
        nulls = {name: int(found[name]) for name in COLUMN_NAMES}
        return int(found["unsplit"]), int(found["rows"]), found["returns"] > 0, nulls

    def _staged(self, name: str) -> "DataFrame":
        return self.spark.read.schema(self.schemas[name]).parquet(self.space.of(name))

    def _write(self, frame: "DataFrame", name: str, options: Mapping[str, int | str] = PUBLISHED) -> None:
        self.schemas[name] = frame.schema
        frame.write.options(**options).mode("overwrite").parquet(self.space.to(name))
