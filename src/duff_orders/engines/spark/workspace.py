"""Where a Spark job stages its results, in Spark's spelling; the store's stage decides where that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from duff_orders.documents import Event
from duff_orders.drivers.spark import escaped, target
from duff_orders.lake.stores.base import Part, Stage, Store

__all__ = ["Part", "Workspace", "address", "workspace"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that all tasks can write to, gone at the end; `local` is the driver's own."""

    stage: Stage
    name: str = ""

    @property
    def local(self) -> Path:
        """A folder of the driver's own."""
        return self.stage.local

    def within(self, name: str) -> "Workspace":
        """A folder of it as a workspace."""
        return replace(self, name=f"{self.name}{name}/")

    def to(self, name: str) -> str:
        """The address of a folder to write to."""
        return target(self.stage.address(self.name + name))

    def of(self, name: str) -> str:
        """The address of a folder to read from."""
        return escaped(self.to(name))

    def parts(self, name: str) -> list[Part]:
        """What Spark's tasks wrote to a folder, in the order of the tasks; Spark's own notes are left out."""
        return [part for part in self.stage.parts(self.name + name) if _is_part(str(part.staged))]

    def share(self, path: Path, name: str) -> str:
        """The address at which every task reads a file of the driver's, whatever its name there."""
        return escaped(target(self.stage.share(path, self.name + name)))

    def share_raw(self, event: Event, path: Path, name: str) -> str:
        """The address at which every task reads a raw object, of which `path` is the driver's own copy."""
        return escaped(target(self.stage.share_raw(event, path, self.name + name)))


def _is_part(name: str) -> bool:
    last = name.rpartition("/")[2]
    return last.startswith("part-") and last.endswith(".parquet")


@contextmanager
def workspace(store: Store) -> Iterator[Workspace]:
    """A workspace of one's own."""
    with store.stage() as stage:
        yield Workspace(stage)


def address(store: Store, name: str) -> str:
    """The address of an object or a folder of the store."""
    return target(store.address(name))
