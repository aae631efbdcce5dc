"""Orders files to try things on."""
