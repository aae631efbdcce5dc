"""Which files came to correct another: told by their names, as nothing else ties what somebody drops to what was.

The download for correction of `orders.csv` is called `orders-corrected.csv`, and is dropped under this name; a file
that is sent again whole keeps its own name. To either the raw folder may have added the content's first digits.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from duff_orders.messages import LedgerRow

SUFFIX = "-corrected"
_ADDED = re.compile(r"-[0-9a-f]{8}$")


def stem(key: str) -> str:
    """The name of a file without folder, endings and what the raw folder added."""
    return _ADDED.sub("", PurePosixPath(key).name.partition(".")[0])


class Corrections:
    """The published files by the name that they came under."""

    def __init__(self, rows: Iterable[LedgerRow]) -> None:
        self._by_stem: dict[str, list[LedgerRow]] = defaultdict(list)
        for row in rows:
            if row.published:
                self._by_stem[stem(row.source_file)].append(row)

    def of(self, row: LedgerRow) -> list[LedgerRow]:
        """The files that came later to correct this one, oldest first."""
        named = stem(row.source_file)
        found = self._by_stem.get(named + SUFFIX, []) + [
            each for each in self._by_stem.get(named, []) if _again(row, each)
        ]
        return sorted((each for each in found if each.event_time > row.event_time), key=lambda each: each.event_time)

    def left(self, row: LedgerRow) -> int:
        """How many rows of a file nobody has sent again: those rejected, or of an invalid file all."""
        lost = row.rows_rejected + row.rows_withheld
        came = self.of(row)
        if any(_again(row, each) for each in came):
            return 0
        return max(0, lost - sum(each.rows_read for each in came))

    def is_open(self, row: LedgerRow) -> bool:
        """Whether something is to be done about a file."""
        if row.verdict == "valid_with_rejects":
            return self.left(row) > 0
        return row.verdict in ("invalid", "failed") and not any(_again(row, each) for each in self.of(row))


def _again(row: LedgerRow, other: LedgerRow) -> bool:
    """Whether another file of its name holds what this one had."""
    return (
        stem(other.source_file) == stem(row.source_file)
        and other.rows_read >= row.rows_read
        and not other.rows_rejected
    )
