"""A file's rows compared with its text, which Python reads a second time, without any of the engines' SQL.

The published values must be those of the good records, each once, and the rejected texts those of the others. Both
sides are compared as hashes, in DuckDB, so that a file of any size fits the memory that is allowed.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from duff_orders.contract import (
    BLANKS,
    CHANGES,
    COLUMN_NAMES,
    COLUMNS,
    CORRECTS,
    DECIMALS,
    INTEGER_DIGITS,
    NULL_SPELLINGS,
    NUMBER_DIGITS,
    ORDERS,
    REJECTED_ROWS,
    STATUSES,
    TEXT_CHARACTERS,
    Column,
)
from duff_orders.documents import LedgerRow
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import read_parquet
from duff_orders.errors import InvalidFile
from duff_orders.ingest import text
from duff_orders.ingest.corrections import ranked
from duff_orders.ingest.csv_grammar import Grammar, Record
from duff_orders.ingest.header import place_of
from duff_orders.ingest.header_names import HeaderNames
from duff_orders.lake import partners, relation
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects
from duff_orders.profiles.reading import Reading

if TYPE_CHECKING:
    import duckdb

# What version 1 of the contract trimmed: a file is read again as it was judged.
_BLANKS_BEFORE = BLANKS[:3]
_AMBIGUOUS = re.compile(rb"[1-9][0-9]{0,2}(\.[0-9]{3})+")
_NULLS = {b"", *(spelling.encode() for spelling in NULL_SPELLINGS)}
_STATUSES = {status.encode() for status in STATUSES}
_INTEGER = re.compile(rb"[0-9]{1,%d}(\.0+)?" % INTEGER_DIGITS)
_NUMBER = re.compile(rb"[0-9]{1,%d}(\.[0-9]{1,%d}0*)?" % (NUMBER_DIGITS, DECIMALS))
_PRICE, _UNITS = (COLUMN_NAMES.index(name) for name in ("product_price", "product_ccf"))
_ONE = 10**DECIMALS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What joins the values of a row; the bytes of a text that is worth remembering, and how many are remembered.
_BETWEEN, _SHORT, _MOST = b"\x1f", 64, 2**14


def compare(
    lake: Lake, connection: "duckdb.DuckDBPyConnection", scratch: Path, row: LedgerRow, path: Path
) -> Iterator[str]:
    """A sentence for each thing in which a file's rows differ from its raw object at `path`; none where they agree."""
    hashes = scratch / "reread.csv"
    try:
        with hashes.open("wb") as stream:
            read = 0
            reading = partners.reading_of_row(lake.store, row)
            again = _read(path, row, reading, _Known(lake, connection, row))
            for read, (is_good, canonical) in enumerate(again, 1):  # noqa: B007 – the last is the number
                stream.write(b"%d,%s\n" % (is_good, hashlib.md5(canonical, usedforsecurity=False).hexdigest().encode()))
    except (InvalidFile, text.NotUtf8) as error:
        yield f"its text cannot be read again: {error}"
        return
    if read != row.rows_read:
        yield f"its text holds {read} records, but the ledger says {row.rows_read}"
    read_again = (
        f"read_csv({sql_text(hashes)}, header = false, auto_detect = false,"
        " columns = {'is_good': 'boolean', 'hash': 'uuid'})"
    )
    for table, wanted in (
        (ORDERS.name, f"select hash, {int(row.published)} as n from {read_again} where is_good group by hash"),
        (REJECTED_ROWS.name, f"select hash, count(*) as n from {read_again} where not is_good group by hash"),
    ):
        stored = _stored(lake, row, table)
        connection.execute(f"""create or replace temp table differences as
            select hash, example, coalesce(stored.n, 0) - coalesce(wanted.n, 0) as more
            from ({wanted}) as wanted full join ({stored}) as stored using (hash)
            where coalesce(stored.n, 0) <> coalesce(wanted.n, 0)""")
        yield from _told(table, *connection.sql(_FOUND).fetchall()[0])


_FOUND = "select sum(more) filter (more > 0), min(example), -sum(more) filter (more < 0) from differences"


