"""Corrections: tied to what they correct by what each record carries, beside the second implementation."""

import tempfile
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, REJECTED_ROWS
from duff_orders.documents import Entry, LedgerRow, entries
from duff_orders.engines.spark import transform as on_spark
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process
from duff_orders.models.build import build
from duff_orders.query import rejects
from tests.agreement import assert_agrees, assert_ties_agree
from tests.effort import examples
from tests.lakes import NOON, drop, ingest, open_lake, rows
from tests.oracle import Known, Rejected, judge

HEADER = ",".join(COLUMN_NAMES)
#: Monday's file: two rows with one wrong cell each, one with two, one of nine fields, and a good one.
MONDAY = f"""{HEADER}
1,Moe,77,1,Duff,2.50,x5,0.355,Retail,created
2,Apu,78,2,Dry,1.990,0,0.5,B2B,created
3,Ned,79,1,,2.50,six,0.355,Retail,created
4,Lenny,80,1,Duff,2.50,6,0.355,Retail
5,Carl,81,1,Duff,2.50,6,0.355,Retail,created
"""


def monday(lake: Lake) -> LedgerRow:
    row = ingest(lake, "monday.csv", MONDAY.encode())
    assert (row.verdict, row.rows_rejected) == ("invalid", 4)
    return row


def known(lake: Lake, *files: LedgerRow) -> dict[str, Known]:
    """The rejected rows of files, as the second implementation takes them."""
    found = {}
    for row in files:
        for *values, attempted in rows(lake, row, REJECTED_ROWS.name, ties=True):
            rejected = Rejected(*values)
            found[f"{row.file_id}:{rejected.line}"] = Known(rejected, row.delimiter or ",", attempted)
    return found


def correct(lake: Lake, text: str, *corrected: LedgerRow, key: str = "corrections.csv", days: int = 2) -> LedgerRow:
    """Drop a file of corrections, and compare what becomes of it with what the contract says."""
    expected = judge(text.encode(), known=known(lake, *corrected))
    row = ingest(lake, key, text.encode(), when=NOON + timedelta(days=days))
    assert_agrees(row, rows(lake, row, "tbl_duff_orders"), rows(lake, row, REJECTED_ROWS.name), expected)
    assert_ties_agree(lake, row, expected)
    build(lake)
    assert check(lake, deep=True).problems == []
    return row


def reasons(lake: Lake, row: LedgerRow) -> list[str]:
    return [values[-3] for values in sorted(rows(lake, row, REJECTED_ROWS.name), key=lambda each: each[-1])]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def exported(lake: Lake, row: LedgerRow, folder: Path) -> str:
    out = folder / "rejects.csv"
    assert rejects.export(lake, row, out) == row.rows_rejected
    return out.read_text(encoding="utf-8-sig")


def test_the_export_names_the_row_whose_place_each_takes(lake: Lake, tmp_path: Path) -> None:
    row = monday(lake)
    lines = exported(lake, row, tmp_path).splitlines()
    assert [line.split(",")[10] for line in lines] == ["duff_corrects", *(f"{row.file_id}:{n}" for n in (2, 3, 4, 5))]


def test_some_corrected_publishes_some(lake: Lake, tmp_path: Path) -> None:
    row = monday(lake)
    text = exported(lake, row, tmp_path).replace("x5", "5")
    fixed = correct(lake, text, row)
    assert (fixed.verdict, fixed.rows_published, fixed.rows_rejected) == ("valid_with_rejects", 1, 3)
    assert fixed.corrects == (f"{row.file_id}:2",)
    assert fixed.attempts == (f"{row.file_id}:3-5",)


def test_a_correction_changes_only_cells_that_had_a_reason(lake: Lake, tmp_path: Path) -> None:
    row = monday(lake)
    # what a spreadsheet in a Spanish locale makes of 0.355 and 1.990
    spoilt = exported(lake, row, tmp_path).replace("x5", "5").replace(",0,", ",3,").replace("0.355", "355")
    fixed = correct(lake, spoilt.replace("1.990", "1990"), row)
    assert reasons(lake, fixed)[:2] == ["product_volume:changed", "product_price:changed"]
    named = spoilt.replace(f"{row.file_id}:2,", f"{row.file_id}:2,product_volume").replace("1.990", "1.99")
    again = correct(lake, named, row, key="named.csv", days=3)
    assert again.corrects == (f"{row.file_id}:2-3",)


