"""From staged to published: the data under names made from file_id, the ledger row last.

Everything before the ledger row can be repeated. A replay writes beside the old outcome and switches with the
ledger row; what is then superseded stays for readers that still use it, until `sweep` takes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from duff_orders.contract import ORDERS, REJECTED_ROWS
from duff_orders.errors import PipelineError
from duff_orders.ingest.verdict import Outcome
from duff_orders.lake.cleanup import tidy
from duff_orders.lake.lake import Lake
from duff_orders.lake.layout import (
    content_object,
    data_object,
    parse_data_object,
    partition,
)
from duff_orders.lake.store import Staged, place
from duff_orders.messages import Dialect, Event, LedgerRow, Verdict, utc_now


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


def publisher_of(lake: Lake, content: str, size: int) -> LedgerRow | None:
    """The file that published this very content, if one did."""
    claim = lake.store.read(content_object(content, size))
    if claim is None:
        return None
    pa_date, file_id = claim.decode().split()
    row = lake.ledger.get(datetime.fromisoformat(pa_date).date(), file_id)
    return row if row is not None and row.published else None
