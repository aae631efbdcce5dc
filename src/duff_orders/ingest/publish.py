"""From staged to published: the data under names made from file_id, the ledger row last.

Everything before the ledger row can be repeated. A replay writes beside the old outcome and switches with the
ledger row; what is then superseded stays for readers that still use it, until `sweep` takes it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from duff_orders.contract import ORDERS, REJECTED_ROWS
from duff_orders.errors import PipelineError
from duff_orders.ingest.outcome import Outcome
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import (
    FOLDERS,
    OBJECT_COUNTS,
    PROCESSED,
    content_object,
    data_object,
    data_objects,
    object_count,
    partition,
)
from duff_orders.lake.store import Staged, place
from duff_orders.messages import Dialect, Event, LedgerRow, Verdict, utc_now

_DATA_OBJECT = re.compile(r"([0-9a-f]{32})(?:-r([0-9]+))?-([0-9]+)[.]parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One file on its way into the ledger; `previous` is the row that a replay replaces.

    `content` is the SHA-256 (its first 32 digits) of the object, where it has been read.
    """

    lake: Lake
    event: Event
    file_id: str
    started: datetime
    previous: LedgerRow | None = None
    content: str = ""

    @property
    def revision(self) -> int:
        """0, or how often the outcome was replaced."""
        return 0 if self.previous is None else self.previous.revision + 1

    @property
    def standing(self) -> LedgerRow | None:
        """The outcome of before, where there is one; of a failed file there is none."""
        return None if self.previous is None or self.previous.verdict == "failed" else self.previous

    def transformed(
        self, outcome: Outcome, dialect: Dialect, engine: str, orders: Sequence[Staged], rejected: Sequence[Staged]
    ) -> LedgerRow:
        """Publish what an engine made of the file: its rows in the staged files, each of which becomes a part."""
        rejected_objects = self._put(REJECTED_ROWS.name, rejected if outcome.rows_rejected else ())
        orders_objects = self._put(ORDERS.name, orders if outcome.rows_published else ())
        row = replace(
            self._row(outcome.verdict, outcome.reason),
            engine=engine,
            encoding=dialect.encoding,
            delimiter=dialect.delimiter,
            decimal_mark=dialect.decimal_mark,
            extra_columns=dialect.extra_columns,
            rows_read=outcome.rows_read,
            rows_published=outcome.rows_published,
            rows_duplicate=outcome.rows_duplicate,
            rows_rejected=outcome.rows_rejected,
            rows_withheld=outcome.rows_withheld,
            nulls=outcome.nulls,
            orders_objects=orders_objects,
            rejected_objects=rejected_objects,
        )
        if row.published:
            self._claim_content()
        return self._commit(row)

    def without_rows(self, verdict: Verdict, reason: str | None, *, error: str | None = None) -> LedgerRow:
        """Publish a verdict for a file none of whose records were taken in."""
        return self._commit(replace(self._row(verdict, reason), error=error))

    def _row(self, verdict: Verdict, reason: str | None) -> LedgerRow:
        event = self.event
        return LedgerRow(
            file_id=self.file_id,
            source_file=event.key,
            size=event.size,
            etag=event.etag,
            version=event.version,
            event_time=event.time,
            verdict=verdict,
            reason=reason,
            revision=self.revision,
            started=self.started,
            finished=utc_now(),
            pa_date=event.pa_date,
        )

    def _put(self, table: str, paths: Sequence[Staged]) -> int:
        """Make staged files the parts of this revision in a table, and the only ones; returns how many.

        A killed attempt may have left more parts. Readers that do not know the ledger, as Athena, see every object of
        a partition, so these must be gone before the ledger row says that the file is published.
        """
        store, pa_date = self.lake.store, self.event.pa_date
        parts = {
            data_object(table, pa_date, self.file_id, revision=self.revision, part=part): staged
            for part, staged in enumerate(paths)
        }
        for name, staged in parts.items():
            place(store, name, staged)
        if store.listed_by_readers:
            return len(parts)  # `tidy` lists this file's objects alone
        for name in store.names(partition(table, pa_date)):
            found = parse_data_object(name)
            ours = found is not None and (found.file_id, found.revision) == (self.file_id, self.revision)
            if ours and name not in parts:
                store.delete(name)
        return len(parts)

    def _claim_content(self) -> None:
        """Note that this file published the content. The caller holds the content's lock."""
        name = content_object(self.content, self.event.size)
        claim = f"{self.event.pa_date.isoformat()} {self.file_id}".encode()
        current = self.lake.store.read(name)
        if current != claim:
            self.lake.store.replace(name, claim, current)

    def _commit(self, row: LedgerRow) -> LedgerRow:
        tidy(self.lake, row, self.previous)
        self.lake.store.check_locks()
        if self.lake.ledger.write(row, self.previous):
            if self.previous is not None:
                tidy(self.lake, row)
            return row
        if self.standing is not None:
            raise PipelineError(f"the ledger row of {row.source_file} was replaced meanwhile; replay the file again")
        # Somebody else was faster with the same event: theirs is the outcome.
        standing = self.lake.ledger.get(row.pa_date, row.file_id)
        if standing is None:
            raise PipelineError(f"the ledger row of {row.source_file} could not be written, and there is none")
        return standing


def tidy(lake: Lake, *rows: LedgerRow | None) -> None:
    """Remove the data objects of a file that none of its rows names, where readers would see them.

    Only for the holder of the file's lock: anybody else would remove what a replay has just written.
    """
    named = {name for row in rows if row for table in OBJECT_COUNTS for name in data_objects(table, row)}
    if lake.store.listed_by_readers and rows[0] is not None:
        for table in OBJECT_COUNTS:
            for name in list(lake.store.names(f"{partition(table, rows[0].pa_date)}/{rows[0].file_id}")):
                if name not in named:
                    lake.store.delete(name)


def publisher_of(lake: Lake, content: str, size: int) -> LedgerRow | None:
    """The file that published this very content, if one did."""
    claim = lake.store.read(content_object(content, size))
    if claim is None:
        return None
    pa_date, file_id = claim.decode().split()
    row = lake.ledger.get(datetime.fromisoformat(pa_date).date(), file_id)
    return row if row is not None and row.published else None


def sweep(lake: Lake) -> int:
    """Remove data objects of superseded revisions once the grace period is over; returns how many.

    Parts that an attempt left and the ledger row does not count were never visible: they go at once.
    """
    removed = 0
    rows = {row.file_id: row for row in lake.ledger.rows()}
    for table in OBJECT_COUNTS:
        for name in lake.store.names(f"{PROCESSED}/{FOLDERS[table]}"):
            found = parse_data_object(name)
            row = rows.get(found.file_id) if found else None
            if found is None or row is None or found.revision > row.revision:
                continue
            # Replaced when the row that stands was written, however old the object is.
            age = (utc_now() - row.finished).total_seconds()
            superseded = found.revision < row.revision and age > lake.settings.grace
            if superseded or (found.revision == row.revision and found.part >= object_count(table, row)):
                lake.store.delete(name)
                removed += 1
    return removed


class DataObject(NamedTuple):
    """What the name of a data object says."""

    file_id: str
    revision: int
    part: int


def parse_data_object(name: str) -> DataObject | None:
    """The name of a data object taken apart; None for a name that is none of ours."""
    match = _DATA_OBJECT.fullmatch(name.rsplit("/", 1)[-1])
    return DataObject(match[1], int(match[2] or 0), int(match[3])) if match else None
