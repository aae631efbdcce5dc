"""Hypothesis strategies for hostile orders files.

`orders_files()` draws whole objects as bytes. Most are mostly good, so that the valid verdicts
dominate and the share of rejects varies; each carries a few of the oddities that readers of CSV
disagree about. Rows are picked from pools of cell texts rather than from free text: draws are
quick, exact duplicates in other spellings are common, and a failing file shrinks to the oddity
that breaks. Within a pool the plainest comes first, because that is where shrinking goes.
"""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from tests.oracle import COLUMNS

_T = TypeVar("_T")

INTEGERS = ("client_id", "order_id", "product_id", "product_ccf")
DECIMALS = ("product_price", "product_volume")
STRINGS = ("client_name", "product_description", "point_of_sale_channel")


@dataclass(frozen=True)
class HostileFile:
    """An object to ingest; `note` names what is odd about it."""

    data: bytes
    compressed: bool
    note: str

    def __repr__(self) -> str:
        data = repr(self.data)
        if len(data) > 10_000:
            data = f"{data[:2_000]}...{data[-2_000:]}"  # Hypothesis warns of very long ones
        return f"HostileFile(data={data}, compressed={self.compressed}, note={self.note!r})"


# Cells

GOOD_ROWS = (
    ("1", "Ana", "10", "100", "Lager", "2.5", "6", "0.33", "Retail", "created"),
    ("1", "Ana", "10", "100", "Lager", "2.5", "6", "0.33", "Retail", "delivered"),
    ("2", "Jos\u00e9 \u00d1and\u00fa", "11", "100", "Lager", "0", "1", "1", "B2B", "broken"),
    ("2", "Jos\u00e9", "11", "101", "Caf\u00e9", "12.3456", "24", "0.0001", "Online", "created"),
    ("3", 'O"Hara; Sons, Ltd|x', "12", "102", "Stout", "7.25", "2", "5", "Retail", "delivered"),
)

