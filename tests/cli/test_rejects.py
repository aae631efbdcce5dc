"""`duff rejects`: shown, exported, corrected in a spreadsheet and dropped again."""

import csv
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from tests.cli.commands import HEADER, Result, count, duff, ids, write
from tests.effort import PATIENCE

pytestmark = pytest.mark.slow


def test_rejects_as_documents(made: tuple[Path, Result]) -> None:
    lake, run = made
    found = duff("rejects", run.documents[1]["file_id"], "--json", "--lake", lake).documents
    assert len(found) == 11
    assert set(found[0]) == {*COLUMN_NAMES, "reasons", "record", "line", "corrects"}
    assert duff("rejects", "4022", "--json", "--csv", "x.csv", "--lake", lake).code == 2


def test_rejects_shows_reasons_and_texts(made: tuple[Path, Result]) -> None:
    lake, run = made
    result = duff("rejects", run.documents[1]["file_id"][:6], "--lake", lake)
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0].startswith("03-dirty.csv: valid_with_rejects, 24 read, 11 published, 2 duplicate, 11 rejected")
    found = {line.partition(": ")[2]: place for place, line in enumerate(lines) if line.startswith("line ")}
    place = found["product_price:not_a_number;status:unknown"]
    assert "order_id='5713'" in lines[place + 1]
    assert "product_price='$2.20'" in lines[place + 1]
    place = found["row:malformed_quotes"]
    assert lines[place] == "line 22: row:malformed_quotes"
    assert (
        lines[place + 1].strip()
        == """'1006,"Springfield" Isotopes,5719,102,Duff Classic,2.50,6,0.33,Stadium,created'"""
    )
    assert len(lines) == 1 + 2 * 11


def test_rejects_of_a_file_without_any(made: tuple[Path, Result], tmp_path: Path) -> None:
    lake, run = made
    assert len(duff("rejects", run.documents[0]["file_id"], "--lake", lake).out.splitlines()) == 1
    out = tmp_path / "none.csv"
    result = duff("rejects", run.documents[2]["file_id"], "--csv", out, "--lake", lake)
    assert (result.code, result.out) == (0, f"0 rejected rows written to {out}\n")


