"""What must hold once the contract has grown; `test_growth.py` runs these where `grown.py` has made it so."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from duff_orders.cli.main import app
from duff_orders.contract import COLUMN_NAMES, CONTRACT, ORDERS, REJECTED_ROWS, REQUIRED_NAMES, STAR, STATUSES
from duff_orders.documents import LedgerRow
from duff_orders.errors import SettingsError
from duff_orders.generator.orders import generate
from duff_orders.lake.lake import Lake
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.models.build import build
from duff_orders.query import reports
from duff_orders.query.duckdb import executed
from duff_orders.query.guard.check import check as translate
from duff_orders.query.serving import Serving
from duff_orders.registry import ENGINES
from duff_orders.settings import Settings
from tests.api.lakes import application
from tests.lakes import KEPT_LAKES, NOON, ingest, kept_lake, open_lake

ADDED = ("promotion_code", "discount", "pallets")
ON_BOTH = pytest.mark.parametrize("engine", ["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
LINE = "1001,Moe,{order},{product},Duff,2.50,6,0.33,Retail,{status}"


def ask(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    with lake.engine() as (connection, _):
        create_views(lake, connection)
        return connection.execute(query).fetchall()


def csv(*records: str, also: tuple[str, ...] = ADDED) -> bytes:
    return "\n".join((",".join((*REQUIRED_NAMES, *also)), *records, "")).encode()


def line(order: int, status: str = "created", added: str = ",,", product: int = 102) -> str:
    return f"{LINE.format(order=order, product=product, status=status)},{added}"


def assert_whole(lake: Lake, builder: str = "duckdb") -> None:
    build(replace(lake, settings=replace(lake.settings, engine=builder)))
    assert check(lake, deep=True).problems == []


def test_the_contract_is_the_one_that_has_grown() -> None:
    assert (CONTRACT.version, CONTRACT.optional[0].name, len(STATUSES)) == (3, "promotion_code", 5)


@ON_BOTH
@pytest.mark.parametrize("contract", KEPT_LAKES)
def test_lakes_of_earlier_contracts_are_queried_checked_extended_corrected_and_replayed(
    tmp_path: Path, contract: int, engine: str
) -> None:
    lake = kept_lake(tmp_path, contract)
    assert check(lake, deep=True).problems == []
    before = ask(lake, "select count(*), count(promotion_code), count(pallets) from tbl_duff_orders")
    assert before[0][0] > 0
    assert before[0][1:] == (0, 0)
    for table in (ORDERS, REJECTED_ROWS, *STAR):
        assert ask(lake, f"select count(*) from (select * from {table.name})")[0][0] > 0
    row = ingest(lake, "news.csv", csv(line(99_001, "returned", "SUMMER,0.5,2"), line(99_002, "shipped", ",,")))
    assert (row.contract, row.rows_published, row.rows_rejected) == (3, 1, 1)
    assert ask(lake, "select promotion_code, discount, pallets from tbl_duff_orders where order_id = 99001") == [
        ("SUMMER", Decimal("0.5"), 2)
    ]
    assert_whole(lake, engine)
    _correct_one_of_each(lake)
    assert_whole(lake, engine)
    told = ask(lake, "select order_id, product_id, status_id, total_price from fact_orders order by all")
    replayed = list(replay(lake, everything=True))
    assert len(replayed) == len(list(lake.ledger.rows()))
    assert [row for row in lake.ledger.rows() if row.contract != 3] == []
    assert_whole(lake, engine)
    if contract == 2:  # what version 1 published may be rejected since
        assert ask(lake, "select order_id, product_id, status_id, total_price from fact_orders order by all") == told


def _correct_one_of_each(lake: Lake) -> None:
    """A correction of a row that was rejected under an earlier contract, where it has a line, and of a new one."""
    found = ask(
        lake,
        f"select file_id, line, {', '.join(REQUIRED_NAMES)} from tbl_duff_rejected_rows"
        " where reasons in ('status:unknown', 'product_ccf:not_an_integer') and line is not null",
    )
    assert found
    records = []
    for file_id, number, *texts in found:
        cells = dict(zip(REQUIRED_NAMES, texts, strict=True))
        cells |= {"status": "replaced"} if cells["status"] == "shipped" else {"product_ccf": "6"}
        named = [f'"{cells[name]}"' for name in REQUIRED_NAMES]
        records.append(",".join((*named, f"{file_id}:{number}")))
    data = csv(*records, also=("duff_corrects",))
    row = ingest(lake, "mended.csv", data, when=max(each.event_time for each in lake.ledger.rows()))
    assert (row.verdict, row.rows_published) == ("valid", len(records))


# Texts of the optional columns: what each means is said here a second time, without a line of the product's.
CODES = [
    "",
    " ",
    "X",
    " X ",
    "null",
    "N/A",
    "\\N",
    "nulls",
    '"a,b"',
    '"a ""b"""',
    "Ñandú",
    "~",
    "\u00a0",
    "x" * 4096,
    "x" * 4097,
]
DISCOUNTS = [
    "",
    "0.5",
    "0",
    "0.0",
    "-1",
    "12345678.1234",
    "123456789",
    "1.00000",
    "1.00001",
    "1e3",
    "nan",
    ".5",
    "5.",
    "007",
]
PALLETS = ["", "1", "1.0", "1.5", "0", "1000", "1001", "-3", "two", "none", "9" * 18, "9" * 19, "007"]


