"""Files as partners write them: read by the profile they are what the same seed gives canonically."""

import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from duff_orders import generate
from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.profiles.profile import load
from tests.effort import examples
from tests.lakes import NOON, ingest, open_lake, rows
from tests.partners import Said, as_toml, profiles


def published(lake: Lake, row: LedgerRow, defaults: dict[str, str]) -> list[tuple[object, ...]]:
    """The orders of a file, and where a column has a default that."""
    found = [
        tuple(
            str(defaults.get(name, value)) for name, value in zip((*COLUMN_NAMES, "total_price"), values, strict=False)
        )
        for values in rows(lake, row, ORDERS.name)
    ]
    return sorted(found)


def reasons(lake: Lake, row: LedgerRow) -> list[tuple[object, ...]]:
    """The reasons of a file's rejected rows by their lines."""
    at = len(COLUMN_NAMES)
    return sorted((values[at + 2], values[at]) for values in rows(lake, row, REJECTED_ROWS.name))


@pytest.mark.property
@given(said=profiles())
@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
def test_partners_files_have_the_orders_of_the_canonical_ones(said: Said) -> None:
    said = {**said, "max_reject_share": "1"}
    # else the canonical file's own word would mean something else to the partner
    assume(said["values"].get("point_of_sale_channel", {}).get("b2b", "B2B") == "B2B")
    with tempfile.TemporaryDirectory() as folder:
        found, defaults = [], said["defaults"]
        bad = 0 if defaults else 0.3  # a bad text of a column that has a default is gone
        for name, profile in (("plain", None), ("partner", load(as_toml(said)))):
            lake, path = open_lake(Path(folder) / name, max_reject_share=Decimal(1)), Path(folder) / f"{name}.csv"
            generate(path, rows=120, seed=3, bad=bad, duplicates=0.1, profile=profile)
            if profile:
                partners.put(lake.store, "p", as_toml(said), NOON)
            row = ingest(lake, "p/f.csv", path.read_bytes())
            assert (row.error, row.rows_read) == (None, 120)
            found.append((lake, row))
        assert published(*found[0], defaults) == published(*found[1], defaults)
        assert reasons(*found[0]) == reasons(*found[1])
