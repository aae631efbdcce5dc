"""The star schema."""
