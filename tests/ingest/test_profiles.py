"""Partners' files by their profiles: through the pipeline, through the oracle, and read again."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duff_orders.contract import ORDERS, REJECTED_ROWS
from duff_orders.lake import partners
from duff_orders.local.reread import compare
from tests.agreement import assert_agrees
from tests.effort import examples
from tests.ingest.forced import WAYS, Way, forced
from tests.lakes import NOON, ingest, open_lake, rows, sql
from tests.oracle import judge
from tests.partners import Said, as_toml, files, profiles

pytestmark = pytest.mark.property


@given(partner=profiles().flatmap(lambda said: st.tuples(st.just(said), files(said))), way=WAYS)
@settings(max_examples=examples(600), deadline=None, suppress_health_check=list(HealthCheck))
def test_partners_files_agree_with_the_oracle_and_are_read_again_as_such(partner: tuple[Said, bytes], way: Way) -> None:
    said, data = partner
    with tempfile.TemporaryDirectory() as folder, forced(way):
        lake = open_lake(Path(folder))
        partners.put(lake.store, "p", as_toml(said), NOON)
        row = ingest(lake, "p/f.csv", data)
        assert (row.error, row.profile) == (None, "p")
        assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), judge(data, profile=said))
        if row.rows_read:
            with sql() as connection, lake.store.scratch() as scratch:
                assert list(compare(lake, connection, scratch, row, lake.disk.path(f"raw/{row.source_file}"))) == []
