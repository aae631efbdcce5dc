"""Corrections, tied to the rejected rows that they replace by what each record carries, never by a file's name.

A file that corrects others has the column `duff_corrects`. What its records may name is the relation `correctable`: the
rejected rows of the files that they name, with the values of the cells that had no reason, which must stay as they are.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from duff_orders.contract import COLUMNS, REJECTED_ROWS, Column
from duff_orders.documents import Entry, Event, LedgerRow
from duff_orders.drivers.dialect import Spelling
from duff_orders.errors import Busy
from duff_orders.ingest.marks import Marks
from duff_orders.ingest.rules import Rules, folded, words_of
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import Ledger
from duff_orders.profiles.reading import Reading
from duff_orders.reasons import invalid

#: The relation, and the texts of a record's further columns.
CORRECTABLE, CORRECTS_TEXT, CHANGES_TEXT = "correctable", "corrects_text", "changes_text"
# Seconds after which the outcome of a file that is corrected is likely to be there.
_PATIENCE = 60
_FILE = "[0-9a-f]{32}"
_NAMED = f"{_FILE}:[1-9][0-9]{{0,17}}"


def named_row(spelling: Spelling, text: str) -> str:
    """The rejected row that a text names, `FILE_ID:LINE`; null where it names none."""
    name = folded(text)
    return f"case when {spelling.full_match(name, _NAMED)} then {name} end"


def named_files(spelling: Spelling, source: str) -> str:
    """The ids of the files that the records of `source` name."""
    name = named_row(spelling, CORRECTS_TEXT)
    return (
        f"select distinct split_part(named, ':', 1) as file_id from (select {name} as named from {source}) as naming"
        " where named is not null"
    )


@dataclass(frozen=True, slots=True)
class Replaced:
    """A file whose place another takes as a whole, and the time at which all its rows rank."""

    file_id: str
    time: datetime


def replaced(ledger: Ledger, event: Event) -> Replaced | None:
    """The file that one replaces; None where it replaces none.

    One that was to replace another and could not be taken in either stands for that one.
    """
    file_id, seen = event.replaces, {event.file_id}
    row = ledger.of(file_id) if file_id else None
    while row is not None and row.file_id not in seen and not row.published:
        seen.add(row.file_id)
        before = ledger.of(row.replaces) if row.replaces else None
        if before is None:
            break
        row = before
    return Replaced(row.file_id, ranked(ledger, row)) if row else None


def check_replaced(ledger: Ledger, event: Event) -> None:
    """Raises InvalidFile where a file is said to replace one that the ledger does not know.

    And Busy where that one was announced and has no outcome yet.
    """
    if event.replaces and (event.replaces == event.file_id or ledger.of(event.replaces) is None):
        _check_settled(ledger, {event.replaces} - {event.file_id})
        raise invalid("replaces_nothing", file=event.replaces)


def _check_settled(ledger: Ledger, without: set[str]) -> None:
    """Raises Busy where one of the files that have no outcome was announced: then it is on its way."""
    if awaited := ledger.announced(without):
        raise Busy(f"the file {awaited[0]}", time.time() + _PATIENCE, "has no outcome yet, and this one corrects it")


@dataclass(frozen=True, slots=True)
class Target:
    """A file whose rejected rows may be corrected, and the times at which the rows rank that they take the place of.

    `reading` is how its texts are read.
    """

    row: LedgerRow
    reading: Reading
    times: dict[str, datetime]


def targets(lake: Lake, file_ids: set[str]) -> list[Target]:
    """Those of the named files that have rejected rows with a line.

    Raises Busy where one was announced and has no outcome yet: what its rows are is not known before.
    """
    ledger = lake.ledger
    rows = ledger.those(file_ids)
    _check_settled(ledger, file_ids - {row.file_id for row in rows if row.stands})
    result = []
    for row in rows:
        if row.rejected_objects and row.contract > 1:
            roots = {entry.file_id for entry in map(Entry.of, row.attempts or ())}
            times = {each.file_id: ranked(ledger, each) for each in ledger.those(roots)}
            result.append(Target(row, partners.reading_of_row(lake.store, row), times))
    return result


def ranked(ledger: Ledger, row: LedgerRow) -> datetime:
    """The time at which the rows of a file rank: its own, or that of the file whose place it takes as a whole."""
    seen = set[str]()
    while row.replaces and row.file_id not in seen:
        seen.add(row.file_id)
        row = ledger.of(row.replaces) or row
    return row.event_time


def correctable(entries: Sequence[Target], rejected_rows: Callable[[LedgerRow], str], spelling: Spelling) -> str:
    """The relation: `named`, `takes` (the row whose place is taken), `takes_effect` and, by column, `kept_*`.

    A row that was to correct another itself stands for that one. `rejected_rows` gives SQL for those of a file.
    """
    parts = [_of(target, rejected_rows(target.row), spelling) for target in entries]
    if parts:
        return " union all ".join(parts)
    kept = (f"cast(null as {column.type if column.required else 'string'}) as kept_{column.name}" for column in COLUMNS)
    texts = "cast(null as string) as named, cast(null as string) as takes, cast(null as timestamp) as takes_effect"
    return f"select {texts}, {', '.join(kept)} where false"


def _of(target: Target, source: str, spelling: Spelling) -> str:
    row, reading = target.row, target.reading
    rules = Rules(spelling, Marks.of(row.decimal_mark or ".", reading), words_of(reading), reading.defaults)
    named = f"concat('{row.file_id}:', cast(line as string))"
    times = [f"when corrects is null then {literal_time(row.event_time)}"]
    times += [
        f"when split_part(corrects, ':', 1) = '{id_}' then {literal_time(time)}" for id_, time in target.times.items()
    ]
    takes = f"case when contains(coalesce(corrects, ''), ':') then corrects else {named} end"
    kept = (
        f"case when reasons not like 'row:%' and not contains(concat(';', reasons), ';{column.name}:')"
        f" then {_comparable(column, _value(rules, column))} end as kept_{column.name}"
        for column in COLUMNS
    )
    return (
        f"select {named} as named, {takes} as takes, case {' '.join(times)} end as takes_effect,"
        f" {', '.join(kept)} from ({source}) as {REJECTED_ROWS.name}"
    )


def _value(rules: Rules, column: Column) -> str:
    """The value of a rejected row's text; null is one that no header named."""
    value = rules.value(column, column.name)
    if column.name not in rules.standing:
        return value
    return f"case when {column.name} is null then {rules.standing_value(column)} else {value} end"


