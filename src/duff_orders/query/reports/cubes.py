"""Cubes of the serving copy: what reports sum, pre-aggregated by day; `NAME.cube.sql` queries them in DuckDB's SQL.

    line_cube     lines, units, sales, litres by day, channel, product and status
    order_cube    orders by day, channel and the states of their lines (a bit each), of orders that stand in one row
    spanning      the orders that do not: counted one by one

Orders are not additive: one whose lines lie on two days or in two channels counts once. Most lie in one.
"""

from dataclasses import replace
from functools import cache

import duckdb

from duff_orders.query.reports.declared import CUBE, FOLDER, Report
from duff_orders.query.reports.statuses import filled


@cache
def text(report: Report) -> Report | None:
    """The report as it is asked of the cubes; None where they do not help."""
    place = FOLDER.joinpath(report.name + CUBE)
    if not place.is_file():
        return None
    return replace(report, body="\n".join(filled(place.read_text(encoding="utf-8").splitlines())))


def build(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the cubes anew from `lines_by_order`."""
    cursor.execute("""
        create or replace table line_cube as
        select pa_date, channel_id, product_id, status_id, count(*) as lines, sum(product_ccf)::bigint as units,
            sum(total_price) as sales, sum(total_volume) as litres
        from lines_by_order group by all order by all""")
    cursor.execute("""
        create or replace temp table by_order as
        select order_id, pa_date, channel_id, bit_or(1 << (status_id - 1)) as mask
        from lines_by_order group by order_id, pa_date, channel_id""")
    cursor.execute("""
        create or replace table spanning as
        select * from by_order semi join (select order_id from by_order group by order_id having count(*) > 1)
        using (order_id)""")
    cursor.execute("""
        create or replace table order_cube as
        select pa_date, channel_id, mask, count(*) as orders from by_order anti join spanning using (order_id)
        group by all order by all""")
    cursor.execute("drop table by_order")
