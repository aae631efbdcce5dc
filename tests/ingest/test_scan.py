"""What the scanner counts, takes out, and lays out for the engines."""

import json
from pathlib import Path
from typing import Any

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.errors import InvalidFile
from duff_orders.ingest.header import HEAD, dialect_of
from duff_orders.ingest.scan import Scan, scan
from tests.readings import AS_CONTRACT

HEADER = ",".join(COLUMN_NAMES)
GOOD = "1,Moe,1,1,Duff,2.50,6,0.33,Retail,created"


def scanned(folder: Path, data: bytes | str, **options: Any) -> Scan:
    data = data.encode() if isinstance(data, str) else data
    path, scratch = folder / "orders.csv", folder / "scratch"
    path.write_bytes(data)
    scratch.mkdir()
    dialect = dialect_of(data[:HEAD], path.name, AS_CONTRACT, whole=len(data) <= HEAD)
    return scan(path, path.name, dialect, AS_CONTRACT, scratch, **options)


def test_a_clean_file_is_read_in_place(tmp_path: Path) -> None:
    found = scanned(tmp_path, f"{HEADER}\n" + f"{GOOD}\n" * 3)
    assert (found.source, found.header, found.split, found.unsplit_records) == (tmp_path / "orders.csv", True, 3, 0)


@pytest.mark.parametrize(
    "data",
    [
        f"\ufeff{HEADER}\n{GOOD}\n",
        f"{HEADER}\n{GOOD}\n\n{GOOD}\r\n",
        f"{HEADER}\n{GOOD}\n1,2\n",
        f"{HEADER}\n{GOOD.replace('Moe', 'a') + chr(13)}\n{GOOD.replace('Moe', 'b  c')}\n",
    ],
)
def test_a_clean_copy_holds_a_record_of_all_fields_a_line(tmp_path: Path, data: str) -> None:
    found = scanned(tmp_path, data)
    if found.source.name == "clean.csv":
        assert not found.header
        lines = found.source.read_text(encoding="utf-8").splitlines()
        assert len(lines) == found.split


def test_what_cannot_be_split_is_taken_out_and_counted(tmp_path: Path) -> None:
    found = scanned(tmp_path, f'{HEADER}\n{GOOD}\n1,2\n"a"b\n{GOOD},\n')
    assert (found.split, found.unsplit_records, found.unclosed) == (1, 3, False)
    taken = [json.loads(line) for line in found.unsplit.read_text(encoding="utf-8").splitlines()]
    assert taken == [
        {"reasons": "row:wrong_field_count", "record": "1,2", "line": 3},
        {"reasons": "row:malformed_quotes", "record": '"a"b', "line": 4},
        {"reasons": "row:wrong_field_count", "record": f"{GOOD},", "line": 5},
    ]


def test_a_quote_that_never_closes_is_told(tmp_path: Path) -> None:
    found = scanned(tmp_path, f'{HEADER}\n{GOOD}\n"a,b\n{GOOD}\n')
    assert (found.split, found.unsplit_records, found.unclosed) == (1, 1, True)


def test_line_breaks_within_quotes_are_told_or_written_otherwise(tmp_path: Path) -> None:
    data = f"{HEADER}\n" + GOOD.replace("Moe", '"Moe\nSzyslak"') + "\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert scanned(tmp_path / "a", data).quoted_line_breaks
    found = scanned(tmp_path / "b", data, one_line=True)
    assert found.split == 1
    # blank lines keep the record, and what follows, on the lines where they stand in the file
    assert found.source.read_bytes() == b"\n" + GOOD.replace("Moe", '"Moe\0Szyslak"').encode() + b"\n\n"


def test_long_records_are_set_aside_where_that_is_asked(tmp_path: Path) -> None:
    long = GOOD.replace("Moe", "M" * 5000)
    found = scanned(tmp_path, f"{HEADER}\n{GOOD}\n{long}\n{long},\n", set_aside=True)
    assert found.typed is not None
    assert (found.typed.lines, found.split, found.unsplit_records) == (1, 0, 0)
    assert (found.long.split, found.long.unsplit) == (1, 1)


def test_an_encoding_that_shows_late_is_the_one_of_the_whole_file(tmp_path: Path) -> None:
    data = f"{HEADER}\n".encode() + f"{GOOD}\n".encode() * 3000 + GOOD.replace("Moe", "Ñandú").encode("cp1252")
    found = scanned(tmp_path, data)
    assert (found.dialect.encoding, found.split) == ("windows-1252", 3001)
    assert "Ñandú" in found.source.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(f"{HEADER}\n" + "a" * (17 << 20), "record 1 is longer than 16 MiB"), (f"{HEADER}\n{GOOD}\0\n" * 9999, "NUL")],
    ids=["long", "nul"],
)
def test_what_makes_the_file_invalid(tmp_path: Path, data: str, reason: str) -> None:
    with pytest.raises(InvalidFile, match=reason):
        scanned(tmp_path, data)