def _told(table: str, more: int | None, example: str | None, fewer: int | None) -> Iterator[str]:
    if more:
        yield f"{table} has {more} rows that are not in its text, such as {example}"
    if fewer:
        yield f"{table} lacks {fewer} rows that are in its text"


def _stored(lake: Lake, row: LedgerRow, table: str) -> str:
    """SQL: the hashes of the rows that a file has in a table, how many have each, and one of them in words."""
    corrects = "coalesce(corrects, '')" if row.contract > 1 else "''"
    if table == ORDERS.name:
        names = (*(column.name for column in _columns(row)), "total_price")
        values = (f"coalesce(cast({name} as varchar), '')" for name in names)
        ranks_at = "effective_at" if row.contract > 1 else "ingested_at"
        canonical = ", ".join((*values, corrects, f"cast(epoch_us({ranks_at}) as varchar)"))
    else:
        line = "coalesce(cast(line as varchar), '')" if row.contract > 1 else "''"
        names = ("record", *(column.name for column in _columns(row)))
        canonical = ", ".join((*(f"coalesce({name}, '')" for name in names), line, corrects))
    paths = [lake.store.address(name) for name in data_objects(table, row)]
    if not paths:
        return "select null::uuid as hash, null as example, 0 as n where false"
    is_its_own = f"source_file = {sql_text(row.source_file)} and file_id = {sql_text(row.file_id)}"
    return f"""select case when {is_its_own} then md5(concat_ws(chr(31), {canonical}))::uuid end as hash,
        min(concat('order_id ', order_id, ', product_id ', product_id)) as example, count(*) as n
        from {read_parquet(*paths)} group by hash"""


def _read(path: Path, row: LedgerRow, reading: Reading, known: "_Known") -> Iterator[tuple[bool, bytes]]:
    """Every record: whether it is good; then its values, otherwise its text, as what `_stored` takes the hash of."""
    records = _records(path, row)
    blanks = _blanks(row.contract)
    header = HeaderNames(reading)
    names = header.match(next(records).fields or (), blanks)
    if row.contract > 1 and not header.is_header(names):  # it names the delimiter, as spreadsheets write it
        names = header.match(next(records).fields or (), blanks)
    columns = _columns(row)
    places = [place_of(names, column.name) for column in columns]
    no_texts = [b""] * len(places)
    readers = [Values(column, reading, row.decimal_mark, row.contract) for column in columns]
    tie_places = [place_of(names, name) if row.contract > 1 else None for name in (CORRECTS, CHANGES)]
    whole, own_time = known.replaced()
    for line, record, fields in records:
        begin = b"%d" % line if row.contract > 1 else b""
        if fields is None or (row.contract > 1 and text.BAD_BYTE.search(record)):
            yield False, _BETWEEN.join((text.shown(record).encode(), *no_texts, begin, whole))
        elif row.contract > 1 and header.may_be_header(record) and header.is_header(header.match(fields, blanks)):
            texts = [fields[place] if place is not None and place < len(fields) else b"" for place in places]
            yield False, _BETWEEN.join((b"", *texts, begin, whole))
        elif len(fields) != len(names):
            yield False, _BETWEEN.join((record, *no_texts, begin, whole))
        else:
            texts = [b"" if place is None else fields[place] for place in places]
            values = [
                read.standing if place is None else read[field]
                for read, place, field in zip(readers, places, texts, strict=True)
            ]
            corrects, ranks_at, good = whole, own_time, None not in values
            if tie_places[0] is not None and (name := _trimmed(fields[tie_places[0]], blanks).lower()):
                tie = known[name]
                corrects, ranks_at = (tie.takes, tie.ranks_at) if tie else (b"", own_time)
                changes = b"" if tie_places[1] is None else fields[tie_places[1]]
                good = good and tie is not None and tie.allows(values, changes)
            if good:
                total = _total(values[_PRICE], values[_UNITS])  # type: ignore[arg-type] # none is missing
                yield True, _BETWEEN.join((*values, total, corrects, ranks_at))  # type: ignore[arg-type] # likewise
            else:
                yield False, _BETWEEN.join((b"", *texts, begin, corrects))


