"""What becomes of a file's records, as SQL: one text for DuckDB and Spark, generated from the contract.

The engine supplies the relation of the records as they were read: for each column its text as `<column>_text` (null
or empty where there is none), and tells where a text is canonical, so that `Rules.canonical_value` gives its value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from duff_orders.contract import (
    COLUMN_NAMES,
    COLUMNS,
    CORRECTS,
    LINEAGE,
    MONEY,
    ORDERS,
    REJECTED_ROWS,
    REQUIRED_NAMES,
    Column,
    Table,
)
from duff_orders.documents import Event
from duff_orders.ingest.corrections import Replaced, changed, is_unknown, joined, literal_time
from duff_orders.ingest.rules import Rules, missing

LINE, TIE = "line", "corrects"
#: The contract's columns, as a select lists them.
VALUES = ", ".join(COLUMN_NAMES)
TOTAL = f"cast(cast(product_price as {MONEY}) * product_ccf as {MONEY})"
# Widened before the product: exact.

NULL = "cast(null as string)"
#: What checked records of a file with ties have beside the others: the row whose place they take, and what is wrong.
TIES = "takes"
OF_TIES = ("takes", "takes_effect", "unknown", "changed")
#: SQL that tells whether a column's text is written canonically.
IsCanonical = Callable[[Column], str]
#: SQL for the value of a text, of which hardly any record needs it, from SQL for the text and for the value of one.
Rarely = Callable[[str, Callable[[str], str]], str]


def text_of(name: str) -> str:
    """The name under which a column's original text is read."""
    return f"{name}_text"


#: The original texts by column, as the rules take them.
AS_READ = {name: text_of(name) for name in COLUMN_NAMES}
#: The columns of tbl_duff_rejected_rows but for its lineage, the line, and what a row was to correct.
REJECTED_FIELDS = (*COLUMN_NAMES, "reasons", "record")
#: Of rejected rows, how many have no value, for each column; those that are no data do not count.
NULL_COUNTS = ", ".join(
    f"count(case when contains(concat(';', reasons, ';'), ';{name}:missing;') then 1 end) as {name}"
    for name in REQUIRED_NAMES
)

