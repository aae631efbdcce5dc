"""The verdict on a file, from its counts: the contract's section 4, the same for every engine."""

from dataclasses import dataclass
from decimal import Decimal

from duff_orders.ingest.scan import Scan
from duff_orders.messages import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a file's records, before it is published."""

    verdict: Verdict
    reason: str | None
    rows_read: int
    rows_published: int
    rows_duplicate: int
    rows_rejected: int
    rows_withheld: int
    nulls: dict[str, int]


def judge(
    scan: Scan, *, good: int, unique: int, rejected: int, nulls: dict[str, int], max_reject_share: Decimal
) -> Outcome:
    """The verdict, its reason in words, and the five counts.

    `good` counts the good records, `unique` those without exact duplicates, `nulls` the records without a value.
    """
    problem = _problem(scan, rejected, nulls, max_reject_share)
    verdict: Verdict = "invalid" if problem else "valid_with_rejects" if rejected else "valid"
    if verdict == "valid_with_rejects":
        problem = f"{rejected} of {scan.records} records rejected"
    withheld = verdict == "invalid"
    return Outcome(
        verdict=verdict,
        reason=problem,
        rows_read=scan.records,
        rows_published=0 if withheld else unique,
        rows_duplicate=0 if withheld else good - unique,
        rows_rejected=rejected,
        rows_withheld=good if withheld else 0,
        nulls=nulls,
    )


def _problem(scan: Scan, rejected: int, nulls: dict[str, int], max_reject_share: Decimal) -> str | None:
    if scan.unclosed:
        return f"a quote in record {scan.records} never closes"
    empty = [column for column, count in nulls.items() if count == scan.split] if scan.records else []
    if empty:
        columns = ", ".join(f"`{column}`" for column in empty)
        return f"no record has a value of {columns}"
    if rejected > max_reject_share * scan.records:
        return (
            f"{rejected} of {scan.records} records rejected, more than the share of {max_reject_share} that is allowed"
        )
    return None
