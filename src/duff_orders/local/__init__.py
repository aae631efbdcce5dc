"""One machine: files run, replayed and watched, and the lake proven."""
