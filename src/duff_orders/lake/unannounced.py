"""Files in the raw bucket that nothing announced: an announcement was lost, or never made.

A rule may have been off, or gone with its stack; S3 sends nothing in a bucket's first minutes. A walk goes through all
versions of the raw bucket, by pages, and compares those that were put there since the walk before with what was
announced: one request for each 1,000, and none for what it compared before.
"""

import time
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from duff_orders.clock import utc_now
from duff_orders.contract import FILES
from duff_orders.documents import Event
from duff_orders.documents.document import Document
from duff_orders.lake import layout
from duff_orders.lake.documents import LEDGER_ROWS
from duff_orders.lake.stores.base import Place, Store, names

#: How long an announcement may be on its way, as a rule.
ON_ITS_WAY = timedelta(minutes=15)
#: How much older than its announcement an object may be: it is as old as its first part, and unfinished ones are gone
#: after a day (a rule of the bucket, which S3 applies once a day).
PUT_IN_PARTS = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk(Document):
    """How far the comparison has come.

    What was put there before `since` was compared by walks that came to the end. The one under way compares what was
    put there before `until`, and stands behind the version of a key; without a key, at the beginning.
    """

    since: datetime | None
    until: datetime
    key: str = ""
    version: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it came to the end."""
        return self.since == self.until


def unannounced(store: Store, known: Container[str], before: datetime) -> Iterator[Event]:
    """The files that were put there before a time, and are not among those known by their ids."""
    return (each for each in store.lying() if _is_due(each, before) and each.file_id not in known)


def walk(
    store: Store, *, older_than: timedelta = ON_ITS_WAY, seconds: float, begin: bool = False
) -> tuple[list[Event], Walk]:
    """The files that nothing announced, of those put there since the last walk that came to the end.

    After so many seconds it stops where it is, and the next one goes on there; `begin`: it compares all, from the
    beginning. Whoever has announced what was found calls `keep`; until then the next walk finds the same.
    """
    deadline, now = time.monotonic() + seconds, utc_now()
    at = None if begin else _kept(store)
    if at is None or at.is_done:
        at = Walk(since=at.since if at else None, until=now - older_than)
    first = at.since and at.since - PUT_IN_PARTS
    known = {*_in_ledger(store, first, now)}
    unannounced: list[Event] = []
    for events, behind in store.lying_from(Place(at.key, at.version) if at.key else None):
        due = (each for each in events if _is_due(each, at.until) and (first is None or each.time >= first))
        missing = (each for each in due if each.file_id not in known)
        unannounced += (each for each in missing if not store.exists(layout.event_object(each.file_id)))
        if behind is None:
            return unannounced, replace(at, since=at.until, key="", version="")
        at = replace(at, key=behind.key, version=behind.version)
        if time.monotonic() > deadline:
            break
    return unannounced, at


def keep(store: Store, walked: Walk) -> None:
    """Note how far a walk has come. Where another has noted its own meanwhile, that one counts."""
    before = store.read(layout.WALK)
    store.replace(layout.WALK, walked.stored(), before and before.token)


def _kept(store: Store) -> Walk | None:
    """How far walks have come; one that cannot be read is as none: then all is compared again."""
    stored = store.read(layout.WALK)
    with suppress(ValueError):
        return stored and Walk.from_json(stored.data)
    return None


def _is_due(event: Event, before: datetime) -> bool:
    return event.time < before and not layout.left_alone(event.key)


def _in_ledger(store: Store, first: datetime | None, last: datetime) -> Iterator[str]:
    """The ids of the files that have their rows in the ledger, under the days from the first on, or under any."""
    folders = [LEDGER_ROWS.folder]
    if first is not None:
        days = (last.date() - first.date()).days + 1
        folders = [f"{layout.partition(FILES.name, first.date() + timedelta(days=day))}/" for day in range(days)]
    return (PurePosixPath(name).stem for folder in folders for name in names(store, folder))
