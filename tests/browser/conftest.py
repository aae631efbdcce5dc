"""Lakes that are served to a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.lakes import SAMPLES
from tests.api.test_serve import serving
from tests.lakes import open_lake


@contextmanager
def served(folder: Path, *options: str, **environment: str) -> Iterator[str]:
    """The address of `duff serve` over a lake, with queries."""
    with serving(folder / "lake", "--queries", *options, **environment) as (address, _, _):
        yield address


@pytest.fixture(scope="session")
def samples_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The samples, processed, served."""
    from duff_orders import build_models
    from duff_orders.local.run import run

    folder = tmp_path_factory.mktemp("browser")
    lake = open_lake(folder / "lake")
    list(run(lake, sorted(SAMPLES.glob("*.csv"))))
    build_models(lake)
    with served(folder) as address:
        yield address
