"""The verdict on a file, from its counts: the contract's section 4, the same for every engine."""

from dataclasses import dataclass
from decimal import Decimal

from duff_orders.contract import REQUIRED_NAMES
from duff_orders.documents import Outcome, Verdict
from duff_orders.errors import CountMismatch
from duff_orders.reasons import reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The records of a file: those that could be split into the header's fields, and the others.

    `unclosed` says that the last one is a quote that never closes; `turned`, where a second header has another order,
    are the lines of the first and of it. `fields` is how many the header has, `returns` whether a record of another
    number holds a carriage return. `only_corrections`: each record that could be split names what it corrects.
    """

    split: int
    unsplit: int
    unclosed: bool
    turned: tuple[int, int] | None = None
    fields: int = len(REQUIRED_NAMES)
    returns: bool = False
    only_corrections: bool = False

    @property
    def all(self) -> int:
        """Every record of the file."""
        return self.split + self.unsplit


def judge(
    records: Records, *, good: int, unique: int, rejected: int, nulls: dict[str, int], max_reject_share: Decimal
) -> Outcome:
    """The verdict, its reason in words, and the five counts.

    `good` counts the good records, `unique` those without exact duplicates, `nulls` the records without a value.

    Raises CountMismatch where the good and the rejected are not all records.
    """
    if good + rejected != records.all:
        raise CountMismatch(
            f"the engine read {good} good and {rejected} rejected records, but the file holds {records.all} in all"
        )
    problem = _problem(records, rejected, nulls, max_reject_share)
    verdict: Verdict = "invalid" if problem else "valid_with_rejects" if rejected else "valid"
    if verdict == "valid_with_rejects":
        problem = reason("some_rejected", rejected=rejected, records=records.all)
    withheld = verdict == "invalid"
    return Outcome(
        verdict=verdict,
        reason=problem,
        rows_read=records.all,
        rows_published=0 if withheld else unique,
        rows_duplicate=0 if withheld else good - unique,
        rows_rejected=rejected,
        rows_withheld=good if withheld else 0,
        nulls=nulls,
    )


def _problem(records: Records, rejected: int, nulls: dict[str, int], max_reject_share: Decimal) -> str | None:
    if records.turned:
        first, second = records.turned
        return reason("second_header", first=first, second=second)
    if records.unclosed:
        return reason("unclosed_quote", number=records.all)
    if records.only_corrections and not records.unsplit:
        return None
    empty = [column for column, count in nulls.items() if count == records.split] if records.split else []
    if empty:
        columns = ", ".join(f"`{column}`" for column in empty)
        return reason("no_value", columns=columns)
    if rejected > max_reject_share * records.all:
        if not records.split:
            key = "carriage_returns" if records.returns else "no_fields"
            return reason(key, records=records.all, fields=records.fields)
        return reason("too_many_rejected", rejected=rejected, records=records.all, share=max_reject_share)
    return None