def code(text: str) -> tuple[str | None, str | None]:
    """Value and reason."""
    bare = text.strip(" \t\r\u00a0")
    if bare.lower() in ("", "null", "none", "nan", "n/a", "\\n"):
        return None, None
    return (bare, None) if len(bare) <= 4096 else (None, "promotion_code:too_long")


def discount(text: str) -> tuple[Decimal | None, str | None]:
    if text.lower() in ("", "nan"):
        return None, None
    whole = re.fullmatch(r"(\d+)(?:\.(\d+))?", text)
    if whole is None:
        return None, f"discount:{'negative' if text.startswith('-') else 'not_a_number'}"
    if len(whole[1]) > 8:
        return None, "discount:out_of_range"
    if (whole[2] or "")[4:].strip("0"):
        return None, "discount:too_precise"
    value = Decimal(text)
    return (value, None) if value > 0 else (None, "discount:out_of_range")


def pallets(text: str) -> tuple[int | None, str | None]:
    if text.lower() in ("", "none"):
        return None, None
    whole = re.fullmatch(r"(\d+)(?:\.0+)?", text)
    if whole is None:
        return None, f"pallets:{'negative' if text.startswith('-') else 'not_an_integer'}"
    return (int(whole[1]), None) if 1 <= int(whole[1]) <= 1000 else (None, "pallets:out_of_range")


def records() -> Iterator[tuple[str, str, str]]:
    """Each text beside good ones of the others, and some of all beside each other."""
    for each in CODES:
        yield each, "0.25", "7"
    for each in DISCOUNTS:
        yield "X", each, ""
    for each in PALLETS:
        yield "", "", each
    yield from itertools.islice(zip(CODES[::-1], itertools.cycle(DISCOUNTS), itertools.cycle(PALLETS)), 30)


@ON_BOTH
def test_optional_texts_are_judged_as_the_contract_says(tmp_path: Path, engine: str) -> None:
    lake = open_lake(tmp_path, engine=engine, max_reject_share=Decimal(1))
    given = list(records())
    order = ("pallets", *REQUIRED_NAMES, "discount", "promotion_code")  # in any order
    rows = [
        f"{c},{LINE.format(order=n, product=102, status='created')},{b},{a}" for n, (a, b, c) in enumerate(given, 1)
    ]
    good: Counter[Any] = Counter()
    bad: Counter[Any] = Counter()
    for number, (a, b, c) in enumerate(given, 1):
        bare = a[1:-1].replace('""', '"') if a.startswith('"') else a
        (code_, one), (discount_, two), (pallets_, three) = code(bare), discount(b), pallets(c)
        if reasons := [each for each in (one, two, three) if each]:
            bad[(number + 1, ";".join(reasons), bare, b, c)] += 1
        else:
            good[(number, code_, discount_, pallets_)] += 1
    row = ingest(lake, "texts.csv", "\n".join((",".join(order), *rows, "")).encode())
    assert row.error is None
    assert (row.rows_published, row.rows_rejected) == (good.total(), bad.total())
    assert row.nulls == dict.fromkeys(REQUIRED_NAMES, 0)
    assert row.extra_columns == ()
    assert Counter(ask(lake, f"select order_id, {', '.join(ADDED)} from tbl_duff_orders")) == good
    assert Counter(ask(lake, f"select line, reasons, {', '.join(ADDED)} from tbl_duff_rejected_rows")) == bad
    assert_whole(lake)


