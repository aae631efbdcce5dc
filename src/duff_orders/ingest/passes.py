"""The order of an engine's passes over a file, and what they make of it: the same for every engine.

Good records are written first, as they are read; rejected ones are looked for only where counts show that there are
some. The verdict comes of the counts alone.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from duff_orders.documents import Outcome
from duff_orders.ingest.remarks import remarks
from duff_orders.ingest.verdict import Records, judge

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Good(Generic[T]):
    """How many good records were written, how many are left without exact repeats, and what the engine knows then."""

    records: int
    unique: int
    known: T


@dataclass(frozen=True, slots=True)
class Rejected:
    """How many rejected records were written, of what records, and how many have no value, by column."""

    rows: int
    of: Records
    nulls: dict[str, int]


class Passes(Protocol[T]):
    """An engine at work on one file."""

    @property
    def ties(self) -> bool:
        """Whether records may correct others."""

    def name_correctable(self) -> bool:
        """Name the rejected rows that records may correct; whether all that could be split are corrections."""

    def write_good(self) -> Good[T]:
        """Write the good records, without exact repeats."""

    def write_rejected(self, good: Good[T], *, only_corrections: bool) -> Rejected:
        """Write the records that are not good."""

    def taken(self) -> tuple[str, ...] | None:
        """The rows whose place published ones take, as the ledger's entries."""

    def attempted(self) -> tuple[str, ...] | None:
        """The rows whose place rejected ones were to take, as the ledger's entries."""

    def remarked(self, good: Good[T]) -> dict[str, int]:
        """How often each remark holds of what is published. Nothing is asked that no sign was seen of."""


def run(passes: Passes[T], max_reject_share: Decimal) -> Outcome:
    """Make the passes over a file, and judge it.

    Raises CountMismatch where the engine read other records than were counted, and what the passes raise.
    """
    only_corrections = passes.ties and passes.name_correctable()
    good = passes.write_good()
    rejected = passes.write_rejected(good, only_corrections=only_corrections)
    outcome = judge(
        rejected.of,
        good=good.records,
        unique=good.unique,
        rejected=rejected.rows,
        nulls=rejected.nulls,
        max_reject_share=max_reject_share,
    )
    if passes.ties:
        taken = passes.taken() if outcome.rows_published else None
        outcome = replace(outcome, corrects=taken, attempts=passes.attempted() if rejected.rows else None)
    return replace(outcome, remarks=remarks(passes.remarked(good)) if outcome.rows_published else ())
