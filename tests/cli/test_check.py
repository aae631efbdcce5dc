"""`duff check`: every kind of damage is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from duff_orders.local import check
from duff_orders.models.build import build
from tests import lakes
from tests.cli.commands import FIRST, LINE, Result, duff, ids, write

pytestmark = pytest.mark.slow


def only(lake: Path, pattern: str) -> Path:
    [path] = lake.glob(pattern)
    return path


def remove(pattern: str) -> Callable[[Path], None]:
    return lambda lake: only(lake, pattern).unlink()


def first_object(lake: Path) -> Path:
    return only(lake, f"processed/orders/*/{ids(lake)['01-orders.csv']}-0.parquet")


def extra_object(lake: Path) -> None:
    path = first_object(lake)
    shutil.copyfile(path, path.with_name(f"{'0' * 32}-0.parquet"))


def edit_ledger(old: str, new: str) -> Callable[[Path], None]:
    def edit(lake: Path) -> None:
        path = only(lake, f"processed/files/*/{ids(lake)['01-orders.csv']}.json")
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def rewrite(change: str, pattern: str) -> Callable[[Path], None]:
    """Other rows in an object: those of `rows` after a statement."""

    def rewritten(lake: Path) -> None:
        path = only(lake, pattern.format(**{"first": ids(lake)["01-orders.csv"], "dirty": ids(lake)["03-dirty.csv"]}))
        with duckdb.connect() as connection:
            connection.execute(f"create table rows as select * from read_parquet('{path}', hive_partitioning = false)")
            connection.execute(change)
            connection.execute(f"copy rows to '{path}' (format parquet)")

    return rewritten


def other_value(change: str, object_of: str = "processed/orders/*/{first}-0.parquet") -> Callable[[Path], None]:
    """One value of one row is another, and all counts are as they were."""
    return rewrite(f"update rows set {change} where rowid = 0", object_of)


#: What is told of one row that is another than the file says.
OTHER_ROW = [
    "tbl_duff_orders has 1 rows that are not in its text, such as order_id ",
    "lacks 1 rows that are in its text",
]
OTHER_TEXT = ["tbl_duff_rejected_rows has 1 rows that are not in its text, such as order_id ", OTHER_ROW[1]]
REJECTED = "processed/rejected_rows/*/{dirty}-0.parquet"


DAMAGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "deleted object": (
        lambda lake: first_object(lake).unlink(),
        [r"01-orders.csv (", "the object processed/orders/", "is missing"],
    ),
    "deleted rejects": (remove("processed/rejected_rows/*/*.parquet"), ["03-dirty.csv (", "is missing"]),
    "another price": (other_value("product_price = 9.99, total_price = 9.99 * product_ccf"), OTHER_ROW),
    "another total": (other_value("total_price = total_price + 0.0001"), OTHER_ROW),
    "another name": (other_value("client_name = client_name || ' '"), OTHER_ROW),
    "another key": (other_value("order_id = order_id + 100"), OTHER_ROW),
    "two values changed places": (
        other_value("client_name = product_description, product_description = client_name"), OTHER_ROW
    ),
    "the row of another file": (other_value("source_file = 'b.csv'"), OTHER_ROW),
    "a row twice, another gone": (
        rewrite("delete from rows where rowid = 0; insert into rows from rows limit 1",
                "processed/orders/*/{first}-0.parquet"), OTHER_ROW
    ),
    "another text": (other_value("client_name = coalesce(client_name, '') || 'x'", REJECTED), OTHER_TEXT),
    "another record": (
        rewrite("update rows set record = record || 'x' where rowid = (select max(rowid) from rows "
                "where record is not null)", REJECTED), OTHER_TEXT
    ),
    "another line": (other_value("line = line + 1", REJECTED), OTHER_TEXT),
    "rows lost from an object": (
        rewrite("delete from rows where rowid = 0", REJECTED),
        ["rows_rejected is 11, but tbl_duff_rejected_rows has 10 rows"],
    ),
    "extra object": (extra_object, [f"{'0' * 32}-0.parquet: an orphan, no ledger row speaks of it"]),
    "edited count of objects": (
        edit_ledger('"orders_objects": 1', '"orders_objects": 2'),
        ["01-orders.csv (", "-1.parquet is missing; `duff repair` processes its file again"],
    ),
    "count of objects set to nothing": (
        edit_ledger('"orders_objects": 1', '"orders_objects": 0'),
        ["-0.parquet: an orphan", "rows_published is 5, but tbl_duff_orders has 0 rows"],
    ),
    "edited count": (
        edit_ledger('"rows_published": 5', '"rows_published": 4'),
        ["5 rows read, but the four counts add up to 4; `duff repair` processes its file again"],
    ),
    "edited verdict": (
        edit_ledger('"verdict": "valid"', '"verdict": "invalid"'),
        ["5 rows published with the verdict invalid"],
    ),
    "deleted ledger row": (
        lambda lake: only(lake, f"processed/files/*/{ids(lake)['01-orders.csv']}.json").unlink(),
        ["01-orders.csv (", "announced, but not processed; `duff repair` processes", "the star schema is behind"],
    ),
    "deleted announcement": (
        lambda lake: only(lake, f"processed/events/{ids(lake)['01-orders.csv']}.json").unlink(),
        ["its announcement is missing"],
    ),
    "removed raw file": (remove("raw/01-orders.csv"), ["01-orders.csv (", "the raw object is missing"]),
    "unprocessed raw file": (
        lambda lake: shutil.copyfile(FIRST, lake / "raw" / "new.csv"),
        ["new.csv: lies in the raw folder, but was never processed; `duff watch` takes it up"],
    ),
    "deleted star object": (
        remove("processed/star/dim_clients/*/*.parquet"),
        ["of the star schema is missing; `duff repair` builds the star schema anew"],
    ),
    "deleted partition": (
        remove("processed/star/fact_orders/*/*/*.parquet"),
        ["of the star schema is missing; `duff repair` builds the star schema anew"],
    ),
    "extra star object": (
        lambda lake: shutil.copyfile(
            path := only(lake, "processed/star/dim_status/*/*.parquet"), path.with_name("old.parquet")
        ),
        ["old.parquet: an orphan of the star schema; `duff models` removes it"],
    ),
    "deleted star schema": (remove("processed/star/current.json"), ["the star schema is behind by 2 files"]),
    "object that is no Parquet": (lambda lake: first_object(lake).write_text("x"), ["01-orders.csv ("]),
    "ledger row that is no JSON": (edit_ledger("{", "["), ["01-orders.csv"]),
    "object of a strange name": (
        lambda lake: shutil.copyfile(path := first_object(lake), path.with_name("copy-of-that.parquet")),
        ["copy-of-that.parquet"],
    ),
}  # fmt: skip


def test_check(made: tuple[Path, Result], empty: Path) -> None:
    all_holds = "all holds: 3 files, 29 rows, every one accounted for; 2 files compared with their text\n"
    assert duff("check", "--lake", made[0]) == Result(0, all_holds, "")
    nothing = "all holds: 0 files, 0 rows, every one accounted for; no file (no file has rows) compared with its text\n"
    assert duff("check", "--lake", empty).out == nothing


def test_check_as_a_document(lake: Path) -> None:
    found = {"files": 3, "rows": 29, "problems": [], "reread": 2, "why_none": "", "left_alone": []}
    assert duff("check", "--json", "--lake", lake).documents == [found]
    (lake / "raw" / FIRST.name).unlink()
    result = duff("check", "--json", "--lake", lake)
    assert (result.code, result.err) == (1, "")
    assert ["the raw object is missing" in each for each in result.documents[0]["problems"]] == [True]


def test_check_says_why_it_compared_no_file_with_its_text(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "SOME_BYTES", 10)
    assert "no file (those chosen hold more than 0 MB each, and only --deep" in duff("check", "--lake", lake).out
    assert "2 files compared" in duff("check", "--deep", "--lake", lake).out
    for raw in (lake / "raw").iterdir():
        raw.unlink()
    told = duff("check", "--deep", "--json", "--lake", lake).documents[0]
    assert (told["reread"], told["why_none"]) == (0, "the raw objects are gone, or others by now")
    first_object(lake).unlink()
    told = duff("check", "--deep", "--json", "--lake", lake).documents[0]
    assert told["why_none"] == "the raw objects are gone, or others by now"


def test_check_and_models_tell_how_far_they_are(lake: Path) -> None:
    told: list[tuple[str, str, float]] = []
    opened = lakes.open_lake(lake)

    def phase(key: str, name: str, done: Callable[[], float]) -> None:
        told.append((key, name, done()))

    check.check(opened, deep=True, phase=phase)
    build(opened, rebuild=True, phase=phase)
    assert told == [
        ("check", "documents and objects", 0.0),
        ("check", "tables", 0.5),
        ("check", "files and their text", 0.5),
        ("star schema", "read what is new", 0.0),
        ("star schema", "write dimensions", 1 / 3),
        ("star schema", "write order lines", 2 / 3),
    ]


@pytest.mark.parametrize(
    "damage",
    [*DAMAGES],
)
def test_check_tells_each_kind_of_damage(lake: Path, damage: str) -> None:
    inflict, sentences = DAMAGES[damage]
    lakes.age(lake)  # which proves nothing by itself: all must be told by comparing
    inflict(lake)
    result = duff("check", "--lake", lake)
    assert result.code == 1
    for sentence in sentences:
        assert sentence in result.out
    number = len(result.out.splitlines())
    assert result.err.startswith(f"{number} problem{'s' * (number != 1)} in ")


def test_check_reads_some_files_again_and_all_with_deep(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    files = [write(tmp_path / f"{number}.csv", LINE.format(order=number + 1)) for number in range(12)]
    duff("generate", tmp_path / "large.csv", "--rows", 120_000)
    assert duff("run", *files, tmp_path / "large.csv", "--lake", lake).code == 0
    compared = [duff("check", *more, "--lake", lake).out.split("; ")[1] for more in ([], ["--deep"])]
    assert compared[0] in {f"{number} files compared with their text\n" for number in (9, 10)}
    assert compared[1] == "13 files compared with their text\n"
    lakes.age(lake)
    for path in lake.glob("processed/orders/*/*.parquet"):
        with duckdb.connect() as connection:
            connection.execute(f"create table rows as select * from read_parquet('{path}', hive_partitioning = false)")
            connection.execute(
                "update rows set client_name = 'Barney' where order_id = (select max(order_id) from rows)"
            )
            connection.execute(f"copy rows to '{path}' (format parquet)")
    told = duff("check", "--deep", "--lake", lake).out
    for name in ("large.csv", *(path.name for path in files)):
        assert f"{name} (" in told
    assert told.count("such as order_id") == 13
    # as it was, once what they say is read again
    assert duff("replay", "--all", "--lake", lake).code == 0
    assert duff("check", "--deep", "--lake", lake).code == 0


@pytest.mark.parametrize("command", ["query", "models", "rejects"])
def test_damage_is_told_in_a_sentence_by_other_commands_too(lake: Path, command: str) -> None:
    dirty = ids(lake)["03-dirty.csv"]
    for path in (lake / "processed").glob(f"*/*/{dirty}-0.parquet"):
        path.unlink()
    arguments = {"query": ["select * from tbl_duff_orders"], "models": ["--rebuild"], "rejects": [dirty]}[command]
    result = duff(command, *arguments, "--lake", lake)
    assert result.code == 1
    if command == "rejects":
        assert result.err.startswith("duff: the engine failed: IO Error")
        assert "`duff check` shows what is damaged" in result.err
    else:  # which go on with the others
        assert result.err.startswith("left out: the object processed/")
        assert result.err.endswith("cannot be read: it is missing; `duff repair` mends it\n")


def not_text(path: Path) -> None:
    """An object whose column has a name that is no text: what DuckDB says of it quotes the bytes."""
    path.write_bytes(path.read_bytes().replace(b"client_name", b"\xc0lient_name", 1))


def unusable(path: Path) -> None:
    """An object that leaves the DuckDB that read it unusable: a number in its footer is below zero."""
    good = path.read_bytes()
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    with duckdb.connect() as connection:
        for place in range(footer, len(good) - 8):
            path.write_bytes(good[:place] + b"\xf3" + good[place + 1 :])
            try:
                connection.execute(f"select max(hash(t)) from read_parquet('{path}') as t")
            except duckdb.InternalException:
                return
            except (duckdb.Error, UnicodeDecodeError):
                pass
    pytest.fail("no byte of it does")


@pytest.mark.parametrize("damage", [not_text, unusable])
def test_a_damaged_object_is_told_and_the_files_beside_it_are_read_all_the_same(
    lake: Path, damage: Callable[[Path], None]
) -> None:
    lakes.age(lake)
    path = first_object(lake)
    damage(path)
    [told] = duff("check", "--lake", lake).out.splitlines()
    assert told.startswith("01-orders.csv (")
    assert f"): the object {path.relative_to(lake)} cannot be read: " in told
    result = duff("query", "select * from tbl_duff_orders", "--lake", lake)
    assert (result.code, "Stack Trace" in result.err, "`duff check` shows" in result.err) == (1, False, True)
    assert duff("replay", ids(lake)["01-orders.csv"], "--lake", lake).code == 0
    assert duff("check", "--deep", "--lake", lake).code == 0


def test_a_damaged_object_of_the_star_schema_is_told(lake: Path) -> None:
    lakes.age(lake)
    path = only(lake, "processed/star/dim_clients/*/*.parquet")
    unusable(path)
    [told] = duff("check", "--lake", lake).out.splitlines()
    assert told.startswith(f"the object {path.relative_to(lake)} of the star schema cannot be read: ")
    assert duff("models", "--rebuild", "--lake", lake).code == 0
    assert duff("check", "--deep", "--lake", lake).code == 0
