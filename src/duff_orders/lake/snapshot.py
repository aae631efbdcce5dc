"""Which objects are the current star schema: one small document, switched as a whole.

A reader takes `current` once and reads the objects it names: it sees all five tables as one build left them.
Objects that a build replaced are kept for a grace period, for readers that still use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from duff_orders.clock import format_time, parse_time
from duff_orders.contract import FACT_ORDERS
from duff_orders.documents.document import Document
from duff_orders.errors import DamagedObject, PipelineError
from duff_orders.lake.documents import Kind
from duff_orders.lake.layout import STAR_POINTER
from duff_orders.lake.stores.base import Store, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Document):
    """The star schema as one build left it.

    `dimensions` holds the object of each dimension by the table's name; `interim`, where everything was built
    from nothing, those that hold the rows of before, too: for readers who switch one table after the other.
    `partitions` and `rows` are the objects of each partition of fact_orders, and its number of rows, by `pa_date`
    (YYYY-MM-DD); `files` the revision of each file that is in them, by `file_id`; `superseded` the objects that are no
    more part of it, and since when (ISO 8601).
    `ledger` holds the stamps of all rows of the ledger that the build took up, by `file_id`: what has another one is
    new, whatever clocks say. `ledger_read` is when it began to read. The objects have the columns of the version
    `contract`, and `digests` tell the bytes of each from others (`Store.digest`), by its name. `order_ids` says where
    the order ids of a partition lie, as a few spans from one to another, both included; of a partition that a release
    before wrote it says nothing. Before the first build everything is empty, and `build_id` is None.
    """

    build_id: str | None = None
    dimensions: dict[str, str] = field(default_factory=dict)
    interim: dict[str, str] = field(default_factory=dict)
    partitions: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)
    ledger: dict[str, str] = field(default_factory=dict)
    ledger_read: datetime | None = None
    contract: int = 1
    digests: dict[str, str] = field(default_factory=dict)
    order_ids: dict[str, list[list[int]]] = field(default_factory=dict)

    def may_not_know(self, written: datetime, clocks_differ: timedelta) -> bool:
        """Whether a ledger row that was written then, by a clock that may differ, may be unknown to the build."""
        return self.ledger_read is None or written > self.ledger_read - clocks_differ

    def objects(self, table: str) -> list[str]:
        """The names of the Parquet objects of a table of the star schema; none before the first build.

        Those of fact_orders lie in folders `pa_date=YYYY-MM-DD`, which give that column.
        """
        if table == FACT_ORDERS.name:
            return [name for pa_date in sorted(self.partitions) for name in self.partitions[pa_date]]
        return [self.dimensions[table]] if table in self.dimensions else []

    def all_objects(self) -> set[str]:
        """The names of the objects of all tables."""
        return {*self.dimensions.values(), *self.interim.values(), *self.objects(FACT_ORDERS.name)}

    def followed_by(self, new: "Snapshot", now: datetime, grace: float) -> "Snapshot":
        """`new`, which also tells what it supersedes; `grace` in seconds."""
        superseded = dict.fromkeys(sorted(self.all_objects() - new.all_objects()), format_time(now))
        return replace(new, superseded={**self.in_grace(now, grace), **superseded})

    def in_grace(self, now: datetime, grace: float) -> Mapping[str, str]:
        """Those of `superseded` that must be kept still."""
        oldest = now - timedelta(seconds=grace)
        return {name: since for name, since in self.superseded.items() if parse_time(since) > oldest}


STAR = Kind(Snapshot, STAR_POINTER, lambda _: STAR_POINTER)


def current(store: Store) -> Snapshot:
    """The star schema as it is; an empty snapshot before the first build."""
    return _decode(store.read(STAR_POINTER))


def read(store: Store) -> tuple[Snapshot | None, str | None]:
    """The star schema as it is, and the token by which `switch` replaces it; None where it cannot be read."""
    stored = store.read(STAR_POINTER)
    try:
        return _decode(stored), stored and stored.token
    except DamagedObject:
        return None, stored and stored.token


class KeptSnapshot:
    """The star schema as it is, for frequent callers: what did not change is not read into memory again.

    While it cannot be read, it is as it was last; `damaged` tells of that.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.damaged: DamagedObject | None = None
        self._known: tuple[str | None, Snapshot] = None, Snapshot()

    def current(self) -> Snapshot:
        """As `current`."""
        stored = self.store.read(STAR_POINTER)
        if stored is None:
            self.damaged = None
            return Snapshot()
        token, snapshot = self._known  # both at once: threads may ask side by side
        if stored.token != token:
            try:
                snapshot = _decode(stored)
            except DamagedObject as error:
                self.damaged = error
            else:
                self._known, self.damaged = (stored.token, snapshot), None
        return snapshot


def switch(store: Store, new: Snapshot, token: str | None) -> None:
    """Make `new` the star schema. Its objects must be in the store.

    Raises PipelineError, with nothing changed, where somebody else switched since `read`.
    """
    if not store.replace(STAR_POINTER, new.stored(), token):
        raise PipelineError(f"{STAR_POINTER} was changed by another build; build the models again")


def _decode(stored: Stored | None) -> Snapshot:
    return Snapshot() if stored is None else STAR.decode(STAR_POINTER, stored)
