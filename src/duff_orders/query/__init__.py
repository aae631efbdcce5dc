"""Asking: SQL from outside, the ready-made questions, rejected rows."""
