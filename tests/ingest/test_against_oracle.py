"""Hostile files through the pipeline and through the oracle: the same verdict, counts, values and reasons."""

import gzip
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, COLUMNS, COUNTS, ORDERS, REJECTED_ROWS, Column
from duff_orders.ingest.long_records import stand_in
from duff_orders.ingest.marks import Marks
from duff_orders.local.check import check
from duff_orders.local.reread import compare
from duff_orders.models.build import build
from tests.agreement import assert_agrees
from tests.effort import examples, thinned
from tests.hostile import HostileFile, orders_files
from tests.ingest import test_spark_parity as by_hand
from tests.ingest.forced import WAYS, Way, forced
from tests.lakes import ingest, open_lake, rows, sql
from tests.oracle import _BreaksRuleError, _judge_value, judge

pytestmark = pytest.mark.property


@given(file=orders_files(), way=WAYS)
@settings(max_examples=examples(600), deadline=None, suppress_health_check=list(HealthCheck))
def test_pipeline_agrees_with_the_oracle(file: HostileFile, way: Way) -> None:
    expected = judge(file.data, compressed=file.compressed)
    with tempfile.TemporaryDirectory() as folder, forced(way):
        lake = open_lake(Path(folder))
        row = ingest(lake, "f.csv.gz" if file.compressed else "f.csv", file.data)
        assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), expected)
        if row.rows_read:
            with sql() as connection, lake.store.scratch() as scratch:
                assert list(compare(lake, connection, scratch, row, lake.disk.path(f"raw/{row.source_file}"))) == []


@pytest.mark.parametrize("name", thinned(3, by_hand.FILES))
def test_files_by_hand_agree_with_the_oracle_and_are_read_again_as_such(tmp_path: Path, name: str) -> None:
    lake, data = open_lake(tmp_path), by_hand.FILES[name]
    row = ingest(lake, "f.csv", data)
    assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), judge(data))
    with sql() as connection, lake.store.scratch() as scratch:
        assert not row.rows_read or list(compare(lake, connection, scratch, row, lake.disk.path("raw/f.csv"))) == []


def test_a_second_header_in_another_order_names_both_lines(tmp_path: Path) -> None:
    row = ingest(open_lake(tmp_path), "f.csv", by_hand.FILES["a second header in another order, over lines"])
    assert row.verdict == "invalid"
    assert "line 5 names the columns again, in another order than line 1" in str(row.reason)


def test_lines_that_end_with_a_carriage_return_are_called_that(tmp_path: Path) -> None:
    good = "1,Moe,1,1,Duff,2.50,6,0.33,Retail,created\r"
    for number in (3, 300):  # one long record, too
        row = ingest(open_lake(tmp_path), f"{number}.csv", (",".join(COLUMN_NAMES) + "\n" + good * number).encode())
        assert (row.verdict, row.rows_read) == ("invalid", 1)
        assert "the lines end with CR alone" in str(row.reason)


def test_reject_share_is_a_setting(tmp_path: Path) -> None:
    header = ",".join(COLUMN_NAMES)
    good = "1,Moe,1,1,Duff,1.00,1,0.33,Retail,created\n"
    data = f"{header}\n{good}x{good}".encode()
    row = ingest(open_lake(tmp_path / "a"), "f.csv", data)
    assert row.verdict == "valid_with_rejects"
    row = ingest(open_lake(tmp_path / "b", max_reject_share=Decimal("0.4")), "f.csv", data)
    assert (row.verdict, row.rows_withheld, row.rows_rejected) == ("invalid", 1, 1)


PIECES = st.sampled_from(
    ["0", "1", "9", ".", ",", "-", " ", "\t", "\r", "x", "é", "\U0001f37a", "\n", "created", "null"]
)
LONG_TEXTS = st.lists(st.tuples(PIECES, st.sampled_from([1, 2, 8, 9, 18, 19, 70, 4096, 4097, 9000])), max_size=5)


@given(column=st.sampled_from(COLUMNS), pieces=LONG_TEXTS, delimiter=st.sampled_from(",;"))
@settings(max_examples=examples(2_000), deadline=None)
def test_a_stand_in_has_the_same_value_or_breaks_the_same_rule(
    column: Column, pieces: list[tuple[str, int]], delimiter: str
) -> None:
    def outcome(value: str) -> object:
        try:
            return _judge_value(column.name, value, delimiter)
        except _BreaksRuleError as broken:
            return str(broken)

    long = "".join(piece * times for piece, times in pieces)
    short = stand_in(column, long, Marks("."))
    assert len(short) <= 4097
    assert outcome(short) == outcome(long)


