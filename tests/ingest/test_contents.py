"""One content is published once, in whatever wrapping it comes: its hash is that of the unpacked bytes."""

import gzip
import zlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.local.check import check, doubles
from duff_orders.local.replay import replay
from duff_orders.local.run import run
from duff_orders.models.build import build
from tests.lakes import NOON, ingest, open_lake, rewritten

HEADER = ",".join(COLUMN_NAMES)
FIRST, OTHER = (
    f"{HEADER}\n1,Moe,77,1,Duff,2.50,6,0.355,Retail,{status}\n".encode() for status in ("delivered", "created")
)
PACKED = gzip.compress(FIRST, 9, mtime=0)
#: One content, as it comes: plain, packed, packed anew, in two members, with padding behind it.
WRAPPINGS = {
    "plain.csv": FIRST,
    "packed.csv.gz": PACKED,
    "anew.csv.gz": gzip.compress(FIRST, 1, mtime=1_700_000_000),
    "stored.CSV.GZ": gzip.compress(FIRST, 0, mtime=0),
    "two.csv.gz": gzip.compress(FIRST[:50], mtime=0) + gzip.compress(FIRST[50:], mtime=0),
    "padded.csv.gz": PACKED + bytes(512),
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def holds(lake: Lake) -> None:
    build(lake)
    assert check(lake, deep=True).problems == []


def without_contents(lake: Lake, row: LedgerRow) -> LedgerRow:
    """Make a file's outcome one of a release that knew contents by the bytes as they lie."""
    name = layout.ledger_object(row.pa_date, row.file_id)
    found = lake.store.read(name)
    assert found is not None
    assert row.content is not None
    assert lake.store.replace(name, rewritten(found.data, "content"), found.token)
    lake.store.delete(layout.content_object(row.content))
    note = f"{row.pa_date} {row.file_id}".encode()
    assert lake.store.put_new(layout.content_object(f"{row.etag}-{row.size}"), note)
    return replace(row, content=None)


@pytest.mark.parametrize("first", WRAPPINGS)
def test_one_content_in_many_wrappings_is_published_once(lake: Lake, first: str) -> None:
    published = ingest(lake, first, WRAPPINGS[first], day(0))
    assert published.verdict == "valid"
    for number, (key, data) in enumerate(WRAPPINGS.items(), 1):
        if key != first:
            row = ingest(lake, key, data, day(number))
            assert (row.verdict, row.rows_published, row.content) == ("duplicate", 0, published.content)
            assert first in (row.reason or "")
    holds(lake)


@pytest.mark.parametrize("turn", [1, -1])
def test_of_those_that_are_run_together_the_first_is_published(tmp_path: Path, turn: int) -> None:
    lake = open_lake(tmp_path / "lake", workers=4)
    names = ["plain.csv", "packed.csv.gz", "anew.csv.gz", "stored.CSV.GZ"][::turn]
    paths = [tmp_path / name for name in ("other.csv", *names)]
    for path in paths:
        path.write_bytes(WRAPPINGS.get(path.name, OTHER))
    assert [row.verdict for row in run(lake, paths)] == ["valid", "valid", "duplicate", "duplicate", "duplicate"]
    holds(lake)


def test_its_hash_is_of_the_unpacked_bytes(lake: Lake) -> None:
    plain = ingest(lake, "a.csv", FIRST, day(0))
    assert plain.content == f"{plain.etag}-{len(FIRST)}"
    packed = ingest(lake, "b.csv.gz", gzip.compress(OTHER), day(1))
    assert packed.content is not None
    assert packed.content.endswith(f"-{len(OTHER)}")
    assert packed.content != f"{packed.etag}-{packed.size}"


def test_a_key_packed_anew_is_no_news(lake: Lake) -> None:
    """Other bytes, and so another file; but its content was published, and nothing else since."""
    first = ingest(lake, "a.csv.gz", PACKED, day(0))
    again = ingest(lake, "a.csv.gz", WRAPPINGS["anew.csv.gz"], day(1))
    assert (again.verdict, again.content) == ("duplicate", first.content)
    assert again.file_id != first.file_id
    holds(lake)


def test_a_content_returns_in_another_wrapping(lake: Lake) -> None:
    for number, data in enumerate((FIRST, OTHER, FIRST)):
        row = ingest(lake, "a.csv.gz", gzip.compress(data, mtime=number), day(number))
        assert row.verdict == "valid"
    again = ingest(lake, "a.csv.gz", WRAPPINGS["padded.csv.gz"], day(4))
    assert again.verdict == "duplicate"
    holds(lake)


def test_between_two_of_one_content_counts_what_was_published(lake: Lake) -> None:
    """Good, damaged, good again: nothing else was published under the key."""
    first = ingest(lake, "a.csv", FIRST, day(0))
    assert ingest(lake, "a.csv", b"no orders\n", day(1)).verdict == "invalid"
    again = ingest(lake, "a.csv", FIRST, day(2))
    assert (again.verdict, again.file_id == first.file_id) == ("duplicate", False)
    holds(lake)


def test_a_content_of_another_key_counts_where_the_own_key_held_another_since(lake: Lake) -> None:
    ingest(lake, "a.csv", FIRST, day(0))
    assert ingest(lake, "b.csv", OTHER, day(1)).verdict == "valid"
    row = ingest(lake, "b.csv", FIRST, day(2))
    assert row.verdict == "valid"
    holds(lake)
    assert ingest(lake, "c.csv", FIRST, day(3)).verdict == "duplicate"
    assert ingest(lake, "b.csv", FIRST, day(4)) == row


def test_what_the_own_key_held_before_makes_no_news(lake: Lake) -> None:
    ingest(lake, "b.csv", OTHER, day(0))
    ingest(lake, "a.csv", FIRST, day(1))
    assert ingest(lake, "b.csv", FIRST, day(2)).verdict == "duplicate"
    holds(lake)


@pytest.mark.parametrize("data", [PACKED[:-5], PACKED[:40], PACKED[:-8] + bytes(8), PACKED + b"x"])
def test_what_cannot_be_unpacked_is_invalid_each_time(lake: Lake, data: bytes) -> None:
    with pytest.raises((EOFError, zlib.error, gzip.BadGzipFile)):
        gzip.decompress(data)
    for number, key in enumerate(("a.csv.gz", "b.csv.gz")):
        row = ingest(lake, key, data, day(number))
        assert (row.verdict, "gzip" in (row.reason or "")) == ("invalid", True)
    holds(lake)


@pytest.mark.parametrize("key", ["plain.csv", "packed.csv.gz"])
def test_a_content_that_a_release_before_published_is_known(lake: Lake, key: str) -> None:
    """By the bytes as they lie: in another wrapping it is known from the next replay on."""
    old = without_contents(lake, ingest(lake, key, WRAPPINGS[key], day(0)))
    assert old.content_key == f"{old.etag}-{old.size}"
    holds(lake)
    assert ingest(lake, f"again-{key}", WRAPPINGS[key], day(1)).verdict == "duplicate"
    (lifted,) = replay(lake, [old.file_id])
    assert lifted.content is not None
    for number, (other, data) in enumerate(WRAPPINGS.items(), 2):
        if other != key:
            assert ingest(lake, other, data, day(number)).verdict == "duplicate"
    holds(lake)


def test_one_content_published_twice_is_told(lake: Lake) -> None:
    rows = [ingest(lake, "a.csv", FIRST, day(0)), ingest(lake, "b.csv.gz", gzip.compress(OTHER), day(1))]
    assert [*doubles(rows)] == []
    (told,) = doubles([rows[0], replace(rows[1], content=rows[0].content)])
    assert "b.csv.gz" in told
    assert "the same content was published from a.csv" in told
