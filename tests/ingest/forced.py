"""Ways of reading that the size of a file or of the memory would choose, forced on small files."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from unittest import mock

from hypothesis import strategies as st

from duff_orders.engines.duckdb import transform as on_duckdb
from duff_orders.engines.duckdb import typed
from duff_orders.ingest import canonical, chunks, scan, scan_texts, text
from duff_orders.ingest.header import HEAD
from duff_orders.ingest.long_records import LONG


class Way(NamedTuple):
    """How a file is read.

    A file with rejects or repeats is checked into a table, or read in passes where memory has no room for one. Long
    records go another way: here all do, or those of more than 60 bytes. `block` is what is read at once, beside the
    header and all that stands in the same blocks. Canonical lines are told in every file, in most or in none, and taken
    a few at a time.
    """

    by_table: bool
    long: int
    block: int
    most: float
    chunk: int
    few: int


WAYS = st.builds(
    Way,
    by_table=st.booleans(),
    long=st.sampled_from([LONG, 0, 60]),
    block=st.sampled_from([text.BLOCK, 64, 700]),
    most=st.sampled_from([0.0, canonical._MOST, 2.0]),
    chunk=st.sampled_from([chunks.CHUNK, 1, 200]),
    few=st.sampled_from([0, 2, 10**6]),
)


@contextmanager
def forced(way: Way) -> Iterator[None]:
    """Read files in this way meanwhile."""
    few = way.few or 1
    with ExitStack() as stack:
        for patch in (
            mock.patch.object(on_duckdb, "TABLE_SHARE", 1.0 if way.by_table else 0.0),
            mock.patch.object(scan, "LONG", way.long),
            mock.patch.object(scan_texts, "LONG", way.long),
            mock.patch.object(text, "BLOCK", way.block),
            mock.patch.object(scan, "HEAD", min(HEAD, 20 * way.block)),
            mock.patch.object(canonical, "_MOST", way.most),
            mock.patch.object(chunks, "CHUNK", way.chunk),
            mock.patch.multiple(typed, KEYS=few),
            mock.patch.multiple(on_duckdb, FEW=way.few, OTHERS=few),
            mock.patch.object(scan, "MISSES", way.few),
        ):
            stack.enter_context(patch)
        yield
