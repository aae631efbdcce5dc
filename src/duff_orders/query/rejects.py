"""A file's rejected rows: read, and exported so that they can be corrected and uploaded again."""

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from duff_orders.contract import CHANGES, COLUMN_NAMES, COLUMNS, CORRECTS, REJECTED_ROWS
from duff_orders.documents import LedgerRow, tied
from duff_orders.lake import partners, relation
from duff_orders.lake.documents import OnDamage
from duff_orders.lake.given_up import all_given_up
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import data_objects
from duff_orders.lake.standing import Standings
from duff_orders.profiles.reading import Reading
from duff_orders.query.harmless import harmless
from duff_orders.query.readers import Reader, kept_wrong

FIELDS = (*COLUMN_NAMES, "reasons", "record", "line", "corrects")
#: The columns of the export.
EXPORTED = (*COLUMN_NAMES, CORRECTS, CHANGES, "reasons", "record", "line")


def read(lake: Lake, row: LedgerRow) -> Iterator[dict[str, Any]]:
    """A file's rejected rows, in its order: the original texts, `reasons`, `record` where there are none, `line`."""
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
        while batch := connection.fetchmany(1000):
            for values in batch:
                yield dict(zip(FIELDS, values, strict=True))


def lines(lake: Lake, row: LedgerRow) -> list[int]:
    """The lines of a file's rejected rows, but of those that were to correct others."""
    return [each["line"] for each in read(lake, row) if each["line"] and not tied(each["corrects"])]


def standings(lake: Lake, damaged: OnDamage | None = None) -> Standings:
    """What became of the rows that files did not bring in.

    Raises DamagedObject for a document that cannot be read, or tells `damaged` of it and goes on.
    """
    return Standings(lake.ledger.rows(damaged=damaged), all_given_up(lake.store, damaged), partial(lines, lake))


def export(
    lake: Lake,
    row: LedgerRow,
    out: Path,
    reader: Reader | None = None,
    *,
    only: Callable[[dict[str, Any]], bool] = lambda record: True,
) -> int:
    """Write the rejected rows as CSV, for a `reader` or as they stood; returns how many.

    UTF-8 with a byte order mark, which is how spreadsheets tell it from older encodings. `duff_corrects` ties each row
    to the one whose place it takes when the corrected file is dropped; in `duff_changes` may be named which cells are
    changed though nothing was wrong there. The reasons and the records that have no fields stand in further columns,
    which the pipeline ignores. `only` may leave rows out.

    For a reader good numbers have the decimal mark, and the file the delimiter, that a spreadsheet takes there. Wrong
    cells stay as they stood, but those that a spreadsheet could turn into good ones begin with `?` (`kept_wrong`). A
    cell that it would run as a formula gets a space in front, which makes it a text there and which the contract trims
    when the file comes back. Without a reader the texts are exact, in the file's own delimiter. Of a file that was read
    by a partner's profile the headers are the partner's, and its delimiter and marks stay, whoever the reader is: it
    must come back as that partner writes, without the columns that have a default. Missing folders of `out` are made.
    """
    make_folder(out)
    reading = partners.reading_of_row(lake.store, row)
    delimiter = reading.delimiter or (reader.delimiter if reader else row.delimiter or ",")
    keeps_marks = bool(reading.decimal_mark or (reader and reader.delimiter != delimiter))
    columns = [name for name in EXPORTED if name not in _absent(lake, row, reading)]
    with out.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter=delimiter, extrasaction="ignore")
        writer.writerow({name: (reading.headers.get(name) or (name,))[0] for name in columns})
        count = 0
        for record in read(lake, row):
            if only(record):
                count += 1
                cells = _for(reader, record, keeps_marks=keeps_marks) if reader else record
                writer.writerow(cells | {CORRECTS: _tie(row, record)})
    return count


def _absent(lake: Lake, row: LedgerRow, reading: Reading) -> set[str]:
    """The columns of a file that its header did not name, and that have a default."""
    absent = {*reading.defaults}
    for record in read(lake, row) if absent else ():
        if record["record"] is None:
            absent -= {name for name in absent if record[name] is not None}
    return absent


def _for(reader: Reader, record: dict[str, Any], *, keeps_marks: bool) -> dict[str, Any]:
    """The cells of a rejected row as a reader's spreadsheet may open them."""
    wrong = {reason.partition(":")[0] for reason in record["reasons"].split(";")}
    cells = dict(record)
    for column in COLUMNS:
        text = record[column.name]
        if text and column.kind in ("integer", "number") and not keeps_marks:
            cells[column.name] = kept_wrong(text) if column.name in wrong else reader.number(text)
    return {name: harmless(each) if isinstance(each, str) else each for name, each in cells.items()}


def open_ones(row: LedgerRow, standings: Standings) -> Callable[[dict[str, Any]], bool]:
    """What tells of a file's rejected row whether it is open, or stands for one of another file that is."""
    return lambda record: standings.of_row(row, record["line"], record["corrects"]) == "open"


def _tie(row: LedgerRow, record: dict[str, Any]) -> str | None:
    """The row whose place the corrected record is to take; None where the line of none is known."""
    corrects: str | None = record["corrects"]
    if tied(corrects):
        return corrects
    return None if record["line"] is None else f"{row.file_id}:{record['line']}"


def make_folder(out: Path) -> None:
    """Make the folder of a file that is to be written, where it is missing."""
    if not out.parent.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
