"""Files that are taken up again one after the other, while their lake is served."""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from duff_orders.documents import Event, LedgerRow
from duff_orders.errors import Busy, DuffError
from duff_orders.lake.lake import Lake
from duff_orders.local.run import process_all
from duff_orders.models.build import build

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replays:
    """Processes files again in a thread of its own; `done` is told each row, and the star schema follows."""

    lake: Lake
    pool: ThreadPoolExecutor
    done: Callable[[LedgerRow], None]

    def take_up(self, events: Iterable[Event]) -> None:
        """Process files again, in the place of the outcome of before; returns at once."""
        self.pool.submit(self._process, [*events])

    def _process(self, events: list[Event]) -> None:
        try:
            for row in process_all(self.lake, events, replay=True):
                self.done(row)
            build(self.lake)
        except Busy as error:  # who builds now, or next, takes these up, too
            log.info("%s", error)
        except (DuffError, OSError) as error:
            log.warning("files could not be taken up again: %s", error)


@contextmanager
def replays(lake: Lake, done: Callable[[LedgerRow], None]) -> Iterator[Replays]:
    """Take files up again meanwhile; those in work are finished at the end, others are not begun."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="replays")
    try:
        yield Replays(lake, pool, done)
    finally:
        pool.shutdown(cancel_futures=True)
