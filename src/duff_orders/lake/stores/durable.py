"""What outlives a power cut: bytes, names and folders that are on the disk."""

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

#: Threads that wait for the disk at once.
SYNCS = 8


def make_folders(*folders: Path) -> None:
    """Make folders, and those above them, so that they outlive a power cut."""
    missing = [folder for folder in folders if not folder.is_dir()]
    above = dict.fromkeys(folder.parent for folder in missing)
    if missing:
        make_folders(*above)
    for folder in missing:
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    sync_folders(*above)


def sync_folders(*folders: Path) -> None:
    """Wait until the names in folders are on the disk."""
    with ExitStack() as stack:
        descriptors = []
        for folder in folders:
            descriptors.append(os.open(folder, os.O_RDONLY))
            stack.callback(os.close, descriptors[-1])
        sync_all(descriptors)


def sync_all(descriptors: Sequence[int]) -> None:
    """Wait until the bytes of open files are on the disk: of several, for all of them at once."""
    if len(descriptors) <= 1:
        for descriptor in descriptors:
            os.fsync(descriptor)
        return
    with ThreadPoolExecutor(SYNCS, thread_name_prefix="sync") as pool:
        for _ in pool.map(os.fsync, descriptors):
            pass
