"""That each rejected row is open, corrected or given up: the ledger's account compared with the tables' rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from duff_orders.contract import ORDERS, REJECTED_ROWS
from duff_orders.documents import Entry, GivenUp, LedgerRow, entries
from duff_orders.lake.standing import Standings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Rejected rows with a standing of their own: those that were to correct a row stand for that one.
_OWN = f"{REJECTED_ROWS.name} where corrects is null or not contains(corrects, ':')"
# What rows of a table correct, and how often; a file as a whole once, however many of its rows are there.
_TIES = """
select file_id, list(corrects order by corrects) as ties from (
    select file_id, corrects from {table} where contains(corrects, ':')
    union all
    select distinct file_id, corrects from {table} where not contains(corrects, ':')
) group by file_id
"""
# How many rows of each file are in which state, worked out from the tables alone.
_STATES = f"""
with corrected as (select distinct corrects from {ORDERS.name} where corrects is not null),
    own as (select file_id, concat(file_id, ':', line) as named from {_OWN}),
    judged as (
        select file_id, case
            when named in (from corrected) or file_id in (from corrected) then 'corrected'
            when named in (select named from said) then 'given_up'
            else 'open' end as state
        from own
    )
select file_id, state, count(*) from judged group by all
"""


def accounted(
    connection: "DuckDBPyConnection", ledger: Mapping[str, LedgerRow], given_up: Mapping[str, GivenUp]
) -> Iterator[str]:
    """A sentence for each file of which ledger, tables and what was given up tell different things.

    `connection` has views named as the tables. Raises duckdb.Error where a table cannot be read.
    """
    yield from _ties(connection, ledger)
    lines = _rejected_lines(connection, {*given_up, *_corrected(ledger)})
    yield from _named(ledger, given_up, lines)
    said = [f"{each.file_id}:{line}" for each in given_up.values() for line in each.lines]
    connection.execute("create or replace temp table said as select unnest($said::varchar[]) as named", {"said": said})
    states: dict[str, Counter[str]] = {}
    for file_id, state, count in connection.execute(_STATES).fetchall():
        states.setdefault(file_id, Counter())[state] += count
    standings = Standings(ledger.values(), given_up, lambda row: lines.get(row.file_id, ()))
    for row in ledger.values():
        standing = standings.of(row)
        counted = states.get(row.file_id, Counter())
        if standing.whole == "given_up":  # of the table, only what is corrected can contradict that
            counted = Counter(corrected=counted["corrected"], given_up=counted["open"] + counted["given_up"])
        counted[standing.whole] += row.rows_withheld
        expected = Counter(open=standing.open, corrected=standing.corrected, given_up=standing.given_up)
        if +expected != +counted:
            yield f"{_name(row)}: by the ledger {_counted(expected)}, by the tables {_counted(counted)}"


def _corrected(ledger: Mapping[str, LedgerRow]) -> dict[str, set[int]]:
    """The lines of files that others correct, by the file's id; of one that is replaced as a whole, none."""
    lines: dict[str, set[int]] = {}
    for row in ledger.values():
        for entry in map(Entry.of, row.corrects or ()):
            lines.setdefault(entry.file_id, set()).update(entry.lines)
    return lines


def _rejected_lines(connection: "DuckDBPyConnection", file_ids: set[str]) -> dict[str, list[int]]:
    """The lines of some files' rejected rows, but of those that were to correct others."""
    query = f"select file_id, list(line) from {_OWN} and file_id in (select unnest($ids::varchar[])) group by file_id"
    return dict(connection.execute(query, {"ids": [*file_ids]}).fetchall())


def _ties(connection: "DuckDBPyConnection", ledger: Mapping[str, LedgerRow]) -> Iterator[str]:
    """Files whose ledger row tells of other corrections than their rows."""
    for table, field in ((ORDERS.name, "corrects"), (REJECTED_ROWS.name, "attempts")):
        by_file: dict[str, Sequence[str]] = dict(connection.execute(_TIES.format(table=table)).fetchall())
        for file_id, row in ledger.items():
            recorded, there = getattr(row, field) or (), entries(by_file.get(file_id, ())) or ()
            if field == "attempts":  # of a file that was to replace another there may be no rows to tell it
                recorded, there = _of_lines(recorded), _of_lines(there)
            if recorded != there:
                yield (
                    f"{_name(row)}: the rows in {table} correct others than its ledger row tells;"
                    f" `duff replay {file_id}` makes both again"
                )


def _of_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Those entries that name lines."""
    return tuple(each for each in lines if ":" in each)


def _named(
    ledger: Mapping[str, LedgerRow], given_up: Mapping[str, GivenUp], lines: Mapping[str, Sequence[int]]
) -> Iterator[str]:
    """What is said of files that are not there, or of lines where no row was rejected."""
    for file_id, said in given_up.items():
        row = ledger.get(file_id)
        if row is None:
            yield f"{file_id}: given up, but the ledger does not know it"
        elif row.revision == 0 and (wrong := said.lines - {*lines.get(file_id, ())}):
            yield f"{_name(row)}: given up are lines on which no rejected row begins: {sorted(wrong)[:10]}"
    for file_id, corrected in _corrected(ledger).items():
        row = ledger.get(file_id)
        if row is None:
            yield f"{file_id}: others correct it, but the ledger does not know it"
        elif row.revision == 0 and (strange := corrected - {*lines.get(file_id, ())}):
            yield f"{_name(row)}: others correct lines of it on which no rejected row begins: {sorted(strange)[:10]}"


def _counted(states: Counter[str]) -> str:
    return ", ".join(f"{states[state]:,} {words}" for state, words in _WORDS.items())


_WORDS = {"open": "are open", "corrected": "corrected", "given_up": "given up"}


def _name(row: LedgerRow) -> str:
    return f"{row.source_file} ({row.file_id})"