GOOD_INTEGERS = (
    *("7", " 12", "6.0", "007", "\t3\t", "1.000", "2147483647", "4\r", "000000000000000001"),
    *("5.00000000000000000000000000000000", "1\u00a0", "\u200b1", "1234.000"),
)
GOOD_LARGE_INTEGERS = ("2147483648", "999999999999999999", "999999999999999999.0")
GOOD_DECIMALS = (
    *("2.5", "2.50", "02.5", "1", "99999999.9999", "12.50000000", " 0.3300", "00000001.0"),
    "99999999.99990000000000000000000000",
)
GOOD_STRINGS = (
    *("Ana", "  Ana ", "Ana\t", "Ana, Ltd", "Ana; Ltd", "a|b", "tab\there", 'say "hi"', '"'),
    *("two\nlines", "two\r\nlines", "lone\rreturn", "\nleading", "\n", "\n\u00a0", "back\\slash"),
    *("x\n,,,,,,,,,\ny", ";;;;;;;;;;\r\n", '"\n|||||||||"', ",,,,,,,,,,", "\n" + "\t" * 9, "a;b\n;;;;;;;;"),
    *("\u00a0Ana\u202f", "\u200bAna", "Ana\ufeff\u2007", "An\u00a0a", "\u2060Ana"),
    *('\\"', "\\", "\\N x", "nullable", "NA", "-", "0", "#1", "'quoted'", "=1+1", "ana", "ANA"),
    *("\U0001f37a", "e\u0301", "\u00e9", "\u0130", "\u212a", "x\ufeffx", "a\u2028b", "a\x85b"),
    *("a\x0bb", "a\x0cb", "a\x1cb", "\x01", "\x1a", "\x7f", "\ufffd", "\uffff", "\u20ac", "x\u200bx"),
)
GOOD_STATUSES = (
    *("created", "delivered", "broken", " Created ", "DELIVERED", "broKen", "\tbroken\r"),
    *("Delivered", "\ufeffcreated", "created\u00a0"),
)
MISSING = (
    *("", " ", "\t", "\r", "null", "NULL", " Null ", "none", "None", "nan", "NaN", "n/a", "N/A"),
    *("\\N", "\\n", "  \t ", "\u00a0", " \u200b\ufeff ", "\u202fnull\u2007"),
)
# few and no longer than they must be: each file is read by Spark, too
LONGEST = (" \t\U0001f37a" + "x" * 4095 + "\r ",)
TOO_LONG = ("\U0001f37a" + " " * 4095 + "b",)
BAD_NUMBERS = (
    *("-1", "+1", "-0", "0", "6.5", "6.", ".5", "1e3", "x", "12.34567", "0.00001", "-2.5", "-1.0"),
    *("\u0663", "\uff13", "1_000", "0x10", "1,000", "1.234,50", "1,234.50", "1,2,3", "1,5", "$5"),
    *(
        "inf",
        "-inf",
        "Infinity",
        "true",
        "1 2",
        "1\n",
        "\n1",
        "--1",
        "-",
        ".",
        "1\u00a02",
        "\u20601",
    ),
    *("\x0112", "1\x1f2", "\x0b1", "1d", "1L", "\u00bd", "\u00b2", "1.\u0660", "6.00001", "0.0"),
    *("9" * 18, "9" * 19, "1" + "0" * 29, "0" * 19 + "1", "9" * 20 + ".0", "-" + "9" * 30),
    *("2147483647", "2147483648", "99999999.9999", "99999999.99991", "100000000", "000000001.5"),
    *("100000000.5", "123456789.12345", "1,0", ",5", "5,", "-1,5", "1.5.0", "1.5,0", "n/a n/a"),
    *(
        "1.990",
        "2.000",
        "0.473",
        "1.234.567",
        "1234.567",
        "1,990",
        "01.990",
        "999.999",
        " 12.345 ",
        "1.990,5",
        "-1.990",
    ),
)
TOO_PRECISE = ("12.34567", "0.00001", "99999999.99991", "1.00000000000000000001", "1.50000001")
BAD_STATUSES = (
    *(
        "shipped",
        "create",
        "created.",
        "bro\u212aen",
        "del\u0130vered",
        "created\u2060",
        "crea ted",
    ),
    *("crea\ufeffted", "created\n", "created,", '"created"', "1", "\u0441reated"),
)


def _cells(texts: dict[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(column, text) for column in COLUMNS for text in texts.get(column, ())]


_GOOD_CELLS = _cells(
    {
        **dict.fromkeys(INTEGERS, GOOD_INTEGERS),
        **dict.fromkeys(DECIMALS, GOOD_DECIMALS),
        **dict.fromkeys(STRINGS, GOOD_STRINGS + LONGEST),
        "status": GOOD_STATUSES,
    }
) + _cells(dict.fromkeys(("client_id", "order_id", "product_id"), GOOD_LARGE_INTEGERS))
_BAD_CELLS = _cells(
    {
        **dict.fromkeys(INTEGERS, BAD_NUMBERS + MISSING),
        **dict.fromkeys(DECIMALS, BAD_NUMBERS + TOO_PRECISE * 4 + MISSING),
        **dict.fromkeys(STRINGS, MISSING + TOO_LONG),
        "status": (*BAD_STATUSES, *MISSING, *TOO_LONG),
    }
)


# Spellings: other texts for the same value, so that a row repeated is still a duplicate


def _as_is(_column: str, text: str) -> str:
    return text


def _padded(_column: str, text: str) -> str:
    return f"  {text} "


def _longer(column: str, text: str) -> str:
    whole, _, decimals = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (decimals.isdigit() or not decimals)):
        return f"{text}\t"
    if column in INTEGERS and len(whole) < 18:
        return f"0{text}0" if decimals else f"0{whole}.00"
    if column in DECIMALS:
        return f"0{whole}.{decimals}000" if len(whole) < 8 else f"{whole}.{decimals}0"
    return f"{text}\t"


def _capitals(column: str, text: str) -> str:
    return f" {text.title()} " if column == "status" else text


Spelling = Callable[[str, str], str]
SPELLINGS: tuple[Spelling, ...] = (_as_is, _padded, _longer, _capitals)


