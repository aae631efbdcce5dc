"""The loop through a real spreadsheet, in the locales of those who correct: no cell changes that nobody touched."""

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from duff_orders.contract import COLUMN_NAMES
from tests.cli.commands import HEADER, Result, duff, write
from tests.effort import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice")]

#: Locales and Windows' numbers for them, by which LibreOffice reads CSV; and the delimiter that Excel takes there.
LOCALES = {
    "en-US": (1033, ","),
    "es-ES": (3082, ";"),
    "es-CL": (13322, ";"),
    "de-DE": (1031, ";"),
    "fr-FR": (1036, ";"),
}
#: The wrong cells of a partner's file, by order; all others are good, and none may become another.
WRONG = {
    1: ("product_ccf", "six"),
    2: ("product_ccf", "1,5"),
    3: ("product_ccf", "0"),
    4: ("product_ccf", "1.000"),
    5: ("product_ccf", "1,000"),
    6: ("product_price", "$2.20"),
    7: ("product_price", "2,50"),
    8: ("product_price", "1,990"),
    9: ("product_price", "1.990,00"),
    10: ("product_price", "1/2"),
    11: ("product_volume", "0.35500"),
    12: ("product_volume", "50%"),
    13: ("product_volume", "1e-1"),
    14: ("client_id", "C-7"),
    15: ("client_id", "1 001"),
    16: ("status", "sent"),
    17: ("status", "1-2"),
    18: ("product_price", "1.990"),
    19: ("product_ccf", "1.0.0"),
    20: ("product_volume", "-1.5"),
}
GOOD = {
    "client_id": "1001",
    "client_name": "Moe's, Tavern",
    "product_id": "7",
    "product_description": "Duff 0.355",
    "product_price": "1.99",
    "product_ccf": "6",
    "product_volume": "0.355",
    "point_of_sale_channel": "B2B",
    "status": "created",
}


def partners_file(path: Path, delimiter: str, mark: str) -> Path:
    """A file with a wrong cell a row, and a good row."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMN_NAMES, delimiter=delimiter)
        writer.writeheader()
        for order in range(len(WRONG) + 1):
            row = GOOD | {"order_id": str(order + 1)}
            for name in ("product_price", "product_volume"):
                row[name] = row[name].replace(".", mark)
            if order in WRONG:
                row[WRONG[order][0]] = WRONG[order][1]
            writer.writerow(row)
    return path


def saved_by_a_spreadsheet(path: Path, locale: str, folder: Path) -> Path:
    """Open a CSV file where this locale is spoken, numbers recognized as far as they go, and save it."""
    number, delimiter = LOCALES[locale]
    folder.mkdir()
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    shape = f"{ord(delimiter)},34,76,1,,{number},false,true"
    asked = [f"--infilter=CSV:{shape},false", "--convert-to", f"csv:Text - txt - csv (StarCalc):{shape},false"]
    command: list[str | Path] = ["soffice", profile, "--headless", *asked, "--outdir", folder, path]
    subprocess.run(command, check=True, timeout=PATIENCE, capture_output=True)
    return folder / path.name


def exported(tmp_path: Path, locale: str, delimiter: str, mark: str) -> tuple[Path, Path]:
    """A lake with the partner's file, and the export for a locale, saved there untouched."""
    lake = tmp_path / "lake"
    source = partners_file(tmp_path / "orders.csv", delimiter, mark)
    row = duff("run", source, "--max-reject-share", "1", "--json", "--lake", lake).documents[0]
    out = tmp_path / "corrections.csv"
    told = duff("rejects", row["file_id"], "--csv", out, "--locale", locale, "--lake", lake)
    assert told == Result(0, f"{row['rows_rejected']} rejected rows written to {out}\n", "")
    return lake, saved_by_a_spreadsheet(out, locale, tmp_path / "saved")


def published(lake: Path) -> list[dict[str, Any]]:
    sql = f"select {', '.join(COLUMN_NAMES)} from tbl_duff_orders where corrects is not null order by order_id"
    found: list[dict[str, Any]] = json.loads(
        duff("query", sql, "--format", "json", "--lake", lake).out, parse_float=str
    )
    return found


@pytest.mark.parametrize("dialect", [(",", "."), (";", ",")], ids=["points", "commas"])
@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_is_published_that_nobody_corrected(tmp_path: Path, locale: str, dialect: tuple[str, str]) -> None:
    lake, saved = exported(tmp_path, locale, *dialect)
    duff("run", saved, "--json", "--lake", lake)
    assert published(lake) == []
    assert duff("check", "--deep", "--lake", lake).code == 0


@pytest.mark.parametrize("dialect", [(",", "."), (";", ",")], ids=["points", "commas"])
@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_corrected_is_published_as_the_partner_wrote_the_rest(
    tmp_path: Path, locale: str, dialect: tuple[str, str]
) -> None:
    lake, saved = exported(tmp_path, locale, *dialect)
    delimiter = LOCALES[locale][1]
    with saved.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=delimiter))
    for row in rows:
        for reason in row["reasons"].split(";"):
            name = reason.partition(":")[0]
            row[name] = GOOD[name].replace(".", "," if delimiter == ";" else ".")
    with saved.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    row = duff("run", saved, "--json", "--lake", lake).documents[0]
    assert (row["verdict"], row["rows_published"]) == ("valid", len(rows))
    values = GOOD | {"product_price": "1.9900", "product_volume": "0.3550", "client_id": 1001, "product_id": 7}
    for found in published(lake):
        assert found | {"order_id": 0} == values | {"product_ccf": 6, "order_id": 0}
    assert duff("files", "--open", "--json", "--lake", lake).out == ""
    assert duff("check", "--deep", "--lake", lake).code == 0


def test_a_cell_that_a_spreadsheet_changed_is_told(tmp_path: Path) -> None:
    """An export as it was before it was written for its reader: a Spanish spreadsheet reads 0.355 as 355."""
    lake = tmp_path / "lake"
    source = write(tmp_path / "orders.csv", "1,Moe,7,1,Duff,2.50,x,0.355,Retail,created", header=HEADER)
    row = duff("run", source, "--max-reject-share", "1", "--json", "--lake", lake).documents[0]
    out = tmp_path / "corrections.csv"
    duff("rejects", row["file_id"], "--csv", out, "--raw", "--lake", lake)
    text = out.read_text("utf-8-sig").replace(",", ";").replace(";x;", ";6;")
    out.write_text(text, "utf-8-sig")
    saved = saved_by_a_spreadsheet(out, "es-CL", tmp_path / "saved")
    duff("run", saved, "--json", "--lake", lake)
    assert published(lake) == []
    found = duff(
        "query", "select reasons from tbl_duff_rejected_rows order by reasons", "--format", "csv", "--lake", lake
    )
    assert "product_volume:changed" in found.out