@ON_BOTH
def test_a_file_without_them_says_nothing_of_them(tmp_path: Path, engine: str) -> None:
    lake = open_lake(tmp_path, engine=engine)
    plain = [LINE.format(order=n, product=102, status=status) for n, status in enumerate((*STATUSES, "none", "lost"))]
    row = ingest(lake, "plain.csv", csv(*plain, plain[1], also=()))
    assert (row.rows_published, row.rows_rejected, row.rows_duplicate) == (4, 3, 1)  # order 0 is none
    assert ask(lake, f"select distinct {', '.join(ADDED)} from tbl_duff_orders") == [(None, None, None)]
    assert ask(lake, f"select distinct {', '.join(ADDED)} from tbl_duff_rejected_rows") == [(None, None, None)]
    row = ingest(lake, "one.csv", csv(*(f"{each},SUMMER" for each in plain[1:5]), also=("Promotion_Code",)))
    assert (row.rows_published, row.extra_columns) == (4, ())
    assert ask(lake, "select distinct promotion_code, discount from tbl_duff_orders where promotion_code <> ''") == [
        ("SUMMER", None)
    ]
    row = ingest(lake, "twice.csv", csv(line(7, added="a,,"), also=("promotion_code", "pallets", "PALLETS")))
    assert (row.verdict, row.reason) == ("invalid", "column `pallets` is named 2 times in the header")
    assert_whole(lake)


@ON_BOTH
def test_a_further_name_is_known_wherever_a_header_is_read(tmp_path: Path, engine: str) -> None:
    lake = open_lake(tmp_path, engine=engine)
    header = ",".join((*REQUIRED_NAMES, *ADDED)).replace("product_ccf", "Unidades").replace("pallets", " Pallet Count ")
    row = ingest(lake, "a.csv", "\n".join((header, line(1, added=",,3"), header.upper(), line(2), "")).encode())
    assert (row.rows_published, row.rows_rejected, row.extra_columns) == (2, 1, ())
    assert ask(lake, "select order_id, product_ccf, pallets from tbl_duff_orders order by 1") == [
        (1, 6, 3),
        (2, 6, None),
    ]
    assert ask(lake, "select line, reasons, product_ccf from tbl_duff_rejected_rows") == [(3, "row:header", "UNIDADES")]
    turned = header.replace("Unidades,", "").replace("client_id", "client_id,units")
    row = ingest(lake, "b.csv", "\n".join((header, line(3), turned, "")).encode())
    assert (row.verdict, row.rows_withheld) == ("invalid", 1)
    row = ingest(lake, "c.csv", f"{header},product_ccf\n".encode())
    assert row.reason == "column `product_ccf` is named by several headers: Unidades, product_ccf"
    assert_whole(lake)


@ON_BOTH
def test_they_take_part_in_repeats_ranks_and_facts(tmp_path: Path, engine: str) -> None:
    lake = open_lake(tmp_path, engine=engine)
    row = ingest(
        lake,
        "a.csv",
        csv(
            *(line(1, "delivered", each) for each in ("A,,", "A,,", "A,0.5,", "B,,", ",,")),
            *(line(2, each, f"{each[:3]},,1") for each in STATUSES),
            line(3, "created", "A,1,2"),
        ),
    )
    assert (row.rows_published, row.rows_duplicate) == (10, 1)
    ingest(lake, "b.csv", csv(line(3, "delivered", ",,")), when=NOON + timedelta(days=1))
    build(lake)
    facts = "select order_id, status, promotion_code, pallets from fact_orders join dim_status using (status_id)"
    # by rank, then by the columns in their order; a value beats none
    assert ask(lake, f"{facts} order by 1") == [
        (1, "delivered", "B", None),
        (2, "returned", "ret", 1),
        (3, "delivered", None, None),
    ]
    assert ask(lake, "select * from dim_status order by 1") == list(enumerate(STATUSES, 1))
    assert_whole(lake)


