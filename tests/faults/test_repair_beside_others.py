"""Repairs beside `serve`, `watch` and `run` over a lake that is being damaged, all killed at moments nobody chose."""

import contextlib
import random
import signal
import time
from pathlib import Path

import pytest

from duff_orders.contract import ORDERS
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.repair import repair
from duff_orders.local.run import run
from tests.effort import every
from tests.faults.commands import start
from tests.faults.test_repair import FAULTS, KINDS, filled, harm, orders

pytestmark = [pytest.mark.faults, pytest.mark.slow]

ROUNDS = 12 // every(4)
#: What is not harmed while others are at work: what they then write anew is another, and may be right.
HARMED = [kind for kind in KINDS if kind not in ("dimension", "facts")]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_killed_all_comes_back(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    lake = filled(tmp_path / "lake")
    sent = {1, 2, 3}
    for number in range(ROUNDS):
        source = tmp_path / f"new-{number}.csv"
        source.write_bytes(orders(100 + number))
        (tmp_path / "lake" / "raw" / f"dropped-{number}.csv").write_bytes(orders(200 + number))
        sent |= {100 + number, 200 + number}
        for _ in range(2):
            kind, fault, which = chosen.choice(HARMED), chosen.choice([*FAULTS]), chosen.choice([0, -1])
            if any(lake.disk.root.glob(KINDS[kind])):  # a fault before may have removed the last
                with contextlib.suppress(AssertionError):  # or have left nothing to change
                    harm(lake, KINDS[kind], FAULTS[fault], which)
        others = [
            start(lake.disk.root, "watch", "--settle", "0.1"),
            start(lake.disk.root, "serve", "--port", "0"),
            start(lake.disk.root, "run", "--json", source),
            start(lake.disk.root, "repair"),
            start(lake.disk.root, "repair"),
        ]
        time.sleep(chosen.uniform(0.5, 3.0))
        for each in others:
            each.send_signal(chosen.choice([signal.SIGKILL, signal.SIGTERM]))
        for each in others:
            each.communicate()
    repair(lake)
    files = [*tmp_path.glob("new-*.csv"), *(tmp_path / "lake" / "raw").glob("*.csv")]
    assert len([*run(lake, sorted(files))]) == len(files)  # what nobody came to
    repair(lake)
    assert check(lake, deep=True).problems == []
    with lake.engine(only_reads=True) as (connection, _):
        create_views(lake, connection)
        counted = connection.execute(f"select order_id, count(*) from {ORDERS.name} group by order_id").fetchall()
    expected = {number: 2 if number == 1 else 1 for number in sent}
    if any(row.verdict == "failed" for row in lake.ledger.rows()):  # the one whose raw file was overwritten long ago
        del expected[1]
    assert {number: count for number, count in counted if number in expected} == expected
