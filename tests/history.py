"""What became of every delivery, recomputed in the obvious way: the whole pipeline as one page of Python.

It knows nothing of stores, engines or builds. A file is taken when the pipeline takes it, under the id that the
pipeline gave it; what follows from that is worked out here, with the second implementation of the contract.
"""

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.oracle import FileRows, Known, Outcome, Place, judge

ORDINARY = Decimal("0.5")


@dataclass
class File:
    """An object that was announced, and what became of it."""

    file_id: str
    key: str
    data: bytes
    time: datetime
    replaces: str | None = None
    verdict: str = "waiting"
    outcome: Outcome | None = None  # of duplicates, and of those that failed, none
    root: str | None = None  # the file whose place it takes as a whole
    places: Sequence[Place | None] = ()  # of what is published
    given_lines: set[int] = field(default_factory=set)
    given_whole: bool = False

    @property
    def content(self) -> bytes:
        """The unpacked bytes."""
        return gzip.decompress(self.data) if self.key.endswith(".gz") else self.data

    @property
    def published(self) -> bool:
        return self.verdict in ("valid", "valid_with_rejects")

    @property
    def stands(self) -> bool:
        return self.verdict not in ("waiting", "failed")

    @property
    def has_ties(self) -> bool:
        return b"duff_corrects" in self.content.partition(b"\n")[0]


class History:
    """All deliveries, in the order in which they were announced."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.raw: dict[str, bytes] = {}
        self.held: dict[str, list[str]] = {}
        self.publishers: dict[bytes, list[str]] = {}

    def announce(self, file_id: str, key: str, data: bytes, time: datetime, replaces: str | None = None) -> File:
        """An object was put and announced. The same bytes as before are the same file."""
        before = self.held.setdefault(key, [])
        if before and self.raw[key] == data:
            assert file_id == before[-1], "the same event is the same file"
        else:
            assert file_id not in self.files, "other bytes, or a return, are another file"
            self.files[file_id] = File(file_id, key, data, time, replaces)
            before.append(file_id)
        self.raw[key] = data
        return self.files[file_id]

    def process(self, file: File, *, replay: bool = False, share: Decimal = ORDINARY) -> None:
        """A file was processed, or replayed."""
        if file.stands and not replay:
            return
        if self.raw[file.key] != file.data:
            file.verdict = file.verdict if file.stands else "failed"
            return
        file.root = self._root(file)
        if self._twin(file):
            file.verdict, file.outcome = "duplicate", None
            return
        known = dict(self._known(file))
        file.outcome = judge(file.content, max_reject_share=share, known=known)
        file.verdict = file.outcome.verdict
        if file.outcome.nulls is not None and file.has_ties:
            file.root = None  # each of its rows says itself what it corrects
        file.places = [self._place(file, tie) for tie in file.outcome.corrects]
        if file.published and file.file_id not in (claims := self.publishers.setdefault(file.content, [])):
            claims.append(file.file_id)

    def _twin(self, file: File) -> bool:
        """Whether another file published the content, and nothing else was published under the own key since."""
        for each in map(self.files.__getitem__, self.publishers.get(file.content, ())):
            if each is file and file.published:
                return False
            if each.published and not self._is_news(file, each):
                return True
        return False

    def _is_news(self, file: File, twin: File) -> bool:
        held = self.held[file.key]
        here = held.index(file.file_id)
        if twin.key == file.key:
            there = held.index(twin.file_id)
            between = [self.files[each] for each in held[min(here, there) + 1 : max(here, there)]]
            return any(
                each.published and each.content != file.content
                if each.stands
                else each.data not in (file.data, twin.data)
                for each in between
            )
        before = [self.files[each] for each in held[:here]]
        return any(each.published and each.content != file.content and each.time > twin.time for each in before)

    def _root(self, file: File) -> str | None:
        """The file that one replaces; through those that tried before it."""
        found, seen = file.replaces, {file.file_id}
        while found and not self.files[found].published and found not in seen:
            seen.add(found)
            found = (self.files[found].root if self.files[found].stands else None) or found
        return found

    def _known(self, file: File) -> Iterator[tuple[str, Known]]:
        for each in self.files.values():
            if each is not file and each.outcome is not None:
                delimiter = each.outcome.delimiter or ","
                for row, attempted in zip(each.outcome.rejected, each.outcome.attempts, strict=True):
                    yield f"{each.file_id}:{row.line}", Known(row, delimiter, attempted)

    def _place(self, file: File, tie: str | None) -> Place | None:
        """What a published row takes the place of, and the time at which it ranks."""
        named = tie or file.root
        if named is None:
            return None
        corrected = self.files[named.partition(":")[0]]
        while corrected.root:  # whose rows rank at another's time themselves
            corrected = self.files[corrected.root]
        return Place(named, corrected.time.replace(tzinfo=None))

    def published(self) -> list[FileRows]:
        """What is published, as the second implementation of the star schema takes it."""
        return [
            FileRows(each.file_id, each.time.replace(tzinfo=None), each.outcome.published, each.places)
            for each in self.files.values()
            if each.published and each.outcome is not None
        ]

    def rejected(self) -> Counter[tuple[object, ...]]:
        """The rejected rows: of which file, the row, and which it was to correct."""
        return Counter(
            (each.file_id, *row, attempted or each.root)
            for each in self.files.values()
            if each.outcome is not None
            for row, attempted in zip(each.outcome.rejected, each.outcome.attempts, strict=True)
        )

    def standing(self, file: File) -> Mapping[str, int]:
        """How many rows that a file did not bring in are open, corrected, given up."""
        taken = {tie or each.root for each in self.files.values() if each.published for tie in _corrects(each)}
        if file.outcome is None:
            return Counter()
        found = Counter[str]()
        gone = file.given_whole and file.verdict == "invalid"
        for row, attempted in zip(file.outcome.rejected, file.outcome.attempts, strict=True):
            if attempted is None:
                if file.file_id in taken or f"{file.file_id}:{row.line}" in taken:
                    found["corrected"] += 1
                elif gone or row.line in file.given_lines:
                    found["given_up"] += 1
                else:
                    found["open"] += 1
        whole = "corrected" if file.file_id in taken else "given_up" if gone else "open"
        found[whole] += file.outcome.rows_withheld
        return +found


def _corrects(file: File) -> list[str | None]:
    return file.outcome.corrects if file.outcome else []
