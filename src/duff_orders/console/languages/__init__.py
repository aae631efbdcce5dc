"""What the pages say, a folder for each language: the same files, keys and `{places}` in each."""
