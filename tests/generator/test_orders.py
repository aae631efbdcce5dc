"""The generator: the same bytes always, the shares exactly, every reason to reject a record."""

import csv
import gzip
import hashlib
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from duff_orders.contract import COLUMNS
from duff_orders.generator.orders import generate

HEADER = ",".join(column.name for column in COLUMNS)


def lines_of(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    header, *lines = text[:-1].split("\n")
    assert header == HEADER
    return lines


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def order_lines(rows: list[dict[str, str]]) -> list[tuple[int, int]]:
    return [(int(row["order_id"]), int(row["product_id"])) for row in rows]


@pytest.mark.slow
def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    # More rows than DuckDB hands to one thread. The digest holds for every machine and release.
    digests = set()
    for name in ("a.csv", "b.csv"):
        generate(tmp_path / name, rows=150_000, seed=7, bad=0.01, duplicates=0.005)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests == {"de6a7d98f57ff87c5accee76272720846868ca7fc2771dfa75ee79bf32651834"}
    generate(tmp_path / "c.csv", rows=1000, seed=7)
    generate(tmp_path / "d.csv", rows=1000, seed=8)
    assert (tmp_path / "c.csv").read_bytes() != (tmp_path / "d.csv").read_bytes()


def test_gzip_holds_the_same_text(tmp_path: Path) -> None:
    generate(tmp_path / "orders.csv", rows=5000, bad=0.1)
    generate(tmp_path / "orders.csv.gz", rows=5000, bad=0.1)
    assert gzip.decompress((tmp_path / "orders.csv.gz").read_bytes()) == (tmp_path / "orders.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv", "orders.csv.gz"]


@pytest.mark.parametrize("rows", [0, 1, 6, 999])
def test_row_count(tmp_path: Path, rows: int) -> None:
    generate(tmp_path / "orders.csv", rows=rows)
    assert len(lines_of(tmp_path / "orders.csv")) == rows


@pytest.mark.slow
def test_good_rows_look_like_orders(tmp_path: Path) -> None:
    generate(tmp_path / "orders.csv", rows=60_000)
    rows = rows_of(tmp_path / "orders.csv")
    assert 70 < (tmp_path / "orders.csv").stat().st_size / len(rows) < 86

    keys = order_lines(rows)
    assert len(set(keys)) == len(rows)
    orders = [order for order, _ in keys]
    assert orders == sorted(orders)
    assert set(orders) == set(range(1, 30_001))
    assert set(Counter(orders).values()) == {1, 2, 3}

    clients = Counter(row["client_id"] for row in rows)
    assert 0.03 < len(clients) / len(rows) < 0.06
    assert clients.most_common(1)[0][1] > 20 * len(rows) / len(clients)
    assert len({(row["client_id"], row["client_name"]) for row in rows}) == len(clients)
    products = {(row["product_id"], row["product_description"], row["product_price"]) for row in rows}
    assert len(products) == len({row["product_id"] for row in rows}) == 200
    assert all(Decimal(row["product_price"]).as_tuple().exponent == -2 for row in rows[:1000])
    assert {int(row["product_ccf"]) for row in rows} == set(range(1, 49))
    assert {"Retail", "B2B", "Online"} < {row["point_of_sale_channel"] for row in rows}
    assert 0.01 < sum("," in row["client_name"] for row in rows) / len(rows) < 0.025

    status = Counter(row["status"] for row in rows)
    assert set(status) == {"created", "delivered", "broken"}
    assert status["created"] > status["delivered"] > status["broken"] > 0.03 * len(rows)


def test_shares_are_exact(tmp_path: Path) -> None:
    generate(tmp_path / "good.csv", rows=4000)
    generate(tmp_path / "orders.csv", rows=4000, bad=0.07, duplicates=0.03)
    good = set(lines_of(tmp_path / "good.csv"))
    lines = lines_of(tmp_path / "orders.csv")
    assert len(lines) == 4000
    assert sum(line not in good for line in lines) == 280
    published = [line for line in lines if line in good]
    assert len(published) - len(set(published)) == 120
    # A repeat comes after what it repeats: without repeats, the orders still ascend.
    firsts = [int(next(csv.reader([line]))[2]) for line in dict.fromkeys(published)]
    assert all(before <= after for before, after in pairwise(firsts))


def test_every_reason_to_reject_turns_up(tmp_path: Path) -> None:
    generate(tmp_path / "bad.csv", rows=28, bad=1.0)
    lines = lines_of(tmp_path / "bad.csv")
    fields = [next(csv.reader([line])) for line in lines]
    assert {len(row) for row in fields} == {9, 10, 11}
    assert any('"Moe" Szyslak' in line for line in lines)
    values = {value for row in fields for value in row}
    assert {
        "",
        "C-1001",
        "0",
        "-2.50",
        "2.50 USD",
        "123456789.00",
        "2.50001",
        "shipped",
        "1e3",
    } < values


def test_later_file_moves_the_status_of_earlier_order_lines(tmp_path: Path) -> None:
    generate(tmp_path / "monday.csv", rows=6000)
    generate(tmp_path / "tuesday.csv", rows=6000, first_order=3001, update_of=(2001, 3000), updates=0.3)
    before_rows = rows_of(tmp_path / "monday.csv")
    monday = dict(zip(order_lines(before_rows), before_rows, strict=True))
    tuesday = rows_of(tmp_path / "tuesday.csv")
    keys = order_lines(tuesday)
    assert len(set(keys)) == 6000
    moved = [(monday[key], row) for key, row in zip(keys, tuesday, strict=True) if key in monday]
    assert len(moved) == 1800
    assert {row["status"] for _, row in moved} == {"delivered", "broken"}
    assert all({**before, "status": ""} == {**after, "status": ""} for before, after in moved)
    assert {order for order, _ in keys if order <= 3000} <= set(range(2001, 3001))
    assert min(order for order, _ in keys if order > 3000) == 3001


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"rows": -1}, "rows: -1 is not between 0 and"),
        ({"seed": -1}, "seed: -1 is not between 0 and"),
        ({"first_order": 0}, "first_order: 0 is not between 1 and"),
        ({"bad": 1.5}, "bad: 1.5 is not between 0 and 1"),
        ({"duplicates": float("nan")}, "duplicates: nan is not between"),
        ({"bad": 0.7, "duplicates": 0.7}, r"bad \+ duplicates: 1.4 is not between"),
        ({"duplicates": 1.0}, "no good record"),
        ({"updates": 0.3}, "go together"),
        ({"update_of": (1, 9)}, "go together"),
        ({"update_of": (9, 1), "updates": 0.1}, "not a range of orders from 1 to"),
        ({"update_of": (1, 3), "updates": 0.3}, "have 6: take a wider range"),
        ({"bad": 0.9, "update_of": (1, 999), "updates": 0.2}, "only 10 are good"),
    ],
)
def test_bad_arguments_say_what_is_allowed(tmp_path: Path, arguments: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        generate(tmp_path / "orders.csv", **{"rows": 100, **arguments})  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").mkdir()
    with pytest.raises(OSError, match=r"orders\.csv"):
        generate(tmp_path / "orders.csv", rows=10)
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]
