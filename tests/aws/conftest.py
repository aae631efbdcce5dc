"""One deployment on emulated AWS for all tests of a worker."""

import os
from collections.abc import Iterator

import pytest

from duff_orders.aws.deploy import Deployment, deploy
from tests.aws.deployed import Deployed
from tests.aws.emulator import CREDENTIALS, emulator

#: Files from this size on go to the Glue job.
THRESHOLD = 200_000
# The machine of the tests, and times that suit tests.
PARAMETERS = {
    "ThresholdBytes": str(THRESHOLD),
    "RetrySeconds": "1",
    "PollSeconds": "1",
    "BatchSeconds": "1",
    "RetryBuildSeconds": "30",
    "MaxRejectShare": "0.5",
}


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of emulated AWS, which the environment names, too."""
    with emulator(tmp_path_factory.mktemp("aws")) as address, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", address)
        yield address


@pytest.fixture(scope="session")
def deployed(aws: str) -> Deployed:
    """The three real templates, the real bundles."""
    told: list[str] = []
    outputs = deploy(
        Deployment(),
        architecture="x86_64" if os.uname().machine == "x86_64" else "arm64",
        python="3.11",
        parameters=PARAMETERS,
        on_event=lambda resource, state, why: told.append(f"{resource} {state} {why}"),
    )
    assert any("OrdersEtl CREATE_COMPLETE" in each for each in told)
    return Deployed(aws, outputs)
