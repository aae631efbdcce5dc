"""Workers on emulated S3 that die at a request: whatever they still want to ask ends there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
import pytest

from duff_orders.documents import Event
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores import objects, s3
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.settings import Settings
from tests.aws.emulator import new_buckets

WRITES = {"put", "delete", "copy"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """The worker is gone: whatever it still wants to ask ends here."""


class Requests:
    """obstore, counting the points before each request and after each write; dead from one of them on."""

    def __init__(self, dies_at: int = 0) -> None:
        self.dies_at = dies_at
        self.passed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(obstore, name)
        if name not in WRITES | {"get", "head", "list"}:
            return real

        def request(store: Any, *arguments: Any, **options: Any) -> Any:
            told = f"{name} {arguments[0] if arguments else ''}"
            self.point(f"before {told}")
            answer = real(store, *arguments, **options)
            if name in WRITES:
                self.point(f"after {told}")
            return answer

        return request

    def point(self, name: str) -> None:
        self.passed.append(name)
        if self.dies_at and len(self.passed) >= self.dies_at:
            raise Killed(name)


class Cloud:
    """Two buckets, and workers that share them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        import boto3

        self.client = boto3.client("s3")
        self.buckets = new_buckets()
        self.patch = patch
        self.ahead = 0.0

    def now(self) -> float:
        """The time by the clocks of the workers."""
        return time.time() + self.ahead

    def put(self, key: str, data: bytes) -> Event:
        done = self.client.put_object(Bucket=self.buckets[0], Key=key, Body=data)
        return Event(
            bucket=self.buckets[0],
            key=key,
            size=len(data),
            etag=done["ETag"].strip('"'),
            version=done["VersionId"],
            time=NOON,
        )

    def worker(self, holder: str, kind: type[S3Store] = S3Store, **settings: Any) -> Lake:
        store = kind(*self.buckets, holder=holder, deadline=self.now() + 900, clock=self.now)
        return Lake(Settings(engine="duckdb", threads=1, memory=256 * 10**6, **settings), store)

    @contextmanager
    def later(self, by: timedelta) -> Iterator[None]:
        """Workers whose clocks are ahead: for them the leases of before are over."""
        self.ahead = by.total_seconds()
        yield
        self.ahead = 0.0

    def requests(self, dies_at: int = 0, kind: type[Requests] = Requests) -> Requests:
        made = kind(dies_at)
        for module in (objects, s3):
            self.patch.setattr(module, "obstore", made)
        return made

    def well(self) -> None:
        for module in (objects, s3):
            self.patch.setattr(module, "obstore", obstore)
