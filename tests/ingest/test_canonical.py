"""Canonical lines: whatever the automaton lets pass is good, and DuckDB's typed reader makes of it what it means."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, COLUMNS
from duff_orders.documents import Dialect
from duff_orders.engines.duckdb import typed as typed_way
from duff_orders.engines.duckdb.spelling import DuckDBSpelling
from duff_orders.engines.duckdb.typed import read_typed
from duff_orders.generator.orders import generate
from duff_orders.ingest import canonical
from duff_orders.ingest.canonical import Canonical, Form, Style
from duff_orders.ingest.header import dialect_of
from duff_orders.ingest.rules import Rules
from duff_orders.ingest.scan import Typed
from duff_orders.lake.raw import announce
from duff_orders.local.run import process
from duff_orders.settings import MINIMUM_MEMORY
from tests import hostile
from tests.effort import examples
from tests.lakes import ingest, open_lake, sql
from tests.oracle import _judge_value
from tests.readings import AS_CONTRACT

GOOD = ("1", "Moe", "7", "3", "Duff", "2.5", "6", "1", "Retail", "created")
TEXTS = sorted(
    {
        *(hostile.GOOD_INTEGERS + hostile.GOOD_LARGE_INTEGERS + hostile.GOOD_DECIMALS + hostile.GOOD_STRINGS),
        *(hostile.GOOD_STATUSES + hostile.MISSING + hostile.BAD_NUMBERS + hostile.TOO_PRECISE + hostile.BAD_STATUSES),
    }
)
PIECES = st.sampled_from(["0", "1", "9", ".", ",", "-", "+", "e", "x", " ", "n", "N", "null", "\\", '"', "'", ";", "é"])
NEAR = st.lists(PIECES, max_size=9).map("".join)


def dialect(delimiter: str, extra: int = 0) -> Dialect:
    """That of a header with the contract's columns in their order, and others behind them."""
    names = (*COLUMN_NAMES, *(f"x{number}" for number in range(extra)))
    return dialect_of(f"{delimiter.join(names)}\n".encode(), "f.csv", AS_CONTRACT, whole=True)


def lines_of(texts: list[str], delimiter: str, form: Form) -> dict[bytes, tuple[str, str]]:
    """A line for each column and text, bare and within quotes, with the column and the text."""
    lines = {}
    for place, column in enumerate(COLUMNS):
        for text in texts:
            if '"' in text:
                continue  # what it means within quotes, the grammar says
            for cell in (text, f'"{text}"'):
                fields = [each.replace(".", form.decimal_mark) for each in GOOD]
                fields[place] = cell
                lines[(delimiter.join(fields) + form.line_end).encode()] = column.name, text
    return lines


def values(path: Path, lines: list[bytes], of: Dialect, form: Form) -> list[tuple[object, ...]]:
    """What the typed reader makes of lines, in their order."""
    path.write_bytes(b"".join(lines))
    typed = Typed(form, (path,), len(lines), header=False)
    with sql() as connection:
        connection.execute("set threads = 1")
        return connection.execute(
            f"from {read_typed(typed, path, of, Rules.of(DuckDBSpelling(), of, AS_CONTRACT), 10**9)}"
        ).fetchall()


def assert_exact(folder: Path, texts: list[str], delimiter: str, form: Form) -> int:
    """Every line that passes holds a good text, and the value that it stands for; returns how many passed."""
    of = dialect(delimiter)
    automaton = Canonical(of, form, Style.of(of, AS_CONTRACT), lenient=False)
    lines = lines_of(texts, delimiter, form)
    passed = [line for line in lines if automaton.end(line) == len(line)]
    assert all(automaton.end(line) in (0, len(line)) for line in lines if line.count(b"\n") == 1)
    assert automaton.end(b"".join(passed)) == sum(map(len, passed))
    for line, row in zip(passed, values(folder / "f.csv", passed, of, form), strict=True):
        name, text = lines[line]
        expected = _judge_value(name, text, delimiter)
        value = row[COLUMN_NAMES.index(name)]
        assert value == expected, (line, value, expected)
        assert type(value) in (int, str, Decimal)
    return len(passed)


FORMS = [(",", Form("\n", ".")), (",", Form("\r\n", ".")), (";", Form("\n", ",")), (";", Form("\r\n", "."))]


@pytest.mark.parametrize(("delimiter", "form"), FORMS)
def test_what_passes_is_good_and_read_as_it_is_meant(tmp_path: Path, delimiter: str, form: Form) -> None:
    assert assert_exact(tmp_path, TEXTS, delimiter, form) > 200


@pytest.mark.property
@given(texts=st.lists(NEAR, min_size=5, max_size=40, unique=True), way=st.sampled_from(FORMS))
@settings(max_examples=examples(400), deadline=None)
def test_what_passes_is_good_whatever_it_is(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], way: tuple[str, Form]
) -> None:
    assert_exact(tmp_path_factory.mktemp("lines"), texts, *way)


def test_the_usual_ways_to_write_are_canonical() -> None:
    head = ";".join(COLUMN_NAMES)
    for end, mark in (("\n", ","), ("\r\n", ","), ("\n", "."), ("\r\n", ".")):
        line = f"1;Zoë;7;3;Duff Dark 0,33l;2{mark}50;6;0{mark}33;Retail;created{end}"
        chosen = canonical.choose(
            dialect_of(f"{head}\n".encode(), "f.csv", AS_CONTRACT, whole=True),
            AS_CONTRACT,
            line.encode(),
            lenient=False,
        )
        assert chosen is not None
        assert chosen.form == Form(end, mark)


