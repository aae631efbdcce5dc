from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from duff_orders.lake.lake import Lake
from tests.api.lakes import application, sample_lake


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("samples") / "lake")


@pytest.fixture(scope="session")
def api(samples: Lake) -> Iterator[TestClient]:
    """The API over the samples, with queries switched on."""
    with application(samples) as (client, _):
        yield client