def joined(source: str, spelling: Spelling) -> str:
    """The records of `source`, each with the row that it names."""
    name = named_row(spelling, CORRECTS_TEXT)
    return (
        f"(select naming.*, {CORRECTABLE}.* from (select *, {name} as naming from {source}) as naming"
        f" left join {CORRECTABLE} on named = naming)"
    )


def is_ordinary() -> str:
    """Whether a record names nothing that it corrects."""
    return f"coalesce({folded(CORRECTS_TEXT)}, '') = ''"


def is_unknown() -> str:
    """Whether a record names what is no rejected row."""
    return f"(not {is_ordinary()} and takes is null)"


def changed() -> str:
    """The columns, `;` between them, whose value is another though it had no reason and is not named as changed."""
    names = f"concat(';', translate(coalesce({folded(CHANGES_TEXT)}, ''), ' ', ''), ';')"
    each = (
        f"case when {_comparable(column, column.name)} <> kept_{column.name}"
        f" and not contains({names}, ';{column.name};') then '{column.name}' end"
        for column in COLUMNS
    )
    return f"concat_ws(';', {', '.join(each)})"


def _comparable(column: Column, value: str) -> str:
    """A value, of an optional column as a text: no value is one, too. Null is left for cells that had a reason."""
    return value if column.required else f"coalesce(cast({value} as string), '')"


def literal_time(time: datetime) -> str:
    """A time as SQL."""
    return f"timestamp '{time.strftime('%Y-%m-%d %H:%M:%S.%f')}'"