def open_sheet(path: Path, delimiter: str) -> list[dict[str, str]]:
    """A CSV file as a spreadsheet opens it: the byte order mark says that it is UTF-8."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def save_sheet(path: Path, rows: Sequence[dict[str, str]], delimiter: str, encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


#: What a person types over the cells of samples/03-dirty.csv that the reasons name.
CORRECTIONS = {
    "client_id": "1001",
    "client_name": "Moe's Tavern",
    "product_id": "102",
    "product_description": "Duff Classic",
    "product_price": "2.50",
    "product_ccf": "6",
    "product_volume": "0.33",
    "point_of_sale_channel": "Retail",
    "status": "created",
}


FURTHER = ["duff_corrects", "duff_changes", "reasons", "record", "line"]


def correct(row: dict[str, str]) -> None:
    if row["record"]:  # no fields: they are typed from the record's text
        fields = row["record"].replace('"', "").split(",")
        row.update(zip(COLUMN_NAMES, [*fields[:9], "created"], strict=True))
    for reason in row["reasons"].split(";"):
        column, _, _ = reason.partition(":")
        if column != "row":
            row[column] = CORRECTIONS[column]


def test_rejects_are_exported_corrected_and_published(lake: Path, tmp_path: Path) -> None:
    out = tmp_path / "corrections.csv"
    result = duff("rejects", ids(lake)["03-dirty.csv"], "--csv", out, "--lake", lake)
    assert (result.code, result.out) == (0, f"11 rejected rows written to {out}\n")
    rows = open_sheet(out, ",")
    assert list(rows[0]) == [*COLUMN_NAMES, *FURTHER]
    before = count(lake, "tbl_duff_orders")
    for row in rows:
        correct(row)
    save_sheet(out, rows, ",", "utf-8-sig")
    again = duff("run", out, "--json", "--lake", lake)
    assert again.code == 0
    assert again.documents[0]["verdict"] == "valid"
    assert again.documents[0]["rows_published"] == 11
    assert again.documents[0]["extra_columns"] == FURTHER
    assert count(lake, "tbl_duff_orders") == before + 11
    sql = "select order_id from fact_orders where order_id between 5710 and 5720 order by 1"
    assert duff("query", sql, "--format", "csv", "--lake", lake).out.split()[1:] == [str(n) for n in range(5710, 5721)]
    assert duff("check", "--lake", lake).code == 0


def test_only_open_rows_are_exported_again(tmp_path: Path) -> None:
    lake, out = tmp_path / "lake", tmp_path / "corrections.csv"
    source = write(
        tmp_path / "orders.csv", *(f"1,Moe,{n},1,Duff,2.50,x,0.33,Retail,created" for n in range(1, 5)), header=HEADER
    )
    file_id = duff("run", source, "--max-reject-share", "1", "--json", "--lake", lake).documents[0]["file_id"]
    duff("rejects", file_id, "--csv", out, "--lake", lake)
    rows = open_sheet(out, ",")
    again = [rows[0] | {"product_ccf": "6"}, rows[1] | {"product_ccf": "y"}]
    save_sheet(out, again, ",", "utf-8-sig")
    (attempt,) = duff("run", out, "--max-reject-share", "1", "--json", "--lake", lake).documents
    duff("give-up", file_id, "--lines", "5", "--why", "gone", "--lake", lake)
    told = duff("rejects", file_id, "--csv", out, "--lake", lake).out
    assert (
        told
        == f"2 rejected rows written to {out}\nleft out: 2, corrected or given up already; --all writes them, too\n"
    )
    assert [row["order_id"] for row in open_sheet(out, ",")] == ["2", "3"]
    assert duff("rejects", file_id, "--csv", out, "--all", "--lake", lake).out == f"4 rejected rows written to {out}\n"
    # what came for a row that is given up since is not to be corrected either
    duff("rejects", attempt["file_id"], "--csv", out, "--lake", lake)
    assert [row["duff_corrects"] for row in open_sheet(out, ",")] == [f"{file_id}:3"]
    duff("give-up", file_id, "--lines", "3", "--why", "gone", "--lake", lake)
    assert duff("rejects", attempt["file_id"], "--csv", out, "--lake", lake).out.startswith("0 rejected rows written")
    for wrong in (
        ("--all",),
        ("--locale", "es"),
        ("--csv", out, "--raw", "--locale", "es"),
        ("--csv", out, "--locale", "!"),
    ):
        assert duff("rejects", file_id, *wrong, "--lake", lake).code == 2


FORMULAS = [
    *('=HYPERLINK("http://a.org","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1", "\uff1d1+1"),
    *("--", "=", "-", "+"),
]
NO_FORMULAS = ["-5", "+5,00", "-1.5", "Moe - Tavern", " =1+1", "a=b", "5"]


def formula_lake(tmp_path: Path) -> tuple[Path, str]:
    """A lake with a file whose rejected rows hold formulas in several columns; and its id."""
    source = tmp_path / "formulas.csv"
    with source.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMN_NAMES)
        for order, text in enumerate(FORMULAS + NO_FORMULAS, 1):
            writer.writerow([1, text, order, 1, text, "2.50", 6, "0.33", "Retail", text])
    lake = tmp_path / "lake"
    duff("run", source, "--max-reject-share", "1", "--lake", lake)
    return lake, ids(lake)["formulas.csv"]


def test_no_cell_of_an_export_is_run_as_a_formula(tmp_path: Path) -> None:
    lake, file_id = formula_lake(tmp_path)
    out = tmp_path / "new" / "corrections.csv"  # a missing folder is made
    assert duff("rejects", file_id, "--csv", out, "--lake", lake).code == 0
    rows = sorted(open_sheet(out, ","), key=lambda row: int(row["order_id"]))
    assert [row["client_name"] for row in rows] == [" " + text for text in FORMULAS] + NO_FORMULAS
    assert [row["status"] for row in rows] == [row["client_name"] for row in rows]
    raw = tmp_path / "raw.csv"
    assert duff("rejects", file_id, "--csv", raw, "--raw", "--lake", lake).code == 0
    exact = sorted(open_sheet(raw, ","), key=lambda row: int(row["order_id"]))
    assert [row["client_name"] for row in exact] == FORMULAS + NO_FORMULAS
    # what comes back, with the status corrected, is what the partner wrote
    for row in rows:
        row["status"] = "created"
    save_sheet(out, rows, ",", "utf-8-sig")
    again = duff("run", out, "--json", "--lake", lake).documents[0]
    assert (again["verdict"], again["rows_published"]) == ("valid", len(rows))
    sql = "select client_name from tbl_duff_orders order by order_id"
    names = [row["client_name"] for row in json.loads(duff("query", sql, "--format", "json", "--lake", lake).out)]
    assert names == [text.strip(" \t\r") for text in FORMULAS + NO_FORMULAS]


@pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice")
def test_a_spreadsheet_takes_every_cell_for_text(tmp_path: Path) -> None:
    lake, file_id = formula_lake(tmp_path)
    out = tmp_path / "corrections.csv"
    duff("rejects", file_id, "--csv", out, "--lake", lake)
    # field separator, quote, UTF-8, first line; then of the export: "formulas" written out where a cell has one
    options = ["--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1", "--convert-to", "fods"]
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", *options, "--outdir", tmp_path, out], check=True, timeout=PATIENCE
    )
    assert "table:formula=" not in (tmp_path / "corrections.fods").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"], ids=["kept as UTF-8", "saved as Windows-1252"])
def test_rejects_of_a_spanish_export_keep_its_dialect(tmp_path: Path, encoding: str) -> None:
    lake = tmp_path / "lake"
    source = write(
        tmp_path / "pedidos.csv",
        "1;Peña Ñuñoa;1;7;Duff Añejo;2,50;6;0,33;Botillería;created",
        '1;"Peña; ""La Ñ""";2;7;Duff Añejo;2,50;6;0,33;Botillería;entregado',
        "1;Peña Ñuñoa;3;7;Duff Añejo;2,50;6;0,33333;Botillería;created",
        header=HEADER.replace(",", ";"),
        encoding="cp1252",
    )
    duff("run", source, "--max-reject-share", "1", "--lake", lake)
    out = tmp_path / "corregido.csv"
    assert duff("rejects", ids(lake)["pedidos.csv"], "--csv", out, "--locale", "es", "--lake", lake).code == 0
    rows = open_sheet(out, ";")
    assert {row["reasons"] for row in rows} == {"status:unknown", "product_volume:too_precise"}
    for row in rows:
        assert row["product_price"] == "2,50"
        if row["reasons"] == "status:unknown":
            assert row["client_name"] == 'Peña; "La Ñ"'
            row["status"] = "delivered"
        else:
            row["product_volume"] = "0,33"
    save_sheet(out, rows, ";", encoding)
    assert duff("run", out, "--json", "--lake", lake).documents[0]["verdict"] == "valid"
    sql = "select order_id, client_name, total_price, total_volume from fact_orders join dim_clients using (client_id)"
    answer = duff("query", f"{sql} order by order_id", "--format", "json", "--lake", lake).out
    found = [tuple(row.values()) for row in json.loads(answer, parse_float=str)]
    # the client's latest name is that of the later file, and of its records the greatest one's
    assert {row[1] for row in found} == {'Peña; "La Ñ"'}
    assert [(row[0], *row[2:]) for row in found] == [(n, "15.0000", "1.9800") for n in (1, 2, 3)]
