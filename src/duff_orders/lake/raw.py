"""The raw object of an event, as the stages read it: the bytes that were announced, or an error."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from duff_orders.errors import SourceChanged
from duff_orders.messages import Event
from duff_orders.settings import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class RawObject:
    """An object version on this machine.

    `content` is the first 32 hexadecimal digits of its SHA-256. `open` gives the path of its bytes, `check` tells
    after reading whether they held still: both raise SourceChanged.
    """

    content: str
    open: Callable[[], Path]
    check: Callable[[], None]


@contextmanager
def on_disk(path: Path, event: Event) -> Iterator[RawObject]:
    """An object of the raw folder, which anybody may overwrite at any time; its entity tag is its content's hash."""
    before: list[tuple[int, int, int]] = []

    def opened() -> Path:
        before.append(identity(path))
        # A file that has not changed since its event holds what was announced; of any other the hash must tell. What
        # a file system takes for now may be some milliseconds ago.
        status = path.stat()
        changed = max(status.st_mtime, status.st_ctime)
        if changed > event.time.timestamp() - 0.05 and fingerprint(path) != (event.size, event.etag):
            raise SourceChanged(f"{event.key} was overwritten in the raw folder since it was announced")
        return path

    def check() -> None:
        if identity(path) != before[-1]:
            raise SourceChanged(f"{event.key} was overwritten while it was being read")

    yield RawObject(content=event.etag, open=opened, check=check)


def fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and entity tag (the first 32 hexadecimal digits of SHA-256) of a file that holds still."""
    before = identity(path)
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as handle:
        while block := handle.read(MIB):
            digest.update(block)
    if identity(path) != before:
        raise SourceChanged(f"{path.name} changed while it was being read")
    return before[0], digest.hexdigest()[:32]


def identity(path: Path) -> tuple[int, int, int]:
    """What changes where a file is overwritten; raises SourceChanged where it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise SourceChanged(f"{path.name} is gone from the raw folder") from None
    return status.st_size, status.st_mtime_ns, status.st_ino
