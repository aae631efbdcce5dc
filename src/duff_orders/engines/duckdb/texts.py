"""The records that are read as texts, as DuckDB's relations: everything of a file but its canonical lines."""

from dataclasses import dataclass

from duff_orders.contract import COLUMN_NAMES, Column
from duff_orders.engines.duckdb.csv import read_csv
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.ingest import remarks
from duff_orders.ingest.corrections import CHANGES_TEXT, CORRECTS_TEXT
from duff_orders.ingest.header import header_columns, places
from duff_orders.ingest.scan import Scan
from duff_orders.ingest.statements import AS_READ, NULL, Statements, text_of

# Bytes that a checked record takes in a table beside its text.
_TABLE_ROW = 150


@dataclass(frozen=True, slots=True)
class Texts:
    """The records of a scan's `source`, and SQL for what they are; `statements` are those of the file.

    `parallel`: several threads may read it, where no line break stands within quotes.
    """

    scan: Scan
    statements: Statements
    parallel: bool

    @property
    def size(self) -> int:
        """The bytes that a table of them would take, roughly."""
        return self.scan.source.stat().st_size + self.scan.split * _TABLE_ROW

    @property
    def suspects(self) -> str:
        """Those of which some are not good, numbered."""
        # a record may be canonical and yet correct nothing, or more than it may
        suspicious = "" if self.scan.dialect.ties else self.statements.suspicious(_canonical)
        return self.checked(suspicious, numbered=True)

    def checked(self, where: str = "", *, numbered: bool = False, told_lines: bool = False, look: bool = True) -> str:
        """The records: their values, whether all are good, and the original texts of those that are not.

        If they are `numbered`, also the `number` of those that are not good, from 0, and `within`, the line breaks
        within quotes before it: the engine then reads with one core. With `told_lines` a column `holds_a_line` says
        whether a quoted field does. Unless it is to `look` which records are canonical, all are judged the exact way,
        which is cheaper where hardly any is.
        """
        present = {name for name, place in places(self.scan.dialect).items() if place is not None}
        texts = [f"{name if name in present else NULL} as {text_of(name)}" for name in COLUMN_NAMES]
        if self.scan.dialect.ties:
            texts.append(self.further_texts)
        originals = ", ".join(
            f"coalesce({text_of(name)}, '')" if name in present else text_of(name) for name in COLUMN_NAMES
        )
        canonical = "false"
        if look:
            canonical = self.statements.rules.canonical(
                {name: AS_READ[name] for name in COLUMN_NAMES if name in present}
            )
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
        return self.statements.checked(
            f"(select *, {canonical} as canonical{numbers} from (select {', '.join(texts)} from {self.reader}))",
            canonical=_canonical if look else lambda _: "false",
            also=", ".join(also),
            where=where,
        )

    @property
    def further_texts(self) -> str:
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

    @property
    def reader(self) -> str:
        """The source as rows of text; an empty field is null. Nothing is guessed: the scanner knows."""
        return read_csv(
            self.scan.source,
            dict.fromkeys(header_columns(self.scan.dialect), "varchar"),
            delimiter=self.scan.dialect.delimiter,
            header=self.scan.header,
            parallel=self.parallel and not self.scan.quoted_line_breaks,
        )


def _canonical(_: Column) -> str:
    """The reader tells it of the whole record."""
    return "canonical"
