"""Disk space: what may be used, and what is left to others."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duff_orders.errors import NoRoom

#: What is left to others of a disk: this part of it, and at most so many bytes.
LEFT, LEFT_AT_MOST = 0.05, 2**30
_FULL = (errno.ENOSPC, errno.EDQUOT)


def room(folder: Path) -> int:
    """The bytes that may be taken of the disk of a folder."""
    disk = os.statvfs(folder)
    left = min(int(disk.f_blocks * disk.f_frsize * LEFT), LEFT_AT_MOST)
    return max(disk.f_bavail * disk.f_frsize - left, 0)


def check_room(folder: Path) -> None:
    """Raises NoRoom where nothing may be taken any more."""
    if not room(folder):
        raise NoRoom(f"{folder}: the disk has no more room than is left to others")


@contextmanager
def room_errors() -> Iterator[None]:
    """What the system says of a full disk within, as NoRoom."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise NoRoom(f"{error.filename or 'a file'} could not be written: {os.strerror(error.errno)}") from error
