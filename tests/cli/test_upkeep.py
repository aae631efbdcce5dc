"""`duff models` and `generate`."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.commands import DIRTY, Result, duff

pytestmark = pytest.mark.slow


# duff models


def test_models(lake: Path) -> None:
    assert duff("models", "--lake", lake).out == "star schema: up to date, 16 order lines\n"
    result = duff("models", "--rebuild", "--lake", lake)
    assert result.code == 0
    assert result.out.startswith("star schema: rebuild, 2 files added, 1 partitions written, 16 order lines, ")
    assert duff("check", "--lake", lake).code == 0
    (told,) = duff("models", "--json", "--lake", lake).documents
    assert (told["kind"], told["build_id"], told["rows"]) == ("unchanged", None, 16)


# duff give-up


def test_give_up_and_take_back(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    (row,) = duff("run", DIRTY, "--json", "--lake", lake).documents
    assert " 11\n" in duff("files", "--lake", lake).out
    assert duff("give-up", row["file_id"][:8], "--lake", lake).code == 2  # no word why
    told = duff("give-up", row["file_id"][:8], "--why", "gone", "--lines", "4,7-8", "--lake", lake)
    assert told == Result(0, "03-dirty.csv: given up: 3 rows\n", "")
    assert " 8\n" in duff("files", "--open", "--lake", lake).out
    assert duff("give-up", row["file_id"], "--why", "gone", "--lake", lake).out == "03-dirty.csv: given up: 8 rows\n"
    nothing = "nothing is open: every row is in the tables, corrected, or given up\n"
    assert duff("files", "--open", "--lake", lake).out == nothing
    assert duff("files", "--open", "--json", "--lake", lake).out == ""
    assert "nothing of it is open" in duff("give-up", row["file_id"], "--why", "x", "--lake", lake).err
    assert duff("check", "--lake", lake).code == 0
    assert duff("give-up", row["file_id"], "--undo", "--lake", lake).out == "03-dirty.csv: taken back: 11 rows\n"
    assert len(duff("files", "--open", "--json", "--lake", lake).documents) == 1


# duff generate


def test_generate_a_partners_month(tmp_path: Path) -> None:
    """Files that fit together: each takes up where the one before ended, and tells what became of its orders."""
    first, last, made = 1, 0, []
    for day in range(1, 4):
        given = ["--partner", "moes/bars", "--date", f"2026-11-{day:02}", "--first-order", first, "--rows", 60]
        more = ["--updates", "0.5", "--update-of", f"1-{last}"] if last else []
        told = duff("generate", tmp_path / "raw", *given, *more)
        made.append(tmp_path / "raw" / "moes" / "bars" / f"orders-202611{day:02}.csv")
        assert told == Result(0, f"{made[-1]}\n", "")
        assert made[-1].stat().st_mtime == datetime(2026, 11, day, 6, tzinfo=UTC).timestamp()
        first += 15 if last else 30  # half of the later files' lines are updates
        last = first - 1
    rows = [json.loads(line) for line in duff("run", *made, "--json", "--lake", tmp_path / "lake").out.splitlines()]
    assert [(row["verdict"], row["rows_read"]) for row in rows] == [("valid", 60)] * 3
    seen = "select count(*) as lines, count(distinct order_id) as orders, max(order_id) as last from fact_orders"
    (told,) = json.loads(duff("query", seen, "--format", "json", "--lake", tmp_path / "lake").out)
    assert told["lines"] == 60 + 30 + 30
    assert (told["orders"], told["last"]) == (60, 60)


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
        (["--partner", "moes"], "--partner FOLDER and --date YYYY-MM-DD go together"),
        (["--partner", "../moes", "--date", "2026-11-01"], "'../moes' is no folder below OUT"),
        (["--partner", "/moes", "--date", "2026-11-01"], "'/moes' is no folder below OUT"),
        (["--partner", "moes", "--date", "tomorrow"], "'tomorrow' does not match the format"),
        (["--updates", "0.5", "--update-of", "1-x"], "'1-x' is no range of orders such as 1-600"),
        (["--updates", "0.5"], "update_of and updates go together"),
        (["--first-order", "0"], "first_order: 0 is not between 1 and"),
        (["--bad", "1.5"], "bad: 1.5 is not between 0 and 1"),
        (["--duplicates", "-0.1"], "duplicates: -0.1 is not between 0 and 1"),
        (["--bad", "0.6", "--duplicates", "0.6"], "is not between 0 and 1"),
        (["--bad", "nan"], "bad: nan is not between 0 and 1"),
        (["--bad", "some"], "not a valid float"),
        (["--rows", "-1"], "rows: -1 is not between 0 and"),
        (["--rows", "many"], "not a valid int"),
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