class _Tie(NamedTuple):
    """A rejected row that may be corrected: what a record takes the place of, when that ranks, and what must stay."""

    takes: bytes
    ranks_at: bytes
    kept: dict[str, bytes | None]

    def allows(self, values: Iterable[bytes | None], changes: bytes) -> bool:
        """Whether a record with these values changes no more than it may."""
        named = changes.decode(errors="replace").strip(BLANKS).lower().replace(" ", "").split(";")
        return all(
            kept is None or kept == value or name in named
            for (name, kept), value in zip(self.kept.items(), values, strict=True)
        )


class _Known(dict[bytes, _Tie | None]):
    """The rejected rows of other files by `FILE_ID:LINE`; None for what names none."""

    def __init__(self, lake: Lake, connection: "duckdb.DuckDBPyConnection", row: LedgerRow) -> None:
        super().__init__()
        self._lake, self._connection, self._row = lake, connection, row
        self._read = {row.file_id.encode()}  # a file corrects none of its own

    def replaced(self) -> tuple[bytes, bytes]:
        """The file whose place all rows take (empty: none), and the time at which the rows rank."""
        whole = self._row.replaces or ""
        return whole.encode(), b"%d" % _microseconds(ranked(self._lake.ledger, self._row))

    def __missing__(self, name: bytes) -> _Tie | None:
        file_id = name.partition(b":")[0]
        if file_id not in self._read and re.fullmatch(rb"[0-9a-f]{32}", file_id):
            self._read.add(file_id)
            self.update(self._of(file_id.decode()))
            return self.setdefault(name, None)
        return None

    def _of(self, file_id: str) -> Iterator[tuple[bytes, _Tie]]:
        row = self._lake.ledger.of(file_id)
        paths = (
            [] if row is None else [self._lake.store.address(each) for each in data_objects(REJECTED_ROWS.name, row)]
        )
        if row is None or row.contract == 1 or not paths:
            return
        reading = partners.reading_of_row(self._lake.store, row)
        columns = {
            column.name: Values(column, reading, row.decimal_mark, row.contract) for column in _columns(self._row)
        }
        listed = ", ".join((*columns, "reasons", "line", "corrects"))
        rejected = relation.of_paths(REJECTED_ROWS, {row.contract: paths}, dated=False)
        for *texts, reasons, line, attempted in self._connection.sql(f"select {listed} from ({rejected})").fetchall():
            wrong = {each.partition(":")[0] for each in reasons.split(";")}
            kept = {
                name: None if {"row", name} & wrong else values.standing if text is None else values[text.encode()]
                for (name, values), text in zip(columns.items(), texts, strict=True)
            }
            first = row if attempted is None else self._lake.ledger.of(attempted.partition(":")[0])
            takes = attempted if attempted and ":" in attempted else f"{file_id}:{line}"
            ranks_at = b"" if first is None else b"%d" % _microseconds(ranked(self._lake.ledger, first))
            yield f"{file_id}:{line}".encode(), _Tie(takes.encode(), ranks_at, kept)


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _columns(row: LedgerRow) -> list[Column]:
    """The columns that there were when a file was judged."""
    return [column for column in COLUMNS if column.since <= row.contract]


def _blanks(contract: int) -> str:
    return BLANKS if contract > 1 else _BLANKS_BEFORE


class _Read(NamedTuple):
    """A record: its line, its text, its fields (None: malformed quotes)."""

    line: int
    text: bytes
    fields: list[bytes] | None


