"""The star schema as SQL: which order lines a build touches, their latest states, the dimensions.

Generated from the contract, in words that DuckDB and Spark 3.5 both read. Every function gives one `select`. The
engine supplies these relations:

- `announced`: the files to add, their `stated_at` (event time), `sequencer` and `file_id`;
- `files`: the times at which their rows rank, as `files` gives them;
- `orders`: the files' rows that count, as `counted` gives them;
- `old_<table>`: the table as it is; empty where there is none yet, so a build from nothing needs no other text.

It keeps the results of `dim_channels`, `seen`, `known`, `again` and `changed`, in this order, as relations of these
names (`seen` as `seen_<table>`): the later statements read them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from duff_orders.contract import (
    COLUMN_NAMES,
    CONTRACT,
    DIM_CHANNELS,
    DIM_CLIENTS,
    DIM_PRODUCTS,
    DIM_STATUS,
    FACT_ORDERS,
    OPTIONAL_NAMES,
    PARTITION,
    REQUIRED_NAMES,
    Table,
)

#: What identifies a row of each table.
KEYS = {
    DIM_CLIENTS.name: ("client_id",),
    DIM_PRODUCTS.name: ("product_id",),
    DIM_STATUS.name: ("status_id",),
    DIM_CHANNELS.name: ("channel_id",),
    FACT_ORDERS.name: ("order_id", "product_id"),
}
#: The dimensions that have a latest state.
MOVING = (DIM_CLIENTS, DIM_PRODUCTS)


def listed(names: Sequence[str], prefix: str = "") -> str:
    """Names for a select list."""
    return ", ".join(prefix + name for name in names)


def names_of(table: Table) -> tuple[str, ...]:
    """The table's columns, `pa_date` last where it is partitioned."""
    return tuple(field.name for field in table.all_fields)


def by_status(numbers: Mapping[str, int]) -> str:
    """The number of a record's status."""
    cases = " ".join(f"when '{name}' then {number}" for name, number in numbers.items())
    return f"case status {cases} end"


_LINE = listed(KEYS[FACT_ORDERS.name])
_FACT = listed(names_of(FACT_ORDERS))
_RECORD = listed((*COLUMN_NAMES, "total_price", "effective_at", "file_id", "ingested_at", "sequencer"))

# Contract 6, within one file: by the rank of the status, then the columns in the order of section 2.
# Both engines compare strings by their bytes.
RANK = by_status({status.name: status.rank for status in CONTRACT.statuses})
#: How many ranks there are: a file's number times this, and the rank, order the states of all files.
RANKS = 1 + max(status.rank for status in CONTRACT.statuses)
LATEST_IN_FILE = ", ".join(
    (
        f"{RANK} desc",
        *(f"{name} desc" for name in REQUIRED_NAMES),
        *(f"{name} desc nulls last" for name in OPTIONAL_NAMES),
    )
)

# How a record becomes a fact, where that is more than a column's name. Widened before the product: exact.
_OF_A_RECORD = {
    "status_id": by_status({status.name: status.id for status in CONTRACT.statuses}),
    "total_volume": "cast(cast(product_volume as decimal(24,4)) * product_ccf as decimal(24,4))",
    "last_seen": "effective_at",
    "stated_at": "ingested_at",
}
#: Order ids are told apart by pieces of so many, and those of a partition lie in so many spans of pieces at the most.
ORDER_IDS, SPANS = 1024, 32
#: The piece of an order id, by the first id in it.
PIECE = f"order_id - order_id % {ORDER_IDS}"
#: What tells the latest state of a key, greatest last.
_RECENCY = ("last_seen", "stated_at", "sequencer", "file_id")


def files(corrections: str = "") -> str:
    """The times at which rows of the files to add rank, `effective_at`, and `file_no`, their number in that order.

    `corrections` are the rows, of tbl_duff_orders, of those files of which some correct others.
    """
    ranks = "select stated_at as effective_at, stated_at, sequencer, file_id from announced"
    if corrections:
        earlier = f"select distinct effective_at, file_id from {corrections} where corrects is not null"
        ranks += (
            " union select effective_at, stated_at, sequencer, file_id"
            f" from ({earlier}) as earlier join announced using (file_id)"
        )
    order = "effective_at, stated_at, coalesce(sequencer, ''), file_id"
    return f"select *, cast(row_number() over (order by {order}) - 1 as bigint) as file_no from ({ranks}) as ranks"


