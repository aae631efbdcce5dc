"""Generated orders files to experiment with."""
