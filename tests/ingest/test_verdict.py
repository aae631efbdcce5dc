"""From counts to the verdict: sections 3 and 4 of the contract."""

from decimal import Decimal
from typing import Any

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.errors import CountMismatch
from duff_orders.ingest.verdict import Records, judge

NO_NULLS = dict.fromkeys(COLUMN_NAMES, 0)


def judged(*, unsplit: int = 0, unclosed: bool = False, share: str = "0.5", **counts: Any) -> Any:
    given = {"good": 6, "unique": 5, "rejected": 4, "nulls": NO_NULLS, **counts}
    records = Records(split=given["good"] + given["rejected"] - unsplit, unsplit=unsplit, unclosed=unclosed)
    return judge(records, max_reject_share=Decimal(share), **given)


def test_counts_add_up() -> None:
    outcome = judged()
    assert (outcome.verdict, outcome.reason) == ("valid_with_rejects", "4 of 10 records rejected")
    counts = (outcome.rows_published, outcome.rows_duplicate, outcome.rows_rejected, outcome.rows_withheld)
    assert (outcome.rows_read, counts) == (10, (5, 1, 4, 0))


def test_without_rejects_or_records_a_file_is_valid() -> None:
    assert judged(rejected=0).verdict == "valid"
    assert judged(good=0, unique=0, rejected=0).verdict == "valid"


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"good": 1, "unique": 1, "rejected": 2}, "2 of 3 records rejected, more than the share of 0.5"),
        ({"rejected": 6, "good": 6, "unique": 6, "share": "0.4999"}, "more than the share of 0.4999"),
        ({"nulls": NO_NULLS | {"status": 10}}, "no record has a value of `status`"),
        ({"unclosed": True, "unsplit": 1}, "a quote in record 10 never closes"),
    ],
)
def test_an_invalid_file_withholds_its_good_records(counts: dict[str, Any], reason: str) -> None:
    outcome = judged(**counts)
    assert outcome.verdict == "invalid"
    assert reason in outcome.reason
    assert (outcome.rows_published, outcome.rows_duplicate) == (0, 0)
    assert outcome.rows_withheld == counts.get("good", 6)


def test_just_the_share_is_allowed() -> None:
    assert judged(good=5, unique=5, rejected=5).verdict == "valid_with_rejects"


def test_what_does_not_add_up_is_told() -> None:
    with pytest.raises(CountMismatch, match="6 good and 4 rejected records, but the file holds 11"):
        judge(
            Records(split=11, unsplit=0, unclosed=False),
            good=6,
            unique=6,
            rejected=4,
            nulls=NO_NULLS,
            max_reject_share=Decimal("0.5"),
        )
