"""What SQL from outside may do, and its translation to DuckDB."""