def test_a_record_that_was_not_split_may_change_wholly(lake: Lake) -> None:
    row = monday(lake)
    text = f"{HEADER},duff_corrects\n9,Barney,99,3,Lite,1,1,1,Online,broken,{row.file_id}:5\n"
    assert correct(lake, text, row).corrects == (f"{row.file_id}:5",)


def test_what_names_no_rejected_row_is_told(lake: Lake) -> None:
    row = monday(lake)
    good = "5,Carl,81,1,Duff,2.50,6,0.355,Retail,created"
    wrong = (f"{row.file_id}:6", f"{row.file_id}:1", f"{row.file_id}", f"{'0' * 32}:2", "Monday:2", f"{row.file_id}:02")
    text = "".join(f"{good},{each}\n" for each in wrong)
    told = correct(lake, f"{HEADER},Duff_Corrects\n{text}", row)
    assert (told.verdict, set(reasons(lake, told))) == ("valid_with_rejects", {"duff_corrects:unknown"})
    assert (told.rows_published, told.corrects, told.attempts) == (0, None, None)


def test_what_it_corrects_must_have_its_outcome_first(lake: Lake) -> None:
    """Else its rows would be rejected as unknown, for good, by an accident of order."""
    drop(lake, "monday.csv", MONDAY.encode())
    event = announce(lake.disk, "monday.csv", when=NOON)
    text = f"{HEADER},duff_corrects\n5,Carl,77,1,Duff,2.50,6,0.355,Retail,created,{event.file_id}:5\n".encode()
    early = ingest(lake, "fixed.csv", text)
    assert early.verdict == "failed"
    assert f"the file {event.file_id} has no outcome yet, and this one corrects it" in (early.reason or "")
    process(lake, event)
    (row,) = replay(lake, failed=True)
    assert (row.file_id, row.verdict, row.corrects) == (early.file_id, "valid", (f"{event.file_id}:5",))
    build(lake)
    assert check(lake, deep=True).problems == []


def test_ordinary_records_beside_corrections_are_judged_as_ever(lake: Lake) -> None:
    row = monday(lake)
    fixed = f"1,Moe,77,1,Duff,2.50,5,0.355,Retail,created, {row.file_id.upper()}:2 \n"
    text = f"{HEADER},duff_corrects\n{fixed}6,Otto,90,1,Duff,1,1,1,Retail,created,\n"
    assert correct(lake, text, row).rows_published == 2
    bad = "7,Ralph,91,1,Duff,1,one,1,Retail,created,  \n"
    mixed = correct(lake, text + bad * 3, row, key="mixed.csv", days=3)
    assert (mixed.verdict, mixed.corrects) == ("invalid", None)


def test_equal_records_that_correct_different_rows_both_count(lake: Lake) -> None:
    twice = MONDAY + MONDAY.splitlines(keepends=True)[1]
    row = ingest(lake, "monday.csv", twice.encode())
    good = "1,Moe,77,1,Duff,2.50,5,0.355,Retail,created"
    text = "".join(f"{good},{row.file_id}:{line}\n" for line in (2, 7, 7))
    fixed = correct(lake, f"{HEADER},duff_corrects\n{text}", row)
    assert (fixed.rows_published, fixed.rows_duplicate) == (2, 1)
    assert fixed.corrects == (f"{row.file_id}:2,7",)


def test_an_attempt_that_failed_stands_for_the_row_that_it_was_to_correct(lake: Lake, tmp_path: Path) -> None:
    row = monday(lake)
    tried = correct(lake, exported(lake, row, tmp_path).replace("x5", "7").replace("0.355", "355"), row)
    assert tried.corrects is None
    again = exported(lake, tried, tmp_path)
    # its export names the first row, and what was changed there by mistake may still not be
    assert [line.split(",")[10] for line in again.splitlines()[1:]] == [f"{row.file_id}:{n}" for n in (2, 3, 4, 5)]
    assert reasons(lake, correct(lake, again, row, tried, key="again.csv", days=3))[0] == "product_volume:changed"
    mended = correct(lake, again.replace(",355,", ",0.355,"), row, tried, key="mended.csv", days=4)
    assert mended.corrects == (f"{row.file_id}:2",)
    direct = f"{HEADER},duff_corrects\n1,Moe,77,1,Duff,2.50,7,1,Retail,created,{tried.file_id}:2\n"
    assert correct(lake, direct, row, tried, key="direct.csv", days=5).corrects == (f"{row.file_id}:2",)


