"""What must hold in the star schema, whatever arrived in whatever order: the contract's section 6, as SQL.

It works the latest states out anew, from tbl_duff_orders alone and in another way than the build.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from duff_orders.contract import (
    DIM_CHANNELS,
    DIM_CLIENTS,
    DIM_PRODUCTS,
    DIM_STATUS,
    FACT_ORDERS,
    FILES,
    ORDERS,
    Table,
)
from duff_orders.models.star import KEYS, LATEST_IN_FILE, listed

if TYPE_CHECKING:
    import duckdb

_LINE = listed(KEYS[FACT_ORDERS.name])
_EVENT = "ingested_at desc, sequencer desc, file_id desc"
_LATEST = f"ranks_at desc, {_EVENT}, {LATEST_IN_FILE}"
_DIMENSIONS = (DIM_CLIENTS, DIM_PRODUCTS, DIM_STATUS, DIM_CHANNELS)
_LATEST_VALUES = {
    DIM_CLIENTS.name: ("client_name",),
    DIM_PRODUCTS.name: ("product_description", "product_price", "product_volume"),
}


def invariants(connection: "duckdb.DuckDBPyConnection", files: Iterable[str] | None = None) -> list[str]:
    """A sentence for each invariant that does not hold; none where all is well.

    `connection` has views named as the tables. With `files`, the `file_id` of those that the snapshot holds, rows of
    files that still await a build are left out. Raises duckdb.Error where a table cannot be read.
    """
    known = ORDERS.name
    if files is not None:
        connection.execute(
            "create or replace temp table checked_files as select unnest($ids::varchar[]) as file_id",
            {"ids": list(files)},
        )
        known = f"(select * from {ORDERS.name} semi join checked_files using (file_id))"
    connection.execute(f"create or replace temp table checked_corrections as {_corrections(known)}")
    connection.execute(f"create or replace temp view checked_orders as {_counted(known)}")
    connection.execute(f"create or replace temp table checked_lines as {_latest_lines()}")
    broken = []
    for sentence, counting in (*_keys(), *_lines(), *_sums(), *_dimensions()):
        counted = connection.execute(f"select count(*) from ({counting}) as broken").fetchone()
        if counted and counted[0]:
            broken.append(f"{sentence} ({counted[0]} found)")
    return broken


def _ranked(orders: str) -> str:
    """Rows of tbl_duff_orders with what they rank by."""
    return f"""
select orders.*, coalesce(effective_at, ingested_at) as ranks_at, coalesce(files.sequencer, '') as sequencer
from {orders} as orders
left join (select file_id, sequencer from {FILES.name} where sequencer is not null) as files using (file_id)"""


def _corrections(orders: str) -> str:
    """The rows that correct others and count: of those that correct the same row, or file, the latest."""
    # contract 5: two corrections of one line: the later one counts
    return f"""
select * exclude (place)
from (
    select *, case
        when corrects like '%:%' then row_number() over (partition by corrects order by {_EVENT}, {LATEST_IN_FILE})
        else dense_rank() over (partition by corrects order by {_EVENT})
    end as place
    from ({_ranked(f"(select * from {orders} where corrects is not null)")}) as corrections
) as placed
where place = 1"""


def _counted(orders: str) -> str:
    ordinary = _ranked(f"(select * from {orders} where corrects is null)")
    return f"select * from ({ordinary}) as ordinary union all select * from checked_corrections"


def _latest_lines() -> str:
    """Each order line's latest state: only lines that appear more than once have records to compare."""
    state = f"{_LINE}, status, point_of_sale_channel, product_ccf, total_price"
    return f"""
with repeated as (
    select {_LINE}
    from checked_orders
    group by {_LINE}
    having count(*) > 1
),
ranked as (
    select {state}, row_number() over (partition by {_LINE} order by {_LATEST}) as place
    from checked_orders
    semi join repeated using ({_LINE})
)
select {state}
from checked_orders
anti join repeated using ({_LINE})
union all
select {state}
from ranked
where place = 1"""


def _keys() -> Iterator[tuple[str, str]]:
    # contract 6: every key in fact_orders exists in its dimension, and (order_id, product_id) is unique in it
    for table in (*_DIMENSIONS, FACT_ORDERS):
        key = listed(KEYS[table.name])
        yield (
            f"{table.name} has a key ({key}) more than once",
            f"select {key} from {table.name} group by {key} having count(*) > 1",
        )
    for table in _DIMENSIONS:
        key = listed(KEYS[table.name])
        yield (
            f"fact_orders has a {key} that {table.name} does not have",
            f"select distinct {key} from fact_orders anti join {table.name} using ({key})",
        )


def _lines() -> Iterator[tuple[str, str]]:
    yield (
        "fact_orders lacks an order line of tbl_duff_orders",
        f"select {_LINE} from checked_lines anti join fact_orders using ({_LINE})",
    )
    yield (
        "fact_orders has an order line that tbl_duff_orders does not have",
        f"select {_LINE} from fact_orders anti join checked_lines using ({_LINE})",
    )
    # contract 6: the partition of a line is that of its first appearance
    yield (
        "fact_orders has an order line in another partition than that of its first_seen",
        f"select {_LINE} from fact_orders where pa_date <> cast(first_seen as date)",
    )


def _sums() -> Iterator[tuple[str, str]]:
    # contract 6: the sum over fact_orders equals the sum over the latest states in tbl_duff_orders
    yield (
        "sum(total_price) over fact_orders is not that over the latest states in tbl_duff_orders",
        "select sum(total_price) as total from fact_orders except select sum(total_price) from checked_lines",
    )
    yield (
        "fact_orders and the latest states in tbl_duff_orders differ in lines, units or sum(total_price) of a status "
        "in a channel",
        """
select status, point_of_sale_channel, count(*) as order_lines, sum(product_ccf) as units, sum(total_price) as total
from checked_lines
group by status, point_of_sale_channel
except
select status, point_of_sale_channel, count(*), sum(product_ccf), sum(total_price)
from fact_orders
join dim_status using (status_id)
join dim_channels using (channel_id)
group by status, point_of_sale_channel""",
    )


def _dimensions() -> Iterator[tuple[str, str]]:
    # contract 6: the dimensions take the latest value by the same rule
    for table in (DIM_CLIENTS, DIM_PRODUCTS):
        yield (f"{table.name} lacks a key, or shows other values than the latest", _stale(table))
        key = listed(KEYS[table.name])
        yield (
            f"{table.name} has a {key} that tbl_duff_orders does not have",
            f"select {key} from {table.name} anti join checked_orders using ({key})",
        )


def _stale(table: Table) -> str:
    """Keys in their latest state in tbl_duff_orders, where the dimension says something else."""
    key, state = listed(KEYS[table.name]), listed((*KEYS[table.name], *_LATEST_VALUES[table.name]))
    return f"""
with latest_files as (
    select {key}, max(ranks_at) as ranks_at
    from checked_orders
    group by {key}
),
ranked as (
    select {state}, row_number() over (partition by {key} order by {_LATEST}) as place
    from checked_orders
    semi join latest_files using ({key}, ranks_at)
)
select {state}
from ranked
where place = 1
except
select {state}
from {table.name}"""
