"""A lake of the samples, each announced at a time of its own, and the application over it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from fastapi.testclient import TestClient

from duff_orders import build_models
from duff_orders.api.app import create_app, guarded
from duff_orders.api.local_backend import LocalBackend
from duff_orders.api.profiles import Rights
from duff_orders.api.serve import local_backend
from duff_orders.console.app import install
from duff_orders.console.folder import RawFolder
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.local.replays import replays
from duff_orders.local.run import process
from tests.effort import PATIENCE
from tests.lakes import open_lake

SAMPLES = Path(__file__).parents[2] / "samples"


def sample_lake(folder: Path) -> Lake:
    """The samples, a day after the other."""
    lake = open_lake(folder)
    for day, path in enumerate(sorted(SAMPLES.glob("*.csv")), 1):
        process(lake, announce(lake.disk, put(lake.disk, path), when=datetime(2026, 11, day, 12, tzinfo=UTC)))
    build_models(lake)
    return lake


@contextmanager
def application(
    lake: Lake, *, queries: bool = True, admins: Collection[str] | None = (), **options: object
) -> Iterator[tuple[TestClient, LocalBackend]]:
    """A client of the application over a lake, without a server between; and the backend.

    `admins` are the names of keys whose holders may change profiles; None: nobody may. An answer is waited for as long
    as it takes: a busy machine is no reason for another.
    """
    with (
        local_backend(lake, queries=queries) as backend,
        replays(lake, lambda row: None) as again,
        mock.patch.multiple("duff_orders.api.queries", WAIT=PATIENCE, LONGEST_WAIT=PATIENCE),
    ):
        backend.serving.refresh()
        app = create_app(backend, None if admins is None else Rights(frozenset(admins), again.take_up))
        install(app, backend, RawFolder(lake.disk))
        yield (
            TestClient(
                guarded(app, **options),  # type: ignore[arg-type]
                base_url="http://127.0.0.1",
                raise_server_exceptions=False,
            ),
            backend,
        )
