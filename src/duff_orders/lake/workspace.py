"""Where a Spark job stages its results: a folder that all tasks can write to, on disk or on S3."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from duff_orders.engines.spark import escaped, target, uri
from duff_orders.lake.disk import DiskStore
from duff_orders.lake.layout import PROCESSED
from duff_orders.lake.store import StagedFile, Store, names
from duff_orders.messages import Event


class Part(NamedTuple):
    """A file that a task wrote, and its size in bytes."""

    staged: StagedFile
    size: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a job stages its results: a folder that all tasks can write to, gone at the end.

    It lies in the scratch of a lake on disk, and below `processed/staging` of one on S3. `local` is the driver's own.
    """

    store: Store
    local: Path
    name: str = ""

    @property
    def _disk(self) -> bool:
        return isinstance(self.store, DiskStore)

    def within(self, name: str) -> "Workspace":
        """A folder of it as a workspace."""
        return replace(self, name=f"{self.name}/{name}")

    def to(self, name: str) -> str:
        """The address of a folder to write to."""
        return target(self._path(name)) if self._disk else self.store.address(self._object("staging", name))

    def of(self, name: str) -> str:
        """The address of a folder to read from."""
        return escaped(self.to(name))

    def parts(self, name: str) -> list[Part]:
        """What Spark's tasks wrote to a folder, in the order of the tasks; Spark's own notes are left out."""
        if self._disk:
            return [Part(path, path.stat().st_size) for path in sorted(self._path(name).glob("part-*.parquet"))]
        listed = self.store.listed(f"{self._object('staging', name)}/")
        return [Part(each.name, each.size) for each in listed if _PART.search(each.name)]

    def share(self, path: Path, name: str) -> str:
        """The address at which every task reads a file of the driver's, whatever its name there."""
        if self._disk:
            link = self._path(name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
            return uri(link)
        shared = self._object("incoming", name)
        copy = self.local / f"shared-{name}"
        copy.hardlink_to(path)
        self.store.publish(shared, copy)
        return escaped(self.store.address(shared))

    def share_raw(self, event: Event, path: Path, name: str) -> str:
        """The address at which every task reads a raw object, of which `path` is the driver's own copy.

        On S3 the server copies it: a key may hold any character, and the raw object may get another version.
        """
        if self._disk:
            return self.share(path, name)
        shared = self._object("incoming", name)
        self.store.copy_raw(event, shared)
        return escaped(self.store.address(shared))

    def _path(self, name: str) -> Path:
        return self.local / self.name.strip("/") / name

    def _object(self, kind: str, name: str) -> str:
        return f"{PROCESSED}/{kind}/{self.local.name}{self.name}/{name}"


_PART = re.compile(r"/part-[^/]*[.]parquet$")


@contextmanager
def workspace(store: Store) -> Iterator[Workspace]:
    """A workspace of one's own."""
    with store.scratch() as local:
        made = Workspace(store, local)
        try:
            yield made
        finally:
            if not isinstance(store, DiskStore):
                for kind in ("staging", "incoming"):
                    for name in names(store, f"{PROCESSED}/{kind}/{local.name}/"):
                        store.delete(name)


def address(store: Store, name: str) -> str:
    """The address of an object or a folder of the store."""
    return target(store.path(name)) if isinstance(store, DiskStore) else store.address(name)
