"""Where the pages get their data, beyond what the HTTP API needs; and where uploaded files go."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from duff_orders.api.backend import Backend
from duff_orders.api.cache import CachedLedger
from duff_orders.documents import LedgerRow
from duff_orders.lake.snapshot import KeptSnapshot
from duff_orders.query.reports import Report, Value
from duff_orders.query.result import Result


class Source(Backend, Protocol):
    """Where the data is."""

    ledger: CachedLedger
    snapshot: KeptSnapshot

    def shows(self, build_id: str | None) -> bool:
        """Whether the tables show a build that is the newest one."""

    def lag(self, build_id: str | None) -> str:
        """Why answers are slow or old although this is the newest build, as a key of `texts`; "" where they are not."""

    def reports(self, wanted: Sequence[tuple[Report, Mapping[str, Value]]]) -> list[Result]:
        """The answers to several reports."""

    def said_of_order(self, order_id: int, files: Sequence[LedgerRow]) -> Result:
        """What the records of some published files say of an order: `statements.said_of_order`."""


class Landing(Protocol):
    """Where partners' files land."""

    def files(self) -> list[str]:
        """The keys of all orders files that lie there."""

    def holds(self, key: str) -> bool:
        """Whether a file lies there."""

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for a file that is being sent."""

    def put(self, path: Path, replaces: str | None = None, prefix: str = "") -> str:
        """Put a file there behind a prefix, never over another; its key. `replaces` is the file whose place it takes.

        Raises InputError where it lies there already, and not as a replacement.
        """
