"""A file that is invalid as a whole, with its corrected rows in their places: it takes the place of the one that came.

Its good rows are withheld for as long as it is invalid, so that corrections alone would not bring them in.
"""

import csv
import io
from collections.abc import Iterable

from duff_orders.documents.drafts import RECORD
from duff_orders.errors import InputError, InvalidFile, SourceChanged
from duff_orders.ingest.csv_grammar import Grammar
from duff_orders.ingest.header import HEAD, beginning, places, read_header
from duff_orders.ingest.text import shown
from duff_orders.lake import layout, partners
from duff_orders.lake.documents import EVENTS
from duff_orders.local.correcting.draft import Desk
from duff_orders.local.correcting.rows import OpenRow
from duff_orders.local.trial import verdict_of
from duff_orders.settings import MIB

#: Bytes of a file, packed or not, that is put together anew on a page.
LARGEST = 32 * MIB


class StillInvalid(InputError):
    """That a file would be invalid with its corrections, too: why, as a ledger row says it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file would be invalid with these corrections, too: {reason}")
        self.reason = reason


def corrected_whole(desk: Desk, rows: Iterable[OpenRow]) -> bytes:
    """The file as it came, in UTF-8, with some rows as they are corrected.

    Raises InputError where it cannot be read again, and StillInvalid where it would not be taken in.
    """
    row, store = desk.row, desk.lake.store
    event = EVENTS.read(store, layout.event_object(row.file_id))
    if event is None or event.size > LARGEST:
        raise InputError(
            f"{row.source_file}: only files of up to {LARGEST // MIB} MB are put together anew; send it again"
        )
    reading = partners.reading_of_row(store, row)
    try:
        data, encoding, final = beginning(store.head(event, event.size).data, event.key, whole=True, size=2 * LARGEST)
        header = read_header(data[:HEAD], encoding, reading, final=final and len(data) < HEAD)
    except (InvalidFile, SourceChanged) as error:
        raise InputError(f"{row.source_file}: cannot be read again: {error}") from None
    corrected = {each.line: each for each in rows}
    at = {place: name for name, place in places(header.dialect).items() if place is not None}
    grammar, position, line, counted = Grammar(header.dialect.delimiter), header.end, 1, 0
    parts = [data[:position]]
    while (found := grammar.first(data, position, final=True)) is not None:
        start, record = found
        line, counted = line + data.count(b"\n", counted, start), start
        change = corrected.get(line)
        if change is None:
            parts.append(data[position : record.next])
        elif change.is_malformed:
            parts.append(f"{change.text(RECORD) or ''}\n".encode("utf-8", "surrogatepass"))
        else:
            cells = [
                (change.text(at[place]) or "") if place in at else shown(field)
                for place, field in enumerate(record.fields or ())
            ]
            buffer = io.StringIO()
            csv.writer(buffer, delimiter=header.dialect.delimiter, lineterminator="\n").writerow(cells)
            parts.append(buffer.getvalue().encode("utf-8", "surrogatepass"))
        position = record.next
    # bytes that are no text go back to what they were
    whole = b"".join(parts).decode("utf-8", "surrogatepass").encode("utf-8", "surrogateescape")
    today = partners.reading_of(store, row.source_file, desk.lake.settings.max_reject_share)
    outcome = verdict_of(desk.lake, whole, row.source_file, today)
    if outcome.verdict == "invalid":
        raise StillInvalid(outcome.reason or "")
    return whole
