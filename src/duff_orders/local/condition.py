"""Ongoing problems of a long-running process: reported by whoever notices one, until it is resolved."""

import threading
from typing import Literal, NamedTuple

#: The watcher ended; a file could not be processed; the star schema not be built; its copy for answers not be made; a
#: document cannot be read.
Kind = Literal["watcher", "file", "star schema", "serving copy", "document"]


class Amiss(NamedTuple):
    """Something that is amiss: of what kind, and a sentence that may name files."""

    kind: Kind
    why: str


class Condition:
    """What is amiss now; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._amiss: dict[tuple[Kind, str], Amiss] = {}

    def tell(self, kind: Kind, why: str | None, about: str = "") -> None:
        """Something is amiss, or no more (None); `about` names one of several of a kind."""
        with self._lock:
            if why is None:
                self._amiss.pop((kind, about), None)
            else:
                self._amiss[kind, about] = Amiss(kind, why)

    def amiss(self) -> list[Amiss]:
        """All that is amiss, in the order in which it began."""
        with self._lock:
            return [*self._amiss.values()]
