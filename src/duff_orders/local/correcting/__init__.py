"""Correcting a file's rejected rows in place: a draft, judged by the rules themselves, published as a raw object.

- `rows`: the open rows of a file with what a draft changed of them
- `judge`: what the pipeline would make of changed rows
- `draft`: changes, undone and made again, kept until they are published; one author at a time
- `publishing`: the right rows as a file of corrections, and what was published before
- `whole`: an invalid file with its corrected rows in their places
"""
