"""What is in the raw folder, where anybody may put anything: files that await a verdict, and the rest."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from duff_orders.lake.layout import left_alone

_KINDS = (
    (stat.S_ISFIFO, "a named pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
)


class Found(NamedTuple):
    """Something in the raw folder, but a folder.

    `status` is that of the file; where it is no file that can be taken, it is None and `why` says so in words.
    `as_agreed`: it is of those that the contract leaves alone; a folder of such is one, with all that is in it.
    """

    key: str
    status: os.stat_result | None
    why: str | None
    as_agreed: bool = False


def look(root: Path, key: str) -> Found | None:
    """What lies in the raw folder `root` under a key; None where there is nothing (more), or a folder."""
    if why := left_alone(key):
        return Found(key, None, why, as_agreed=True)
    try:
        if (root / key).parent.resolve() != root.resolve() / Path(key).parent:
            return Found(key, None, "it lies behind a link to a folder, which is not followed")
    except (OSError, RuntimeError) as error:  # RuntimeError: Python before 3.13, on a loop of links
        return _unreachable(root / key, key, error)
    return _look_at(root / key, key)


def _look_at(path: Path, key: str) -> Found | None:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return None
        key.encode()
    except UnicodeEncodeError:
        return Found(key, None, "its name is not UTF-8; rename it")
    except (OSError, RuntimeError) as error:
        return _unreachable(path, key, error)
    for is_kind, words in _KINDS:
        if is_kind(status.st_mode):
            return Found(key, None, f"it is {words}")
    if not os.access(path, os.R_OK):
        return Found(key, None, "this user may not read it")
    return Found(key, status, None)


def linked(key: str) -> Found:
    """A link to a folder: what lies behind it is found under its own name, or not in the raw folder at all."""
    return Found(key, None, "it is a link to a folder, which is not followed")


def everything(root: Path) -> Iterator[Found]:
    """All that the raw folder holds, in order, and the folders that cannot be listed.

    Nothing where there is no such folder yet.
    """
    unlisted: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=unlisted.append):
        within = Path(folder).relative_to(root)
        inside = set(folders)
        folders.clear()  # those that are looked into are put back
        for name in sorted((*names, *inside)):
            key = (within / name).as_posix()
            if why := left_alone(key):
                yield Found(key + "/" * (name in inside), None, why, as_agreed=True)
            elif name in inside:
                folders.append(name)
                if (Path(folder) / name).is_symlink():
                    yield linked(key)
            elif file := _look_at(Path(folder) / name, key):
                yield file
    for error in unlisted:
        if isinstance(error, FileNotFoundError):
            continue
        key = Path(error.filename).relative_to(root).as_posix()
        yield Found(key, None, f"the folder cannot be listed: {error.strerror}")


def _unreachable(path: Path, key: str, error: Exception) -> Found | None:
    if isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno == errno.ELOOP):
        return Found(key, None, "it is a link that leads back to itself")
    if isinstance(error, FileNotFoundError):
        return Found(key, None, "it is a link that leads nowhere") if path.is_symlink() else None
    return Found(key, None, str(getattr(error, "strerror", error)))