# Quoting: from a cell's text to what stands in the file


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _where_needed(text: str) -> str:
    needed = any(char in text for char in ',;|\t"\r\n')
    return _quoted(text) if needed else text


def _spaces_around_quotes(text: str) -> str:
    return f"  {_quoted(text)} "


def _quote_in_the_middle(text: str) -> str:
    return text + '"x"' if text == _where_needed(text) else _where_needed(text)


def _backslash_quote(text: str) -> str:
    return f'"{text}\\""'


def _space_then_quote_letters(text: str) -> str:
    return f'x "{text}"'


def _letters_after(text: str) -> str:
    return f"{_quoted(text)}x"


def _space_and_letters_after(text: str) -> str:
    return f'{_quoted(text)} "x"'


def _break_and_letters_after(text: str) -> str:
    return f"{_quoted(text + chr(10))}x"


def _tab_after(text: str) -> str:
    return f"{_quoted(text)}\t"


def _return_after(text: str) -> str:
    return f"{_quoted(text)}\r"


def _backslash_escapes(text: str) -> str:
    return f'"{text}\\"{text}"'


def _tab_before(text: str) -> str:
    return f"\t{_quoted(text)}"


def _never_closed(text: str) -> str:
    return f'"{text}'


def _raw(text: str) -> str:
    return text


Quoting = Callable[[str], str]
GOOD_QUOTING: tuple[Quoting, ...] = (_where_needed, _quoted, _spaces_around_quotes)
BAD_QUOTING: tuple[Quoting, ...] = (
    _letters_after,
    _quote_in_the_middle,
    _space_then_quote_letters,
    _break_and_letters_after,
    _space_and_letters_after,
    _backslash_quote,
    _backslash_escapes,
    _tab_before,
    _tab_after,
    _return_after,
    _raw,
)


# Rows


class _Row(NamedTuple):
    """One row to be: cells first, then how they are written."""

    base: Sequence[str] | None = None  # None: the cells of the row before
    edits: Sequence[tuple[str, str]] = ()
    spelling: Spelling = _as_is
    quoting: Quoting = _where_needed
    odd_column: int = 0
    odd_quoting: Quoting | None = None  # for the odd column alone
    dropped: int = 0  # fields missing at the end
    tail: str = ""  # delimiters too many, as commas


def _mostly(usual: _T, times: int, others: Sequence[_T]) -> st.SearchStrategy[_T]:
    """`usual` `times` times as often as any one of `others`."""
    return st.sampled_from([usual] * times + list(others))