def counted(source: str, *, ties: bool) -> str:
    """The rows of tbl_duff_orders in `source`, of files to add, that count, as the other statements take them.

    `effective_at` is that of older objects, too, and `pa_date` its date: a corrected line stands on the day on which it
    came. With `ties`, of rows that correct the same row only the latest counts.
    """
    columns = listed((*COLUMN_NAMES, "total_price", "ingested_at", "file_id", "corrects"))
    named = listed((*COLUMN_NAMES, "total_price", "ingested_at", "file_id", "effective_at", "sequencer", "file_no"))
    ranked = f"""
select /*+ broadcast(files) */ {columns}, effective_at, sequencer, file_no
from (select {columns}, coalesce(effective_at, ingested_at) as effective_at from {source}) as effective
join files using (file_id, effective_at)"""
    dated = f"select {named}, cast(effective_at as date) as {PARTITION.name}"
    if not ties:
        return f"{dated} from ({ranked}) as ranked"
    return f"""
{dated}
from ({ranked}) as ranked
where corrects is null or corrects not like '%:%'
union all
{dated}
from (
    select *, row_number() over (partition by corrects order by file_no desc, {LATEST_IN_FILE}) as place
    from ({ranked}) as ranked
    where corrects like '%:%'
) as corrections
where place = 1"""


def dim_status() -> str:
    """The states, which never change."""
    return " union all ".join(
        f"select cast({status.id} as int) as status_id, '{status.name}' as status" for status in CONTRACT.statuses
    )


def union(table: Table) -> str:
    """The rows of `first_<table>`, and those of `second_<table>` whose keys are not among them."""
    columns, key = listed(names_of(table)), listed(KEYS[table.name])
    first, second = f"first_{table.name}", f"second_{table.name}"
    return (
        f"select {columns} from {first}"
        f" union all select {columns} from {second} where ({key}) not in (select {key} from {first})"
    )


def dim_channels(hash60: Callable[[str], str]) -> str:
    """Every channel ever seen. `hash60`: a text's first 15 hex digits of md5 as a bigint, in the engine's SQL."""
    return f"""
-- contract 6: channel_id is a function of the channel's name alone
select {hash60("point_of_sale_channel")} as channel_id, point_of_sale_channel
from (
    select point_of_sale_channel from orders
    union
    select point_of_sale_channel from old_dim_channels
) as named"""


def _values(dimension: Table) -> tuple[str, ...]:
    """The columns of a dimension whose latest values it shows."""
    known = {*KEYS[dimension.name], "first_seen", *_RECENCY}
    return tuple(name for name in names_of(dimension) if name not in known)


def seen(dimension: Table) -> str:
    """The states in which the new rows show each key, once each: few rows, whatever the number of orders."""
    names = listed((*KEYS[dimension.name], *_values(dimension)))
    return f"""
select
    {names},
    min(effective_at) as first_seen,
    max(effective_at) as last_seen,
    max(file_no) as file_no,
    -- contract 6: the later rank of the file, then that of the status
    max({RANKS} * file_no + {RANK}) as recency
from orders
group by {names}"""


def _later(one: str, other: str) -> str:
    """Contract 6: the latest state is that of the greatest effective_at, event time, sequencer and file_id."""
    parts, equal = [], ""
    for name in _RECENCY:
        named = "coalesce({}.sequencer, '')" if name == "sequencer" else f"{{}}.{name}"
        ours, theirs = named.format(one), named.format(other)
        parts.append(f"{equal}{ours} > {theirs}")
        equal += f"{ours} = {theirs} and "
    return f"({' or '.join(parts)})"


def _either(condition: str, one: str, other: str, table: Table) -> dict[str, str]:
    """By name, each column of `table` from `one` where the condition holds, else from `other`; joined by its key."""
    columns = {
        name: f"case when {condition} then {one}.{name} else {other}.{name} end as {name}" for name in names_of(table)
    }
    return columns | {name: name for name in KEYS[table.name]}


def dimension(table: Table) -> str:
    """dim_clients or dim_products with the new rows: each key in its latest state."""
    key, state = KEYS[table.name], (*KEYS[table.name], *_values(table))
    columns = _either(f"old.file_id is null or {_later('news', 'old')}", "news", "old", table)
    columns["first_seen"] = "least(news.first_seen, old.first_seen) as first_seen"
    span = ("first_seen", "last_seen", "last_file_no")
    return f"""
with spanned as (
    select
        {listed(state)},
        file_no,
        recency,
        min(first_seen) over by_key as first_seen,
        max(last_seen) over by_key as last_seen,
        max(file_no) over by_key as last_file_no,
        max(recency) over by_key as latest_recency
    from seen_{table.name}
    window by_key as (partition by {listed(key)})
),
latest as (
    select {listed(state)}, file_no, {listed(span)}
    from spanned
    where recency = latest_recency
),
-- contract 6: the dimensions take the latest value by the rule of the order lines
{_settled(key, listed((*state, *span)), "latest", span)},
news as (
    select {listed(state)}, first_seen, last_seen, files.file_id, files.stated_at, files.sequencer
    from settled
    join files on files.file_no = last_file_no
)
select {", ".join(columns.values())}
from news
full join old_{table.name} as old using ({listed(key)})"""


