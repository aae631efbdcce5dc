"""A file's records as Spark relations: each with its line number, its texts, and what is wrong with its quotes.

A relation of lines is what Spark reads; how many tasks read it is the caller's affair (`tasks_of`).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from duff_orders.engines.spark.lines import LineGrammar, Lines, RecordsSpanLines
from duff_orders.engines.spark.spelling import SparkSpelling
from duff_orders.ingest import remarks, text
from duff_orders.ingest.blocks import LINE_BREAK
from duff_orders.ingest.corrections import CHANGES_TEXT, CORRECTS_TEXT
from duff_orders.ingest.header import places
from duff_orders.ingest.header_names import HeaderNames
from duff_orders.ingest.scan import MAX_RECORD
from duff_orders.ingest.staged import Source
from duff_orders.ingest.statements import NULL, text_of
from duff_orders.reasons import invalid

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

# Windows-1252 where it is not Latin-1.
_HIGH = range(0x80, 0xA0)
_LATIN, _WINDOWS = "".join(map(chr, _HIGH)), "".join(text.WINDOWS_TABLE[byte] for byte in _HIGH)
# The index of a row within its task: the lower bits of Spark's running number.
_ROW = "(monotonically_increasing_id() & 8589934591)"


class SparkRecords:
    """The relations `lines` and `records`, of all records of a file that have as many fields as the header.

    `row` and `start` of a record tell its line, once `name_begins` has named what to add.
    """

    def __init__(self, spark: "SparkSession", source: Source, lines: Lines) -> None:
        dialect, names = source.dialect, HeaderNames(source.reading)
        self.grammar = LineGrammar(dialect.delimiter, names, restore=lines.scanned is not None)
        self._spark, self._dialect, self._lines = spark, dialect, lines
        # by the position of a task's part in the source: what added to a row's number there gives its line
        self._begins: dict[int, int] = {}

    def name(self) -> None:
        """Name the relations `lines` and `records`: every record's line, its texts, what is wrong with its quotes."""
        self._spark.read.text(self._lines.address, lineSep="\n").createOrReplaceTempView("source_lines")
        numbered = f"select *, {_ROW} as row, input_file_block_start() as start from source_lines"
        self._spark.sql(
            f"select value, row, start, {self._line} as line from ({numbered}) as numbered"
        ).createOrReplaceTempView("all_lines")
        self._spark.sql(f"select * from all_lines where {self._is_record}").createOrReplaceTempView("lines")
        self.split("lines", "records", "row", "start")

    @property
    def _is_record(self) -> str:
        """Whether a line holds a record."""
        # to trim a line costs more than to look at what it begins with: `!` follows on the blank
        something = "(line >= '!' or trim(leading ' \t' from line) <> '')"
        return f"not (start = 0 and row < {self._lines.skip}) and {something}"

    def split(self, lines: str, name: str, *also: str, extra: str = "") -> None:
        """Name the records of a relation of lines, with columns of it in `also`; `extra` is SQL over their `fields`."""
        grammar = self.grammar
        dialect = self._dialect
        kept = ", ".join(("line", *also))
        read = {text_of(name): place for name, place in places(dialect).items()}
        if dialect.ties:
            read |= {CORRECTS_TEXT: dialect.corrects, CHANGES_TEXT: dialect.changes}
        texts = ", ".join(f"{NULL if place is None else grammar.text(place)} as {name}" for name, place in read.items())
        self._spark.sql(f"""
            select {kept}, {texts}, {f"{extra}, " if extra else ""}{SparkSpelling().no_pushdown()} as line_number,
                case when fields is null then coalesce(wrong, 'wrong_field_count') end as wrong
            from (
                select {kept}, quoted, wrong,
                    case when size(pieces) = {dialect.fields} then pieces end as fields
                from (
                    select *, {grammar.pieces} as pieces
                    from (select {kept}, contains(line, '"') as quoted, {grammar.wrong} as wrong from {lines}) as cut
                ) as split_lines
            ) as counted""").createOrReplaceTempView(name)

    def count(self) -> tuple[int, int]:
        """Count the records, lines that they are, and those with a character that nobody sees.

        Raises what the lines say about the file as a whole: NotUtf8, RecordsSpanLines, InvalidFile.
        """
        broken = "cast(decode(cast(value as binary), 'UTF-8') as binary) <> cast(value as binary)"
        not_utf8 = broken if self._lines.encoding == text.UTF8 else "false"
        spelling = SparkSpelling()
        nul = spelling.literal(LINE_BREAK.decode())
        unseen = remarks.odd_holds_unseen("line", spelling)
        counted = self._spark.sql(f"""
            select
                start, min(row) as row, count(1) as all_rows,
                count(case when is_record then 1 end) as records,
                max(case when is_record then octet_length(value) end) as longest,
                count(case when is_record and is_odd and contains(line, {nul}) then 1 end) as nul,
                count(case when is_record and is_odd and {not_utf8} then 1 end) as not_utf8,
                count(case when is_record and contains(line, '"') and {self.grammar.unclosed} then 1 end) as unclosed,
                count(case when is_record and {self.grammar.strange} then 1 end) as strange,
                count(case when is_record and is_odd and {unseen} then 1 end) as unseen
            from (
                select *, {self._is_record} as is_record, {remarks.is_odd("line", spelling)} as is_odd from all_lines
            ) as told
            group by start""")
        parts = counted.collect()
        self._note_begins(parts)
        kinds = ("records", "nul", "not_utf8", "unclosed", "strange", "unseen")
        counts = {kind: sum(part[kind] for part in parts) for kind in kinds}
        if counts["nul"]:
            raise invalid("holds_nul")
        if max((part["longest"] or 0 for part in parts), default=0) > MAX_RECORD:
            raise invalid("record_too_long")
        if counts["not_utf8"]:
            raise text.NotUtf8
        if counts["unclosed"] or counts["strange"]:
            raise RecordsSpanLines
        return int(counts["records"]), int(counts["unseen"])

    def _note_begins(self, parts: "Iterable[Row]") -> None:
        """Of the parts that tasks read: `start`, the first `row` there, and how many there are (`all_rows`)."""
        line = 1
        for part in sorted(parts, key=lambda part: part["start"]):
            self._begins[part["start"]] = line - part["row"]
            line += part["all_rows"]

    def name_begins(self) -> None:
        """Name the relation `begins`: what added to a row's number gives its line, by the `start` of its part."""
        if not self._begins:
            self._note_begins(
                self._spark.sql(
                    "select start, min(row) as row, count(1) as all_rows from all_lines group by start"
                ).collect()
            )
        places = ", ".join(f"(bigint({start}), bigint({begin}))" for start, begin in self._begins.items())
        self._spark.sql(f"select * from values {places} as begins(start, begin)").createOrReplaceTempView("begins")

    def tasks_of(self, size: int) -> AbstractContextManager[None]:
        """Let a task read `size` bytes of the source, less where it comes out even. What is staged is read as usual."""
        whole = self._lines.size
        tasks = -(-whole // size) or 1
        return configured(
            self._spark,
            {
                "spark.sql.files.maxPartitionBytes": -(-whole // tasks) or 1,
                "spark.sql.files.minPartitionNum": tasks,
            },
        )

    @property
    def _line(self) -> str:
        """A line without its carriage return, decoded."""
        bare = (
            "case when endswith(value, chr(13)) "
            "then cast(substring(cast(value as binary), 1, octet_length(value) - 1) as string) else value end"
        )
        if self._lines.encoding == text.UTF8:
            return bare
        latin = f"decode(cast({bare} as binary), 'ISO-8859-1')"
        literal = SparkSpelling().literal
        high = f"translate({latin}, {literal(_LATIN)}, {literal(_WINDOWS)})"
        return f"case when {latin} rlike {literal(f'[{_LATIN[0]}-{_LATIN[-1]}]')} then {high} else {latin} end"


@contextmanager
def configured(spark: "SparkSession", options: Mapping[str, int | bool]) -> Iterator[None]:
    """Let a session have other settings for a while."""
    for name, value in options.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name in options:
            spark.conf.unset(name)