def _rows(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[_Row]:
    return st.fixed_dictionaries(fields).map(lambda drawn: _Row(**drawn))


_quotings = _mostly(_where_needed, 6, GOOD_QUOTING)
_plain_rows = _rows(base=st.sampled_from(GOOD_ROWS), quoting=_quotings)
_repeated_rows = _rows(spelling=st.sampled_from(SPELLINGS), quoting=_quotings)
_edited_rows = _rows(
    base=st.sampled_from(GOOD_ROWS),
    edits=st.lists(st.sampled_from(_GOOD_CELLS), min_size=1, max_size=3),
    quoting=_quotings,
)
_bad_cells_rows = _rows(
    base=st.sampled_from(GOOD_ROWS),
    edits=st.lists(st.sampled_from(_BAD_CELLS), min_size=1, max_size=2),
    quoting=_quotings,
)
_bad_quotes_rows = _rows(
    base=st.sampled_from(GOOD_ROWS),
    edits=st.lists(st.sampled_from(_GOOD_CELLS), max_size=1),
    odd_column=st.integers(0, 20),
    odd_quoting=st.sampled_from(BAD_QUOTING),
)
_bad_shape_rows = _rows(
    base=st.sampled_from(GOOD_ROWS),
    dropped=st.sampled_from([1, 0, 2, 9, 20]),
    tail=st.sampled_from(["", ",", ",,,", ", ", ",x", ',""']),
)
_junk_lines = st.sampled_from(
    [
        *("x", '"x', '"', '""', '"" ', '" ', '"x"y', ' "x" ', "\r", "\x0b", "\u00a0", "\ufeff"),
        *(",", ",,,,,,,,,", ";;;;;;;;;", "|||||||||", '"a\nb"x,"c', "# note", "\\.", "\x1a", "--"),
        *(",".join(COLUMNS), '""""', "'", " ,\t,", '"a"\t', '"a"\r', '"\r\n', "\r\r"),
    ]
)
_blank_lines = st.sampled_from(["", " ", "\t", " \t ", "\t\t\t\t\t\t\t\t\t", "\n \n"])


class _Cells(NamedTuple):
    """A line of one cell again and again, as many as the header has or that many more: blank ones are no record."""

    cell: str = ""
    more: int = 0


class _HeaderAgain(NamedTuple):
    """The header within the file, as it stands or turned by so many places."""

    turn: int = 0
    cell: str = ""  # one more
    style: Callable[[str], str] = str


_cells_again = st.builds(
    _Cells,
    cell=st.sampled_from(
        ["", "", " ", "\t", "\u00a0", "\u200b\ufeff", '""', ' " " ', '"\u202f"', "null", '"\n"', '"', "x"]
    ),
    more=st.sampled_from([0, 0, 0, -1, 1, -9, 10]),
)
_headers_again = st.builds(
    _HeaderAgain,
    turn=st.sampled_from([0] * 6 + [1, 3]),
    cell=st.sampled_from(["", "", "", "x", '"a\nb"', "\u00e9"]),
    style=st.sampled_from([str, str, str.upper, str.title, lambda name: f' "{name}" ', lambda name: f"\u00a0{name}\t"]),
)

_Line = _Row | _Cells | _HeaderAgain | str
_Lines = st.SearchStrategy[_Line]


def _lines(weights: Sequence[tuple[_Lines, int]]) -> _Lines:
    """Lines of several kinds, by weight; `st.one_of` would take every kind but once."""
    numbers = [number for number, (_, weight) in enumerate(weights) for _ in range(weight)]
    return st.sampled_from(numbers).flatmap(lambda number: weights[number][0])


_calm: list[tuple[_Lines, int]] = [
    (_plain_rows, 8),
    (_edited_rows, 8),
    (_repeated_rows, 5),
    (_blank_lines, 2),
    (_cells_again, 1),
]
_bad: list[tuple[_Lines, int]] = [
    (_bad_cells_rows, 3),
    (_bad_quotes_rows, 2),
    (_bad_shape_rows, 1),
    (_junk_lines, 1),
    (_headers_again, 1),
]
_calm_lines = _lines(_calm)
_mixed_lines = _lines([*_calm, *_bad])
_rough_lines = _lines([*_calm, *((kind, 3 * weight) for kind, weight in _bad)])


def _bodies_of(lines: _Lines) -> st.SearchStrategy[list[_Line]]:
    sizes = ((0, 3), (3, 8), (6, 12), (12, 20))
    return st.one_of([st.lists(lines, min_size=low, max_size=high) for low, high in sizes])


_bodies = {
    "calm": _bodies_of(_calm_lines),
    "mixed": _bodies_of(_mixed_lines),
    "rough": _bodies_of(_rough_lines),
}


# Headers


class _Layout(NamedTuple):
    """The header's names; a column whose lower-case name is no required one is an extra."""

    names: tuple[str, ...]
    note: str = ""


_EXTRA_NAMES = (
    *("notes", "", "Notes", " two words ", "client", "client_id2", "\u00fcml\u00e4ut", "a,b"),
    *("a;b", '"', "line\nbreak", "total_price", "source_file", "record", "c\u013aient_id", "\ufeff"),
)
_EXTRA_CELLS = ("", "x", 'say "hi"', "12", "two\nlines", "a,b", "null", " ", "\U0001f37a", "x\r")


def _shout(name: str) -> str:
    return f" {name.upper()}\t"


_RESTYLED = (
    *(str.upper, str.title, str.capitalize, _shout),
    *(lambda name: f"{name} ", lambda name: f"{name}\r", lambda name: f"\u00a0{name}\u200b"),
)


_GOOD_LAYOUTS = ("turned", "shuffled", "extras", "extras", "case")


@st.composite
def _layouts(draw: st.DrawFn) -> _Layout:
    names = list(COLUMNS)
    note = draw(_mostly("", 12, [*_GOOD_LAYOUTS, *_GOOD_LAYOUTS, "broken"]))
    if note == "turned":
        turn = draw(st.integers(1, 9))
        names = names[turn:] + names[:turn]
    elif note == "shuffled":
        names = draw(st.permutations(names))
    elif note == "extras":
        extras = st.tuples(st.integers(0, 10), st.sampled_from(_EXTRA_NAMES))
        for position, name in draw(st.lists(extras, min_size=1, max_size=3)):
            names.insert(position, name)
    elif note == "case":
        restyle = draw(st.sampled_from(_RESTYLED))
        names = [restyle(name) for name in names]
    elif note == "broken":
        position = draw(st.integers(0, 9))
        match draw(st.sampled_from(["missing", "twice", "other", "dotted", "no-break", "comma"])):
            case "missing":
                del names[position]
            case "twice":
                names.append(names[position].upper())
            case "other":
                names[position] += "x"
            case "dotted":
                names = [name.replace("i", "\u0130") for name in names]
            case "no-break":
                names[position] = names[position].replace("_", "_\u00a0")
            case "comma":
                names = [",".join(names)]
    return _Layout(tuple(names), note)


# Files


def _write_row(row: _Row, cells: dict[str, str], layout: _Layout, dialect: "_Dialect") -> str:
    written = []
    for position, name in enumerate(layout.names):
        column = name.strip(" \t\r\u00a0\u200b").lower()
        if column in cells:
            text = row.spelling(column, cells[column])
            if dialect.comma and column in DECIMALS:
                text = text.replace(".", ",")
        else:
            text = _EXTRA_CELLS[(position + row.odd_column) % len(_EXTRA_CELLS)]
        odd = row.odd_quoting is not None and position == row.odd_column % len(layout.names)
        quoting = row.odd_quoting if odd and row.odd_quoting else row.quoting
        written.append(quoting(text))
    written = written[: max(1, len(written) - row.dropped)] if row.dropped else written
    return dialect.delimiter.join(written) + row.tail.replace(",", dialect.delimiter)


class _Dialect(NamedTuple):
    delimiter: str = ","
    comma: bool = False  # write decimal commas
    line_ends: tuple[str, ...] = ("\n",)  # in turn
    last_end: str | None = None  # None: as the others
    before_header: str = ""
    header_quoting: Quoting = _where_needed


_delimiters = st.sampled_from(
    [
        *([(",", False)] * 8 + [(";", False)] * 3 + [(";", True)] * 4),
        *([("\t", False)] * 2 + [("|", False)] * 2 + [("\t", True), ("|", True)]),
    ]
)
_line_ends = st.sampled_from(
    [
        *(("\n",), ("\n",), ("\n",), ("\r\n",), ("\r\n",), ("\n", "\r\n")),
        ("\n", "\n", "\n", "\r\n", "\r\n", "\n"),
    ]
)
_last_ends = _mostly(None, 8, ["", "", "", "\n \n\t", "\r\n\r\n", "\n\n", " ", "\r", "\n\r"])
# "@" is the delimiter
_before_headers = _mostly(
    "",
    24,
    [
        *("\n", " \t\r\n", "\n\n", " ", "\r\n", "\r", "@@@@\n", "\u00a0@\n", '""@\n', "sep=@\n", "SEP=@\r\n"),
        *("\nsep=@ \n\n", "sep=;\n", "sep=^\n", "sep=@@\n", "@sep=@\n", "title\n", "title@@\n"),
    ],
)
_header_quotings = _mostly(_where_needed, 40, [_quoted, _quoted, _quoted, _spaces_around_quotes, _tab_after])


@st.composite
def _dialects(draw: st.DrawFn) -> _Dialect:
    delimiter, comma = draw(_delimiters)
    return _Dialect(
        delimiter=delimiter,
        comma=comma,
        line_ends=draw(_line_ends),
        last_end=draw(_last_ends),
        before_header=draw(_before_headers),
        header_quoting=draw(_header_quotings),
    )


def _write_odd(line: _Cells | _HeaderAgain | str, layout: _Layout, dialect: _Dialect) -> str:
    if isinstance(line, str):
        return line
    if isinstance(line, _Cells):
        return dialect.delimiter.join([line.cell] * max(1, len(layout.names) + line.more))
    names = [line.style(name) for name in (*layout.names[line.turn :], *layout.names[: line.turn])]
    return dialect.delimiter.join([*names, *filter(None, [line.cell])])


def _write(lines: Sequence[_Line], layout: _Layout, dialect: _Dialect) -> str:
    header = dialect.delimiter.join(dialect.header_quoting(name) for name in layout.names)
    written = [dialect.before_header.replace("@", dialect.delimiter) + header]
    cells = dict(zip(COLUMNS, GOOD_ROWS[0], strict=True))
    for line in lines:
        if not isinstance(line, _Row):
            written.append(_write_odd(line, layout, dialect))
            continue
        if line.base is not None:
            cells = dict(zip(COLUMNS, line.base, strict=True)) | dict(line.edits)
        written.append(_write_row(line, cells, layout, dialect))
    ends = [dialect.line_ends[n % len(dialect.line_ends)] for n in range(len(written))]
    if dialect.last_end is not None:
        ends[-1] = dialect.last_end
    return "".join(line + end for line, end in zip(written, ends, strict=True))


_ENCODERS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "bom": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "utf-16-le": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16-be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "cp1252": lambda text: text.encode("cp1252", "replace"),
    "bom, cp1252": lambda text: b"\xef\xbb\xbf" + text.encode("cp1252", "replace"),
    "two boms": lambda text: b"\xef\xbb\xbf" * 2 + text.encode(),
    "utf-16, odd": lambda text: b"\xff\xfe" + text.encode("utf-16-le") + b"\n",
    "utf-16, lone surrogate": lambda text: b"\xfe\xff" + text.encode("utf-16-be") + b"\xd8\x00",
    "utf-16 without bom": lambda text: text.encode("utf-16-le"),
    "utf-32": lambda text: b"\xff\xfe\x00\x00" + text.encode("utf-32-le"),
}
_encodings = st.sampled_from(
    [
        *(["utf-8"] * 70 + ["bom"] * 15 + ["utf-16-le"] * 12 + ["utf-16-be"] * 12 + ["cp1252"] * 25),
        *_ENCODERS,
    ]
)

