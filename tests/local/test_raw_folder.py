"""Anybody may put anything into the raw folder: each thing has a verdict, or is listed as left alone."""

from pathlib import Path

from duff_orders.lake.raw import announce
from duff_orders.local.check import check
from duff_orders.local.raw_folder import everything
from duff_orders.local.run import process, run
from tests.ingest.test_kinds import CSV
from tests.lakes import drop, open_lake

LEFT = (".rsync-partial/", ".stversions/", "_orders.csv", "orders.csv/_SUCCESS", "upload.csv.part")


def test_check_is_green_once_everything_has_its_verdict(tmp_path: Path) -> None:
    """A folder that Spark wrote, half files, and what is no orders file: nothing stays red for ever."""
    lake = open_lake(tmp_path)
    taken = {
        "orders.csv/part-0000.csv": CSV,
        "notes.txt": b"call Moe",
        "b/orders.csv.zip": b"PK\x05\x06",
        "c.xlsx": b"",
    }
    left = (".rsync-partial/a/x.csv", ".stversions/x.csv", "_orders.csv", "orders.csv/_SUCCESS", "upload.csv.part")
    for key, data in taken.items():
        drop(lake, key, data)
    for key in left:
        drop(lake, key, CSV)
    assert len(check(lake).problems) == len(taken)
    raw = lake.disk.path("raw")
    rows = list(run(lake, [raw / "orders.csv/part-0000.csv"]))
    assert [row.verdict for row in rows] == ["valid"]
    verdicts = {
        key: process(lake, announce(lake.disk, key)).verdict for key in taken if key != "orders.csv/part-0000.csv"
    }
    assert set(verdicts.values()) == {"invalid"}
    proof = check(lake)
    assert [problem for problem in proof.problems if "star schema" not in problem] == []
    assert sorted(proof.left_alone) == sorted(LEFT)
    assert {found.key for found in everything(raw) if found.status} == set(taken)