@ON_BOTH
def test_a_correction_keeps_the_cells_that_had_no_reason(tmp_path: Path, engine: str) -> None:
    lake = open_lake(tmp_path, engine=engine, max_reject_share=Decimal(1))
    row = ingest(lake, "a.csv", csv(*(line(n, "shipped", added) for n, added in enumerate((",,", "A,,2", "A,x,2"), 1))))
    assert row.rows_rejected == 3
    cells = {2: ["created", "A", "1", ""], 3: ["created", "A", "", "2"], 4: ["created", "A", "1", "2"]}
    also = (*ADDED, "duff_corrects")

    def corrected(*texts: str, line: int) -> str:
        status, *added = texts
        found = LINE.format(order=line - 1, product=102, status=status)
        return f"{found},{','.join(added)},{row.file_id}:{line}"

    tried = [corrected(*texts, line=number) for number, texts in cells.items()]
    made = ingest(lake, "b.csv", csv(*tried, also=also), when=NOON + timedelta(days=1))
    found = ask(lake, f"select line, reasons from tbl_duff_rejected_rows where file_id = '{made.file_id}'")
    assert found == [(2, "promotion_code:changed;discount:changed")]
    assert ask(lake, "select order_id, discount from tbl_duff_orders order by 1") == [(2, None), (3, Decimal(1))]
    assert_whole(lake)


@pytest.fixture
def many(tmp_path: Path) -> Lake:
    """Lines of every status, of orders that span days and channels."""
    lake = open_lake(tmp_path / "many", max_reject_share=Decimal(1))
    for day in range(4):
        rows = [
            line(1 + (7 * n + day) % 23, STATUSES[(n + day) % 5], f"P{n % 3},,", 101 + n % 4).replace(
                "Retail", ("Retail", "Kiosk", "Online")[n % 3]
            )
            for n in range(40)
        ]
        ingest(lake, f"{day}.csv", csv(*rows), when=NOON + timedelta(days=day))
    build(lake)
    return lake


def test_cubes_answer_as_the_lines_do(many: Lake) -> None:
    serving = Serving(many.disk, memory=200_000_000)
    assert serving.refresh()
    for name in (each for each in reports.names() if reports.report(each).over == "star"):
        report = reports.report(name)
        by_cube = serving.report(report, {})
        with many.engine() as (connection, _):
            create_views(many, connection)
            by_lines = executed(connection, translate(report.text())).fetchall()
        assert [tuple(map(str, row)) for row in by_cube.rows] == [tuple(map(str, row)) for row in by_lines], name
        assert by_lines, name
    sold = ask(many, "select sum(total_price) from fact_orders where status_id in (1, 2, 5)")
    by_day = serving.report(reports.report("sales_by_day"), {}).dictionaries()
    assert sum(Decimal(row["sales"]) for row in by_day) == sold[0][0]
    lifecycle = serving.report(reports.report("lifecycle"), {})
    assert [name for name, _ in lifecycle.columns][2:-1] == list(STATUSES)
    facts = serving.ask(lambda: ("select count(promotion_code), count(*) from fact_orders", []))
    assert facts.rows[0][0] == facts.rows[0][1] > 0
    serving.close()


def test_every_page_and_route_answers(many: Lake) -> None:
    with application(many) as (client, _):
        order = client.get("/v1/orders?status=returned&limit=1").json()["data"][0]
        assert (order["status"], order["pallets"]) == ("returned", None)
        assert order["promotion_code"] in client.get(f"/orders/{order['order_id']}").text
        [file] = [row.file_id for row in many.ledger.rows() if row.source_file == "0.csv"]
        for language, word, unsold in (
            ("en", "returned", "(broken and returned)"),
            ("es", "devuelto", "(roto y devuelto)"),
        ):
            client.cookies.set("lang", language)
            for page in ("/", "/orders", f"/orders/{order['order_id']}", "/files", f"/files/{file}", "/sql"):
                assert client.get(page).status_code == 200, page
            assert word in client.get("/orders").text
            assert word in client.get("/orders?status=returned").text
            sales = client.get("/sales?period=all").text
            assert "↩" in sales
            assert "⟳ replaced" in sales  # it has no name in Spanish
            assert "var(--violet)" in sales
            assert unsold in sales
        for name in reports.names():
            assert client.get(f"/v1/reports/{name}").status_code == 200
        assert client.get("/v1/orders?status=lost").status_code == 422
        assert "replaced" in client.get("/v1/openapi.json").text
        sql = "select promotion_code, count(*) from fact_orders group by 1"
        assert client.post("/v1/queries", json={"sql": sql}).status_code < 300


