"""One deployment on emulated AWS for all tests of a worker."""

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from duff_orders.aws.deploy import deploy
from duff_orders.aws.package import Architecture
from duff_orders.aws.stacks import Deployment
from tests.aws.bundles import made_once
from tests.aws.deployed import Deployed
from tests.aws.emulator import functions_python
from tests.effort import PATIENCE

#: Files from this size on go to the Glue job.
THRESHOLD = 200_000
ARCHITECTURE: Architecture = "x86_64" if os.uname().machine == "x86_64" else "arm64"
# Times that suit tests. Builds come late by themselves: who needs one asks for it (`modelled`), but in test_builds.py.
PARAMETERS = {
    "ThresholdBytes": str(THRESHOLD),
    "RetrySeconds": "1",
    "PollSeconds": "15",  # of the emulator's, which are shorter
    "BatchSeconds": "300",
    "BuildMinutes": "0",
    "MaxRejectShare": "0.5",
    "Queries": "on",
}


@pytest.fixture(scope="session", autouse=True)
def _bundles() -> Iterator[None]:
    with made_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """A deployment is tried out on a machine however busy."""
    with mock.patch.multiple("duff_orders.aws.smoke", VERDICT_SECONDS=PATIENCE, ANSWER_SECONDS=PATIENCE):
        yield


@pytest.fixture(scope="session")
def deployed(aws: str) -> Deployed:
    """The three real templates, the real bundles; all tests of a worker put their files into it."""
    return deployed_under("")


def deployed_under(prefix: str) -> Deployed:
    """A deployment under a prefix."""
    told: list[str] = []
    outputs = deploy(
        Deployment(prefix),
        architecture=ARCHITECTURE,
        python=functions_python(),
        parameters=PARAMETERS,
        on_event=lambda resource, state, why: told.append(f"{resource} {state} {why}"),
    )
    assert any("OrdersEtl CREATE_COMPLETE" in each for each in told)
    return Deployed(outputs)