_PIECES = (
    *(b"", b",", b";", b"|", b"\t", b'"', b'""', b"\n", b"\r\n", b"\r", b" ", b"\\", b"\\N", b"1"),
    *(b".", b"-", b"\x01", b"\x0b", b"\x0c", b"\x1a", b"\xa0", b"\xc2\xa0", b"\xc2\x85", b"'"),
    *(b'","', b'"\n"', b"\n\n", b"\n \n", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xd9\xa3"),
)
_BROKEN_UTF8 = (
    *(b"\xe9", b"\xff", b"\x80", b"\xc3", b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d", b"\xc0\xaf"),
    *(b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x93quoted\x94"),
)


class _Edit(NamedTuple):
    position: int  # from the end
    removed: int
    inserted: bytes


def _edit_bytes(data: bytes, edits: Sequence[_Edit]) -> bytes:
    for position, removed, inserted in edits:
        at = len(data) - position % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    return data


def byte_edits(pieces: Sequence[bytes], *, max_size: int = 3) -> st.SearchStrategy[list[_Edit]]:
    """One edit or more: at a random position some bytes are replaced by one of `pieces`."""
    edits = st.builds(
        _Edit,
        position=st.integers(0, 1_000),
        removed=st.sampled_from([0, 0, 1, 2, 10]),
        inserted=st.sampled_from(list(pieces)),
    )
    return st.lists(edits, min_size=1, max_size=max_size)


def _two_members(data: bytes) -> bytes:
    half = len(data) // 2
    members = (data[:half], b"", data[half:])
    return b"".join(gzip.compress(member, mtime=0) for member in members)


_GZIPS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip, members": _two_members,
    "gzip, truncated": lambda data: gzip.compress(data, mtime=0)[: -9 - len(data) // 20],
    "gzip, no checksum": lambda data: gzip.compress(data, mtime=0)[:-8],
    "gzip, wrong checksum": lambda data: _edit_bytes(gzip.compress(data, mtime=0), [_Edit(8, 4, b"oops")]),
    "gzip, garbage behind": lambda data: gzip.compress(data, mtime=0) + b"garbage",
    "gzip, second member truncated": lambda data: _two_members(data)[:-1],
    "gzip, not one": lambda data: data,
    "gzip, twice": lambda data: gzip.compress(gzip.compress(data, mtime=0), mtime=0),
}
_packings = st.sampled_from([""] * 160 + ["gzip"] * 8 + ["gzip, members"] * 8 + list(_GZIPS))

_junk_files = st.sampled_from(
    [
        *(b"", b"\n", b" \t\r\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf\r\n"),
        *(b"\x00", b"\n\x00", b"\xff\xfe\n\x00", b"\xff\xfe\n", b"\xff", b"\x1f\x8b\x08", b"\r", b'"'),
        *(b'""', b"{}", b"<html>\n", b"PK\x03\x04\x14\x00\x08\x00", b"PAR1\x15\x04\x15"),
        *(",".join(COLUMNS).encode(), ";".join(COLUMNS).encode() + b"\n\n", bytes(range(256))),
    ]
)
_junk = st.builds(HostileFile, _junk_files, st.sampled_from([False, False, True]), st.just("junk"))
_moods = st.sampled_from(["calm"] * 4 + ["mixed"] * 6 + ["rough"] * 2)
_damages = st.sampled_from(
    [
        *([""] * 60 + ["bytes"] * 8 + ["broken utf-8"] * 4 + ["unclosed quote"] * 2),
        *("long field", "nul", "junk", "junk", "junk"),
    ]
)


@st.composite
def orders_files(draw: st.DrawFn) -> HostileFile:
    """Orders files, most of them mostly good, each with oddities of its own."""
    damage = draw(_damages)
    if damage == "junk":
        return draw(_junk)
    mood = draw(_moods)
    lines = draw(_bodies[mood])
    layout = draw(_layouts())
    dialect = draw(_dialects())
    encoding = draw(_encodings)

    if damage == "long field":
        text = draw(st.sampled_from(["x" * 100_000, "two\nlines" + "y" * 100_000, '"' * 100_000]))
        column = draw(st.sampled_from(STRINGS + DECIMALS))
        text = text if column in STRINGS else "1." + "0" * 100_000
        lines.append(_Row(GOOD_ROWS[0], [(column, text)]))
    elif damage == "unclosed quote":
        quoting = draw(st.sampled_from([_never_closed, _backslash_quote]))
        column = draw(st.integers(0, 9))
        position = draw(st.integers(0, len(lines)))
        row = _Row(GOOD_ROWS[0], odd_column=column, odd_quoting=quoting)
        lines.insert(max(position, len(lines) - 2), row)

    data = _ENCODERS[encoding](_write(lines, layout, dialect))
    if damage == "bytes":
        data = _edit_bytes(data, draw(byte_edits(_PIECES)))
    elif damage == "broken utf-8":
        data = _edit_bytes(data, draw(byte_edits(_BROKEN_UTF8, max_size=1)))
    elif damage == "nul":
        data = _edit_bytes(data, draw(byte_edits([b"\x00", b"1\x0012"], max_size=1)))

    packing = draw(_packings)
    if packing:
        data = _GZIPS[packing](data)
    odd = [layout.note and f"header {layout.note}", damage, packing]
    note = ", ".join([mood, encoding, repr(dialect.delimiter), *filter(None, odd)])
    return HostileFile(data, bool(packing), note)
