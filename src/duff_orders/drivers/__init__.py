"""How DuckDB and Spark are started and spoken to."""
