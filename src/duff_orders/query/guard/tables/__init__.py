"""What a query may call, in readable tables: signatures, and DuckDB's SQL."""

from duff_orders.query.guard.signatures import Functions
from duff_orders.query.guard.tables import aggregates, arrays, numbers, text, times, windows

TABLES = (numbers, text, times, arrays, aggregates, windows)
FUNCTIONS = Functions(
    [table.TABLE for table in TABLES], {old: new for table in TABLES for old, new in table.ALIASES.items()}
)
#: What operators and syntax are called in the tables; no query writes a call of one.
OPERATORS = frozenset(
    "add subtract multiply divide modulo negate equal differs less at_most like join joined subscript".split()  # noqa: SIM905
)
