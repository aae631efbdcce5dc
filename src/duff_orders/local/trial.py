"""A profile tried on a file: how its beginning would be read, by the engine's own rules; nothing is stored of it."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from duff_orders.clock import utc_now
from duff_orders.contract import COLUMN_NAMES, COLUMNS, VERSION
from duff_orders.documents import Event, Outcome
from duff_orders.drivers.duckdb import read_parquet
from duff_orders.errors import InvalidFile
from duff_orders.ingest import text
from duff_orders.ingest.csv_grammar import Grammar
from duff_orders.ingest.found_header import FoundHeader, found_header
from duff_orders.ingest.header import HEAD, Header, beginning, places, read_header
from duff_orders.ingest.rules import standing
from duff_orders.ingest.staged import Source
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import is_orders_file
from duff_orders.local.reread import Values
from duff_orders.profiles.profile import MOST_WORDS, word
from duff_orders.profiles.reading import Reading
from duff_orders.reasons import invalid
from duff_orders.registry import engine
from duff_orders.settings import MIB

#: Bytes of an object that are read for a trial, and records that are judged and shown.
SAMPLE_BYTES, RECORDS, SHOWN = 8 * MIB, 20_000, 20


class Judged(NamedTuple):
    """A record as it would be read: its values by column, None where they are not good, and the reasons."""

    line: int
    texts: dict[str, str | None]
    values: dict[str, str | None]
    reasons: tuple[str, ...]
    record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a reading makes of a file, or of its first records where it is not `whole`.

    `columns` are the headers by the column that they name, `standing` the columns that no header names, with their
    values, `further` the headers that name none and are not listed. `reasons` are those of rejected records, most
    first, `unknown` the words that mean no status, `first` the first records.
    """

    whole: bool
    outcome: Outcome
    columns: Mapping[str, str]
    standing: Mapping[str, str]
    further: Sequence[str]
    reasons: Sequence[tuple[str, int]] = ()
    unknown: Sequence[str] = ()
    first: Sequence[Judged] = ()


def look_at(data: bytes, key: str, *, whole: bool, delimiter: str | None = None) -> FoundHeader:
    """The header of a file by its first bytes. Raises InvalidFile for what has none."""
    start, _, final = beginning(data, key, whole=whole)
    return found_header(start, final=final, delimiter=delimiter)


def trial(lake: Lake, data: bytes, key: str, reading: Reading, *, whole: bool) -> Trial:
    """Try a reading on a file's first bytes; `whole` where they are all. What would be wrong is in the outcome."""
    header: Header | None = None
    names: list[str] = []
    try:
        if not is_orders_file(key):
            raise invalid("other_name")
        start, encoding, final = beginning(data, key, whole=whole, size=2 * SAMPLE_BYTES)
        header = read_header(start[:HEAD], encoding, reading, final=final and len(start) < HEAD)
        names = _names(start, header)
        end = _end(start, header, final=final)
        return _judged(lake, start[:end], header, names, reading, whole=final and end == len(start))
    except InvalidFile as error:
        outcome = Outcome(verdict="invalid", reason=str(error))
        return Trial(
            whole=whole,
            outcome=outcome,
            columns=_columns(header, names) if header else {},
            standing={},
            further=reading.not_listed(header.extra_columns) if header else (),
        )


def _names(data: bytes, header: Header) -> list[str]:
    first = Grammar(header.dialect.delimiter).read(data, header.start, final=True)
    assert first is not None  # it is the header
    return [text.shown(field) for field in first.fields or ()]


def _columns(header: Header, names: Sequence[str]) -> dict[str, str]:
    return {name: names[place].strip() for name, place in places(header.dialect).items() if place is not None}


def _end(data: bytes, header: Header, *, final: bool) -> int:
    """Where the last of the first records ends."""
    grammar, position = Grammar(header.dialect.delimiter), header.end
    for _ in range(RECORDS):
        record = grammar.first(data, position, final=final)
        if record is None:
            return len(data) if final else position
        position = record[1].next
    return position


