"""Orders files in, a star schema out, every row accounted for.

    import duff_orders

    lake = duff_orders.open_lake("lake")
    for row in duff_orders.run(lake, ["orders.csv"]):  # one ledger row per file
        print(row.source_file, row.verdict, row.rows_published, row.rows_rejected)
    duff_orders.build_models(lake)
    duff_orders.sql(lake, "select sum(total_price) as sales from fact_orders")  # [{"sales": Decimal("174.0000")}]

Each name's docstring describes it; the command line, `duff`, is built from the same functions. Every error raised on
purpose is a `DuffError`. Importing this package loads nothing heavy: a name's module is imported when the name is first
used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duff_orders.documents import LedgerRow
    from duff_orders.errors import DuffError, InputError, QueryRefused, SettingsError, UnknownFile
    from duff_orders.generator.orders import generate
    from duff_orders.lake.lake import Lake, open_lake
    from duff_orders.local.check import Proof, check
    from duff_orders.local.repair import Repaired, repair
    from duff_orders.local.replay import replay
    from duff_orders.local.run import run
    from duff_orders.local.watch import watch
    from duff_orders.models.build import BuildReport
    from duff_orders.models.build import build as build_models
    from duff_orders.query.duckdb import sql
    from duff_orders.query.rejects import export as export_rejects
    from duff_orders.query.rejects import read as read_rejects
    from duff_orders.settings import Settings

__all__ = [
    "BuildReport",
    "DuffError",
    "InputError",
    "Lake",
    "LedgerRow",
    "Proof",
    "QueryRefused",
    "Repaired",
    "Settings",
    "SettingsError",
    "UnknownFile",
    "build_models",
    "check",
    "export_rejects",
    "generate",
    "open_lake",
    "read_rejects",
    "repair",
    "replay",
    "run",
    "sql",
    "watch",
]

_WHERE = {
    "BuildReport": "models.build",
    "DuffError": "errors",
    "InputError": "errors",
    "Lake": "lake.lake",
    "LedgerRow": "documents",
    "Proof": "local.check",
    "QueryRefused": "errors",
    "Repaired": "local.repair",
    "Settings": "settings",
    "SettingsError": "errors",
    "UnknownFile": "errors",
    "build_models": "models.build:build",
    "check": "local.check",
    "export_rejects": "query.rejects:export",
    "generate": "generator.orders",
    "open_lake": "lake.lake",
    "read_rejects": "query.rejects:read",
    "repair": "local.repair",
    "replay": "local.replay",
    "run": "local.run",
    "sql": "query.duckdb",
    "watch": "local.watch",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _WHERE[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute or name)