def _records(path: Path, row: LedgerRow) -> Iterator[_Read]:
    """Each record of an object, the header first."""
    delimiter, encoding = row.delimiter or ",", row.encoding or text.UTF8
    grammar, between = Grammar(delimiter), delimiter.encode()
    raw = text.raw_blocks(path, compressed=text.is_compressed(row.source_file))
    blocks = text.utf8_blocks(raw, encoding, lenient=row.contract > 1)
    # all that a record may hold which is none: under version 1 a line of spaces and tabs
    blank = b" \t" if row.contract == 1 else "".join((delimiter, *BLANKS, '"')).encode()
    data, final, line = b"", False, 1
    while not final:
        # ever more at once, where a record is longer than a block
        more = [*islice(blocks, 1 + len(data) // text.BLOCK)]
        data, position, final = b"".join((data, *more)), 0, not more
        while position < len(data):
            end = data.find(b"\n", position)
            if end < 0 and not final:
                break
            plain = data[position:end].removesuffix(b"\r")
            if end >= 0 and b'"' not in plain:
                record: Record | None = Record(plain, end + 1, plain.split(between))
            else:
                record = grammar.read(data, position, final=final)
            if record is None:
                break
            if record.text.strip(blank) or not (row.contract == 1 or record.is_blank):
                yield _Read(line, record.text, record.fields)
            line += data.count(b"\n", position, record.next)
            position = record.next
        data = data[position:]


class Values(dict[bytes, bytes | None]):
    """From a column's text to its value in one spelling, as the contract's section 2 says; None where it is not good.

    `standing` is its value where no header names it. It remembers short texts: most come again.
    """

    def __init__(self, column: Column, reading: Reading, decimal_mark: str | None, contract: int) -> None:
        super().__init__()
        self._column = column
        self._words = {
            word.encode().lower(): value.encode() for word, value in reading.values.get(column.name, {}).items()
        }
        self._exact = reading.decimal_mark is not None
        self._thousands = (reading.thousands_mark or "").encode()
        default = reading.defaults.get(column.name)
        self.standing = self._value(b"") if default is None else default.encode()
        self._blanks = _blanks(contract)
        self._has_comma = decimal_mark == ","
        self._may_be_thousands = self._has_comma and contract > 1 and not self._exact

    def __missing__(self, field: bytes) -> bytes | None:
        value = self._value(_trimmed(field, self._blanks))
        if len(field) <= _SHORT:
            if len(self) >= _MOST:
                self.clear()
            self[field] = value
        return value

    def _value(self, value: bytes) -> bytes | None:
        column = self._column
        if value.lower() in _NULLS:
            return None if column.required else b""
        if value.lower() in self._words:
            return self._words[value.lower()]
        if column.kind == "status":
            return value.lower() if value.lower() in _STATUSES else None
        if column.kind == "text":
            return value if len(value.decode()) <= TEXT_CHARACTERS else None
        if self._may_be_thousands and _AMBIGUOUS.fullmatch(value):
            return None
        if self._exact:
            value = self._with_point(value)
        elif self._has_comma and value.count(b",") == 1:
            value = value.replace(b",", b".")
        whole, _, decimals = value.partition(b".")
        if column.kind == "integer":
            good = _INTEGER.fullmatch(value) and _is_within(column, int(whole))
            return b"%d" % int(whole) if good else None
        scaled = int(whole + decimals[:DECIMALS].ljust(DECIMALS, b"0")) if _NUMBER.fullmatch(value) else -1
        return _number(scaled) if _is_within(column, scaled, _ONE) else None

    def _with_point(self, value: bytes) -> bytes:
        """A number by the marks of a profile, with a point and without groups; what is no such number is no number."""
        if b"_" in value or (self._has_comma and b"." in value and self._thousands != b"."):
            return b"!"
        whole, mark, decimals = value.partition(b"," if self._has_comma else b".")
        if self._thousands and self._thousands in whole:
            first, *groups = whole.split(self._thousands)
            if not (
                re.fullmatch(rb"[1-9][0-9]{0,2}", first) and all(re.fullmatch(rb"[0-9]{3}", each) for each in groups)
            ):
                return b"!"
            whole = first + b"".join(groups)
        return whole + mark.replace(b",", b".") + decimals.replace(b".", b"!")


def _trimmed(field: bytes, blanks: str) -> bytes:
    if field.isascii():
        return field.strip(b" \t\r")
    return field.decode(errors="surrogatepass").strip(blanks).encode(errors="surrogatepass")


def _is_within(column: Column, value: int, unit: int = 1) -> bool:
    lowest = (column.minimum or 0) * unit + column.exclusive
    return lowest <= value and (column.maximum is None or value <= column.maximum * unit)


def _total(price: bytes, units: bytes) -> bytes:
    return _number(int(price.replace(b".", b"")) * int(units))


def _number(scaled: int) -> bytes:
    """A number as DuckDB writes a decimal; `scaled` counts its last decimals."""
    return b"%d.%0*d" % (scaled // _ONE, DECIMALS, scaled % _ONE)
