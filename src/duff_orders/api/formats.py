"""How an answer is sent: JSON, CSV or Parquet, by content negotiation; conditional on its entity tag."""

import csv
import hashlib
import io
import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from duff_orders.api.problems import Problem
from duff_orders.query.harmless import harmless

Format = Literal["json", "csv", "parquet"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
}
#: Bytes that a function may answer, 6 MB as base64: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
GATEWAY = 4 * 2**20
#: Bytes of answers that are kept, by the version of what they were made of.
KEPT = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Body:
    """An answer: the `document` that is its JSON, and its rows for the other formats.

    `columns` are pairs of name and type, as Athena spells it; `next_cursor` goes into the header `Link`, too, and
    `truncated`, whether rows were left out, into `Truncated`, where that is told.
    """

    document: Mapping[str, Any]
    columns: Sequence[tuple[str, str]] = ()
    rows: Sequence[Sequence[Any]] = ()
    next_cursor: str | None = None
    truncated: bool | None = None


@dataclass(slots=True)
class Kept:
    """The answers given last."""

    answers: "OrderedDict[str, tuple[bytes, dict[str, str]]]" = field(default_factory=OrderedDict)
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, tag: str) -> tuple[bytes, dict[str, str]] | None:
        """The body and headers of an answer, if it is kept."""
        with self.lock:
            if tag in self.answers:
                self.answers.move_to_end(tag)
            return self.answers.get(tag)

    def put(self, tag: str, body: bytes, headers: dict[str, str]) -> None:
        """Keep an answer, and give up the oldest for it."""
        with self.lock:
            if len(body) > KEPT // 8 or tag in self.answers:
                return
            self.answers[tag] = body, headers
            self.size += len(body)
            while self.size > KEPT:
                _, (oldest, _) = self.answers.popitem(last=False)
                self.size -= len(oldest)


def columns_told(columns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Columns as a document tells them."""
    return [{"name": name, "type": kind} for name, kind in columns]


def wanted(request: Request, formats: Sequence[Format] = get_args(Format)) -> Format:
    """The format that is asked for, by `?format=` or `Accept`. Raises Problem where there is none such."""
    name = request.query_params.get("format")
    if name is not None:
        for each in formats:
            if name == each:
                return each
        raise Problem("not-acceptable", f"format is {name[:40]!r}; allowed are {', '.join(formats)}")
    accepted = []
    for number, part in enumerate(request.headers.get("accept", "*/*").split(",")):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            accepted.append((-float(weight), number, kind))
        except ValueError:
            continue
    for weight_of, _, kind in sorted(accepted):
        for each in formats:
            media = MEDIA_TYPES[each].partition(";")[0]
            if weight_of < 0 and kind in (media, "*/*", f"{media.partition('/')[0]}/*"):
                return each
    raise Problem("not-acceptable", f"allowed are {', '.join(MEDIA_TYPES[each].partition(';')[0] for each in formats)}")


def respond(
    request: Request,
    version: str | None,
    make: Callable[[], Body],
    *,
    formats: Sequence[Format] = get_args(Format),
    name: str = "answer",
    raw: bool = False,
) -> Response:
    """The answer in the format that is asked for, or 304 where the caller has it already: decided before any query.

    `version` identifies the data behind the answer; without one it is neither kept nor tagged. `raw`: cells of CSV
    that a spreadsheet would run as a formula stay as they are.
    """
    format = wanted(request, formats)
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache"}
    tag = None
    if version is not None:
        identity = (version, request.url.path, urlencode(sorted(request.query_params.multi_items())), format)
        tag = f'W/"{hashlib.sha256(repr(identity).encode()).hexdigest()[:32]}"'
        headers["ETag"] = tag
        if tag in (each.strip() for each in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        kept = request.app.state.kept.get(tag)
        if kept is not None:
            return Response(kept[0], headers=headers | kept[1], media_type=MEDIA_TYPES[format])
    made = make()
    more = {}
    if made.next_cursor:
        query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
        place = f"{request.scope.get('stage_path', '')}{request.url.path}"
        more["Link"] = f'<{place}?{urlencode([*query, ("cursor", made.next_cursor)])}>; rel="next"'
    if made.truncated is not None:
        more["Truncated"] = str(made.truncated).lower()
    if format != "json":
        more["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}.{format}"
    content = write(made, format, raw=raw)
    if "aws.event" in request.scope and len(content) > GATEWAY:
        raise Problem(
            "too-large", f"the answer takes {len(content):,} bytes, more than fit here; ask with a smaller limit"
        )
    if tag is not None:
        request.app.state.kept.put(tag, content, more)
    return Response(content, headers=headers | more, media_type=MEDIA_TYPES[format])


def write(made: Body, format: Format, *, raw: bool = False) -> bytes:
    """The bytes of an answer."""
    if format == "json":
        return json.dumps(made.document, ensure_ascii=False, separators=(",", ":")).encode()
    if format == "csv":
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow([column for column, _ in made.columns])
        for row in made.rows:
            writer.writerow([_cell(value, raw=raw) for value in row])
        return stream.getvalue().encode()
    from duff_orders.query.formats import taken, write_parquet  # DuckDB: who asks for Parquet pays for it

    with tempfile.TemporaryDirectory() as folder, taken(made.columns, [made.rows]) as (connection, statement):
        path = Path(folder, "answer.parquet")
        write_parquet(connection, statement, path)
        return path.read_bytes()


def _cell(value: Any, *, raw: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and not raw:
        return harmless(value)
    return value if isinstance(value, str) else str(value)
