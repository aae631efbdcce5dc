"""One machine: run, replay and watch files, and check the lake."""
