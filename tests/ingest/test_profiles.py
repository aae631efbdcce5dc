"""Partners' files by their profiles: through the pipeline, through the oracle, and read again."""

import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duff_orders.contract import ORDERS, REJECTED_ROWS
from duff_orders.engines.duckdb import transform as on_duckdb
from duff_orders.engines.duckdb import typed
from duff_orders.ingest import canonical, chunks, scan, scan_texts, text
from duff_orders.ingest.header import HEAD
from duff_orders.ingest.long_records import LONG
from duff_orders.lake import partners
from duff_orders.local.reread import compare
from tests.agreement import assert_agrees
from tests.effort import examples
from tests.lakes import NOON, ingest, open_lake, rows, sql
from tests.oracle import judge
from tests.partners import Said, as_toml, files, profiles

pytestmark = pytest.mark.property


@given(
    partner=profiles().flatmap(lambda said: st.tuples(st.just(said), files(said))),
    by_table=st.booleans(),
    long=st.sampled_from([LONG, 0, 60]),
    block=st.sampled_from([text.BLOCK, 64, 700]),
    most=st.sampled_from([0.0, canonical._MOST, 2.0]),
    chunk=st.sampled_from([chunks.CHUNK, 1, 200]),
    few=st.sampled_from([0, 2, 10**6]),
)
@settings(max_examples=examples(600), deadline=None, suppress_health_check=list(HealthCheck))
def test_partners_files_agree_with_the_oracle_and_are_read_again_as_such(
    partner: tuple[Said, bytes], by_table: bool, long: int, block: int, most: float, chunk: int, few: int
) -> None:
    said, data = partner
    room = mock.patch.object(on_duckdb, "TABLE_SHARE", 1.0 if by_table else 0.0)
    aside, too = mock.patch.object(scan, "LONG", long), mock.patch.object(scan_texts, "LONG", long)
    blocks = mock.patch.object(text, "BLOCK", block)
    head = mock.patch.object(scan, "HEAD", min(HEAD, 20 * block))
    told, cut = mock.patch.object(canonical, "_MOST", most), mock.patch.object(chunks, "CHUNK", chunk)
    limits = mock.patch.multiple(typed, KEYS=few or 1)
    parts = mock.patch.multiple(on_duckdb, FEW=few, OTHERS=few or 1)
    with tempfile.TemporaryDirectory() as folder, room, aside, too, blocks, head, told, cut, limits, parts:
        lake = open_lake(Path(folder))
        partners.put(lake.store, "p", as_toml(said), NOON)
        row = ingest(lake, "p/f.csv", data)
        assert (row.error, row.profile) == (None, "p")
        assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), judge(data, profile=said))
        if row.rows_read:
            with sql() as connection, lake.store.scratch() as scratch:
                assert list(compare(lake, connection, scratch, row, lake.disk.path(f"raw/{row.source_file}"))) == []
