"""The raw folder of a lake on this machine, as the pages see it."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from duff_orders.lake import layout
from duff_orders.lake.raw import land
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.local import raw_folder


class RawFolder:
    """A `Landing`: the folder whose files the watcher takes."""

    def __init__(self, disk: DiskStore) -> None:
        self.disk = disk
        self._folders: dict[Path, int] = {}
        self._keys: list[str] = []

    def files(self) -> list[str]:
        """The keys of all orders files, looked through again only where a folder of it has changed."""
        root = self.disk.path(layout.RAW)
        if not self._folders or _times(self._folders) != self._folders:
            self._folders = _times([root, *(each for each in root.rglob("*") if each.is_dir())])
            self._keys = [file.key for file in raw_folder.everything(root) if file.status is not None]
            if max(self._folders.values()) > time.time_ns() - 10**9:
                self._folders = {}  # it may change once more within what its time can tell
        return self._keys

    def holds(self, key: str) -> bool:
        """Whether a file lies there."""
        return self.disk.path(layout.RAW).joinpath(key).exists()

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for a file that is being sent."""
        return self.disk.scratch()

    def put(self, path: Path, replaces: str | None = None, prefix: str = "") -> str:
        """Put a file there, never over another; its key."""
        return land(self.disk, path, prefix=prefix, replaces=replaces)


def _times(folders: Iterable[Path]) -> dict[Path, int]:
    """When each folder last changed: at each file or folder that came, went, or was renamed; -1 where it is gone."""
    times = {}
    for folder in folders:
        try:
            times[folder] = folder.stat().st_mtime_ns
        except OSError:
            times[folder] = -1
    return times
