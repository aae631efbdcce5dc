"""The good records written to Parquet, from canonical lines that DuckDB reads with their types.

They are read once, and written as they are read where nothing else is in the file. Otherwise they are taken in chunks:
which order lines stand more than once in the file is asked of two columns first, so that exact repeats are taken out
of a chunk before it is written.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import duckdb

from duff_orders.contract import COLUMNS
from duff_orders.documents import Dialect
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import read_parquet, type_of
from duff_orders.engines.duckdb.csv import read_csv
from duff_orders.ingest.header import HEAD, header_columns, places
from duff_orders.ingest.rules import Rules
from duff_orders.ingest.scan import Typed
from duff_orders.ingest.statements import VALUES, Statements, repeated
from duff_orders.settings import MIB

#: Order lines that are grouped at once: 16 bytes each, and as much again for finding them.
KEYS = 4_000_000
#: Records that are looked through for repeats without the engine.
FEW = 2_000
#: Other good records that go into the first chunk; more are chunks of their own.
OTHERS = 1_000_000
#: Bytes of a file that DuckDB reads at once, at the least and at the most.
_LEAST, _MOST = 2 * MIB, 32 * MIB
_KEY = "order_id, product_id"
#: The column that tells of which file a line is.
OF_FILE = "of_file"
#: Writes the rows of a query to a file; returns how many.
Copy = Callable[[str, Path], int]


def read_typed(
    typed: Typed,
    path: Path,
    dialect: Dialect,
    rules: Rules,
    memory: int,
    *,
    parallel: bool = True,
    numbered: bool = False,
) -> str:
    """DuckDB's relation of a file of canonical lines: the contract's columns, with their types, as the rules have them.

    An engine of little `memory` reads less at once: each of its threads holds several buffers. In lines of several
    files that are `numbered`, the first field says of which, and is the column OF_FILE.
    """
    types = {column.name: type_of(column.type) for column in COLUMNS}
    of_file = {OF_FILE: "integer"} if numbered else {}
    lines = read_csv(
        path,
        {**of_file, **{name: types.get(name, "varchar") for name in header_columns(dialect)}},
        delimiter=dialect.delimiter,
        header=typed.header,
        parallel=parallel,
        line=2 * HEAD,
        new_line=typed.form.line_end.encode("unicode_escape").decode(),
        decimal_separator=typed.form.decimal_mark,
        **({"thousands": typed.form.thousands_mark} if typed.form.thousands_mark else {}),
        buffer_size=min(max(memory // 16, _LEAST), _MOST),
    )
    at = places(dialect)
    values = []
    for column in COLUMNS:
        if column.name in rules.standing:
            values.append(f"{rules.standing_value(column)} as {column.name}")
        elif at[column.name] is None:
            values.append(f"cast(null as {types[column.name]}) as {column.name}")
        elif column.name in rules.words:
            values.append(f"{rules.canonical_value(column, column.name)} as {column.name}")
        else:
            values.append(column.name)
    return f"(select {', '.join((*of_file, *values))} from {lines})"


@dataclass(frozen=True, slots=True)
class Chunked:
    """The good records of one file, written chunk by chunk; the repeated order lines are the table `repeated` then.

    `sources` are relations of the contract's columns, a chunk each.
    """

    connection: duckdb.DuckDBPyConnection
    statements: Statements
    scratch: Path
    copy: Copy

    def write(self, sources: Sequence[str], target: Callable[[int], Path]) -> tuple[int, int, bool]:
        """Write the chunks to files by their numbers.

        Returns how many records there were, how many are unique, and whether order lines are repeated.
        """
        execute = self.connection.execute
        alone = len(sources) == 1
        read = self._table(sources[0]) if alone else 0
        keys = "chunk" if alone else self._keys(sources)
        if not self._find_repeated(keys, read if alone else self._count(keys)):
            if alone:
                return read, self._write("chunk", target(0)), False
            written = sum(self._write(source, target(number)) for number, source in enumerate(sources))
            return written, written, False
        unique = total = 0
        for number, source in enumerate(sources):
            total += read if alone else self._table(source)
            execute(f"create temp table if not exists held as select {VALUES} from chunk limit 0")
            self._take_out_repeats(several=not alone)
            unique += self._write("chunk", target(number))
        execute("drop table chunk")
        return total, unique, True

    def _table(self, source: str) -> int:
        self.connection.execute("drop table if exists chunk")  # first: memory has no room for two
        return self._rows(f"create temp table chunk as select {VALUES} from {source}")

    def _keys(self, sources: Iterable[str]) -> str:
        """Write the two columns that name order lines to files of their own, which several passes can read."""
        paths = []
        for number, source in enumerate(sources):
            paths.append(self.scratch / f"keys-{number}.parquet")
            options = "format parquet, compression uncompressed"
            self.connection.execute(f"copy (select {_KEY} from {source}) to {sql_text(paths[-1])} ({options})")
        return read_parquet(*paths)

    def _find_repeated(self, keys: str, number: int) -> bool:
        """Name the order lines that stand more than once; a part of them at a time, so that memory holds."""
        parts = ceil(number / KEYS) or 1
        for part in range(parts):
            some = keys if parts == 1 else f"(select {_KEY} from {keys} where order_id % {parts} = {part})"
            verb = "insert into repeated" if part else "create or replace temp table repeated as"
            self.connection.execute(f"{verb} {repeated(f'{some} as keys')}")
        return self._count("repeated") > 0

    def _take_out_repeats(self, *, several: bool) -> None:
        """Of equal rows of the chunk leave one, and none that was in a chunk before."""
        execute = self.connection.execute
        execute("drop table if exists aside")
        of_repeated = f"chunk semi join repeated using ({_KEY})"
        unique = f"select distinct {VALUES} from {of_repeated}"
        execute(f"create temp table aside as {f'{unique} except from held' if several else unique}")
        if several:
            execute("insert into held from aside")
        execute(f"delete from chunk where rowid in (select rowid from {of_repeated})")
        execute("insert into chunk from aside")

    def _write(self, source: str, path: Path) -> int:
        return self.copy(self.statements.orders(f"(select {VALUES}, true as good from {source})"), path)

    def _count(self, source: str) -> int:
        return self._rows(f"select count(*) from {source}")

    def _rows(self, query: str) -> int:
        row = self.connection.execute(query).fetchone()
        assert row is not None  # a count has one row, and so has what a new table tells of its rows
        return int(row[0])
