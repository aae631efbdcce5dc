"""Queries as analysts write them, over a few orders that can be worked out by hand; rows as Athena writes them."""

import csv
import io
from pathlib import Path

import duckdb
import pytest

from duff_orders.contract import TABLES
from duff_orders.drivers.duckdb import type_of
from duff_orders.query.duckdb import Answered, executed
from duff_orders.query.formats import write
from duff_orders.query.guard.check import check

#: order, product, client, status, channel, price, cases, day.
FACTS = """
1 | 101 | 1 | 2 | 1 | 2.5000 | 6  | 2026-01-05
1 | 102 | 1 | 2 | 1 | 2.0000 | 12 | 2026-01-05
2 | 101 | 2 | 2 | 2 | 2.5000 | 4  | 2026-01-17
3 | 103 | 3 | 3 | 2 | 5.2500 | 2  | 2026-01-31
4 | 101 | 1 | 2 | 1 | 2.5000 | 8  | 2026-02-01
5 | 102 | 2 | 1 | 2 | 2.0000 | 10 | 2026-02-03
6 | 103 | 4 | 2 | 1 | 5.2500 | 1  | 2026-02-14
6 | 101 | 4 | 2 | 1 | 2.5000 | 2  | 2026-02-14
7 | 101 | 2 | 2 | 2 | 2.5500 | 4  | 2026-03-02
8 | 102 | 3 | 1 | 3 | 2.2500 | 20 | 2026-03-02
9 | 103 | 1 | 2 | 1 | 5.2500 | 4  | 2026-03-29
"""
ROWS = {
    "dim_status": "(1, 'created'), (2, 'delivered'), (3, 'broken')",
    "dim_channels": "(1, 'Retail'), (2, 'B2B'), (3, 'Online')",
    "dim_clients (client_id, client_name)": "(1, 'Moe''s Tavern'), (2, 'Kwik-E-Mart'), (3, 'Krusty Burger'),"
    " (4, 'Lard Lad')",
    "dim_products (product_id, product_description, product_volume)": "(101, 'Duff', 0.33), (102, 'Duff Lite', 0.5),"
    " (103, 'Duff Añejo', 0.75), (104, 'Duff Dry', 0.25)",
    "tbl_duff_rejected_rows (product_price, order_id, reasons, source_file, file_id, line, pa_date)": """
        ('1,99', '10', 'product_price:not_a_number', 'kiosk/jan.csv', 'a', 2, '2026-01-05'),
        ('', 'x', 'order_id:not_a_number;product_price:missing', 'kiosk/jan.csv', 'a', 5, '2026-01-05'),
        ('-1.00', '12', 'product_price:out_of_range', 'b2b/feb.csv', 'b', 3, '2026-02-03'),
        ('2.00', '', 'order_id:missing', 'kiosk/feb.csv', 'c', 9, '2026-02-14')""",
    "tbl_duff_files (file_id, source_file, event_time, verdict, rows_read, rows_published, rows_rejected, remarks,"
    " extra_columns, pa_date)": """
        ('a', 'kiosk/jan.csv', '2026-01-05 02:30:00.123456', 'valid_with_rejects', 12, 10, 2, ['a', 'b'], [],
            '2026-01-05'),
        ('b', 'b2b/feb.csv', '2026-02-03 23:59:59.9996', 'valid_with_rejects', 30, 29, 1, [], ['note'], '2026-02-03'),
        ('c', 'kiosk/feb.csv', '2026-02-14 12:00:00', 'valid_with_rejects', 8, 7, 1, null, [], '2026-02-14'),
        ('d', 'kiosk/mar.csv', '2026-03-29 05:00:00', 'invalid', 0, 0, 0, ['header'], [], '2026-03-29')""",
}
CASES = sorted((Path(__file__).parent / "analysts").glob("*.sql"))


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'Asia/Tokyo'")  # no result may depend on it
    for table in TABLES.values():
        columns = ", ".join(f'"{each.name}" {type_of(each.type)}' for each in table.all_fields)
        connection.execute(f"create table {table.name} ({columns})")
    for line in FACTS.strip().splitlines():
        order, product, client, status, channel, price, cases, day = (each.strip() for each in line.split("|"))
        connection.execute(
            "insert into fact_orders (order_id, product_id, client_id, status_id, channel_id, product_price,"
            f" product_ccf, total_price, pa_date) values ({order}, {product}, {client}, {status}, {channel},"
            f" {price}, {cases}, {price} * {cases}, '{day}')"
        )
    for into, rows in ROWS.items():
        connection.execute(f"insert into {into} values {rows}")
    return connection


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_answer_is_athenas(lake: duckdb.DuckDBPyConnection, case: Path) -> None:
    """The file holds the query, and behind a line of dashes its answer as CSV."""
    sql, _, expected = case.read_text(encoding="utf-8").partition("\n----\n")
    checked, stream = check(sql), io.StringIO(newline="")
    write(Answered(executed(lake, checked), checked.columns), stream, "csv")
    assert [*csv.reader(io.StringIO(stream.getvalue(), newline=""))] == [*csv.reader(io.StringIO(expected))]


def test_there_are_forty() -> None:
    assert len(CASES) >= 40
