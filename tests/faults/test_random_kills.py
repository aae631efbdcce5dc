"""A real `duff run`, killed at moments that nobody chose, and run again each time."""

import itertools
import random
import subprocess
import time
from pathlib import Path

import pytest

from duff_orders.generator.orders import generate
from tests.effort import every
from tests.faults.commands import duff, start
from tests.faults.scenario import open_lake, problems

pytestmark = [pytest.mark.faults, pytest.mark.slow]

ROWS = 60_000  # about 5 MB
KILLS = 10 // every(3)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    source = tmp_path / "orders.csv"
    generate(source, rows=ROWS, seed=1, bad=0.01, duplicates=0.01)
    began = time.monotonic()
    (expected,) = duff(tmp_path / "undisturbed", "run", "--json", source)
    whole = time.monotonic() - began
    kills = 0
    for seed in itertools.count():
        if kills >= KILLS:
            break
        lake = tmp_path / str(seed)
        # several kills for one lake now and then: half a run after half a run
        for part in random.Random(seed).choices((0.2, 0.4, 0.6, 0.8, 0.95), k=1 + seed % 2):
            process, began = start(lake, "run", "--json", source), time.monotonic()
            try:
                process.communicate(timeout=whole * part)
                whole = min(whole, time.monotonic() - began)  # the machine was busier before
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
        (row,) = duff(lake, "run", "--json", source)
        for name in (
            "rows_read",
            "rows_published",
            "rows_duplicate",
            "rows_rejected",
            "file_id",
            "verdict",
            "revision",
        ):
            assert row[name] == expected[name]
        assert problems(lake) == []
        assert len(list(open_lake(lake).ledger.rows())) == 1
        assert not any((lake / "scratch").iterdir())
