"""Querying: SQL from outside, the predefined reports, rejected rows."""
