"""What SQL from outside may do, and what it is in DuckDB's words."""