#: ... and how many that could not be split hold a carriage return.
RETURNS = "count(case when contains(record, chr(13)) then 1 end) as returns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """The statements for one file; `file_id` and `event` mark its rows.

    With `ties` its records may correct others: the engine supplies the relation `correctable`, and with the records
    the texts of their further columns (`corrections`). All its rows take the place of a file that is `replaced`.
    """

    rules: Rules
    event: Event
    file_id: str
    ties: bool = False
    replaced: Replaced | None = None

    def checked(
        self, source: str, *, canonical: IsCanonical, also: str, where: str = "", rarely: Rarely | None = None
    ) -> str:
        """Each record of `source`: its values, whether all are `good`, and `also`; `where` may leave some out.

        `rarely` spells the values of texts that are not canonical, where few are.
        """
        values = ", ".join(f"{self._value(column, canonical, rarely)} as {column.name}" for column in COLUMNS)
        valued = f"""
                    select *, {values}, {self.rules.spelling.no_pushdown()} as unmovable
                    from {joined(source, self.rules.spelling) if self.ties else source} as records_read
                    {where}"""
        good = f"{' and '.join(_is_good(column) for column in COLUMNS)} and unmovable >= 0"
        if self.ties:
            valued = f"select *, {is_unknown()} as unknown, {changed()} as changed from ({valued}) as valued_first"
            good += " and not unknown and changed = ''"
            also += f", {', '.join(OF_TIES)}"
        return f"""
            select {", ".join(COLUMN_NAMES)}, good, {also}
            from (
                select *, {good} as good
                from ({valued}) as valued
            ) as judged"""

    def _value(self, column: Column, canonical: IsCanonical, rarely: Rarely | None) -> str:
        if column.name in self.rules.standing:
            return self.rules.standing_value(column)
        text = text_of(column.name)
        exact = rarely(text, partial(self.rules.value, column)) if rarely else self.rules.value(column, text)
        return f"case when {canonical(column)} then {self.rules.canonical_value(column, text)} else {exact} end"

    def suspicious(self, canonical: IsCanonical) -> str:
        """Which records can be bad at all: those not canonical, and those with a zero where none is allowed."""
        columns = [column for column in COLUMNS if column.name not in self.rules.standing]
        all_canonical = " and ".join(dict.fromkeys(map(canonical, columns)))
        zeros = []
        for column in columns:
            if column.exclusive:
                text = text_of(column.name)
                zero = f"{self.rules.canonical_value(column, text)} is null"
                zeros.append(zero if column.required else f"(coalesce({text}, '') <> '' and {zero})")
        return f"where not coalesce({all_canonical}, false) or {' or '.join(zeros)}"

    def orders(self, source: str, *also: str) -> str:
        """The rows of tbl_duff_orders from checked records, and columns of these in `also`."""
        time = literal_time(self.replaced.time if self.replaced else self.event.time)
        tie, ranks = (TIES, f"coalesce(takes_effect, {time})") if self.ties else (self._whole, time)
        made = {"total_price": TOTAL, **self._lineage, TIE: tie, "effective_at": ranks}
        return f"select {', '.join((_listed(ORDERS, made), *also))} from {source} where good"

    def rejected(
        self, checked: str, texts: Mapping[str, str], *, line: str, row: str = NULL, record: str = NULL
    ) -> str:
        """The records of `checked` that are not good, with their reasons; all but the relation are SQL.

        `texts` are the original texts by column, `line` where a record begins. Where `row` is not null it is the
        reason, and `record` the whole text.
        """
        originals = ", ".join(f"{texts[name]} as {text_of(name)}" for name in COLUMN_NAMES)
        values = ", ".join(f"{name} is not null as {name}_good" for name in COLUMN_NAMES)
        is_good = {name: f"{name}_good" for name in COLUMN_NAMES}
        ties = ""
        if self.ties:
            reasons = self.rules.reasons(
                AS_READ, is_good, changed="changed", also=[f"case when unknown then '{CORRECTS}:unknown' end"]
            )
            ties = f", {', '.join(OF_TIES)}"
        else:
            reasons = self.rules.reasons(AS_READ, is_good)
        named = ", ".join(f"{text_of(name)} as {name}" for name in COLUMN_NAMES)
        return (
            f"select {named}, coalesce(row_reason, {reasons}) as reasons, record, {LINE},"
            f" {TIES if self.ties else self._whole} as {TIE} "
            f"from (select {originals}, {values}, {row} as row_reason, {record} as record, {line} as {LINE}{ties} "
            f"from {checked} where not good) as texts_read"
        )

    def unsplit(self, source: str) -> str:
        """Records of `source` that are no data, as the scanner wrote them."""
        return f"select {', '.join((*REJECTED_FIELDS, LINE))}, {self._whole} as {TIE} from {source} as unsplit"

    def rejected_rows(self, parts: Sequence[str]) -> str:
        """The rows of tbl_duff_rejected_rows from selects of `rejected` and `unsplit`."""
        return f"select {_listed(REJECTED_ROWS, self._lineage)} from ({' union all '.join(parts)}) as rejected"

    @property
    def _whole(self) -> str:
        """The file whose place all rows take; null where there is none."""
        return f"'{self.replaced.file_id}'" if self.replaced else NULL

    @property
    def _lineage(self) -> dict[str, str]:
        constant = self.rules.spelling.constant
        values = (constant(self.event.key), constant(self.file_id), literal_time(self.event.time))
        return dict(zip(LINEAGE, values, strict=True))


def orders_of_several(source: str, *also: str) -> str:
    """The rows of tbl_duff_orders from good records, which bring their lineage with them, and columns in `also`."""
    made = {"total_price": TOTAL, TIE: NULL, "effective_at": LINEAGE[-1]}
    return f"select {', '.join((_listed(ORDERS, made), *also))} from {source}"


def _listed(table: Table, made: Mapping[str, str]) -> str:
    """The columns of a table: those that are made, by their SQL, and the others by their names."""
    return ", ".join(
        f"{made[field.name]} as {field.name}" if field.name in made else field.name for field in table.fields
    )


def _is_good(column: Column) -> str:
    """Whether a record's value of a column is good: there is one, or there need not be one and none was meant."""
    if column.required:
        return f"{column.name} is not null"
    # DuckDB evaluates each arm of an `or`; of a `case` only those that it needs
    text = text_of(column.name)
    return f"case when {column.name} is not null or coalesce({text}, '') = '' then true else {missing(text)} end"


def repeated(source: str, *also: str) -> str:
    """The order lines that stand more than once among the good records of `source`: equal records are such.

    With columns in `also`, those that do where these are equal, too.
    """
    columns = ", ".join((*also, "order_id", "product_id"))
    return f"select {columns} from {source} group by {columns} having count(*) > 1"


def without_repeats(source: str, lines: str = "repeated") -> str:
    """The rows of `source`, one of those whose values are equal; only those of `lines` are compared in full."""
    return f"""(
        select * from {source} as orders anti join {lines} using (order_id, product_id)
        union all
        select distinct * from {source} as orders semi join {lines} using (order_id, product_id)
    )"""
