"""CSV files as DuckDB's relations: nothing is guessed, the scanner knows."""

from collections.abc import Mapping
from pathlib import Path

from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import path_text
from duff_orders.settings import MIB


def read_csv(
    path: Path,
    columns: Mapping[str, str],
    *,
    delimiter: str = ",",
    header: bool = False,
    parallel: bool = False,
    line: int = 2 * MIB,
    **more: object,
) -> str:
    """DuckDB's relation of a CSV file that is as its reader wants it: `columns` by name, with DuckDB's types.

    `line` are the bytes of the longest line; `more` are further options of the reader. In parallel it may take a line
    break within quotes for the end of a record, and refuses some files (`NotImplementedException`), by where its
    buffers happen to begin.
    """
    listed = ", ".join(f"{sql_text(name)}: '{kind}'" for name, kind in columns.items())
    options = {"delim": delimiter, "quote": '"', "escape": '"', "new_line": r"\n", **more}
    written = (
        *(f"{name} = {value if isinstance(value, int) else sql_text(value)}" for name, value in options.items()),
        "auto_detect = false",
        "hive_partitioning = false",
        f"header = {str(header).lower()}",
        f"columns = {{{listed}}}",
        f"max_line_size = {line}",
        f"parallel = {str(parallel).lower()}",
    )
    return f"read_csv({path_text(path)}, {', '.join(written)})"