@pytest.mark.slow
def test_long_records_are_counted_and_kept_within_the_memory(tmp_path: Path) -> None:
    """What once ended in `failed`, or let no star schema be built: long good, rejected and unsplit records."""
    header, mib = ",".join(COLUMN_NAMES), 2**20
    end = ",6,0.33,Retail,created\n"
    lines = [f"{n},{'é' * 4096},{n},1,{'y' * 4096},2.50{end}" for n in range(1, 2_001)]  # good: 12 KB each
    lines += [f"x,Moe,{n},1,{'y' * 50_000},2.50{end}" for n in range(1, 1_001)]
    lines += [f"1,Moe,7,1,{'y' * (14 * mib)},2.50{end}", f"1,{'z' * (14 * mib)}\n", f'1,"a"b{"z" * (3 * mib)}\n']
    lines += [f"1,{' ' * (5 * mib)}Moe,9999,1,Duff,2.{'5' + '0' * (5 * mib)}{end}"] * 2  # good, and the same twice
    data = (header + "\n" + "".join(lines)).encode()
    lake = open_lake(tmp_path, memory=256 * 10**6)
    row = ingest(lake, "f.csv", data)
    assert (row.error, row.verdict) == (None, "valid_with_rejects")
    counts = [getattr(row, name) for name in COUNTS]
    assert counts == [3_005, 2_001, 1, 1_003, 0]
    reasons = Counter(values[-3] for values in rows(lake, row, REJECTED_ROWS.name))
    assert reasons == {
        "client_id:not_an_integer;product_description:too_long": 1_000,
        "product_description:too_long": 1,
        "row:wrong_field_count": 1,
        "row:malformed_quotes": 1,
    }
    assert build(lake).rows == 2_001
    assert check(lake).problems == []


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("blank", ["\n", " \t\r\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "1,Moe,1,1,Duff,2.50,6,0.33,Retail,created\n", '1,"a"b\n'])
def test_blank_lines_cost_nothing(tmp_path: Path, start: str, blank: str) -> None:
    """Each once took time that grew with the square of their number: minutes for these."""
    header, good = ",".join(COLUMN_NAMES) + "\n", "1,Moe,2,1,Duff,2.50,6,0.33,Retail,created\n"
    data = (header + start + blank * (4 * 2**20 // len(blank)) + good).encode()
    row = ingest(open_lake(tmp_path), "f.csv.gz", gzip.compress(data))
    assert (row.rows_read, row.rows_published + row.rows_rejected) == ((2, 2) if start else (1, 1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("\n" * 70_000 + "{header}\n{good}", "the header line does not end within the first 64 KiB"),
        ("{header},{wide}\n{good}", "the header line does not end within the first 64 KiB"),
        ("{header}\r{good}\r{good}\r", "the lines end with CR alone; allowed are LF and CRLF"),
        ("client_id," + "c" * 9_000 + ",order_id\n", "missing; found: client_id, cccc"),
        (",".join(["client_id"] + [f"extra_{n}" for n in range(900)]) + "\n", "… (9,"),
    ],
    ids=["blank lines", "wide header", "lone CR", "long name", "many names"],
)
def test_what_is_wrong_with_a_header_is_said_in_a_sentence(tmp_path: Path, data: str, reason: str) -> None:
    written = data.replace("{header}", ",".join(COLUMN_NAMES)).replace("{wide}", "w" * 70_000)
    written = written.replace("{good}", "1,Moe,1,1,Duff,2.50,6,0.33,Retail,created")
    row = ingest(open_lake(tmp_path), "f.csv", written.encode())
    assert row.verdict == "invalid"
    assert reason in str(row.reason)
    assert len(str(row.reason)) < 1_000


def test_long_records_of_a_file_that_turns_out_as_windows_1252(tmp_path: Path) -> None:
    """It is scanned twice then: nothing of the first time may come into the second."""
    # what is UTF-8 up to here has other letters, and other lengths, as Windows-1252
    lines = [f"x,Moe,{n},1,é{'y' * (4_500 + n)},2.50,6,0.33,Retail,created\n".encode() for n in range(201)]
    lines += [f"{n},Peña,{n},1,Duff,2.50,6,0.33,Retail,created\n".encode("cp1252") for n in range(1, 301)]
    data = ",".join(COLUMN_NAMES).encode() + b"\n" + b"".join(lines)
    row = ingest(open_lake(tmp_path), "f.csv", data)
    expected = judge(data)
    assert (row.encoding, row.error) == ("windows-1252", None)
    lake = open_lake(tmp_path)
    assert Counter(rows(lake, row, ORDERS.name)) == Counter(map(tuple, expected.published))
    assert Counter(rows(lake, row, REJECTED_ROWS.name)) == Counter(map(tuple, expected.rejected))
