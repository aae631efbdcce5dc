"""The store on S3 over buckets in memory: its own code, with obstore's conditional writes, and no network."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import obstore
from obstore.store import MemoryStore

from duff_orders.documents import Event, Held
from duff_orders.errors import SourceChanged
from duff_orders.lake.layout import PROCESSED, RAW
from duff_orders.lake.stores.s3 import S3Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Buckets:
    """A raw bucket that keeps versions, and a processed one."""

    def __init__(self) -> None:
        self.stores: dict[str, Any] = {RAW: MemoryStore(), PROCESSED: MemoryStore()}
        self.versions: dict[str, bytes] = {}
        self.events: list[Event] = []
        self.name = uuid.uuid4().hex

    def store(self, raw: str = "raw", processed: str = "processed", **more: Any) -> S3Store:
        """One worker's store over them, whatever their names."""
        return _InMemory(self, raw, processed, **more)

    def put(self, key: str, data: bytes, when: datetime = NOON) -> Event:
        """Put an object into the raw bucket; the event that tells of it."""
        obstore.put(self.stores[RAW], key, data)
        version = f"v{len(self.versions) + 1}"
        self.versions[version] = data
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        event = Event(bucket="raw", key=key, size=len(data), etag=etag, version=version, time=when)
        self.events.append(event)
        return event


class _InMemory(S3Store):
    def __init__(self, buckets: Buckets, raw: str, processed: str, **more: Any) -> None:
        super().__init__(raw, processed, **more)
        self._buckets = buckets.stores
        self._versions = buckets.versions
        self._events = buckets.events
        self._name = buckets.name

    def __post_init__(self) -> None:
        """No client is made."""
        self._held: list[str] = []

    def address(self, name: str) -> str:
        """Of these buckets alone, whatever their names."""
        return f"memory://{self._name}/{name}"

    def held(self, key: str) -> list[Held]:
        """As a listing of the versions would tell."""
        found = [each for each in self._events if each.key == key]
        return [Held.by(each, number) for number, each in enumerate(found)]

    def lying(self) -> Iterator[Event]:
        yield from self._events

    def _read(self, event: Event, start: int, end: int) -> tuple[bytes, dict[str, str]]:
        """obstore keeps no versions in memory."""
        if event.version not in self._versions:
            raise SourceChanged(f"{event.key} is gone from the raw bucket")
        return self._versions[event.version][start:end], {}
