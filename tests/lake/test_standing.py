"""What became of rows that files did not bring in: open, corrected or given up; proven by `check` after each step."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import GivenUp, GiveUp, LedgerRow
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import layout
from duff_orders.lake.given_up import all_given_up, give_up, read_lines, take_back
from duff_orders.lake.lake import Lake
from duff_orders.lake.standing import Standing
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.models.build import build
from duff_orders.query import rejects
from tests.lakes import NOON, ingest, open_lake, rewritten

HEADER = ",".join(COLUMN_NAMES)
GOOD = "1,Moe,{order},1,Duff,2.50,6,0.355,Retail,created\n"
BAD = GOOD.replace(",6,", ",x6,")
#: Good on lines 2 to 4, wrong on 5 to 7.
MIXED = f"{HEADER}\n" + "".join(each.format(order=n) for n, each in enumerate([GOOD] * 3 + [BAD] * 3, 70))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def corrections(row: LedgerRow, *lines: int, units: str = "6") -> bytes:
    """A file that corrects lines of MIXED."""
    rows = (f"{GOOD.format(order=68 + n).strip().replace(',6,', f',{units},')},{row.file_id}:{n}\n" for n in lines)
    return (f"{HEADER},duff_corrects\n" + "".join(rows)).encode()


def standing(lake: Lake, row: LedgerRow) -> Standing:
    """The standing of a file as the ledger has it now; the lake holds."""
    build(lake)
    assert check(lake, deep=True).problems == []
    return rejects.standings(lake).of(lake.ledger.find(row.file_id))


def counts(lake: Lake, row: LedgerRow) -> tuple[int, int, int, bool]:
    """The rows that are open, corrected, given up, and whether something is to be done."""
    found = standing(lake, row)
    assert found.lost == found.open + found.corrected + found.given_up
    assert [each.row.file_id for each in rejects.standings(lake).open()].count(row.file_id) == found.is_open
    return found.open, found.corrected, found.given_up, found.is_open


def given(lake: Lake, row: LedgerRow, why: str = "lost", lines: list[int] | None = None) -> int:
    return give_up(lake.store, standing(lake, row), rejects.lines(lake, row), why, lines)


def test_each_row_is_in_one_state_and_a_correction_counts_most(lake: Lake) -> None:
    row = ingest(lake, "mixed.csv", MIXED.encode())
    assert counts(lake, row) == (3, 0, 0, True)
    assert given(lake, row, lines=[5, 6]) == 2
    assert counts(lake, row) == (1, 0, 2, True)
    ingest(lake, "first.csv", corrections(row, 5), NOON + timedelta(days=1))
    assert counts(lake, row) == (1, 1, 1, True)
    ingest(lake, "again.csv", corrections(row, 5, 7, units="7"), NOON + timedelta(days=2))
    assert counts(lake, row) == (0, 2, 1, False)
    found = standing(lake, row)
    assert [found.of(line) for line in (5, 6, 7, None)] == ["corrected", "given_up", "corrected", "open"]
    assert [(each.row.source_file, each.lines) for each in found.corrected_by] == [
        ("first.csv", (5,)),
        ("again.csv", (5, 7)),
    ]
    # what was given up and corrected nevertheless is no more to be taken back than what is corrected
    assert take_back(lake.store, found) == 1
    assert counts(lake, row) == (1, 2, 0, True)


def test_a_correction_that_is_rejected_leaves_the_row_open_and_is_none_of_its_own(lake: Lake) -> None:
    row = ingest(lake, "mixed.csv", MIXED.encode())
    attempt = ingest(lake, "attempt.csv", corrections(row, 5, 6, units="y"), NOON + timedelta(days=1))
    assert (attempt.rows_rejected, counts(lake, attempt)) == (2, (0, 0, 0, False))
    found = standing(lake, row)
    assert (found.open, [each.row.file_id for each in found.tried_by]) == (3, [attempt.file_id])
    ingest(lake, "at last.csv", corrections(attempt, 2), NOON + timedelta(days=2))  # the attempt's own export
    assert counts(lake, row)[:2] == (3, 0)  # orders 70, not 73: another cell was changed
    text = corrections(row, 5).decode().replace(f"{row.file_id}:5", f"{attempt.file_id}:2")
    ingest(lake, "now.csv", text.encode(), NOON + timedelta(days=3))
    assert counts(lake, row)[:2] == (2, 1)


def test_what_was_given_up_is_taken_back(lake: Lake) -> None:
    row = ingest(lake, "mixed.csv", MIXED.encode())
    assert given(lake, row) == 3
    assert counts(lake, row) == (0, 0, 3, False)
    assert take_back(lake.store, standing(lake, row), lines=[6]) == 1
    assert counts(lake, row) == (1, 0, 2, True)
    assert given(lake, row, "gone for good") == 1
    assert take_back(lake.store, standing(lake, row), "found") == 3
    assert counts(lake, row) == (3, 0, 0, True)
    said = all_given_up(lake.store)[row.file_id].said
    assert [(each.lines, each.why, each.undo) for each in said] == [
        ("5-7", "lost", False),
        ("6", "", True),
        ("6", "gone for good", False),
        (None, "found", True),
    ]


def test_a_file_whose_rows_nobody_counted_is_given_up_as_a_whole(lake: Lake) -> None:
    row = ingest(lake, "invalid.csv", b"client_id,order_id\n1,2\n")
    assert counts(lake, row) == (0, 0, 0, True)
    assert given(lake, row) == 0
    assert counts(lake, row) == (0, 0, 0, False)
    [*replay(lake, [row.file_id])]  # invalid again
    assert counts(lake, row) == (0, 0, 0, False)
    assert take_back(lake.store, standing(lake, row)) == 0
    assert counts(lake, row) == (0, 0, 0, True)


def test_an_invalid_file_with_counted_rows_is_open_until_the_last_of_them(lake: Lake) -> None:
    mostly_bad = f"{HEADER}\n{GOOD.format(order=1)}{BAD.format(order=2)}{BAD.format(order=3)}"
    row = ingest(lake, "mostly bad.csv", mostly_bad.encode())
    assert (row.verdict, row.rows_withheld, counts(lake, row)) == ("invalid", 1, (3, 0, 0, True))
    text = corrections(row, 3).decode().replace(",71,", ",2,")
    corrected = ingest(lake, "corrected.csv", text.encode(), NOON + timedelta(days=1))
    assert (corrected.verdict, counts(lake, row)) == ("valid", (2, 1, 0, True))
    assert given(lake, row) == 2
    assert counts(lake, row) == (0, 1, 2, False)
    # replayed well, it has nothing withheld, and nobody gave up its row
    tolerant = Lake(replace(lake.settings, max_reject_share=lake.settings.max_reject_share * 2), lake.store)
    [*replay(tolerant, [row.file_id])]
    assert counts(tolerant, row) == (1, 1, 0, True)


@pytest.mark.parametrize(
    ("lines", "why", "told"),
    [
        (None, " ", "has 0 characters; allowed are 1 to 1000"),
        ([4], "lost", r"no rejected row of its own begins on 4; such are 5-7"),
        ([5, 6], "lost", "line 5 is corrected already"),
    ],
)
def test_what_cannot_be_given_up_is_told(lake: Lake, lines: list[int] | None, why: str, told: str) -> None:
    row = ingest(lake, "mixed.csv", MIXED.encode())
    ingest(lake, "first.csv", corrections(row, 5), NOON + timedelta(days=1))
    with pytest.raises(InputError, match=told):
        given(lake, row, why, lines)
    with pytest.raises(InputError, match="nothing of it was given up"):
        take_back(lake.store, standing(lake, row))
    assert given(lake, row) == 2
    with pytest.raises(InputError, match="nothing of it is open"):
        given(lake, row)
    with pytest.raises(InputError, match="of its lines 6-7 were given up, not 5"):
        take_back(lake.store, standing(lake, row), lines=[5])


@pytest.mark.parametrize("text", ["", "x", "0", "3,,4", "7-", "1-99999999999", "9-3", "-3"])
def test_lines_that_are_none_are_told(text: str) -> None:
    with pytest.raises(InputError, match="as in 3,7-9"):
        read_lines(text)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"corrects": None}, "the rows in tbl_duff_orders correct others than its ledger row tells"),
        ({"corrects": ["MIXED:5"]}, "the rows in tbl_duff_orders correct others than its ledger row tells"),
        ({"corrects": ["MIXED:5,6,6"]}, "the rows in tbl_duff_orders correct others than its ledger row tells"),
        ({"corrects": ["MIXED:4,6"]}, "lines of it on which no rejected row begins: \\[4\\]"),
        ({"corrects": ["0" * 32 + ":5"]}, "others correct it, but the ledger does not know it"),
        ({"attempts": ["MIXED:7"]}, "the rows in tbl_duff_rejected_rows correct others than its ledger row tells"),
    ],
)
def test_check_tells_of_a_ledger_that_contradicts_the_tables(lake: Lake, damage: dict[str, Any], told: str) -> None:
    row = ingest(lake, "mixed.csv", MIXED.encode())
    correcting = ingest(lake, "first.csv", corrections(row, 5, 6), NOON + timedelta(days=1))
    assert standing(lake, row).corrected == 2
    path = lake.disk.path(layout.ledger_object(correcting.pa_date, correcting.file_id))
    told_entries = {
        name: entries and [each.replace("MIXED", row.file_id) for each in entries] for name, entries in damage.items()
    }
    path.write_bytes(rewritten(path.read_bytes(), **told_entries))
    assert any(re.search(told, each) for each in check(lake).problems)


def test_check_tells_of_what_was_given_up_and_is_none(lake: Lake) -> None:
    row = ingest(lake, "mixed.csv", MIXED.encode())
    for file_id, lines in ((row.file_id, "5,9"), ("0" * 32, "5")):
        document = GivenUp(file_id=file_id, said=(GiveUp(lines=lines, why="lost", at=NOON),))
        assert lake.store.put_new(layout.given_up_object(file_id), document.stored())
    lake.store.put_new(layout.given_up_object("1" * 32), b"{")
    build(lake)
    problems = check(lake).problems
    assert any(re.search("given up are lines on which no rejected row begins: \\[9\\]", each) for each in problems)
    assert any(re.search("0{32}: given up, but the ledger does not know it", each) for each in problems)
    assert any(re.search("given_up/1{32}.json cannot be read", each) for each in problems)
    with pytest.raises(DamagedObject):
        rejects.standings(lake)
