"""A file's records, one per line, and the CSV grammar for one line as Spark SQL."""

import os
from dataclasses import dataclass
from itertools import islice

from duff_orders.contract import BLANKS
from duff_orders.engines.spark.spelling import SparkSpelling
from duff_orders.engines.spark.workspace import Workspace
from duff_orders.ingest import text
from duff_orders.ingest.blocks import LINE_BREAK
from duff_orders.ingest.header import header
from duff_orders.ingest.header_names import HeaderNames
from duff_orders.ingest.scan import Scan, scan
from duff_orders.ingest.staged import Source


class RecordsSpanLines(Exception):
    """Not every line is a record: records span lines, or lines are none that look so. The scanner lays the file out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Where the records are read from: an object of `size` bytes, one record per line, `skip` lines before the first.

    `extra_columns` are the names of the header's further columns.

    With `scanned` the scanner laid them out, and has taken out and counted what cannot be split. Either way a record
    stands on the same line as in the object.
    """

    extra_columns: tuple[str, ...]
    address: str
    size: int
    skip: int
    encoding: str
    scanned: Scan | None = None

    def beginning(self, source: Source, number: int) -> list[bytes]:
        """The first lines behind the header, so many at the most, as they lie there."""
        path = self.scanned.source if self.scanned else source.path
        with path.open("rb") as lines:
            return list(islice(lines, self.skip, self.skip + number))


def in_place(source: Source, space: Workspace) -> Lines:
    """The object's own lines. Raises RecordsSpanLines where its beginning or end shows that they will not do."""
    if not _splittable(source):
        raise RecordsSpanLines
    dialect_header, head = header(source.path, source.event.key, source.dialect.encoding, source.reading)
    with source.path.open("rb") as raw:
        raw.seek(-1, os.SEEK_END)
        # a character like any other there, and part of a line's end everywhere else
        ends_with_return = raw.read() == b"\r"
    if ends_with_return or "\n" in head.removesuffix("\n").lstrip(f"{BLANKS}\n"):
        raise RecordsSpanLines
    encoding = source.dialect.encoding
    return Lines(
        extra_columns=dialect_header.extra_columns,
        # Under a name of ours: a key may hold any character, and end as a compressed file's.
        address=space.share_raw(source.event, source.path, f"{encoding}.csv"),
        size=source.path.stat().st_size,
        skip=head.count("\n") + (not head.endswith("\n")),
        encoding=encoding,
    )


def laid_out(source: Source, space: Workspace, read: list[int]) -> Lines:
    """The records as the scanner lays them out; `read` as in `scan`."""
    scanned = scan(source.path, source.event.key, source.dialect, source.reading, space.local, read, one_line=True)
    return Lines(
        extra_columns=scanned.extra_columns,
        address=space.share(scanned.source, "scanned.csv"),
        size=scanned.source.stat().st_size,
        skip=int(scanned.header),
        encoding=text.UTF8,
        scanned=scanned,
    )


def _splittable(source: Source) -> bool:
    return source.dialect.encoding != text.UTF16 and not text.is_compressed(source.event.key)


class LineGrammar:
    """The CSV grammar of `csv_grammar` for one line as SQL, in possessive patterns: none goes back or deep.

    `restore` turns the scanner's NUL back into a line break.
    """

    def __init__(self, delimiter: str, names: HeaderNames, *, restore: bool) -> None:
        spelling = SparkSpelling()
        content = '"[^"]*+(?:""[^"]*+)*+'
        field = f'(?: *+{content}" *+|(?! *+")[^{delimiter}]*+)'
        whole = spelling.full_match("line", f"{field}(?:[{delimiter}]{field})*+")
        #: Whether a quote does not close within the line.
        self.unclosed = spelling.full_match("line", f"(?:{field}[{delimiter}])*+ *+{content}")
        #: Whether a line may be no record, or a second header; both look like data.
        # a line that begins with a digit or a letter is not blank, whatever a match would cost
        begins = "(line >= '0' and line < ':') or (line >= 'A' and line < '{')"
        blank = f"""(not ({begins}) and {spelling.full_match("line", f'[{delimiter}{BLANKS}"]+')})"""
        self.strange = f"({blank} or {_may_be_header(names)})"
        #: What is wrong with a line's quotes, or null.
        self.wrong = f"""case when contains(line, '"') and not {whole} then 'malformed_quotes' end"""
        taken = f"regexp_extract_all(concat('{delimiter}', line), '[{delimiter}]({field})', 1)"
        # One character alone, or behind a backslash, is no regular expression for Java: nothing is compiled for a line.
        between = spelling.literal("\\|" if delimiter == "|" else delimiter)
        #: The fields of a line with nothing wrong, as they are written.
        self.pieces = f"case when not quoted then split(line, {between}) when wrong is null then {taken} end"
        self.line_break = spelling.literal(LINE_BREAK.decode()) if restore else None

    def text(self, place: int) -> str:
        """The text of a field: what stands between the quotes, or all of it."""
        piece = f"get(fields, {place})"
        inner = f"trim(both ' ' from {piece})"
        inner = f"replace(substr({inner}, 2, length({inner}) - 2), '\"\"', '\"')"
        if self.line_break:
            inner = f"replace({inner}, {self.line_break}, chr(10))"
        return f"case when quoted and startswith(trim(leading ' ' from {piece}), '\"') then {inner} else {piece} end"


def _may_be_header(names: HeaderNames) -> str:
    """Whether a line may be a second header; see `HeaderNames.may_be_header`."""
    literal = SparkSpelling().literal
    signs = [f"contains(lower(line), {literal(sign)})" for sign in names.signs]
    signs += [f"contains(line, {literal(character)})" for character in names.odd]
    if names.beyond:
        signs.append("octet_length(line) <> length(line)")
    told = " or ".join(signs)
    return f"(contains(line, '_') and ({told}))" if names.underscored else f"({told})"