def test_a_report_is_its_own_file(many: Lake) -> None:
    with application(many) as (client, _):
        found = client.get("/v1/reports/lines_of_channel?channel=Kiosk&most=1000000").json()
        assert (found["parameters"], found["truncated"]) == ({"channel": "Kiosk", "most": 1_000_000}, False)
        sold = "select distinct order_id from fact_orders join dim_channels using (channel_id)"
        sold += " where point_of_sale_channel = 'Kiosk' and status_id in (1, 2, 5) order by all"
        assert [(row["order_id"],) for row in found["data"]] == ask(many, sold)
        assert client.get("/v1/reports/lines_of_channel?most=5000001").status_code == 422
        assert client.get("/v1/reports/lines_of_channel?limit=1").status_code == 422
        for verdict, count in (("valid", 4), ("invalid", 0)):
            files = client.get(f"/v1/reports/files_of_verdict?verdict={verdict}")
            assert (len(files.json()["data"]), files.json()["version"]) == (count, None)
        again = client.get("/v1/reports/files_of_verdict", headers={"If-None-Match": files.headers["ETag"]})
        assert again.status_code == 200  # of another question
        told = {each["name"]: each for each in client.get("/v1/reports").json()["data"]}
        assert told["files_of_verdict"]["over"] == "ledger"
        assert told["lines_of_channel"]["parameters"][1]["allowed"] == "0 to 5000000"
        page = client.get("/sql?example=lines_of_channel").text
        assert "Which lines of a channel" in page
        assert "files_of_verdict" not in page
        assert "/v1/reports/lines_of_channel" in client.get("/v1/openapi.json").text
    command = CliRunner().invoke(app, ["query", "--help"]).output
    assert "lines_of_channel (channel, most)" in " ".join(command.split())
    words = ["query", "--lake", str(many.disk.root), "--report", "files_of_verdict", "--with", "verdict=valid"]
    answered = CliRunner().invoke(app, words)
    assert [line.split() for line in answered.output.splitlines()[2:]] == [[f"{n}.csv", "0"] for n in range(4)]


def test_an_engine_is_its_own_folder(tmp_path: Path) -> None:
    assert ENGINES == ("again", "duckdb", "spark")
    with pytest.raises(SettingsError, match="allowed are auto, again, duckdb, spark"):
        Settings.load({}, engine="third")
    lake = open_lake(tmp_path, engine="again")
    row = ingest(lake, "a.csv", csv(line(1), line(2, "shipped"), line(3)))
    assert (row.engine, row.rows_published, row.rows_rejected) == ("again", 2, 1)
    assert_whole(lake, "again")
    assert ask(lake, "select engine, count(*) from tbl_duff_files group by 1") == [("again", 1)]


def test_generated_files_have_all_of_it(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    generate(tmp_path / "orders.csv", rows=5_000, seed=1, bad=0.02)
    row: LedgerRow = ingest(lake, "orders.csv", (tmp_path / "orders.csv").read_bytes())
    assert (row.verdict, row.rows_rejected, row.extra_columns) == ("valid_with_rejects", 100, ())
    assert {each for (each,) in ask(lake, "select distinct status from tbl_duff_orders")} == set(STATUSES)
    for name in ADDED:
        [(some, none)] = ask(lake, f"select count({name}), count(*) - count({name}) from tbl_duff_orders")
        assert some > 1_000
        assert none > 1_000
    assert_whole(lake)


@pytest.mark.spark
def test_both_engines_build_the_same_star(many: Lake) -> None:
    def told() -> dict[str, Counter[Any]]:
        return {table.name: Counter(ask(many, f"select * from {table.name}")) for table in STAR}

    by_duckdb = told()
    build(replace(many, settings=replace(many.settings, engine="spark")), rebuild=True)
    assert told() == by_duckdb
    assert len(COLUMN_NAMES) == 13
