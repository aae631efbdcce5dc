"""What the pipeline would make of changed rows: they are written as the file that would be published, and tried."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duff_orders.contract import CHANGES, CORRECTS
from duff_orders.documents import LedgerRow
from duff_orders.documents.drafts import RECORD
from duff_orders.errors import InputError, InvalidFile, SourceChanged
from duff_orders.ingest.header import HEAD, beginning, places, read_header
from duff_orders.lake import layout, partners
from duff_orders.lake.documents import EVENTS
from duff_orders.lake.lake import Lake
from duff_orders.local.correcting.rows import OpenRow
from duff_orders.local.trial import look_at, reasons_by_line

#: The further columns of a file of corrections.
_OWN = (CORRECTS, CHANGES)
#: Bytes of a file that are read for its header, packed or not.
_BEGINNING = 16 * HEAD


@dataclass(frozen=True, slots=True)
class Form:
    """How a file writes its records: the delimiter, and of each field its name in the header and its column."""

    delimiter: str
    fields: Sequence[tuple[str, str | None]]

    @property
    def columns(self) -> list[str]:
        """The columns that stand in the file, in its order."""
        return [column for _, column in self.fields if column]


@dataclass(frozen=True, slots=True)
class Written:
    """A file of corrections, and the line on which each of its rows begins, by the line that it corrects."""

    data: bytes
    lines: dict[int, int]


def form_of(lake: Lake, row: LedgerRow) -> Form:
    """How a file that came writes its records. Raises InputError where the file itself cannot be read again."""
    reading = partners.reading_of_row(lake.store, row)
    try:
        event = EVENTS.read(lake.store, layout.event_object(row.file_id))
        if event is None:
            raise InputError(f"{row.source_file}: its announcement is gone, so that nothing tells where it lies")
        data = lake.store.head(event, _BEGINNING).data
        whole = len(data) == event.size
        start, encoding, final = beginning(data, event.key, whole=whole)
        header = read_header(start[:HEAD], encoding, reading, final=final and len(start) < HEAD)
        found = look_at(data, event.key, whole=whole, delimiter=header.dialect.delimiter)
    except (InvalidFile, SourceChanged) as error:
        raise InputError(f"{row.source_file}: its header cannot be read again: {error}") from None
    columns = {place: name for name, place in places(header.dialect).items() if place is not None}
    fields = [(each.name, columns.get(place)) for place, each in enumerate(found.columns)]
    return Form(header.dialect.delimiter, [(name, column) for name, column in fields if name not in _OWN])


def written(form: Form, rows: Iterable[OpenRow]) -> Written:
    """Rows as a file of corrections, in the form of the file that they correct; malformed records as they stand.

    Its columns have the contract's own names, which mean the same under any profile.
    """
    parts, lines, at = [_line(form, [*(column or name for name, column in form.fields), *_OWN])], dict[int, int](), 2
    for row in rows:
        lines[row.line] = at
        if row.is_malformed:
            part = form.delimiter.join((row.text(RECORD) or "", row.corrects, "")) + "\n"
        else:
            meant = ";".join(column for column in row.changed if column not in row.wrong_columns)
            cells = [(row.text(column) or "") if column else "" for _, column in form.fields]
            part = _line(form, [*cells, row.corrects, meant])
        parts.append(part)
        at += part.count("\n")
    return Written("".join(parts).encode(), lines)


def _line(form: Form, cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=form.delimiter, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def judge(lake: Lake, row: LedgerRow, form: Form, rows: Sequence[OpenRow]) -> dict[int, tuple[str, ...]]:
    """The reasons of changed rows by their lines, none where one is right, by the very rules that judge files.

    They are read as a file of this name is read today: so what is published will be.
    """
    if not rows:
        return {}
    made = written(form, rows)
    reading = partners.reading_of(lake.store, row.source_file, lake.settings.max_reject_share)
    found = reasons_by_line(lake, made.data, reading)
    if found is not None:
        return {each.line: found.get(made.lines[each.line], ()) for each in rows}
    if len(rows) == 1:
        return {rows[0].line: ("row:malformed_quotes",)}
    # one of them cannot be told from the next: each by itself
    return {line: reasons for each in rows for line, reasons in judge(lake, row, form, [each]).items()}
