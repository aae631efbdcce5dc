"""What stands in a file's header, whether or not it fits: the columns by their names, each with a few of its texts."""

from typing import NamedTuple

from duff_orders.contract import BLANKS
from duff_orders.ingest import text
from duff_orders.ingest.csv_grammar import Grammar
from duff_orders.ingest.header import possible_delimiters
from duff_orders.ingest.header_names import own_column
from duff_orders.reasons import invalid

#: Texts of a column that are shown, characters of each, and the records that are looked through for them.
TEXTS, CHARACTERS, RECORDS = 3, 64, 200
#: Columns that are told of: a line of prose with many commas is no header.
MOST = 1000


class FoundColumn(NamedTuple):
    """A column of a file by its name there: different texts of it, and the contract's column whose own name it has."""

    name: str
    texts: tuple[str, ...]
    column: str | None


class FoundHeader(NamedTuple):
    """A header as it stands on a line (the first is 1), by the delimiter that parts it into the most columns."""

    line: int
    delimiter: str
    columns: tuple[FoundColumn, ...]


def found_header(data: bytes, *, final: bool, delimiter: str | None = None) -> FoundHeader:
    """The header of a file by its beginning (UTF-8), `final` where that is all; a `delimiter` may be known.

    Raises InvalidFile where there is nothing, or the first line does not end in it.
    """
    begin, delimiters = possible_delimiters(data, delimiter, final=final)
    firsts = {
        each: first
        for each in delimiters
        if (first := Grammar(each).first(data, begin, final=final)) and first[1].fields is not None
    }
    if not firsts:
        raise invalid("empty") if final else invalid("header_too_long", kib=len(data) // 1024)
    delimiter = max(firsts, key=lambda each: len(firsts[each][1].fields or ()))
    start, record = firsts[delimiter]
    names = [text.shown(field).strip(BLANKS) for field in record.fields or ()][:MOST]
    texts: list[dict[str, None]] = [{} for _ in names]
    grammar, position = Grammar(delimiter), record.next
    for _ in range(RECORDS):
        following = grammar.first(data, position, final=final)
        if following is None:
            break
        position = following[1].next
        if following[1].fields is not None and len(following[1].fields) >= len(names):
            for told, field in zip(texts, following[1].fields, strict=False):
                if len(told) < TEXTS and (shown := text.shown(field).strip(BLANKS)):
                    told.setdefault(shown[:CHARACTERS])
    columns = (FoundColumn(name, tuple(told), own_column(name)) for name, told in zip(names, texts, strict=True))
    return FoundHeader(1 + data.count(b"\n", 0, start), delimiter, tuple(columns))