def test_columns_named_twice_are_a_wrong_header(lake: Lake) -> None:
    row = ingest(lake, "twice.csv", f"{HEADER},duff_corrects,DUFF_CORRECTS\n".encode())
    assert (row.verdict, row.reason) == ("invalid", "column `duff_corrects` is named 2 times in the header")


CELLS = ["5", "355", "1.99", "1,99", "created", "Duff", "", "x" * 5000, " 5 ", "\u00a01"]


@pytest.mark.property
@pytest.mark.slow
@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_any_correction_is_judged_as_the_contract_says(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = open_lake(Path(folder))
        delimiter = data.draw(st.sampled_from([",", ";", "\t"]))
        files = [ingest(lake, "monday.csv", MONDAY.replace(",", delimiter).encode())]
        texts = [line.split(",") for line in MONDAY.splitlines()[1:] if line.count(",") == 9]
        for number in range(data.draw(st.integers(1, 2))):
            named = [f"{each.file_id}:{line}" for each in files for line in range(2, 7)]
            lines = ["\t".join((*COLUMN_NAMES, "duff_corrects", "duff_changes"))]
            for _ in range(data.draw(st.integers(1, 5))):
                cells = [*data.draw(st.sampled_from(texts))]
                for _ in range(data.draw(st.integers(0, 3))):
                    cells[data.draw(st.integers(0, 9))] = data.draw(st.sampled_from(CELLS))
                changes = data.draw(st.sampled_from(["", "product_volume", " Product_CCF ; client_id", "all"]))
                lines.append("\t".join((*cells, data.draw(st.sampled_from(["", "?", *named])), changes)))
            files.append(correct(lake, "\n".join(lines), *files, key=f"{number}.csv", days=number + 1))


def test_entries_are_written_as_they_are_read() -> None:
    one, other = "a" * 32, "0" * 32
    told = entries([f"{one}:{line}" for line in (9, 3, 4, 5, 7, 5)] + [f"{other}:2"])
    assert told == (f"{other}:2", f"{one}:3-5,5,7,9")
    assert [Entry.of(each).lines for each in told] == [(2,), (3, 4, 5, 5, 7, 9)]
    assert Entry.of(one) == Entry(one)
    assert entries([]) is None
    with pytest.raises(ValueError, match="names no file"):
        Entry.of("orders.csv:3")


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("split", [1 << 20, 200])
def test_spark_agrees(tmp_path: Path, split: int) -> None:
    lake = open_lake(tmp_path / "lake", engine="spark")
    row = monday(lake)
    tie = f"{row.file_id}:"
    lines = [
        f"1,Moe,77,1,Duff,2.50,5,0.355,Retail,created,{tie}2,",
        f"1,Moe,77,1,Duff,2.50,5,0.355,Retail,created,{tie}2,",
        f"1,Moe,77,1,Duff,2.50,5,0.355,Retail,created,{tie}3,client_id;client_name;order_id;product_description",
        f"2,Apu,78,2,Dry,1.99,3,0.5,B2B,created,{tie.upper()}3,",
        f"2,Apu,78,2,Dry,1990,3,0.5,B2B,created,{tie}3,",
        f"3,Ned,79,1,{'x' * 5000},2.50,six,0.355,Retail,created,{tie}4,",
        f"9,Ned,79,1,Duff,2.50,6,0.355,Retail,created,{tie}4,",
        f"9,Barney,99,3,Lite,1,1,1,Online,broken,{tie}5,",
        f"9,Barney,99,3,Lite,1,1,1,Online,broken,{tie}6,",
        "9,Barney,99,3,Lite,1,1,1,Online,broken, ,",
        "9,Barney",
    ]
    text = f"{HEADER},duff_corrects,duff_changes\n" + "\n".join(lines)
    with mock.patch.object(on_spark, "COUNTED_BYTES", split), mock.patch.object(on_spark, "SOURCE_BYTES", split):
        first = correct(lake, text, row)
    again = "\n".join(line for line in lines if line.count(",") == 11 and not line.endswith(" ,"))
    attempt = f"2,Apu,78,2,Dry,1.99,3,0.5,B2B,created,{first.file_id}:6,\n"
    second = correct(
        lake, f"{HEADER},duff_corrects,duff_changes\n{attempt}{again}", row, first, key="again.csv", days=3
    )
    assert (first.engine, second.engine) == ("spark", "spark")
    assert second.rows_read == second.rows_published + second.rows_rejected + second.rows_duplicate
