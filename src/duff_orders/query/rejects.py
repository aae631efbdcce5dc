"""A file's rejected rows: read, and exported so that someone can correct them and drop them again."""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from duff_orders.contract import CHANGES, COLUMN_NAMES, CORRECTS, REJECTED_ROWS
from duff_orders.lake import relation
from duff_orders.lake.given_up import all_given_up
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects
from duff_orders.lake.standing import Standings
from duff_orders.messages import LedgerRow
from duff_orders.query.harmless import harmless

FIELDS = (*COLUMN_NAMES, "reasons", "record", "line", "corrects")
#: The columns of the export.
EXPORTED = (*COLUMN_NAMES, CORRECTS, CHANGES, "reasons", "record", "line")


def read(lake: Lake, row: LedgerRow) -> Iterator[dict[str, Any]]:
    """A file's rejected rows, in its order: ten original texts, `reasons`, `record` where there are none, `line`."""
    objects = data_objects(REJECTED_ROWS.name, row)
    if not objects:
        return
    with lake.engine(only_reads=True) as (connection, scratch):
        paths = [str(lake.store.local(name, scratch)) for name in objects]
        source = relation.of_paths(REJECTED_ROWS, {row.contract: paths}, dated=False)
        # under version 1 no row has a line
        connection.execute(
            f"select {', '.join(FIELDS)} from ({source}) as rejected order by {', '.join(('line', *FIELDS))}"
        )
        while found := connection.fetchmany(1000):
            for values in found:
                yield dict(zip(FIELDS, values, strict=True))


def lines(lake: Lake, row: LedgerRow) -> list[int]:
    """The lines of a file's rejected rows, but of those that were to correct others."""
    return [each["line"] for each in read(lake, row) if each["line"] and ":" not in (each["corrects"] or "")]


def standings(lake: Lake) -> Standings:
    """What became of the rows that files did not bring in; raises DamagedObject."""
    return Standings(lake.ledger.rows(), all_given_up(lake.store), partial(lines, lake))


def export(lake: Lake, row: LedgerRow, out: Path, *, raw: bool = False) -> int:
    """Write the rejected rows as CSV in the file's own delimiter (so that `2,50` stays a number); returns how many.

    UTF-8 with a byte order mark, which is how spreadsheets tell it from older encodings. `duff_corrects` ties each row
    to the one whose place it takes when the corrected file is dropped; in `duff_changes` may be named which cells are
    changed though nothing was wrong there. The reasons and the records that have no fields stand in further columns,
    which the pipeline ignores.

    A cell that a spreadsheet would run as a formula gets a space in front, which makes it a text there and which the
    contract trims when the file comes back. `raw` writes the exact text. Missing folders of `out` are made.
    """
    write = str if raw else harmless
    make_folder(out)
    with out.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, EXPORTED, delimiter=row.delimiter or ",", extrasaction="ignore")
        writer.writeheader()
        count = 0
        for count, record in enumerate(read(lake, row), 1):  # noqa: B007 – the last is the number written
            cells = {name: write(each) if isinstance(each, str) else each for name, each in record.items()}
            writer.writerow(cells | {CORRECTS: _tie(row, record)})
    return count


def _tie(row: LedgerRow, record: dict[str, Any]) -> str | None:
    """The row whose place the corrected record is to take; None where the line of none is known."""
    if record["corrects"] is None and record["line"] is not None:
        return f"{row.file_id}:{record['line']}"
    corrects: str | None = record["corrects"]
    return corrects


def make_folder(out: Path) -> None:
    """Make the folder of a file that is to be written, where it is missing."""
    if not out.parent.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
