"""How far files have come, from raw folder, watcher, ledger and star schema, so that it survives a restart."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from duff_orders.clock import utc_now
from duff_orders.console.source import Landing, Source
from duff_orders.console.texts import Words
from duff_orders.documents import LedgerRow

#: How long a verdict is told of, and for how many seconds the raw folder is not looked through again.
RECENT, LOOK = timedelta(minutes=10), 2.0
#: Files that were sent here and are followed, and files without a verdict that are told of.
MOST, WAITING = 200, 50

#: Streams of events at once: of one caller, and of all.
STREAMS_OF_ONE, STREAMS = 8, 64

Stage = dict[str, str | None]


class Streams:
    """The streams of events that are open. For a further one of a caller who has as many as may be, the oldest ends."""

    def __init__(self) -> None:
        self._open: dict[int, str | None] = {}
        self._last = 0

    def begin(self, caller: str | None) -> int:
        """A stream; its number."""
        own = [number for number, each in self._open.items() if each == caller]
        if len(self._open) >= STREAMS:
            self._open.pop(own[0] if own else next(iter(self._open)))
        elif caller is not None and len(own) >= STREAMS_OF_ONE:
            self._open.pop(own[0])
        self._last += 1
        self._open[self._last] = caller
        return self._last

    def goes_on(self, number: int) -> bool:
        """Whether a stream has not been ended for another."""
        return number in self._open

    def end(self, number: int) -> None:
        """A stream has ended."""
        self._open.pop(number, None)


@dataclass
class Progress:
    """The files on their way. `sent` are the keys of those that this server was given."""

    source: Source
    landing: Landing
    sent: dict[str, None] = field(default_factory=dict)
    streams: Streams = field(default_factory=Streams)
    _phases: dict[str, tuple[str, Callable[[], float]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looked: float = 0.0
    _waiting: list[str] = field(default_factory=list)

    def received(self, key: str) -> None:
        """A file has been sent here."""
        with self._lock:
            self.sent[key] = None
            self._looked = 0.0
            while len(self.sent) > MOST:
                del self.sent[next(iter(self.sent))]

    def phase(self, key: str, name: str, done_fraction: Callable[[], float]) -> None:
        """The watcher has begun a phase of a file; `done_fraction` tells how far it is."""
        with self._lock:
            self._phases[key] = name, done_fraction

    def done(self, row: LedgerRow) -> None:
        """A file has its verdict."""
        with self._lock:
            self._phases.pop(row.source_file, None)
            self._looked = 0.0

    def stages(self, t: Words) -> list[Stage]:
        """Where each file is that was sent here, waits, or got its verdict a short while ago."""
        since = utc_now() - RECENT
        keys = dict.fromkeys(self._without_verdict()[:WAITING])
        with self._lock:
            keys |= self.sent
        stage = [row for row in self.source.ledger.rows() if row.finished > since or row.source_file in keys]
        rows = {row.source_file: row for row in sorted(stage, key=lambda row: row.event_time)}
        # what has just been built is in the tables once they show it
        snapshot = self.source.snapshot.current()
        held = snapshot.files if self.source.shows(snapshot.build_id) else {}
        return [self._stage(t, key, rows.get(key), held) for key in rows | keys]

    def on_their_way(self, t: Words) -> list[Stage]:
        """Where the first files are that have no verdict yet."""
        return [self._stage(t, key, None, {}) for key in self._without_verdict()[:WAITING]]

    def waiting(self) -> int:
        """How many files of the raw folder have no verdict."""
        return len(self._without_verdict())

    def _without_verdict(self) -> list[str]:
        if not self._looked or time.monotonic() - self._looked > LOOK:
            known = {row.source_file for row in self.source.ledger.rows()}
            self._waiting = [key for key in self.landing.files() if key not in known]
            self._looked = time.monotonic()
        return self._waiting

    def _stage(self, t: Words, key: str, row: LedgerRow | None, held: dict[str, int]) -> Stage:
        if row is None or key in self._phases:
            stage, text = self._before_verdict(t, key)
            return {"key": key, "stage": stage, "text": text, "file_id": None}
        done = not (row.published and row.rows_published) or held.get(row.file_id) == row.revision
        stage = "tables" if done else "decided"
        verdict = t.verdict(row.verdict)
        text = verdict if not row.published else t(f"stage_{stage}", verdict=verdict)
        return {"key": key, "stage": stage, "text": text, "file_id": row.file_id}

    def _before_verdict(self, t: Words, key: str) -> tuple[str, str]:
        if not self.landing.holds(key):
            return "gone", t("stage_gone")
        with self._lock:
            phase = self._phases.get(key)
        if phase is None:
            return "waiting", t("stage_waiting")
        name, done_fraction = phase
        try:
            share = t.percent(int(100 * min(1.0, done_fraction())), 100)
        except Exception:  # the engine may be gone already
            share = ""
        return name, t(f"stage_{name}", share=share).strip()
