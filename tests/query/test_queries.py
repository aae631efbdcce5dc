"""Queries over a lake of the samples: they run, and give the types that were promised."""

from pathlib import Path

import pytest

from duff_orders.errors import QueryRefused
from duff_orders.lake.lake import Lake
from duff_orders.local.run import run
from duff_orders.models.build import build
from duff_orders.query import reports
from duff_orders.query.duckdb import answer
from duff_orders.query.guard.check import check
from duff_orders.settings import Settings

SAMPLES = Path(__file__).parents[2] / "samples"
QUERIES = (
    "with o as (select order_id, sum(total_price) as t from tbl_duff_orders group by 1)"
    " select count(*), max(t) from o where t > 10",
    "select pa_date, status, count(*) n from tbl_duff_orders group by pa_date, status"
    " order by n desc, 1, status limit 5",
    "select verdict, sum(rows_read) from tbl_duff_files group by verdict union all"
    " select 'all', sum(rows_read) from tbl_duff_files order by 1",
    "select order_id, rank() over (partition by status order by total_price desc, order_id, product_id) r,"
    " sum(total_price) over (order by order_id, product_id rows between 1 preceding and current row) s,"
    " lag(total_price) over (order by order_id, product_id) l from tbl_duff_orders order by 1, 2, 3 limit 50",
    "select status from tbl_duff_orders where order_id in (select max(order_id) from tbl_duff_orders)"
    " and exists (select 1 from tbl_duff_files f where f.file_id = tbl_duff_orders.file_id)",
    "select (select max(total_price) from tbl_duff_orders) m, count(*) filter (where status = 'created') c"
    " from tbl_duff_orders",
    "select status, status_id, count(*) from tbl_duff_orders join dim_status using (status) group by 1, 2 order by 1",
    "select * from (values (1, 'a'), (2, null)) t (n, s) full join (values (2), (3)) u (n) using (n) order by 1",
    "select o.status, s.status_id from (select distinct status from tbl_duff_orders) o"
    " left join dim_status s on s.status = o.status order by 2",
    "select * from dim_status order by status_id desc",
    "select date_trunc('month', pa_date) m, count(distinct order_id), sum(total_price) from fact_orders group by 1",
)
OF_ARRAYS = (
    "select x, o from tbl_duff_files cross join unnest(extra_columns) with ordinality as t (x, o) order by o, x",
    "select sum(n) from unnest(sequence(1, 4)) as t (n)",
    "select count(*) from unnest(sequence(date '2026-01-31', date '2026-02-02', interval '1' day)) as t (d)",
    "select array_agg(status order by status desc) from dim_status",
    "select status_id, count(*) from dim_status where status_id < 2 group by rollup (status_id) order by 2, 1",
    "select count(*) from dim_status group by grouping sets ((status_id), ()) order by 1 desc limit 1",
    "select nulls.client_id, f.nulls.order_id, cardinality(extra_columns) from tbl_duff_files f order by file_id",
    "select status_id, grouping(status_id), count(*) from dim_status group by rollup (status_id) order by 2, 1",
    "select listagg(status, ',') within group (order by status desc) from dim_status",
    "select status from dim_status where status_id > all (select 2) or status_id = any (select 1) order by status_id",
    "select count_if(status_id > 1) filter (where status_id < 3), count_if(status_id > 1) from dim_status",
    "select status_id, count_if(status_id > 1) over (order by status_id) from dim_status order by 1",
    "select avg(total_price), avg(distinct total_price) filter (where product_ccf > 1) from tbl_duff_orders",
    "select max_by(order_id, total_price), min_by(order_id, total_price) from fact_orders",
)
REFUSED = (
    "select nothing from dim_status",
    "select status from dim_status, (values 'x') t (status)",
    "select * from nowhere",
    "select sum(sum(status_id)) from dim_status",
    "select status from dim_status where count(*) > 1",
    "select status_id from dim_status where status_id",
    "select 1 union select 'a'",
    "select status_id as n from dim_status order by n + 1",
    "select (select status, status_id from dim_status)",
    "select read_text('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake.open(Settings.load(lake=tmp_path_factory.mktemp("lake"), engine="duckdb"))
    assert len([*run(made, sorted(SAMPLES.glob("*.csv")))]) >= 5
    build(made)
    return made


@pytest.mark.parametrize("sql", [*QUERIES, *OF_ARRAYS])
def test_the_types_are_those_promised(lake: Lake, sql: str) -> None:
    with answer(lake, sql) as answered:
        rows = answered.fetchall()
    assert rows
    assert all(len(row) == len(answered.columns) for row in rows)


@pytest.mark.parametrize("name", reports.names())
def test_the_reports_too(lake: Lake, name: str) -> None:
    """With the types that they promise."""
    report = reports.report(name)
    with answer(lake, report.text()) as answered:
        assert answered.fetchall()
    assert [(each.name, each.type.told) for each in answered.columns] == list(report.columns)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_be_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused):
        check(sql)
