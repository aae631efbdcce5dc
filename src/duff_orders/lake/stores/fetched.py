"""The lake on S3 for an engine that reads files: each object is downloaded when it is first named."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from duff_orders.lake.stores.s3 import S3Store

# Objects that are fetched at once: small ones are waited for, large ones fill the line by themselves.
_AT_ONCE = 16


@dataclass
class FetchedStore(S3Store):
    """The two buckets of a deployment, of whose objects `folder` holds the copies that engines read."""

    folder: Path = Path()

    def address(self, name: str) -> str:
        """The path of a copy of the object, under folders of the object's own: they tell a partition's date.

        Of an object that is gone there is none: the engine says so, as of any file.
        """
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                self.local(name, self.folder).replace(path)
        return str(path)

    def fetch(self, names: Iterable[str]) -> None:
        """Fetch objects, several at once."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool:
            for _ in pool.map(self.address, names):
                pass
