"""Lakes to try commands on."""

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import BROKEN, DIRTY, FIRST, LINE, PRICE, UNITS, Result, duff, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A lake with a valid, a dirty and an invalid file, and what `duff run --json` printed. Only to be read."""
    lake = tmp_path_factory.mktemp("made") / "lake"
    return lake, duff("run", FIRST, DIRTY, BROKEN, "--json", "--lake", lake)


@pytest.fixture
def lake(made: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of that lake, to be changed."""
    return Path(shutil.copytree(made[0], tmp_path / "lake"))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A lake without files: `duff watch` makes such."""
    (tmp_path / "empty" / "raw").mkdir(parents=True)
    return tmp_path / "empty"


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with an order whose total has all the digits that there are, and one of 15.0000."""
    folder = tmp_path_factory.mktemp("exact")
    orders = write(folder / "orders.csv", f"1,Ñandú,1,1,Duff,{PRICE},{UNITS},0.33,Retail,created", LINE.format(order=2))
    assert duff("run", orders, "--lake", folder / "lake").code == 0
    return folder / "lake"
