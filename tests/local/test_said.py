"""What only people can say again: where it is damaged, `check` names it, and a repair puts it aside and tells so."""

from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Document
from duff_orders.lake.documents import SAID, Kind
from duff_orders.lake.given_up import give_up
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, land
from duff_orders.local.check import check
from duff_orders.local.correcting.draft import Desk
from duff_orders.local.correcting.publishing import publish
from duff_orders.local.repair import repair
from duff_orders.local.run import process
from duff_orders.models.build import build
from duff_orders.partners.settled import settle
from duff_orders.query.rejects import lines, standings
from tests.lakes import NOON, ingest, open_lake

HEADER = ",".join(COLUMN_NAMES)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in which each of these things was said."""
    lake = open_lake(tmp_path)
    rows = [f"{'x' if number < 3 else 1},Moe,{number + 1},1,Duff,2.50,6,0.33,Retail,created" for number in range(9)]
    row = ingest(lake, "a.csv", "\n".join((HEADER, *rows)).encode(), NOON)
    give_up(lake.store, standings(lake).of(row), lines(lake, row), "gone", [2])
    settle(lake.store, "moe", [NOON.date()], "not_expected", "a holiday")
    desk = Desk(lake, row, standings(lake), None)
    desk.change([(3, "client_id", "1")])
    done = publish(desk, lambda: lines(lake, row), lambda path, prefix, _: land(lake.disk, path, prefix=prefix))
    assert done.key
    process(lake, announce(lake.disk, done.key))
    Desk(lake, row, standings(lake), None).change([(4, "client_id", "2")])
    build(lake)
    assert check(lake).problems == []
    return lake


@pytest.mark.parametrize(("kind", "lost"), SAID, ids=[kind.document.__name__ for kind, _ in SAID])
def test_it_is_told_and_put_aside(lake: Lake, kind: Kind[Document], lost: str) -> None:
    (name,) = [each.name for each in lake.store.listed(kind.folder)]
    path = lake.disk.path(name)
    path.write_bytes(path.read_bytes().replace(b'"', b"'", 1))
    assert any(name in each for each in check(lake).problems)
    told = repair(lake)
    assert any(name in each and lost in each for each in told.lost)
    assert not path.exists()
    assert check(lake).problems == []
