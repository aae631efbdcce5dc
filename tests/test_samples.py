"""The samples tell the story that samples/README.md says they tell, and the demo's answers are these."""

import io
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from duff_orders.contract import COUNTS
from duff_orders.documents import LedgerRow
from duff_orders.lake.lake import Lake
from duff_orders.local.run import run as run_files
from duff_orders.models.build import build
from duff_orders.query import formats, reports
from duff_orders.query.duckdb import answer, sql
from duff_orders.query.rejects import read
from tests import lakes

SAMPLES = Path(__file__).parent.parent / "samples"
STORY = (SAMPLES / "README.md").read_text(encoding="utf-8")


def table(header: str) -> list[list[str]]:
    """The cells of the table in the story whose header starts so."""
    lines = STORY[STORY.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


TOLD = {row[0].strip("`"): row[1:] for row in table("| file |")}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, LedgerRow]]:
    """All samples in their order, as `make demo` runs them, and their ledger rows by name."""
    lake = lakes.open_lake(tmp_path_factory.mktemp("samples") / "lake")
    rows = list(run_files(lake, sorted(SAMPLES.glob("*.csv"))))
    build(lake)
    return lake, {row.source_file: row for row in rows}


def test_every_sample_is_told_of() -> None:
    assert list(TOLD) == sorted(path.name for path in SAMPLES.glob("*.csv"))


@pytest.mark.parametrize("name", TOLD)
def test_verdict_and_counts(run: tuple[Lake, dict[str, LedgerRow]], name: str) -> None:
    row = run[1][name]
    assert [f"`{row.verdict}`", *(str(getattr(row, count)) for count in COUNTS)] == TOLD[name][1:]


def test_reasons(run: tuple[Lake, dict[str, LedgerRow]]) -> None:
    lake, rows = run
    # the reasons stand in the first pair of backquotes
    told = Counter((order, cell.split("`")[1]) for order, cell in table("| order |"))
    found: Counter[tuple[str, str]] = Counter()
    for record in read(lake, rows["03-dirty.csv"]):
        match = re.search(r"(?<!\d)57\d\d(?!\d)", record["order_id"] or record["record"])
        assert match
        found[match[0], record["reasons"]] += 1
    assert found == told
    assert "eleven rejected rows" in STORY
    assert sum(found.values()) == 11


def test_the_spreadsheet_export_is_read_as_what_it_is(run: tuple[Lake, dict[str, LedgerRow]]) -> None:
    lake, rows = run
    export = rows["04-export-es.csv"]
    assert (export.encoding, export.delimiter, export.decimal_mark) == ("windows-1252", ";", ",")
    assert export.extra_columns == ("comentario",)
    query = "select client_name, product_description, product_price from tbl_duff_orders where client_id = 1020"
    assert [tuple(row.values()) for row in sql(lake, f"{query} order by product_id")] == [
        ("Cervecería Ñuñoa", "Duff Classic", Decimal("2.5000")),
        ("Cervecería Ñuñoa", "Duff Peñón", Decimal("3.7500")),
    ]


def test_columns_of_one_name_stay_apart(run: tuple[Lake, dict[str, LedgerRow]]) -> None:
    query = "select a.*, b.* from dim_status a join dim_status b on a.status_id = b.status_id + 1 order by 1 limit 1"
    assert sql(run[0], query) == [{"status_id": 2, "status": "delivered", "status_id_1": 1, "status_1": "created"}]


def test_the_invalid_file_says_what_is_missing(run: tuple[Lake, dict[str, LedgerRow]]) -> None:
    reason = run[1]["05-missing-column.csv"].reason
    assert reason is not None
    assert reason.startswith("column `status` missing; found: client_id, ")


#: Compared once with the latest states of what tests/oracle.py publishes from the samples, summed up in plain Python.
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "sales_by_channel": [
        ("Retail", 6, 100, "257.2000", "42.8667"),
        ("B2B", 7, 65, "206.1500", "29.4500"),
        ("Stadium", 1, 84, "199.2000", "199.2000"),
        ("Botillería", 1, 36, "105.0000", "105.0000"),
        ("Online", 3, 13, "35.2000", "11.7333"),
    ],
    "status_summary": [
        ("created", 8, 10, 199, "511.6000"),
        ("delivered", 10, 10, 99, "291.1500"),
        ("broken", 5, 5, 47, "166.5000"),
    ],
    "sales_by_product": [
        (102, "Duff Classic", 110, "275.0000", "36.3000"),
        (103, "Duff Lite", 112, "244.0000", "56.0000"),
        (104, "Duff Dry", 36, "108.0000", "9.0000"),
        (107, "Duff Añejo", 15, "78.7500", "11.2500"),
        (105, "Duff Special", 13, "52.0000", "13.0000"),
        (108, "Duff Peñón", 12, "45.0000", "6.0000"),
    ],
    "average_order": [(18, "44.5972", "1.1111", "16.5556")],
    "lifecycle": [(ANY, 25, 10, 10, 5, "0.4000")],
    "files_by_day": [(ANY, 5, 1, 40, 27, 2, 11, 0)],
    "sales_by_day": [(ANY, 18, 20, 298, "802.7500")],
    "sales_by_client": [
        (1006, "Springfield Isotopes", 1, 84, "199.2000"),
        (1020, "Cervecería Ñuñoa", 1, 36, "105.0000"),
        (1013, "The Frying Dutchman", 1, 30, "90.0000"),
        (1021, "Café Valparaíso", 1, 36, "79.2000"),
        (1002, "Kwik-E-Mart", 3, 34, "72.4000"),
        (1009, "Cantina Señor Abejorro", 1, 12, "63.0000"),
        (1011, "Barney's Bowl-A-Rama", 1, 20, "50.0000"),
        (1023, "Almacén Núñez", 1, 10, "40.0000"),
        (1007, "The Leftorium", 1, 6, "18.0000"),
        (1012, 'Anthony "Fat Tony" D\'Amico', 1, 3, "15.7500"),
    ],
}


@pytest.mark.parametrize("report", reports.names())
def test_answer(run: tuple[Lake, dict[str, LedgerRow]], report: str) -> None:
    found = [
        tuple(str(value) if isinstance(value, Decimal) else value for value in row.values())
        for row in sql(run[0], reports.text(report))
    ]
    assert found == ANSWERS[report]


@pytest.mark.parametrize("report", ["sales_by_channel", "status_summary", "sales_by_product"])
def test_readme_shows_the_answer(run: tuple[Lake, dict[str, LedgerRow]], report: str) -> None:
    stream = io.StringIO()
    with answer(run[0], reports.text(report)) as connection:
        formats.write(connection, stream, "table")
    assert stream.getvalue() in (SAMPLES.parent / "docs" / "tutorial.md").read_text(encoding="utf-8")
