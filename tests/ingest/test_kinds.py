"""Objects that are no orders files: each has a verdict, which says what it is and what is allowed."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.ingest.kinds import kind_of
from tests.lakes import ingest, open_lake

CSV = (",".join(COLUMN_NAMES) + "\n1,Moe,1,1,Duff,2.50,6,0.33,Retail,created\n").encode()


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, CSV)
    return stream.getvalue()


KINDS = {
    "is_zip": zipped("orders.csv"),
    "is_xlsx": zipped("xl/worksheets/sheet1.xml"),
    "is_xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "is_gzip": gzip.compress(CSV, mtime=0),
    "is_pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "is_html": b"\xef\xbb\xbf\r\n <!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "is_json": b'[\n {"client_id": 1, "client_name": "Moe"}\n]\n',
    "is_parquet": b"PAR1\x15\x04\x15\x10\x15\x14L\x15",
    "is_utf16": CSV.decode().encode("utf-16-le"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_bytes_tell(kind: str) -> None:
    assert kind_of(KINDS[kind]) == kind


@pytest.mark.parametrize(
    "data", [b"", b"a", b"\n", CSV, CSV.decode().encode("utf-16"), b"{}x", b"[client_id]", b"PK", bytes(500)]
)
def test_or_they_tell_nothing(data: bytes) -> None:
    assert kind_of(data) in (None, "is_json" if data == b"{}x" else None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.zip", "orders.bin"])
def test_it_says_so_under_any_name(tmp_path: Path, kind: str, name: str) -> None:
    row = ingest(open_lake(tmp_path), name, KINDS[kind])
    assert (row.verdict, row.rows_read, row.error) == ("invalid", 0, None)
    assert "and not CSV: allowed are CSV files named *.csv, or packed with gzip *.csv.gz" in str(row.reason)


@pytest.mark.parametrize("kind", ["is_xlsx", "is_gzip"])
def test_it_says_so_of_what_is_packed(tmp_path: Path, kind: str) -> None:
    row = ingest(open_lake(tmp_path), "orders.csv.gz", gzip.compress(KINDS[kind]))
    assert "and not CSV: allowed" in str(row.reason)
    row = ingest(open_lake(tmp_path), "other.csv.gz", KINDS["is_xlsx"])
    assert "an Excel workbook (XLSX)" in str(row.reason)


@pytest.mark.parametrize("name", ["orders.txt", "orders.tsv", "orders", "orders.csv.bz2", "orders.gz"])
def test_good_orders_under_another_name_are_none(tmp_path: Path, name: str) -> None:
    row = ingest(open_lake(tmp_path), name, CSV)
    assert (row.verdict, row.rows_read) == ("invalid", 0)
    assert row.reason == "no orders file by its name: allowed are *.csv, and *.csv.gz for one that is packed with gzip"


def test_what_cannot_be_seen_is_shown_in_a_reason(tmp_path: Path) -> None:
    names = ",".join(COLUMN_NAMES).replace("status", "sta\u200btus")
    row = ingest(open_lake(tmp_path), "f.csv", f"{names}\n".encode())
    assert row.reason is not None
    assert row.reason.endswith("point_of_sale_channel, sta\\u200btus")
    row = ingest(open_lake(tmp_path), "g.csv", b'"' + names.replace(",", "^").encode() + b'"\n')
    assert 'line 1 reads `"client_id^client_name^' in row.reason if row.reason else False