def reasons_by_line(lake: Lake, data: bytes, reading: Reading) -> dict[int, tuple[str, ...]] | None:
    """The reasons of the rejected records of a whole file (UTF-8), by the line on which each begins.

    None: where a record ends cannot be told, so that nothing is told of any.
    """
    try:
        header = read_header(data[:HEAD], text.UTF8, reading, final=len(data) < HEAD)
        outcome, rejected = _tried(lake, data, header, reading)
    except InvalidFile:
        return None
    if not outcome.rows_read:
        return None
    return {row["line"]: tuple(row["reasons"].split(";")) for row in rejected}


def verdict_of(lake: Lake, data: bytes, key: str, reading: Reading) -> Outcome:
    """What a whole file would be, by its bytes as they would lie there."""
    try:
        start, encoding, final = beginning(data, key, whole=True, size=2 * len(data) + 1)
        header = read_header(start[:HEAD], encoding, reading, final=final and len(start) < HEAD)
        return _tried(lake, start, header, reading)[0]
    except InvalidFile as error:
        return Outcome(verdict="invalid", reason=str(error))


def _tried(lake: Lake, data: bytes, header: Header, reading: Reading) -> tuple[Outcome, list[dict[str, Any]]]:
    """What the engine makes of some records: the outcome, and those that it rejects."""
    # what was made UTF-8 stays so, whatever bytes were none
    dialect = replace(header.dialect, encoding=text.UTF8)
    event = Event(
        bucket="trial",
        key="trial.csv",
        size=len(data),
        etag=hashlib.sha256(data).hexdigest()[:32],
        version=None,
        time=utc_now(),
    )
    with lake.store.scratch() as scratch:
        path = scratch / event.key
        path.write_bytes(data)
        source = Source(path=path, event=event, dialect=dialect, reading=reading)
        with engine("duckdb").transform(lake, source, memory_fraction=1.0, phase=lambda *_: None) as made:
            return made.outcome, _rejected(lake, [each for each in made.rejected if isinstance(each, Path)])


def _judged(lake: Lake, data: bytes, header: Header, names: list[str], reading: Reading, *, whole: bool) -> Trial:
    """What the engine makes of some records, and the first of them one by one."""
    outcome, rejected = _tried(lake, data, header, reading)
    by_line = {row["line"]: row for row in rejected}
    reasons = Counter(reason for row in rejected for reason in row["reasons"].split(";"))
    return Trial(
        whole=whole,
        outcome=outcome,
        columns=_columns(header, names),
        standing=standing(replace(header.dialect, encoding=text.UTF8), reading),
        further=reading.not_listed(header.extra_columns),
        reasons=reasons.most_common(),
        unknown=[
            *dict.fromkeys(word(row["status"]) for row in rejected if "status:unknown" in row["reasons"].split(";"))
        ][:MOST_WORDS],
        first=[*_first(data, header, reading, by_line)],
    )


_REJECTED = (*COLUMN_NAMES, "reasons", "record", "line")


def _rejected(lake: Lake, paths: Sequence[Path]) -> list[dict[str, Any]]:
    if not paths:
        return []
    with lake.engine(only_reads=True) as (connection, _):
        rows = connection.execute(f"select {', '.join(_REJECTED)} from {read_parquet(*paths)} order by line").fetchall()
    return [dict(zip(_REJECTED, row, strict=True)) for row in rows]


def _first(data: bytes, header: Header, reading: Reading, rejected: Mapping[int, dict[str, Any]]) -> Iterator[Judged]:
    """The first records, read as `check --deep` reads files again."""
    at, grammar = places(header.dialect), Grammar(header.dialect.delimiter)
    read = {column.name: Values(column, reading, header.dialect.decimal_mark, VERSION) for column in COLUMNS}
    position = header.end
    for _ in range(SHOWN):
        first = grammar.first(data, position, final=True)
        if first is None:
            return
        start, record = first
        line, position = 1 + data.count(b"\n", 0, start), record.next
        row = rejected.get(line)
        if row is not None and row["record"] is not None:
            yield Judged(line, {}, {}, tuple(row["reasons"].split(";")), row["record"])
            continue
        fields = record.fields or []
        texts = {name: None if place is None else fields[place] for name, place in at.items()}
        values = {name: read[name].standing if each is None else read[name][each] for name, each in texts.items()}
        yield Judged(
            line,
            {name: None if each is None else text.shown(each) for name, each in texts.items()},
            {name: None if value is None else value.decode(errors="replace") for name, value in values.items()},
            tuple(row["reasons"].split(";")) if row else (),
        )
