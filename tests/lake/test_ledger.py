"""The ledger: a row is replaced by what it says, whoever wrote it in whatever form."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from duff_orders.clock import utc_now
from duff_orders.documents import Outcome, Staged
from duff_orders.errors import PipelineError
from duff_orders.ingest.publish import publish
from duff_orders.lake import layout
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.raw import announce
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.local.replay import replay
from tests.lakes import ingest, open_lake

SAMPLE = Path(__file__).parents[2] / "samples" / "03-dirty.csv"


def rewrite(lake_folder: Path, name: str, **changed: object) -> None:
    """The row as another release would have written it: without a version and some fields, spaced otherwise."""
    path = lake_folder / name
    values = json.loads(path.read_bytes()) | changed
    values = {key: value for key, value in values.items() if key not in ("v", "digest", "revision")}
    path.write_text(json.dumps(values, indent=2))


def test_a_row_in_another_form_can_be_replaced(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    rewrite(tmp_path, layout.ledger_object(row.pa_date, row.file_id))
    [again] = replay(lake, [row.file_id])
    assert (again.verdict, again.revision) == ("valid_with_rejects", 1)
    assert lake.ledger.get(row.pa_date, row.file_id) == again


def test_a_row_that_says_something_else_is_not_replaced(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    _, token = lake.ledger.read(row.pa_date, row.file_id)
    rewrite(tmp_path, layout.ledger_object(row.pa_date, row.file_id), rows_read=7)
    assert not lake.ledger.write(replace(row, revision=1), token)
    stands = lake.ledger.get(row.pa_date, row.file_id)
    assert stands is not None
    assert stands.rows_read == 7


def test_a_replay_that_loses_its_race_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    event = announce(lake.disk, "a.csv")
    outcome = Outcome(verdict="invalid", reason="too late")
    late = Staged(event=event, outcome=outcome, started=utc_now(), replay=True)

    def somebody_else_is_faster(store: DiskStore) -> None:
        monkeypatch.undo()
        list(replay(lake, [row.file_id]))

    monkeypatch.setattr(DiskStore, "check_locks", somebody_else_is_faster)
    with pytest.raises(PipelineError, match="was replaced meanwhile; replay the file again"):
        publish(lake, late)
    assert [each.revision for each in lake.ledger.rows()] == [1]


def test_replaced_objects_are_kept_for_the_grace_period_from_when_they_were_replaced(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=60)
    row = ingest(lake, "a.csv", SAMPLE.read_bytes())
    [old] = [lake.disk.path(name) for name in layout.data_objects("tbl_duff_orders", row)]
    os.utime(old, (0, 0))  # written long ago, replaced now
    list(replay(lake, [row.file_id]))
    assert sweep(lake) == 0
    assert old.exists()
    assert sweep(open_lake(tmp_path, grace=0)) == 2
    assert not old.exists()
