"""The floor: DuckDB copies the CSV to Parquet with default settings. No checks, no dedupe.

It cannot read records with a wrong field count, so it gets a file of as many rows without bad ones.
"""

import sys
from pathlib import Path

import duckdb

source, target = sys.argv[1], Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
duckdb.execute(f"copy (select * from read_csv('{source}')) to '{target / 'orders.parquet'}' (format parquet)")
