"""DuckDB, in process and out of core: the engine for one machine, and for the functions."""

from duff_orders.engines.base import Engine
from duff_orders.engines.duckdb.spelling import DuckDBSpelling


def _check_installed() -> None:
    """It is always there."""


ENGINE = Engine(
    name="duckdb",
    spelling=DuckDBSpelling(),
    route="small",
    check_installed=_check_installed,
    takes_batches=True,
)
