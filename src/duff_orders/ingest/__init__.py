"""A file's way, from its first bytes to its ledger row."""
