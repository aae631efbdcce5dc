"""Names: which objects have a verdict to come, and which tools keep for themselves."""

import pytest

from duff_orders.lake.layout import is_orders_file, left_alone


@pytest.mark.parametrize(
    "key",
    [
        *(
            "orders.csv",
            "a/b/ORDERS.CSV",
            "orders.csv.gz",
            "o.Csv.Gz",
            "orders.csv/part-0000.csv",
            "pa_date=2026-01-01/a.csv",
        ),
        *(
            "notes.txt",
            "orders.csv.zip",
            "orders.xlsx",
            "orders.tsv",
            "orders",
            "a.b/c_d~e.csv",
            "a.part/b.csv",
            "x.tmp/y.gz",
        ),
    ],
)
def test_what_has_a_verdict_to_come(key: str) -> None:
    assert left_alone(key) is None


@pytest.mark.parametrize(
    "key",
    [
        *(".rsync-partial/orders.csv", "a/.stversions/b/orders.csv", "_temporary/0/part-0.csv", ".~tmp~/orders.csv"),
        *("_orders.csv", "~orders.csv", "a/~$orders.xlsx", ".orders.csv.x7Yz", "orders.csv.part", "orders.csv.PARTIAL"),
        *(
            "orders.csv~",
            "orders.csv.tmp",
            "a/orders.csv.filepart",
            "orders.csv.crdownload",
            "a/_SUCCESS",
            "folder/",
            "/",
        ),
    ],
)
def test_what_tools_keep_for_themselves(key: str) -> None:
    assert left_alone(key)


@pytest.mark.parametrize(
    ("key", "yes"),
    [("o.csv", True), ("O.CSV", True), ("o.csv.GZ", True), ("o.gz", False), ("o.csv.zip", False), ("o.csv ", False)],
)
def test_an_orders_file_by_its_name(key: str, yes: bool) -> None:
    assert is_orders_file(key) == yes
