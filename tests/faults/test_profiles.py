"""A partner's profile that changes while its file is under way: the file is read in one way, which its row names."""

import contextlib
import errno
import os
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from duff_orders.contract import ORDERS
from duff_orders.documents import Decision
from duff_orders.ingest.publish import publish
from duff_orders.ingest.transform import transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import layout, partners
from duff_orders.lake.raw import announce, put
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.local.check import check
from duff_orders.local.repair import repair
from duff_orders.local.replay import replay
from duff_orders.local.run import process
from duff_orders.models.build import build
from tests.effort import every
from tests.faults.scenario import Fault, lines, noon, open_lake
from tests.lakes import rows

pytestmark = [pytest.mark.faults, pytest.mark.slow]

BEFORE, AFTER = (
    f'prefix = "acme/"\n[numbers]\ndecimal_mark = "{decimal}"\n[values.status]\nready = "{status}"\n'
    for decimal, status in ((",", "created"), (".", "delivered"))
)
#: By the profile before and the one after: the price, the state.
VALUES = {",": ("1.0000", "created"), ".": ("1.5000", "delivered")}
DATA = lines(
    '1,Moe,1,1,Duff,"1,0",6,"0,3",Retail,ready',
    "1,Moe,2,1,Duff,1.50,6,0.33,Retail,ready",
    "1,Moe,3,1,Duff,x,6,0.33,Retail,ready",
)


def _taken(root: Path, fault: Fault | None) -> None:
    lake = open_lake(root, fault, share="1")
    key = put(lake.disk, root.with_suffix(".csv"), prefix="acme/")
    process(lake, announce(lake.disk, key, when=noon(1)))


def _begun(folder: Path, name: str) -> Path:
    root = folder / name
    partners.put(open_lake(root).store, "acme", BEFORE, noon(1))
    root.with_suffix(".csv").write_bytes(DATA)
    return root


def _points(folder: Path, play: Callable[[Path, Fault], None]) -> list[str]:
    fault = Fault()
    play(_begun(folder, "undisturbed"), fault)
    return fault.passed


def _is_of_one_reading(root: Path) -> str:
    """Says by which decimal mark the file was read; each of its values is of that reading."""
    lake = open_lake(root)
    (row,) = lake.ledger.rows()
    reading = partners.reading(lake.store, str(row.reading))
    assert (row.error, row.profile, row.decimal_mark) == (None, "acme", reading.decimal_mark)
    (values,) = rows(lake, row, ORDERS.name)
    assert (str(values[5]), values[9]) == VALUES[str(reading.decimal_mark)]
    build(lake)
    assert check(lake, deep=True).problems == []
    return str(reading.decimal_mark)


def test_a_profile_that_changes_at_any_point(tmp_path: Path) -> None:
    points = _points(tmp_path, _taken)
    assert len(points) > 10
    read_by = []
    for at in range(1, len(points) + 1):
        root = _begun(tmp_path, str(at))

        def change(root: Path = root) -> None:
            partners.put(DiskStore(root), "acme", AFTER, noon(2))

        _taken(root, Fault(at, change))
        read_by.append(_is_of_one_reading(root))
    assert {*read_by} == {",", "."}
    # until it is decided how the file is read, the new one holds, and then the old one
    assert read_by == sorted(read_by, reverse=True)


def test_an_attempt_that_fails_is_repeated_by_the_profile_of_then(tmp_path: Path) -> None:
    points = _points(tmp_path, _taken)
    for at in range(1, len(points) + 1, every(3)):
        root = _begun(tmp_path, str(at))

        def fail(root: Path = root) -> None:
            partners.put(DiskStore(root), "acme", AFTER, noon(2))
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with contextlib.suppress(OSError):
            _taken(root, Fault(at, fail))
        _taken(root, None)
        _is_of_one_reading(root)


def test_a_decision_is_carried_out_as_it_was_made(tmp_path: Path) -> None:
    """As on AWS, where hours may lie between, and another machine goes on."""
    lake = open_lake(_begun(tmp_path, "lake"), share="1")
    key = put(lake.disk, tmp_path / "lake.csv", prefix="acme/")
    decision = validate(lake, announce(lake.disk, key, when=noon(1)))
    partners.put(lake.store, "acme", AFTER, noon(2))
    with transform(lake, Decision.from_json(decision.to_json())) as staged:
        publish(lake, staged)
    assert _is_of_one_reading(tmp_path / "lake") == ","
    (row,) = lake.ledger.rows()
    list(replay(lake, [row.file_id]))
    assert _is_of_one_reading(tmp_path / "lake") == "."


def test_the_share_is_the_profile_s(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    for share, verdict in (("0.5", "invalid"), ("0.8", "valid_with_rejects")):
        partners.put(lake.store, "acme", f'max_reject_share = "{share}"\n{BEFORE}', noon(1))
        path = tmp_path / f"{share}.csv"
        path.write_bytes(DATA + share.encode() + b"\n")
        key = put(lake.disk, path, prefix="acme/")
        row = process(lake, announce(lake.disk, key, when=noon(1)))
        assert row.verdict == verdict
        assert Decimal(partners.reading(lake.store, str(row.reading)).max_reject_share) == Decimal(share)
    assert Counter(row.profile for row in lake.ledger.rows()) == {"acme": 2}


def _index(root: Path) -> Path:
    return root / "processed" / "partners" / "index.json"


def _reading(root: Path) -> Path:
    (row,) = open_lake(root).ledger.rows()
    return root / layout.reading_object(str(row.reading))


def _garbled(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"acme", b"moes"))


@pytest.mark.parametrize(("where", "damage"), [(w, d) for w in (_index, _reading) for d in (Path.unlink, _garbled)])
def test_what_tells_how_files_are_read_is_made_anew(
    tmp_path: Path, where: Callable[[Path], Path], damage: Callable[[Path], None]
) -> None:
    root = _begun(tmp_path, "lake")
    _taken(root, None)
    lake = open_lake(root, share="1")
    build(lake)
    assert check(lake, deep=True).problems == []
    before = (partners.partners(lake.store).profiles[0].digest, where(root).name)
    damage(where(root))
    problems = check(lake, deep=True).problems
    assert len(problems) == 1
    assert "`duff repair` makes it anew" in problems[0]
    done = repair(lake)
    assert done.made == [where(root).relative_to(root).as_posix()]
    assert check(lake, deep=True).problems == []
    assert (partners.partners(lake.store).profiles[0].digest, where(root).name) == before
    assert partners.of_key(lake.store, "acme/b.csv") is not None


def test_a_text_that_is_damaged_is_told_and_fails_its_files_until_it_is_put_again(tmp_path: Path) -> None:
    root = _begun(tmp_path, "lake")
    lake = open_lake(root, share="1")
    (text,) = (path for path in (root / "processed" / "partners" / "acme").iterdir())
    _garbled(text)
    (problem,) = check(lake).problems
    assert problem.endswith("its digest is another; `duff profile put` puts it again")
    _taken(root, None)
    (row,) = lake.ledger.rows()
    assert row.verdict == "failed"
    assert "`duff profile put` puts it again" in str(row.error)
    partners.put(lake.store, "acme", BEFORE, noon(3))
    list(replay(lake, failed=True))
    assert _is_of_one_reading(root) == ","
