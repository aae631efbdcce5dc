"""How far files are: from the raw folder, the ledger and the star schema, so that it survives a restart."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from duff_orders.api.embedded import KeptLedger
from duff_orders.console.texts import Words
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import current
from duff_orders.local import raw_folder
from duff_orders.messages import LedgerRow, utc_now

#: How long a verdict is told of, and for how many seconds the raw folder is not looked through again.
RECENT, LOOK = timedelta(minutes=10), 2.0
#: Files that were sent here and are followed.
MOST = 200


@dataclass
class Progress:
    """The files on their way. `sent` are the keys of those that this server was given."""

    lake: Lake
    ledger: KeptLedger
    sent: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: tuple[float, int] = (0.0, 0)

    def received(self, key: str) -> None:
        """A file has been sent here."""
        with self._lock:
            self.sent[key] = None
            while len(self.sent) > MOST:
                del self.sent[next(iter(self.sent))]

    def stages(self, t: Words) -> list[dict[str, str | None]]:
        """Where each file is that was sent here, or got its verdict a short while ago."""
        since = utc_now() - RECENT
        rows = {row.source_file: row for row in sorted(self.ledger.rows(), key=lambda row: row.event_time)}
        keys = dict.fromkeys(key for key, row in rows.items() if row.finished > since)
        with self._lock:
            keys |= self.sent
        held = current(self.lake.store).files
        return [self._stage(t, key, rows.get(key), held) for key in keys]

    def waiting(self) -> int:
        """How many files of the raw folder have no verdict."""
        when, known = self._waiting
        if time.monotonic() - when > LOOK or not when:
            known = sum(1 for _ in self._without_verdict())
            self._waiting = time.monotonic(), known
        return known

    def _without_verdict(self) -> Iterator[str]:
        rows = {row.source_file for row in self.ledger.rows()}
        for found in raw_folder.everything(self.lake.disk.path(layout.RAW)):
            if found.status is not None and found.key not in rows:
                yield found.key

    def _stage(self, t: Words, key: str, row: LedgerRow | None, held: dict[str, int]) -> dict[str, str | None]:
        if row is None:
            return {"key": key, "stage": "waiting", "text": t("stage_waiting"), "file_id": None}
        done = not (row.published and row.rows_published) or held.get(row.file_id) == row.revision
        stage = "tables" if done else "decided"
        verdict = t.verdict(row.verdict)
        text = verdict if not row.published else t(f"stage_{stage}", verdict=verdict)
        return {"key": key, "stage": stage, "text": text, "file_id": row.file_id}
