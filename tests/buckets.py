"""The store on S3 over buckets in memory: all of its own code, with obstore's conditional writes, and no network."""

from typing import Any

from obstore.store import MemoryStore

from duff_orders.lake.layout import PROCESSED, RAW
from duff_orders.lake.s3 import S3Store


class Buckets:
    """A raw and a processed bucket."""

    def __init__(self) -> None:
        self.stores: dict[str, Any] = {RAW: MemoryStore(), PROCESSED: MemoryStore()}

    def store(self, **more: Any) -> S3Store:
        """One worker's store over them."""
        return _InMemory(self, **more)


class _InMemory(S3Store):
    def __init__(self, buckets: Buckets, **more: Any) -> None:
        super().__init__("", "", **more)
        self._buckets = buckets.stores
