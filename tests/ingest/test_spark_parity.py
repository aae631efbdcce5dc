"""The same files through DuckDB, through Spark and through the oracle: equal to the last digit, reasons included."""

import gzip
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, COLUMNS, DELIMITERS, ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow
from duff_orders.engines.spark import transform as on_spark
from duff_orders.ingest import canonical
from duff_orders.lake import layout, partners
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.lake.stores.base import names
from duff_orders.lake.tables import create_views
from duff_orders.local import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process, run
from duff_orders.models.build import build
from tests import hostile
from tests.agreement import assert_agrees
from tests.cases import CASES, data_of
from tests.effort import beyond, examples, thinned
from tests.hostile import HostileFile, orders_files
from tests.lakes import NOON, ingest, open_lake, rows
from tests.oracle import judge
from tests.partners import Said, as_toml, files, profiles

# Py4J leaves the sockets of its ended threads to the garbage collector.
pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.xdist_group("spark-parity"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

MASTER = "local[2]"
ENGINES = ("duckdb", "spark")
EXAMPLES = int(os.environ.get("DUFF_PARITY_EXAMPLES") or examples(30))
HEADER = ",".join(COLUMN_NAMES)
PLAIN = {
    "client_id": "1",
    "client_name": "Barney",
    "product_id": "100",
    "product_description": "Duff Lager",
    "product_price": "2.50",
    "product_ccf": "6",
    "product_volume": "0.33",
    "point_of_sale_channel": "Moe's",
    "status": "created",
}


# Files by hand


def csv(
    *lines: str | dict[str, str],
    header: str | None = None,
    delimiter: str = ",",
    names: Sequence[str] = COLUMN_NAMES,
    ends: Sequence[str] = ("\n",),
    last: str | None = None,
) -> str:
    """A file: a line as it stands, or a plain record of its own `order_id` with other cells, as they are written."""
    written = [delimiter.join(names) if header is None else header]
    for place, line in enumerate(lines, 1):
        if isinstance(line, str):
            written.append(line)
        else:
            cells = {"order_id": str(place)} | PLAIN | line
            written.append(delimiter.join(cells.get(name, "x") for name in names))
    closed = [line + ends[place % len(ends)] for place, line in enumerate(written)]
    if last is not None:
        closed[-1] = written[-1] + last
    return "".join(closed)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def cell(text: str, delimiter: str) -> str:
    return quoted(text) if any(letter in text for letter in f'{delimiter}"\n') else text


def every_text(delimiter: str, *, breaks: bool) -> str:
    """Every text of the pools in every column, a record each; good ones too, so that no column is without a value."""
    numbers = (*hostile.GOOD_INTEGERS, *hostile.GOOD_LARGE_INTEGERS, *hostile.GOOD_DECIMALS, *hostile.BAD_NUMBERS)
    texts = {
        "integer": (*numbers, *BOUNDS, *hostile.MISSING),
        "number": (*numbers, *BOUNDS, *hostile.TOO_PRECISE, *hostile.MISSING),
        "text": (*hostile.GOOD_STRINGS, *TEXTS, *hostile.MISSING),
        "status": (*hostile.GOOD_STATUSES, *hostile.BAD_STATUSES, *hostile.MISSING),
    }
    pairs = [(column.name, text) for column in COLUMNS for text in texts[column.kind]]
    lines = [{name: cell(text, delimiter)} for name, text in pairs if breaks or "\n" not in text]
    return csv(*lines, *[{} for _ in lines], delimiter=delimiter)


#: Numbers at the bounds, and beside what engines cast.
BOUNDS = (
    *("9" * 18, "9" * 19, "1" + "0" * 18, "0" * 18, "0" * 17 + "1", "99999999", "100000000", "012345678"),
    *("2147483647", "2147483648", "2147483647.0", "2147483648.00", "0.0000", "0.0001", "0.00009", "00000000"),
    *("-0", "-0.0", "-", "--0", "+0", "1e3", "1E3", "1e-3", "1.", ".1", "1..0", "1.0.0", "1_0", "0x1", "0b1", "1f"),
    *("\u0663", "\uff11", "1\u0663", "\u00a01", "1\u00a0", "\u20091", "1\u200b", "\x0c1", "1\x0b", "NaN", "inf", "1 0"),
    *(
        "1.50000",
        "1.50001",
        "1.5000000000000000000000000000000000000000000000",
        "2,5",
        "2,50",
        "1.234,50",
        "6,0",
        "6.,0",
    ),
)
#: Texts beside the spellings of null, and what engines take for something else.
TEXTS = (
    *("n", "N", "nu", "nul", "null.", "nulls", "none!", "nan1", "n/a/", "n/A ", "\\N", "\\n", "\\", "\\N\\N", "\\0"),
    *("N\u00fa\u00f1ez", "nullnull", "~", "a~b", "~~~~~", "\u00a0null", "null\u00a0", "nu ll", "no"),
    *("'", "''", "`", "$1", "${x}", "%s", "\\u0041", "\\x41", "\\t", "a\u0301\u0327", "\U0001f469\u200d\U0001f4bb"),
    *("\U00010000\U0010ffff", "\ufffd", "\ufffd\ufffd", "\u0085", "\u2028\u2029", "\u3000", "\u1680x", "I\u0307"),
    *("\x01\x02", "\x1c\x1d\x1e\x1f", "\x08", "\x7f", "\u00ad", "\u202eabc", "\ud7ff\ue000", "\ufeff", "abcd", "abcde"),
)

FAR = 70_000  # bytes: behind the head, from which the encoding is told
FAR_LINES = tuple({"client_name": f"Barney Gumble {number}"} for number in range(1000))

MIXED_ENDS = csv(
    {"client_name": "lone\rreturn"},
    {"client_name": "\rlead", "status": "created\r"},
    {"client_id": "\r7\r"},
    *("", " ", "\t", " \t \t", "\r", "\r\r", " \r"),
    {},
    {"status": "broken\r\r"},
    {"status": '"broken"'},
    {"status": '"broken" '},
    {"status": '"broken"\r'},
    {"status": '"broken"\r\r'},
    {"status": ""},
    ends=("\n", "\r\n", "\r\n"),
)
QUOTES = (
    {"client_name": '"a,b"'},
    {"client_name": '  "spaces, around"   '},
    {"client_name": '""'},
    {"client_name": '""""'},
    {"client_name": '"say ""hi"""'},
    {"client_name": 'say "hi"'},
    {"client_name": 'x"'},
    {"client_name": '"x"y'},
    {"client_name": '"x" y'},
    {"client_name": '"x"\t'},
    {"client_name": '\t"x"'},
    {"client_name": '"x\\"'},
    {"client_name": '"x\\"y"'},
    {"client_name": '"x" "y"'},
    {"client_name": '"x""y"z,"'},
    {"client_name": ' "  inner  " '},
    {"client_id": '"1"', "order_id": ' "77" ', "product_price": '"2.50"', "status": '"DELIVERED"'},
    {"status": '"created"x'},
    {"status": '"created" "x'},
    {"client_id": '"1"x'},
    {"product_price": '"2""50"', "client_name": '"""quoted"""'},
    {"client_name": f'"{chr(34) * 2 * 5000}"'},
    {"client_name": f'"{chr(34) * 2 * 5000}"x'},
    {"client_name": '""' * 3000},
    '""x',
    *(
        ",,,,,,,,,",
        ",,,,,,,,",
        ",,,,,,,,,,",
        ",",
        '""',
        "x",
        '"x"',
        ' "x" ',
        "'x'",
        f"{HEADER},",
        HEADER,
        HEADER.upper(),
    ),
    *(f"1,{'x' * 300}", "1,2,3,4,5,6,7,8,9,created,", '1,Moe,900,1,"a,b,c",1,1,1,Retail,created'),
)
GOOD_ENOUGH: tuple[dict[str, str], ...] = ({},) * 30
BREAKS = (
    {"client_name": '"two\nlines"'},
    {"client_name": '"two\r\nlines"'},
    {"client_name": '"lone\rreturn"'},
    {"client_name": '"\n\n  \n\t\n"', "client_id": '"1\n"'},
    {"client_name": ' "a\nb" ', "product_description": '"c\n""d"""'},
    {"client_name": '"a\nb"', "status": '"crea\nted"'},
    {"client_name": '"a\nb"x'},
    '1,"too few\nfields"',
    '1,"too\r\nmany",1,1,"x\n",1,1,1,"Ret\nail",created,,',
    {"client_name": f'"{HEADER}\n{HEADER}"'},
    {"client_name": '"a\n\n"', "status": "shipped"},
    "",
    *("{}", "x\r"),
)
REPEATS = [
    {"order_id": "1"},
    {"order_id": "1"},
    {"order_id": "01", "product_price": "2.5"},
    {"order_id": " 1 ", "product_price": "02.500", "client_name": "  Barney\t"},
    {"order_id": "1.0", "product_price": "2.500000000", "product_volume": "0.3300", "status": " CREATED "},
    {"order_id": '"1"', "client_name": ' "Barney" '},
    {"order_id": "1", "status": "delivered"},
    {"order_id": "1", "status": "Delivered"},
    {"order_id": "1", "client_name": "barney"},
    {"order_id": "1", "client_name": "Barney\u00a0"},
    {"order_id": "1", "product_ccf": "7"},
    {"order_id": "1", "product_id": "101"},
    {"order_id": "1", "status": "no"},
    {"order_id": "1", "status": "no"},
    *({"order_id": str(number % 20)} for number in range(60)),
]
EXTRAS = ("Note", *reversed(COLUMN_NAMES[:5]), "", "NOTE", *COLUMN_NAMES[5:], "último")
BIG = 1_000_000


def windows(text: str) -> bytes:
    return text.encode("cp1252")


def like_data(delimiter: str) -> list[str | dict[str, str]]:
    """Lines that have the shape of records, and are none, or are none to publish; and good records between them."""
    blanks = ["", " ", "\t", "\u00a0", "\u200b\ufeff", '""', '" "']
    cells = [delimiter.join([blank] * number) for blank in blanks for number in (10, 2, 12)]
    header = delimiter.join(COLUMN_NAMES)
    more = delimiter.join((*COLUMN_NAMES, "more"))
    return [*cells[:9], {}, header, *cells[9:], {"client_name": "null"}, more, {}, *[{}] * 6, *cells]


def few_bad_bytes() -> bytes:
    """Records of which some hold bytes that are no text, fewer than there are characters of several bytes."""
    letters = {"client_name": "Peña Núñez ñandú €€€€€€€€€€"}
    lines = [
        b"1,A\xf1a,900,1,x,1,1,1,y,created\n",
        b'1,"a\n\xe2\x82",901,1,x,1,1,1,y,created\r\n',
        b'1,"\xff"x\n',
        b"\xff\n",
    ]
    return csv(letters, letters, {}, {}, {}, names=COLUMN_NAMES).encode() + b"".join(lines) + b"1,2\n\xc3"


FILES: dict[str, bytes] = {
    "line ends of all kinds": MIXED_ENDS.encode(),
    "return as the last byte": csv({}, {}, last="\r").encode(),
    "no last line end": csv({}, {}, ends=("\r\n",), last="").encode(),
    "a header alone that ends as on Windows": f"{HEADER}\r\n{csv({}, {}).partition(chr(10))[2]}".encode(),
    "a header alone that does not end as on Windows": csv({}, {}, ends=("\r\n",)).replace("\r", "", 1).encode(),
    "blank lines around, header not ended": f"\n \t\r\n\t\n{HEADER}".encode(),
    "header only, blank lines behind": f"\r\n{HEADER}\r\n\n \n\t".encode(),
    "header only, return at the end": f"{HEADER}\r".encode(),
    "blank lines before the header": ("\n \n\r\n\t" + "\n" + csv({}, HEADER, {}, last="\n \t\n ")).encode(),
    "tab": csv(
        {},
        "\t" * 9,
        "\t" * 8,
        "\t" * 10,
        " \t" * 9,
        {"client_name": " tabs "},
        {"client_name": '"a\tb"'},
        {"client_name": "", "status": "x"},
        "x" + "\t" * 9,
        "\t" * 9 + "x",
        delimiter="\t",
        ends=("\n", "\r\n"),
        last="\n\t\t\n" + "\t" * 9,
    ).encode(),
    "pipe": csv(*GOOD_ENOUGH, *QUOTES, {"client_name": "a\\|b"}, '1|"a|b"|3', delimiter="|").encode(),
    "semicolon, every text": every_text(";", breaks=False).encode(),
    "semicolon, every text, over lines": every_text(";", breaks=True).encode(),
    "comma, every text": every_text(",", breaks=False).encode(),
    "comma, every text, over lines": every_text(",", breaks=True).encode(),
    "tab, every text": every_text("\t", breaks=False).encode(),
    "quotes": csv(*QUOTES, *GOOD_ENOUGH).encode(),
    "quotes, over lines": csv(*QUOTES, *BREAKS, *GOOD_ENOUGH).encode(),
    "line breaks in quotes": csv(*BREAKS, {}, {}, {}, ends=("\n", "\r\n")).encode(),
    "byte order mark": b"\xef\xbb\xbf"
    + csv({"client_name": "\ufeff"}, "x", header=",".join(map(quoted, COLUMN_NAMES)), ends=("\r\n",)).encode(),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + csv({}).encode(),
    "utf-16 le": b"\xff\xfe" + csv({"client_name": "\U0001f37a"}, *BREAKS, {}, {}, {}, {}).encode("utf-16-le"),
    "utf-16 be": b"\xfe\xff" + csv({"client_name": "\u2028e\u0301"}, "x", {}, ends=("\r\n",)).encode("utf-16-be"),
    "utf-16, odd": b"\xff\xfe" + csv({}).encode("utf-16-le") + b"\n",
    "windows-1252 by the head": windows(
        csv({"client_name": "José \u201cÑ\u201d €"}, {"client_name": "x\u00a0"}, {"status": "é"}, {}, ends=("\r\n",))
    )
    + b'1,\x81\x8d\x8f\x90\x9d,900,1,\x80\x9f\xa0\xff,1,1,1,\xe9"\xe9,created\n1,\xe9\n1,"\xe9"\xe9,\xe9\n',
    "windows-1252 behind the head": csv(
        *FAR_LINES, {"client_name": "José", "x": "é"}, names=(*COLUMN_NAMES, "é")
    ).encode()
    + b"1,\x93\xe9\x81,2000,1,x,1,1,1,y,created,\xe9\r\n",
    "windows-1252 behind the head, over lines": b"\xef\xbb\xbf"
    + csv(*FAR_LINES, {"client_name": '"a\nb"'}, names=(*COLUMN_NAMES, "é")).encode()
    + b'1,"\xe9\n\x81",2000,1,x,1,1,1,y,created,\xe9\r\n',
    "not utf-8 before quotes": csv(*FAR_LINES).encode()
    + b'1,\xe9",2000,1,"\xf0",1,1,1,\xe2\x82,created\n\xe9\n\xe9"\n\xf0\x9f"x,"\xc3\n" \xff"\n'
    + b"\xed\xa0\x80,\xc0\xaf\n\xe9",
    "windows-1252 at the last byte": csv({}, {}, last="\r").encode() + b"\n1,Moe,9,1,x,1,1,1,Retail,created\n\xc3",
    "nul": csv(*FAR_LINES).encode() + b"1,\x00,1\n",
    "nul and not utf-8": csv(*FAR_LINES).encode() + b"1,\xe9\x00,1\n",
    "nul in a quoted line break": csv(*FAR_LINES, {"client_name": '"a\nb"'}).encode() + b'1,"\x00\n",1\n',
    "unclosed at the end": csv({}, "x", {"status": '"created'}).encode(),
    "unclosed, not the last line": csv({}, {"client_name": '"never', "status": "x"}, {}, "", "x", last="").encode(),
    "unclosed and closed later": csv({}, {"client_name": '"never'}, {"client_name": 'closed"'}, {}, {}, "x").encode(),
    "a lone quote": csv({}, '"', last="").encode(),
    "doubled quote at the end": csv({}, {"status": '"created""'}, last="").encode(),
    "extra columns": csv(
        {"Note": '"a,b"', "NOTE": " ", "último": '"x""y"'},
        {"": '"x"y'},
        {"Note": ""},
        "1,2",
        {},
        names=EXTRAS,
    ).encode(),
    "extra columns, over lines": csv({"Note": '"a\n\nb"', "último": '"\n"'}, {"": '"x\ny"'}, names=EXTRAS).encode(),
    "header with a line break": csv({}, {}, header=f'"No\nte",{HEADER.upper()}', names=("N", *COLUMN_NAMES)).encode(),
    "header with blanks": csv({}, HEADER, {}, header=",".join(f' "\t{n.title()} "' for n in COLUMN_NAMES)).encode(),
    "header with a column twice": csv({}, names=(*COLUMN_NAMES, "Status")).encode(),
    "header with a column missing": csv({}, names=COLUMN_NAMES[1:]).encode(),
    **{
        f"what looks like data, delimiter {delimiter!r}": csv(*like_data(delimiter), delimiter=delimiter).encode()
        for delimiter in DELIMITERS
    },
    "what looks like data, over lines": (
        csv(*like_data(","), {"client_name": '"a\nb"'}, *like_data(","), {"status": "x"}, ends=("\n", "\r\n")).encode()
    ),
    "what looks like data, utf-16": b"\xff\xfe" + csv(*like_data("|"), delimiter="|").encode("utf-16-le"),
    "a second header at the end": csv(*GOOD_ENOUGH[:3], HEADER, last="").encode(),
    "a second header at once": csv(HEADER.upper(), *GOOD_ENOUGH[:3]).encode(),
    "a second header in another order": csv({}, "", ",".join(reversed(COLUMN_NAMES)), {}, "x").encode(),
    "a second header in another order, over lines": csv(
        {"client_name": '"a\n\nb"'}, ",".join(quoted(name) for name in (*COLUMN_NAMES[1:], "client_id")), {}
    ).encode(),
    "a second header with more fields, extra columns": csv(
        {}, ",".join((*EXTRAS, "x")), ",".join(("", *EXTRAS)), {}, {}, {}, names=EXTRAS
    ).encode(),
    "the delimiter named": f"\n\u00a0SEP=;\t\r\n{csv({'product_price': '2,50'}, {}, 'x', delimiter=';')}".encode(),
    "few bytes that are no text": few_bad_bytes(),
    "few bytes that are no text, behind the head": csv(*FAR_LINES, {"client_name": "ñandú"}).encode() + few_bad_bytes(),
    "few bytes that are no text, in the header": b"N\xf1,"
    + csv({}, {"client_name": "ñandú"}, names=COLUMN_NAMES).encode()
    + b"x,"
    + csv({}).encode().partition(b"\n")[2],
    "as many bytes that are no text": csv({}, {"client_name": "ñ"}).encode() + b"1,\xff,1\n",
    "blank records alone": csv(*["," * 9] * 5, *['""' + ',""' * 9] * 3).encode(),
    "lines swallowed": csv(
        {"client_name": f'"{HEADER}\n{"," * 9}x"'}, {"product_description": '"\n,,,"'}, {}, {}
    ).encode(),
    "characters that nobody sees": csv(
        *({"client_name": f"a{letter}b"} for letter in "\u00a0\u200b\u202e\x01\x7f\x85\ufeff\u2060é€"),
        {"client_name": "\u00a0"},
    ).encode(),
    "characters that nobody sees, quoted": csv(
        {"client_name": '"a\n\u200bb"'}, {"client_name": '"\u2028"'}, {}
    ).encode(),
    "one line in several records": csv(
        *({"order_id": "1", "product_ccf": str(n % 3 + 1)} for n in range(9)), {}
    ).encode(),
    "repeats": csv(*REPEATS, *REPEATS).encode(),
    "repeats, over lines": csv(
        {"client_name": '"a\nb"'}, *REPEATS, {"order_id": "1", "client_name": '"a\nb"'}
    ).encode(),
    "all rejected": csv({"status": "x"}, {"product_volume": "0"}).encode(),
    "nothing splits": csv("x", '"x"y').encode(),
    "nothing splits, over lines": csv('"x\n"y', '"x\n"').encode(),
    "a column without a value": csv({"client_name": "n/a"}, {"client_name": ""}, "x").encode(),
    "half is rejected": csv({}, "x").encode(),
    "more than half is rejected": csv({}, "x", {"status": ""}).encode(),
    "no record at all, text": b"Dear Moe,\nplease find attached\n",
    "very long fields": csv(
        {"client_name": "x" * BIG},
        {"client_name": f'"{chr(34) * 2 * BIG}"'},
        {"product_price": f"1.{'0' * BIG}"},
        {"product_price": f"{'9' * BIG}"},
        {"product_id": f"1.{'0' * BIG}1"},
        {"client_name": " " * BIG},
        "y" * BIG,
        *({} for _ in range(8)),
    ).encode(),
}
GZIPPED = {
    "gzip": gzip.compress(csv({}, "x", {}, *QUOTES, *GOOD_ENOUGH, ends=("\r\n",)).encode()),
    "gzip, members": gzip.compress(csv({}, {}).encode()[:150]) + gzip.compress(csv({}, {}).encode()[150:]) + b"\0" * 9,
    "gzip, windows-1252 behind the head": gzip.compress(FILES["windows-1252 behind the head"], mtime=0),
    "gzip, cut off": gzip.compress(csv({}, {}).encode())[:-9],
}


# What is compared


@dataclass(frozen=True)
class Told:
    """All that a lake tells of a file."""

    row: dict[str, Any]
    published: Counter[tuple[Any, ...]]
    rejected: Counter[tuple[Any, ...]]


#: What the ledger may tell otherwise.
_OWN = ("engine", "started", "finished", "orders_objects", "rejected_objects", "object_digests", "revision")


def told(lake: Lake, row: LedgerRow) -> Told:
    return Told(
        {name: getattr(row, name) for name in row.__dataclass_fields__ if name not in _OWN},
        Counter(rows(lake, row, ORDERS.name)),
        Counter(rows(lake, row, REJECTED_ROWS.name)),
    )


def agree(folder: Path, key: str, data: bytes, *, compressed: bool, profile: Said | None = None) -> LedgerRow:
    """Ingest the file on both engines; what they tell is equal, and what the oracle says. Returns Spark's row.

    With a profile the key begins with its prefix.
    """
    expected = judge(data, compressed=compressed, profile=profile)
    found = {}
    for engine in ENGINES:
        lake = open_lake(folder / engine, engine=engine, master=MASTER)
        if profile is not None:
            partners.put(lake.store, "p", as_toml(profile), NOON)
        row = ingest(lake, key, data)
        found[engine] = told(lake, row)
        assert_agrees(row, found[engine].published.elements(), found[engine].rejected.elements(), expected)
        if row.nulls is not None:
            assert row.engine == engine
        _objects_as_counted(lake, row)
    assert found["spark"] == found["duckdb"]
    return row


def _objects_as_counted(lake: Lake, row: LedgerRow) -> None:
    for table in layout.OBJECT_COUNTS:
        there = sorted(names(lake.store, layout.partition(table, row.pa_date)))
        assert there == sorted(layout.data_objects(table, row))


@contextmanager
def split_every(size: int | None) -> Iterator[None]:
    """Let a task of Spark read no more than so many bytes, and go about the file as about a large one."""
    large = {"SOURCE_BYTES": size, "COUNTED_BYTES": size, "LEAST_BYTES": 0, "SMALL_BYTES": 0, "SAMPLE": 4}
    with ExitStack() as stack:
        for name, value in large.items() if size else ():
            stack.enter_context(mock.patch.object(on_spark, name, value))
        yield


@pytest.mark.parametrize("name", thinned(4, FILES))
def test_engines_agree(tmp_path: Path, name: str) -> None:
    agree(tmp_path, "f.csv", FILES[name], compressed=False)


@pytest.mark.parametrize("name", thinned(2, GZIPPED))
def test_engines_agree_on_gzip(tmp_path: Path, name: str) -> None:
    agree(tmp_path, "f.CSV.gz", GZIPPED[name], compressed=True)


@pytest.mark.parametrize("name", thinned(4, CASES))
def test_engines_agree_on_files_from_outside(tmp_path: Path, name: str) -> None:
    agree(tmp_path, f"{name}.csv", data_of(name), compressed=False)


@pytest.mark.property
@given(file=orders_files(), size=st.sampled_from([None, None, 300]))
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_engines_agree_on_hostile_files(file: HostileFile, size: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder, split_every(size):
        agree(Path(folder), "f.csv.gz" if file.compressed else "f.csv", file.data, compressed=file.compressed)


@pytest.mark.property
@given(
    partner=profiles().flatmap(lambda said: st.tuples(st.just(said), files(said))), size=st.sampled_from([None, 300])
)
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_engines_agree_on_partners_files(partner: tuple[Said, bytes], size: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder, split_every(size):
        agree(Path(folder), "p/f.csv", partner[1], compressed=False, profile=partner[0])


# Parts


LETTERS = "áé\U0001f37a\u20ac" * 20
ENDS: tuple[str | dict[str, str], ...] = ({}, {"status": "created\r"}, "", " \t")
PARTS: dict[str, bytes] = {
    "letters of several bytes": csv(
        *({"client_name": LETTERS[n:]} for n in range(12)), "x", {"status": LETTERS}
    ).encode(),
    "header again and again": ("\n \r\n" + csv({}, HEADER, {}, HEADER, {}, *([HEADER] * 3), {}, {})).encode(),
    "line ends": csv(*ENDS * 6, ends=("\r\n", "\n"), last="").encode(),
    "repeats": csv(*REPEATS).encode(),
    "a line over many tasks": csv({"client_name": "x" * 5000}, {"client_name": LETTERS * 9}, {}, "x", {}).encode(),
    "windows-1252": csv(*FAR_LINES[:20]).encode() + b"1,\xe9\x81,99,1,x,1,1,1,y,created\n" + csv({}, "\t").encode(),
    "line breaks in quotes": csv(*BREAKS, *GOOD_ENOUGH).encode(),
    "byte order mark": b"\xef\xbb\xbf" + csv(*GOOD_ENOUGH[:9], ends=("\r\n",)).encode(),
}


@pytest.mark.parametrize("name", thinned(2, PARTS))
def test_a_file_is_read_by_many_tasks(tmp_path: Path, name: str) -> None:
    data = PARTS[name]
    with split_every(max(200, len(data) // 9 + 1)):
        row = agree(tmp_path, "f.csv", data, compressed=False)
    assert row.orders_objects > 1


@pytest.mark.parametrize(
    "name", thinned(2, ["comma, every text", "semicolon, every text, over lines", "tab, every text"])
)
def test_values_that_no_code_is_made_of(tmp_path: Path, name: str) -> None:
    """Where few records are not canonical, their values are told by themselves; here it is most."""
    with split_every(1 << 20), mock.patch.object(canonical, "_TOLD", 0.0):
        agree(tmp_path, "f.csv", FILES[name], compressed=False)


BEHIND: dict[str, tuple[str | dict[str, str], ...]] = {
    "quotes": (*QUOTES, *GOOD_ENOUGH),
    "line breaks in quotes": (*BREAKS, *GOOD_ENOUGH),
    "repeats": (*REPEATS, *REPEATS),
    "zeros": ({"product_price": "0"}, {"product_volume": "0.0"}, {"product_id": "0"}),
}


@pytest.mark.parametrize("name", thinned(2, BEHIND))
def test_what_is_wrong_behind_a_clean_beginning(tmp_path: Path, name: str) -> None:
    """The good records are written at once; the others are looked for in the file, once it is known that there are."""
    clean = ({"order_id": str(10_000 + number)} for number in range(9))
    with split_every(1 << 20), mock.patch.object(on_spark.Job, "_stage_checked", side_effect=AssertionError):
        agree(tmp_path, "f.csv", csv(*clean, *BEHIND[name]).encode(), compressed=False)


@pytest.mark.parametrize("size", beyond(1, range(160, 200, 8)))
def test_lines_are_read_once_wherever_a_task_ends(tmp_path: Path, size: int) -> None:
    lines = [{"client_name": letter * (number % 3)} for number, letter in enumerate("xé\U0001f37ay" * 2)]
    with split_every(size):
        agree(tmp_path, "f.csv", csv(*lines, HEADER, ends=("\n", "\r\n"), last="").encode(), compressed=False)


def test_what_is_staged_is_read_by_few_tasks_however_short_the_lines(tmp_path: Path, spark_context: Any) -> None:
    """Hardly a record can be split: there are no lines left to share out, but rejected records to be counted."""
    tracker = spark_context.statusTracker()
    before = set(tracker.getJobIdsForGroup(None))
    agree(tmp_path, "f.csv", FILES["nothing splits, over lines"], compressed=False)
    jobs = [tracker.getJobInfo(job) for job in set(tracker.getJobIdsForGroup(None)) - before]
    assert jobs
    assert max(tracker.getStageInfo(stage).numTasks for job in jobs for stage in job.stageIds) <= 4


# Names


KEYS = (
    "with spaces, 'quotes\" and %20.csv",
    "a/b=c/[1]{a,b}*?\\;.csv",
    "_under/.dot/Gr\u00f6\u00dfe \U0001f37a:#$&~`^!@+.csv",
)


@pytest.mark.parametrize(
    "folder", beyond(1, ["pa_date=2020-01-01\\'\"\u00e9", "plain", "a b%20[1]{c,d}*?", "_hidden/a:b/.dot"])
)
def test_any_name_will_do(tmp_path: Path, folder: str) -> None:
    lake = open_lake(tmp_path / folder, engine="spark", master=MASTER)
    for number, key in enumerate(KEYS if folder == "plain" else KEYS[1:2]):
        data = csv({"client_id": str(number + 1)}, {"client_name": '"a\nb"'} if number % 2 else "x", {}, {}).encode()
        row = ingest(lake, key, data)
        assert (row.error, row.engine) == (None, "spark")
        assert told(lake, row).published == Counter(map(tuple, judge(data).published))
        with lake.engine() as (connection, _):
            create_views(lake, connection, [ORDERS.name])
            query = "select distinct source_file from tbl_duff_orders where file_id = ?"
            assert connection.execute(query, [row.file_id]).fetchall() == [(key,)]


def test_a_link_in_the_raw_folder_will_do(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake", engine="spark", master=MASTER)
    raw = tmp_path / "lake" / "raw"
    raw.mkdir(parents=True)
    (raw / "target.txt").write_bytes(csv({}, {}).encode())
    (raw / "f.csv").symlink_to("target.txt")
    row = process(lake, announce(lake.disk, "f.csv", when=NOON))
    assert (row.error, row.verdict, row.rows_published) == (None, "valid", 2)


def test_a_lake_named_by_a_relative_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lake = open_lake(Path("lake"), engine="spark", master=MASTER)
    row = ingest(lake, "f.csv", csv({}, "x", {}).encode())
    assert (row.error, row.rows_published, row.rows_rejected) == (None, 2, 1)
    assert Counter(rows(lake, row, ORDERS.name)) == Counter(map(tuple, judge(csv({}, "x", {}).encode()).published))


# Both engines in one lake


def _described(lake: Lake, row: LedgerRow, table: str) -> set[tuple[Any, ...]]:
    """Names and types of each of a file's objects, as DuckDB describes them."""
    found = set()
    with lake.engine() as (connection, _):
        for name in layout.data_objects(table, row):
            path = str(lake.disk.path(name))
            described = connection.execute(f"describe select * from read_parquet('{path}', hive_partitioning = false)")
            found.add(tuple((column[0], column[1]) for column in described.fetchall()))
    return found


def test_engines_alternate_in_one_lake(tmp_path: Path) -> None:
    lakes = {engine: open_lake(tmp_path, engine=engine, master=MASTER) for engine in ENGINES}
    names = ("quotes", "repeats", "line breaks in quotes", "all rejected")
    ledger: list[LedgerRow] = []
    for place, name in enumerate(names):
        lake = lakes[ENGINES[place % 2]]
        ledger.append(ingest(lake, f"{place}.csv", FILES[name], NOON + timedelta(hours=13 * place)))
        assert ledger[-1].engine == ENGINES[place % 2]
    # The same content again: it does not matter which engine published it.
    twin = ingest(lakes["duckdb"], "twin.csv", FILES["repeats"], NOON + timedelta(days=9))
    assert (twin.verdict, twin.engine) == ("duplicate", None)
    build(lakes["duckdb"])
    assert check.check(lakes["duckdb"]).problems == []

    before = [told(lake, row) for row in ledger]
    types = {table: [_described(lake, row, table) for row in ledger] for table in layout.OBJECT_COUNTS}
    for described in types.values():
        assert len(set().union(*described)) == 1

    again: list[LedgerRow] = []
    for place, row in enumerate(ledger):
        again += replay(lakes[ENGINES[(place + 1) % 2]], [row.file_id])
    assert [row.engine for row in again] == [ENGINES[(place + 1) % 2] for place in range(len(names))]
    assert [row.revision for row in again] == [1] * len(names)
    assert [told(lake, row) for row in again] == before
    assert {table: [_described(lake, row, table) for row in again] for table in types} == types
    build(lakes["duckdb"])
    assert check.check(lakes["duckdb"]).problems == []


def test_several_files_at_once(tmp_path: Path) -> None:
    """Each has a session of its own: views and settings of one do not reach the other."""
    lake = open_lake(tmp_path / "lake", engine="spark", master=MASTER, workers=3)
    chosen = [FILES[name] for name in ("quotes", "repeats", "windows-1252 behind the head", "line breaks in quotes")]
    paths = [tmp_path / f"{place}.csv" for place in range(len(chosen))]
    for path, data in zip(paths, chosen, strict=True):
        path.write_bytes(data)
    for row, data in zip(run(lake, paths), chosen, strict=True):
        expected = judge(data)
        assert (row.verdict, row.error, row.engine) == (expected.verdict, None, "spark")
        assert told(lake, row).published == Counter(map(tuple, expected.published))
        assert told(lake, row).rejected == Counter(map(tuple, expected.rejected))
