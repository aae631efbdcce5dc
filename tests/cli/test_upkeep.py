"""`duff models` and `generate`."""

import gzip
from pathlib import Path

import pytest

from tests.cli.commands import Result, duff

pytestmark = pytest.mark.slow


# duff models


def test_models(lake: Path) -> None:
    assert duff("models", "--lake", lake).out == "star schema: up to date, 16 order lines\n"
    result = duff("models", "--rebuild", "--lake", lake)
    assert result.code == 0
    assert result.out.startswith("star schema: rebuild, 2 files added, 1 partitions written, 16 order lines, ")
    assert duff("check", "--lake", lake).code == 0


# duff generate


def test_generate(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv", "d.csv.gz")]
    for path, seed in zip(files, (1, 1, 2, 1), strict=True):
        given = ("--rows", 200, "--bad", 0.1, "--duplicates", 0.05, "--seed", seed)
        assert duff("generate", *given, path) == Result(0, "", "")
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()
    assert gzip.decompress(files[3].read_bytes()) == files[0].read_bytes()
    row = duff("run", files[0], "--json", "--lake", tmp_path / "lake").documents[0]
    assert [row[name] for name in ("verdict", "rows_read", "rows_published", "rows_duplicate", "rows_rejected")] == [
        *("valid_with_rejects", 200, 170, 10, 20),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bad", "1.5"], "bad: 1.5 is not between 0 and 1"),
        (["--duplicates", "-0.1"], "duplicates: -0.1 is not between 0 and 1"),
        (["--bad", "0.6", "--duplicates", "0.6"], "is not between 0 and 1"),
        (["--bad", "nan"], "bad: nan is not between 0 and 1"),
        (["--bad", "some"], "as a number"),
        (["--rows", "-1"], "rows: -1 is not between 0 and"),
        (["--rows", "many"], "as an integer"),
        (["--seed", "-1"], "seed: -1 is not between 0 and"),
    ],
)
def test_generate_says_what_is_allowed(tmp_path: Path, options: list[str], message: str) -> None:
    rows = [] if "--rows" in options else ["--rows", "10"]
    result = duff("generate", *rows, *options, tmp_path / "out.csv")
    assert (result.code, result.out) == (2, "")
    assert message in " ".join(result.err.replace("│", " ").split())
    assert not (tmp_path / "out.csv").exists()


def test_generate_writes_nothing_that_run_would_not_take(tmp_path: Path) -> None:
    result = duff("generate", "--rows", "1", tmp_path / "out.txt")
    assert (result.code, list(tmp_path.iterdir())) == (2, [])
    assert result.err.endswith("an orders file is named *.csv or *.csv.gz\n")
