"""How DuckDB and Spark are started and called."""
