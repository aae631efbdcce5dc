import pytest

from duff_orders.lake.lake import Lake
from tests.api.lakes import sample_lake


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("samples") / "lake")