def _settled(key: Sequence[str], names: str, latest: str, along: Sequence[str] = ()) -> str:
    """Common table expressions that end in `settled`: `names` of one record a key, the latest of one file.

    `latest` (what follows `from`) holds a key once, or all the candidates of the file `file_no`. Only the candidates
    of such contested keys are compared record by record: sorting them all by every column costs ten times as much.
    What is equal in all candidates of a key comes `along` from there.
    """
    carried = "".join(f", max({name}) as {name}" for name in along)
    return f"""contested as (
    select {listed(key)}, file_no{carried}
    from {latest}
    group by {listed(key)}, file_no
    having count(*) > 1
),
ranked as (
    select
        {names},
        -- contract 6: within one file by the rank of the status, then the greater of the columns
        row_number() over (partition by {listed(key)} order by {LATEST_IN_FILE}) as place
    from orders
    join contested using ({listed(key)}, file_no)
),
settled as (
    select {names}
    from {latest}
    anti join contested using ({listed(key)})
    union all
    select {names}
    from ranked
    where place = 1
)"""


def known() -> str:
    """The facts whose order lines appear in the new rows."""
    return f"""
select {_FACT}
from old_fact_orders
semi join orders using ({_LINE})"""


def again() -> str:
    """The order lines that appear more than once, in the new rows or in them and in the facts.

    `first_seen` and `pa_date` are those of the first appearance, `file_no` is the latest of the new files.
    """
    return f"""
select
    {_LINE},
    min(first_seen) as first_seen,
    -- contract 6: a line lies in the partition of its first appearance
    min(pa_date) as pa_date,
    max(file_no) as file_no
from (
    select {_LINE}, effective_at as first_seen, pa_date, file_no
    from orders
    union all
    select {_LINE}, first_seen, pa_date, -1 as file_no
    from known
) as appearances
group by {_LINE}
having count(*) > 1"""


def _facts(records: str, first_seen: str) -> str:
    """Records (what follows `from`) as facts."""
    columns = _OF_A_RECORD | {"first_seen": first_seen}
    fact = [f"{columns[name]} as {name}" if name in columns else name for name in names_of(FACT_ORDERS)]
    return f"""
select {", ".join(fact)}
from {records}
join dim_channels using (point_of_sale_channel)"""


def changed() -> str:
    """The lines of `again` in their latest states, but for those that stay as they are."""
    columns = _either(f"known.file_id is null or {_later('fresh', 'known')}", "fresh", "known", FACT_ORDERS)
    # a late file tells of an earlier appearance
    columns |= {name: f"fresh.{name}" for name in ("first_seen", PARTITION.name)}
    return f"""
with {_settled(KEYS[FACT_ORDERS.name], _RECORD, f"orders semi join again using ({_LINE}, file_no)")},
fresh as ({_facts(f"settled join again using ({_LINE})", "first_seen")}
)
select {", ".join(columns.values())}
from fresh
left join known using ({_LINE})
where known.file_id is null or {_later("fresh", "known")} or fresh.first_seen < known.first_seen"""


def touched() -> str:
    """The partitions that change, as `pa_date`: where a line is new, changes, comes or goes."""
    return f"""
select pa_date
from orders
anti join again using ({_LINE})
union
select pa_date
from changed
union
select pa_date
from known
semi join changed using ({_LINE})"""


def order_ids(source: str) -> str:
    """Where the order ids of each partition lie: `first` and `last` of its spans, each in a row of its own.

    The spans begin with the first piece and behind each of the widest gaps: ids of one sender lie close together, those
    of two may lie far apart.
    """
    gap = "bucket - before"
    return f"""
with pieces as (select distinct {PARTITION.name}, {PIECE} as bucket from {source}),
edges as (
    select *, lag(bucket) over (partition by {PARTITION.name} order by bucket) as before
    from pieces
),
gaps as (
    select *, row_number() over (partition by {PARTITION.name} order by {gap} desc, bucket) as place
    from edges
    where {gap} > {ORDER_IDS}
)
select {PARTITION.name}, bucket as first, before + {ORDER_IDS - 1} as last
from gaps
where place < {SPANS}
union all
select {PARTITION.name}, min(bucket) as first, max(bucket) + {ORDER_IDS - 1} as last
from pieces
group by {PARTITION.name}"""


def spans(rows: Iterable[Sequence[Any]]) -> dict[str, list[list[int]]]:
    """What `order_ids` has found, as spans by `pa_date`."""
    ends: dict[str, tuple[list[int], list[int]]] = {}
    for pa_date, first, last in rows:
        firsts, lasts = ends.setdefault(pa_date.isoformat(), ([], []))
        firsts.append(first)
        lasts.append(last)
    return {
        day: [[*span] for span in zip(sorted(firsts), sorted(lasts), strict=True)]
        for day, (firsts, lasts) in ends.items()
    }


def partition(orders: str, old: str, pa_date: str) -> str:
    """The partition `pa_date` (a SQL expression) of fact_orders with the new rows.

    `orders` and `old` name relations as `orders` and `old_fact_orders`, with the rows of this partition alone.
    """
    return f"""
select {_FACT}
from {old}
anti join changed using ({_LINE})
union all{_facts(f"{orders} anti join again using ({_LINE})", "effective_at")}
union all
select {_FACT}
from changed
where pa_date = {pa_date}"""
