"""Functions of Athena's that are not on offer, and what to write instead."""

INSTEAD: dict[str, str] = {}
