"""What is sent back to a partner: all of its open rows as a file, each with what is wrong and what is allowed."""

import csv
import io
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from duff_orders.clock import utc_now
from duff_orders.console.page import backend, locale, missing, words
from duff_orders.console.partners import found
from duff_orders.console.source import Source
from duff_orders.console.texts import Words
from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake.standing import Standing, Standings
from duff_orders.partners.facts import open_of
from duff_orders.query import rejects
from duff_orders.query.harmless import harmless
from duff_orders.query.readers import reader_in

router = APIRouter(include_in_schema=False)


@router.get("/partners/{name}/feedback.csv")
def get_feedback(request: Request, name: str) -> Response:
    """All open rows of a partner, each with its line, its reasons and what is allowed, in the reader's language."""
    t, source = words(request), backend(request)
    of = found(source, name, utc_now())
    if of is None:
        return missing(request)
    standings = source.standings()
    delimiter = reader_in(locale(request)).delimiter
    headers = {"Content-Disposition": f'attachment; filename="{name}-feedback.csv"', "Cache-Control": "no-store"}
    told = _feedback(t, source, open_of(of, standings), standings, delimiter)
    return StreamingResponse(told, media_type="text/csv; charset=utf-8", headers=headers)


def _feedback(
    t: Words, source: Source, opened: Sequence[Standing], standings: Standings, delimiter: str
) -> Iterator[bytes]:
    """The lines of a feedback file, with a mark by which spreadsheets tell its encoding."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow((t("name"), t("line"), t("reason"), t("allowed"), *COLUMN_NAMES, "record"))
    yield b"\xef\xbb\xbf"
    for standing in opened:
        is_open = rejects.open_ones(standing.row, standings)
        for record in rejects.read(source.lake, standing.row):
            if not is_open(record):
                continue
            parts = [each.partition(":") for each in record["reasons"].split(";")]
            reasons = "; ".join(f"{column}: {t.reason(code, column)}" for column, _, code in parts)
            allowed = "; ".join(f"{column}: {t.allowed(column)}" for column, _, _ in parts)
            texts = (record[name] for name in (*COLUMN_NAMES, "record"))
            cells = (standing.row.source_file, record["line"], reasons, allowed, *texts)
            writer.writerow(harmless(each) if isinstance(each, str) else each for each in cells)
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
