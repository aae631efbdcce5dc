"""The text of the star schema is SQL for both engines, and knows the contract's columns."""

import pytest
import sqlglot
from sqlglot import exp

from duff_orders.contract import DIM_CHANNELS, DIM_CLIENTS, DIM_PRODUCTS, DIM_STATUS, FACT_ORDERS, Table
from duff_orders.models import star

STATEMENTS = {
    "dim_status": (star.dim_status(), DIM_STATUS),
    "dim_channels": (star.dim_channels(lambda text: f"length({text})"), DIM_CHANNELS),
    "seen_dim_clients": (star.seen(DIM_CLIENTS), None),
    "dim_clients": (star.dimension(DIM_CLIENTS), DIM_CLIENTS),
    "dim_products": (star.dimension(DIM_PRODUCTS), DIM_PRODUCTS),
    "known": (star.known(), FACT_ORDERS),
    "again": (star.again(), None),
    "changed": (star.changed(), FACT_ORDERS),
    "touched": (star.touched(), None),
    "partition": (star.partition("orders", "old_fact_orders", "date '2026-03-01'"), FACT_ORDERS),
}


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_statements_are_sql_for_both_engines(name: str, dialect: str) -> None:
    text, table = STATEMENTS[name]
    parsed = sqlglot.parse_one(text, dialect=dialect)
    assert isinstance(parsed, exp.Query)
    if isinstance(table, Table):
        assert parsed.named_selects == list(star.names_of(table))
