"""One file of the raw folder, which anybody may overwrite at any time: what it holds, and whether it held still."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duff_orders.documents import Event
from duff_orders.errors import SourceChanged
from duff_orders.lake.stores.base import RawObject
from duff_orders.settings import MIB

# Nanoseconds after which a further change of a file shows in its times.
_SURE = 20_000_000


@contextmanager
def on_disk(path: Path, event: Event, seen: dict[str, str]) -> Iterator[RawObject]:
    """An object of the raw folder, which anybody may overwrite at any time; its entity tag is its content's hash.

    `seen` are the identities of files that hold what was announced, by `file_id`.
    """
    before: list[tuple[int, int, int]] = []

    def opened() -> Path:
        before.append(_identity(path))
        # A file that is as it was seen holds what was announced; of any other the hash must tell.
        known = seen.get(event.file_id)
        if not known or identity(path) != known:
            if fingerprint(path) != (event.size, event.etag):
                raise SourceChanged(f"{event.key} was overwritten in the raw folder since it was announced")
            seen[event.file_id] = identity(path)
        return path

    def check() -> None:
        if _identity(path) != before[-1]:
            raise SourceChanged(f"{event.key} was overwritten while it was being read")

    yield RawObject(digest=event.etag, open=opened, check=check)


def identity(path: Path) -> str:
    """What changes whenever a file is written; empty where it changed so lately that another change may not show.

    What a file system takes for now may be some milliseconds ago. Raises SourceChanged where it is gone.
    """
    status = _status(path)
    if not 0 <= max(status.st_mtime_ns, status.st_ctime_ns) <= time.time_ns() - _SURE:
        return ""
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ctime_ns:x}"


def await_certainty(path: Path) -> None:
    """Wait the moment, if need be, after which a further change of a file shows in its times."""
    status = path.stat()
    left = max(status.st_mtime_ns, status.st_ctime_ns) + _SURE - time.time_ns()
    if 0 < left <= _SURE:
        time.sleep(left / 1e9)


def fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and entity tag (the first 32 hexadecimal digits of SHA-256) of a file that holds still."""
    before = _identity(path)
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as handle:
        while block := handle.read(MIB):
            digest.update(block)
    if _identity(path) != before:
        raise SourceChanged(f"{path.name} changed while it was being read")
    return before[0], digest.hexdigest()[:32]


def _identity(path: Path) -> tuple[int, int, int]:
    """What changes where a file is overwritten; raises SourceChanged where it is gone."""
    status = _status(path)
    return status.st_size, status.st_mtime_ns, status.st_ino


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise SourceChanged(f"{path.name} is gone from the raw folder") from None
