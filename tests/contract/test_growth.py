"""A status and a column are one entry each: with two more statuses and three more columns everything still holds."""

from pathlib import Path

import pytest

from tests.contract.grown import run_probes


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_contract_that_has_grown_holds_everywhere(tmp_path: Path) -> None:
    done = run_probes(tmp_path, "-m", "not spark")
    assert done.returncode == 0, done.stdout


@pytest.mark.spark
@pytest.mark.timeout(1800)
def test_a_contract_that_has_grown_holds_on_spark(tmp_path: Path) -> None:
    done = run_probes(tmp_path, "-m", "spark")
    assert done.returncode == 0, done.stdout