def test_where_most_lines_are_written_otherwise_all_are_read_as_texts() -> None:
    good, other = (f"1,{name},7,3,Duff,2.50,6,0.33,Retail,created\n".encode() for name in ("Moe", " Moe"))
    assert canonical.choose(dialect(","), AS_CONTRACT, good * 5 + other * 5, lenient=False) is not None
    assert canonical.choose(dialect(","), AS_CONTRACT, good * 4 + other * 5, lenient=False) is None


def test_columns_that_are_not_the_contracts_may_hold_anything_on_a_line() -> None:
    automaton = Canonical(
        dialect(",", extra=2), Form("\n", "."), Style.of(dialect(",", extra=2), AS_CONTRACT), lenient=False
    )
    line = ",".join(GOOD)
    for extra in (",", " ,x", '"a,b",', "null,-"):
        assert automaton.end(f"{line},{extra}\n".encode()) > 0
    for extra in ("a", ",,", '"a\nb",', 'a"b,', "\u200b,"):
        assert automaton.end(f"{line},{extra}\n".encode()) == 0


def test_clean_files_are_read_where_they_lie_and_others_are_cut(tmp_path: Path) -> None:
    """What one blank line more at the end costs is a copy of the lines, and nothing is read as text."""
    head, line = ",".join(COLUMN_NAMES), ",".join(GOOD)
    for number, data in enumerate(
        (f"{head}\n{line}\n", f"{head}\n{line}", f"{head}\n{line}\n\n", f"{head}\r\n{line}\r\n")
    ):
        row = ingest(open_lake(tmp_path / str(number)), "f.csv", data.encode())
        assert (row.verdict, row.rows_published) == ("valid", 1)


def test_lines_that_need_the_grammar_take_time_that_grows_with_their_number(tmp_path: Path) -> None:
    """The lines taken at once double only as far as there are any: a block of long ones once took for ever."""
    long = ",".join(GOOD).replace("Duff", "y" * 5000)
    data = "\n".join([",".join(COLUMN_NAMES), *[",".join(GOOD)] * 30, *[f"x{long}"] * 100, ",".join(GOOD)])
    row = ingest(open_lake(tmp_path), "f.csv", data.encode())
    assert (row.rows_read, row.rows_rejected, row.verdict) == (131, 100, "invalid")


@pytest.mark.slow
@pytest.mark.parametrize("bad", [0.0, 0.01])
def test_two_files_at_once_have_room_in_the_least_memory(tmp_path: Path, bad: float) -> None:
    file = tmp_path / "f.csv"
    generate(file, rows=400_000, bad=bad, duplicates=bad / 2)
    lake = open_lake(tmp_path / "lake", memory=MINIMUM_MEMORY, retries=0)
    raw = lake.disk.path("raw/f.csv")
    raw.parent.mkdir(parents=True)
    raw.hardlink_to(file)
    row = process(lake, announce(lake.disk, "f.csv"), memory_fraction=0.5)
    assert (row.error, row.rows_read) == (None, 400_000)


def test_a_file_that_duckdb_does_not_read_in_parallel_is_read_by_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB refuses some files by where its buffers happen to begin; here it does."""
    begin, end = "Moe's Tavern and Bowling Alley", "1,Duff Classic in a long description,2.50,6,0.33,Retail,created"
    lines = [",".join(COLUMN_NAMES), *(f"{number},{begin},{number},{end}" for number in range(1, 40_001)), ""]
    refused = 531_057
    monkeypatch.setattr(typed_way, "_LEAST", refused)
    monkeypatch.setattr(typed_way, "_MOST", refused)
    path = tmp_path / "f.csv"
    path.write_text("\n".join(lines))
    of, typed = dialect(","), Typed(Form("\n", "."), (path,), 40_000, header=True)
    with sql() as connection:
        connection.execute("set threads = 2")
        rules = Rules.of(DuckDBSpelling(), of, AS_CONTRACT)
        with pytest.raises(duckdb.NotImplementedException):
            connection.execute(f"select sum(order_id) from {read_typed(typed, path, of, rules, 10**9)}").fetchall()
    for number, more in enumerate(("", f"x{lines[1]}\n")):  # read whole, and in chunks
        row = ingest(open_lake(tmp_path / str(number)), "f.csv", (path.read_text() + more).encode())
        assert (row.error, row.rows_published, row.rows_rejected) == (None, 40_000, number)


PLAIN = ",".join(GOOD)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([PLAIN, PLAIN.replace(",7,", ",8,")], True),
        ([PLAIN, PLAIN], False),  # an order line twice
        ([PLAIN.replace("Moe", '"Moe"')] * 2, True),  # of quoted ones nobody says what they repeat
        ([*(PLAIN.replace(",7,", f",{number},") for number in range(1, 20)), PLAIN.replace("2.5", "x")], False),
        ([PLAIN, PLAIN.replace("2.5", "2.50000000")], None),  # which may be good
        ([], None),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_the_first_lines_show(lines: list[str], expected: bool | None, end: str) -> None:
    assert canonical.begins_clean(dialect(","), AS_CONTRACT, [f"{line}{end}".encode() for line in lines]) is expected
