"""Every command of `duff` with its options, as a user types them and with what a user sees."""

import contextlib
import csv
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest

from duff_orders.cli import main as cli
from duff_orders.cli import show
from duff_orders.cli.main import app
from duff_orders.contract import COLUMN_NAMES, FILES, TABLES
from duff_orders.errors import CountMismatch
from duff_orders.ingest import on_duckdb
from duff_orders.lake.raw import announce
from duff_orders.local.run import process_all
from tests import lakes
from tests.faults.commands import until

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parent.parent / "samples"
FIRST, DIRTY, BROKEN = (SAMPLES / name for name in ("01-orders.csv", "03-dirty.csv", "05-missing-column.csv"))
HEADER = ",".join(COLUMN_NAMES)
LINE = "1,Moe,{order},1,Duff,2.50,6,0.33,Retail,created"


@dataclass(frozen=True)
class Result:
    """What a user gets: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The JSON documents printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def duff(*arguments: object, stdin: bytes = b"", **environ: str) -> Result:
    """Run `duff` in this process, without DUFF_* variables but those given."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("DUFF_")}
    with (
        patch.dict(os.environ, {**given, "COLUMNS": "100", **environ}, clear=True),
        patch.object(sys, "argv", ["duff", *map(str, arguments)]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")) as out,
        contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")) as err,
    ):
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read())
    return Result(code, *texts)


def write(path: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join((header, *lines, "")).encode(encoding))
    return path


def contents(lake: Path) -> dict[str, bytes]:
    """Every object of a lake, to compare it before and after."""
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for folder in ("raw", "processed")
        for path in (lake / folder).rglob("*")
        if path.is_file()
    }


def ids(lake: Path) -> dict[str, str]:
    """The file_id of each source_file."""
    return {row["source_file"]: row["file_id"] for row in duff("files", "--json", "--lake", lake).documents}


def count(lake: Path, table: str) -> int:
    [row] = json.loads(duff("query", f"select count(*) as n from {table}", "--format", "json", "--lake", lake).out)
    return int(row["n"])


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


# duff run


def test_run_shows_verdicts_counts_and_what_to_do_next(tmp_path: Path) -> None:
    result = duff("run", FIRST, DIRTY, BROKEN, "--lake", tmp_path / "lake")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["file", "verdict", "read", "published", "duplicate", "rejected", "withheld"]
    assert lines[1] == ["01-orders.csv", "valid", "5", "5", "0", "0", "0"]
    assert lines[2] == ["03-dirty.csv", "valid_with_rejects", "24", "11", "2", "11", "0"]
    assert lines[3] == ["05-missing-column.csv", "invalid", "0", "0", "0", "0", "0"]
    dirty = ids(tmp_path / "lake")["03-dirty.csv"]
    assert f"11 of 24 records rejected; `duff rejects {dirty[:12]}` shows which and why" in result.out
    assert "05-missing-column.csv: column `status` missing; found: client_id, client_name" in result.out
    assert "star schema: rebuild, 2 files added" in result.out
    assert (result.code, result.err) == (1, "")


def test_run_json_has_every_field_of_the_ledger(made: tuple[Path, Result]) -> None:
    lake, result = made
    assert result.code == 1
    assert [document["verdict"] for document in result.documents] == ["valid", "valid_with_rejects", "invalid"]
    names = [field.name for field in FILES.all_fields]
    assert all(list(document) == names for document in result.documents)
    first, dirty, broken = result.documents
    assert first["source_file"] == "01-orders.csv"
    assert first["size"] == FIRST.stat().st_size
    assert first["event_time"].startswith(first["pa_date"])
    assert (first["engine"], first["encoding"], first["delimiter"]) == ("duckdb", "utf-8", ",")
    assert (dirty["rows_read"], dirty["rows_published"], dirty["rows_rejected"]) == (24, 11, 11)
    assert dirty["nulls"]["client_name"] == 1
    objects = [(document["orders_objects"], document["rejected_objects"]) for document in result.documents]
    assert objects == [(1, 0), (1, 1), (0, 0)]
    assert "`status` missing" in broken["reason"]
    sql = "select file_id, verdict, rows_read, pa_date from tbl_duff_files"
    told = json.loads(duff("query", sql, "--format", "json", "--lake", lake).out)
    expected = [{name: document[name] for name in told[0]} for document in result.documents]
    assert sorted(told, key=str) == sorted(expected, key=str)


def test_run_ends_with_0_for_valid_rejects_and_duplicates(tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    shutil.copyfile(FIRST, copy)
    result = duff("run", FIRST, copy, DIRTY, "--json", "--lake", tmp_path / "lake")
    assert [document["verdict"] for document in result.documents] == ["valid", "duplicate", "valid_with_rejects"]
    assert result.documents[1]["reason"] == "its content was already published from 01-orders.csv"
    assert result.code == 0


def test_the_same_file_twice_changes_nothing(lake: Path, made: tuple[Path, Result]) -> None:
    before = contents(lake)
    result = duff("run", FIRST, DIRTY, FIRST, "--json", "--lake", lake)
    first, dirty, _ = made[1].documents
    assert result.documents == [first, dirty, first]
    assert contents(lake) == before


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name / "orders.csv", LINE.format(order=name)) for name in "12")
    lake = tmp_path / "lake"
    keys = [document["source_file"] for document in duff("run", one, two, "--json", "--lake", lake).documents]
    assert keys[0] == "orders.csv"
    assert keys[1] == f"orders-{keys[1][7:15]}.csv"
    assert (lake / "raw" / keys[0]).read_bytes() == one.read_bytes()
    assert (lake / "raw" / keys[1]).read_bytes() == two.read_bytes()
    assert duff("run", two, "--json", "--lake", lake).documents[0]["source_file"] == keys[1]
    assert count(lake, "tbl_duff_orders") == 2


def test_run_takes_gzip_in_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "ORDERS.CSV.GZ"
    path.write_bytes(gzip.compress(FIRST.read_bytes(), mtime=0))
    result = duff("run", path, "--json", "--lake", tmp_path / "lake")
    assert (result.code, result.documents[0]["rows_published"]) == (0, 5)


def test_run_takes_a_file_that_lies_in_the_raw_folder(lake: Path) -> None:
    path = write(lake / "raw" / "2026" / "late.csv", LINE.format(order=9))
    assert duff("run", path, "--json", "--lake", lake).documents[0]["source_file"] == "2026/late.csv"
    assert len(list((lake / "raw").rglob("*.csv"))) == 4


@pytest.mark.parametrize("name", ["or'ders [1] *?.csv", "[red]pedidos[bold].csv", "año 2026;enero.csv"])
def test_run_takes_odd_names(tmp_path: Path, name: str) -> None:
    lake = tmp_path / "it's a [lake]"
    result = duff("run", write(tmp_path / name, LINE.format(order=1)), "--lake", lake)
    assert result.code == 0
    assert result.out.splitlines()[1].startswith(name)
    assert duff("check", "--lake", lake).code == 0


def test_run_obeys_max_reject_share(tmp_path: Path) -> None:
    result = duff("run", DIRTY, "--json", "--max-reject-share", "0.4", "--lake", tmp_path / "lake")
    assert (result.code, result.documents[0]["verdict"], result.documents[0]["rows_withheld"]) == (1, "invalid", 13)
    assert "more than the share of 0.4 that is allowed" in result.documents[0]["reason"]


def test_a_wrong_name_stops_the_run_before_anything_is_made(tmp_path: Path) -> None:
    wrong = write(tmp_path / "orders.txt", LINE.format(order=1))
    result = duff("run", FIRST, wrong, "--lake", tmp_path / "lake")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"duff: {wrong}: an orders file is named *.csv or *.csv.gz\n"
    assert not (tmp_path / "lake").exists()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.symlink_to("/proc/self/mem")  # an ordinary file for `stat`, and an error for whoever reads it, root too
    if not path.is_file():
        pytest.skip("needs Linux's /proc")
    result = duff("run", path, "--lake", tmp_path / "lake")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("duff: ")
    assert "Traceback" not in result.err


# where the lake is


def test_the_lake_is_an_option_before_or_after_the_command_or_a_variable(made: tuple[Path, Result]) -> None:
    lake = made[0]
    expected = duff("files", "--lake", lake)
    assert expected.code == 0
    assert duff("--lake", lake, "files") == expected
    assert duff("files", DUFF_LAKE=str(lake)) == expected
    assert duff("--lake", "/none", "files", "--lake", lake, DUFF_LAKE="/nowhere") == expected
    assert duff("--lake", lake, "files", DUFF_LAKE="/nowhere") == expected


def test_the_lake_is_the_folder_lake_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert duff("run", FIRST).code == 0
    assert (tmp_path / "lake" / "raw" / FIRST.name).is_file()
    assert duff("check").code == 0


@pytest.mark.parametrize("command", ["files", "models", "check", "query", "rejects", "replay"])
def test_only_commands_that_write_make_a_lake(tmp_path: Path, command: str) -> None:
    argument = {"query": ["select 1"], "rejects": ["0"], "replay": ["--all"]}.get(command, [])
    result = duff(command, *argument, "--lake", tmp_path / "none")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"duff: there is no lake at {tmp_path / 'none'}; `duff run FILE` makes one")
    assert not (tmp_path / "none").exists()


# duff watch


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch(tmp_path: Path, number: signal.Signals) -> None:
    lake = tmp_path / "lake"
    write(lake / "raw" / "before.csv", LINE.format(order=1))
    command = [sys.executable, "-m", "duff_orders", "watch", "--settle", "0.1", "--lake", str(lake)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stderr.readline() == f"watching {lake / 'raw'}; Ctrl-C stops\n"
            assert process.stdout.readline().startswith("before.csv: valid, 1 read, 1 published, 0 duplicate, ")
            write(lake / "raw" / "a" / "b" / "later.csv", LINE.format(order=2), "x")
            line = process.stdout.readline()
            assert line.startswith("a/b/later.csv: valid_with_rejects, 2 read, 1 published, ")
            assert line.endswith("): 1 of 2 records rejected\n")
            process.send_signal(number)
            assert process.wait(30) == 0
            assert process.stdout.read() == ""
            assert process.stderr.read() == ""
        finally:
            process.kill()
    assert duff("check", "--lake", lake).out.startswith("all holds: 2 files, 3 rows")
    assert count(lake, "fact_orders") == 2


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_watch_json(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    write(lake / "raw" / "orders.csv", LINE.format(order=1))
    command = [sys.executable, "-m", "duff_orders", "watch", "--settle", "0", "--json", "--lake", str(lake)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            assert list(json.loads(process.stdout.readline())) == [field.name for field in FILES.all_fields]
        finally:
            process.terminate()
        assert process.wait(30) == 0


# A lake that may only be read

#: Root reads and writes whatever it likes, so it gives that right away.
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


#: More than 256 MB to sort: it goes over the scratch folder.
SPILLS = """select max(r) as n from (select row_number() over (order by y) as r
from (select cast(x as varchar) || rpad('', 200, cast(z as varchar)) as y
from unnest(sequence(1, 1000)) as t(x) cross join unnest(sequence(1, 1000)) as u(z)))"""


def test_a_lake_that_may_only_be_read(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    file_id = duff("run", DIRTY, "--lake", lake, "--json").documents[0]["file_id"]
    left = lake / "scratch" / "left by a query that was ended"
    left.mkdir()
    everything = [lake, *lake.rglob("*")]
    held = sorted(everything)
    for path in everything:
        path.chmod(path.stat().st_mode & ~0o222)

    def ask(*arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [*AS_ANYBODY, sys.executable, "-m", "duff_orders", "--lake", str(lake), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    try:
        assert ask("query", "--format", "csv", "select count(*) as n from tbl_duff_rejected_rows").stdout == "n\n11\n"
        assert ask("query", "--format", "csv", SPILLS, "--memory", "256MB").stdout == "n\n1000000\n"
        for command in (["check"], ["check", "--deep"], ["files"], ["rejects", file_id]):
            told = ask(*command)
            assert (told.returncode, told.stderr) == (0, ""), command
        for command in (["run", FIRST], ["replay", "--all"], ["models", "--rebuild"]):
            told = ask(*command)
            assert (told.returncode, "Traceback" in told.stderr) == (1, False), command
            assert "Permission denied" in told.stderr
    finally:
        for path in everything:
            path.chmod(path.stat().st_mode | 0o700)
    assert sorted([lake, *lake.rglob("*")]) == held
    assert duff("query", "select 1", "--lake", lake).code == 0
    assert not left.exists()


# Open files, a closed standard input


def shell(command: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a line in a shell, in which `$DUFF` is the command."""
    given = {**os.environ, "DUFF": f"{sys.executable} -m duff_orders"}
    return subprocess.run(
        ["bash", "-c", command], env=given, capture_output=True, text=True, check=False, timeout=60, **options
    )


def test_more_files_than_a_process_may_open(tmp_path: Path) -> None:
    for number in range(80):
        write(tmp_path / f"{number}.csv", LINE.format(order=number + 1))
    assert duff("run", *tmp_path.glob("*.csv"), "--lake", tmp_path / "lake").code == 0
    ask = '$DUFF --lake lake query --format csv "select count(*) as n from tbl_duff_orders"'
    # what the system allows is taken without being asked
    assert shell(f"ulimit -Sn 64; {ask}", cwd=tmp_path).stdout == "n\n80\n"
    # far fewer than the engine may get along with when its threads take turns
    refused = shell(f"ulimit -n 20; {ask}", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.endswith("Too many open files\n`ulimit -n 4096` allows a process as many open files\n")
    assert "memory" not in refused.stderr


def test_a_query_from_a_closed_standard_input(tmp_path: Path) -> None:
    assert duff("run", FIRST, "--lake", tmp_path / "lake").code == 0
    refused = shell("$DUFF --lake lake query - <&-", cwd=tmp_path)
    told = "duff: - reads the query from standard input, which is closed; give it as an argument\n"
    assert (refused.returncode, refused.stderr) == (2, told)


# Ctrl-C


TRIPLES = "fact_orders a, fact_orders b, fact_orders c"
ENDLESS = f"select count(*) from {TRIPLES} where a.total_price + b.total_price > c.total_price"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "command",
    [
        ["query", ENDLESS],
        ["query", f"select a.order_id from {TRIPLES}"],
        ["query", "--format", "parquet", "-o", "out.parquet", ENDLESS.replace("count(*)", "a.order_id")],
        ["run", "large.csv"],
        ["generate", "more.csv", "--rows", "100000000"],
    ],
    ids=["count", "rows", "parquet", "run", "generate"],
)
def test_interrupted_it_ends_and_the_next_run_goes_on(tmp_path: Path, command: list[str]) -> None:
    assert duff("generate", tmp_path / "orders.csv", "--rows", 5_000).code == 0
    assert duff("generate", tmp_path / "large.csv", "--rows", 1_000_000, "--seed", 1).code == 0
    lake = tmp_path / "lake"
    assert duff("run", tmp_path / "orders.csv", "--lake", lake).code == 0
    place, pattern = (tmp_path, ".more.csv.*") if command[0] == "generate" else (lake / "scratch", "*")
    whole = [sys.executable, "-m", "duff_orders", "--lake", str(lake), *command]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(whole, cwd=tmp_path, stdout=quiet, stderr=subprocess.PIPE, text=True) as started:
        try:
            until(lambda: any(place.glob(pattern)))
            time.sleep(0.3)  # into the engine
            started.send_signal(signal.SIGINT)
            asked = time.monotonic()
            _, told = started.communicate(timeout=30)
            took = time.monotonic() - asked
        finally:
            started.kill()
    assert (started.returncode, told) == (130, "")
    assert took < 5  # half a second by itself, on a machine with other things to do
    assert duff("run", tmp_path / "large.csv", "--lake", lake).code == 0
    assert duff("check", "--lake", lake).out.startswith("all holds: 2 files, 1005000 rows")
    assert not any((lake / "scratch").iterdir())


# duff models


def test_models(lake: Path) -> None:
    assert duff("models", "--lake", lake).out == "star schema: up to date, 16 order lines\n"
    result = duff("models", "--rebuild", "--lake", lake)
    assert result.code == 0
    assert result.out.startswith("star schema: rebuild, 2 files added, 1 partitions written, 16 order lines, ")
    assert duff("check", "--lake", lake).code == 0


# duff query

PRICE, UNITS = Decimal("99999999.9999"), 2**31 - 1


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with an order whose total has all the digits that there are, and one of 15.0000."""
    folder = tmp_path_factory.mktemp("exact")
    orders = write(folder / "orders.csv", f"1,Ñandú,1,1,Duff,{PRICE},{UNITS},0.33,Retail,created", LINE.format(order=2))
    assert duff("run", orders, "--lake", folder / "lake").code == 0
    return folder / "lake"


TOTALS = "select order_id, total_price, client_name from tbl_duff_orders order by order_id"


def test_query_table(exact: Path) -> None:
    assert duff("query", TOTALS, "--lake", exact).out.splitlines() == [
        "order_id              total_price  client_name",
        "--------  -----------------------  -----------",
        f"       1  {PRICE * UNITS}  Ñandú",
        "       2                  15.0000  Moe",
    ]


def test_query_json(exact: Path) -> None:
    result = duff("query", TOTALS, "--format", "json", "--lake", exact)
    assert json.loads(result.out, parse_float=Decimal) == [
        {"order_id": 1, "total_price": PRICE * UNITS, "client_name": "Ñandú"},
        {"order_id": 2, "total_price": Decimal("15.0000"), "client_name": "Moe"},
    ]
    assert '"total_price": 15.0000,' in result.out


def test_query_csv(exact: Path, tmp_path: Path) -> None:
    result = duff("query", TOTALS, "--format", "csv", "--lake", exact)
    assert result.out == f"order_id,total_price,client_name\r\n1,{PRICE * UNITS},Ñandú\r\n2,15.0000,Moe\r\n"
    out = tmp_path / "totals.csv"
    assert duff("query", TOTALS, "--format", "csv", "-o", out, "--lake", exact) == Result(0, "", "")
    assert out.read_bytes().decode("utf-8") == result.out


def test_query_parquet(exact: Path, tmp_path: Path) -> None:
    out = tmp_path / "it's totals.parquet"
    assert duff("query", TOTALS, "--format", "parquet", "--output", out, "--lake", exact) == Result(0, "", "")
    with duckdb.connect() as connection:
        relation = connection.read_parquet(str(out))
        assert [str(kind) for kind in relation.types] == ["BIGINT", "DECIMAL(24,4)", "VARCHAR"]
        assert relation.fetchall() == [(1, PRICE * UNITS, "Ñandú"), (2, Decimal("15.0000"), "Moe")]


def test_query_reads_standard_input(exact: Path) -> None:
    sql = "select order_id -- año\nfrom db_duff_orders.tbl_duff_orders where client_name = 'Ñandú';\n"
    assert duff("query", "-", "--lake", exact, stdin=sql.encode()).out.split() == ["order_id", "--------", "1"]
    broken = duff("query", "-", "--lake", exact, stdin=b"select '\xff'")
    assert (broken.code, broken.err) == (1, "duff: the query is not valid Unicode at character 9\n")


@pytest.mark.parametrize("table", TABLES)
def test_query_reaches_every_table_with_and_without_the_database(made: tuple[Path, Result], table: str) -> None:
    answers = [
        duff("query", f"select * from {prefix}{table}", "--format", "csv", "--lake", made[0])
        for prefix in ("", "db_duff_orders.", "AwsDataCatalog.db_duff_orders.")
    ]
    assert answers[0].code == 0
    assert answers[0].out.splitlines()[0].split(",") == [field.name for field in TABLES[table].all_fields]
    assert len(answers[0].out.splitlines()) > 1
    assert [sorted(each.out) for each in answers] == [sorted(answers[0].out)] * 3


@pytest.mark.parametrize("table", TABLES)
def test_query_answers_in_an_empty_lake(empty: Path, table: str) -> None:
    result = duff("query", f"select * from {table}", "--format", "csv", "--lake", empty)
    assert (result.code, result.out) == (0, ",".join(field.name for field in TABLES[table].all_fields) + "\r\n")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "the query is empty; write a SELECT"),
        ("drop table fact_orders", "a query starts with SELECT or WITH; found: drop"),
        ("select 1; select 2", "one statement is allowed; found a semicolon at line 1"),
        ("select * from fact_order", "did you mean fact_orders?"),
        ("select * from read_csv('/etc/passwd')", "the function 'read_csv' is not allowed"),
        ("select getenv('HOME')", "the function 'getenv' is not allowed"),
        ("select nothing from fact_orders", "the query cannot be answered: Binder Error"),
        ("select cast('x' as bigint)", "the query cannot be answered: Conversion Error"),
        ("select (", "not a query in Athena's SQL"),
    ],
)
def test_query_refuses_in_a_sentence(made: tuple[Path, Result], tmp_path: Path, sql: str, message: str) -> None:
    out = tmp_path / "kept"
    out.write_text("as it was")
    for format in ("csv", "parquet"):
        result = duff("query", sql, "--format", format, "-o", out, "--lake", made[0])
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("duff: ")
        assert message in result.err
        assert "Traceback" not in result.err
        assert out.read_text() == "as it was"


# duff files


def test_files(made: tuple[Path, Result]) -> None:
    lake, run = made
    assert duff("files", "--json", "--lake", lake).documents == run.documents
    lines = duff("files", "--lake", lake).out.splitlines()
    assert lines[0].split() == ["file_id", "event", "time", "(UTC)", "file", "verdict", *["read", "published"],
                                *["duplicate", "rejected", "withheld"]]  # fmt: skip
    for line, document in zip(lines[1:4], run.documents, strict=True):
        assert line.split()[0] == document["file_id"][:12]
        assert line.split()[1] == document["pa_date"]
        assert line.split()[3:5] == [document["source_file"], document["verdict"]]
    assert lines[4].startswith("05-missing-column.csv: column `status` missing")


def test_files_of_an_empty_lake(empty: Path) -> None:
    assert duff("files", "--lake", empty) == Result(0, "no files yet; `duff run FILE` takes one in\n", "")
    assert duff("files", "--json", "--lake", empty) == Result(0, "", "")


# duff rejects


def test_rejects_shows_reasons_and_texts(made: tuple[Path, Result]) -> None:
    lake, run = made
    result = duff("rejects", run.documents[1]["file_id"][:6], "--lake", lake)
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0].startswith("03-dirty.csv: valid_with_rejects, 24 read, 11 published, 2 duplicate, 11 rejected")
    place = lines.index("product_price:not_a_number;status:unknown")
    assert "order_id='5713'" in lines[place + 1]
    assert "product_price='$2.20'" in lines[place + 1]
    place = lines.index("row:malformed_quotes")
    assert (
        lines[place + 1].strip()
        == """'1006,"Springfield" Isotopes,5719,102,Duff Classic,2.50,6,0.33,Stadium,created'"""
    )
    assert len(lines) == 1 + 2 * 11


def test_rejects_of_a_file_without_any(made: tuple[Path, Result], tmp_path: Path) -> None:
    lake, run = made
    assert len(duff("rejects", run.documents[0]["file_id"], "--lake", lake).out.splitlines()) == 1
    out = tmp_path / "none.csv"
    result = duff("rejects", run.documents[2]["file_id"], "--csv", out, "--lake", lake)
    assert (result.code, result.out) == (0, f"0 rejected rows written to {out}\n")


def open_sheet(path: Path, delimiter: str) -> list[dict[str, str]]:
    """A CSV file as a spreadsheet opens it: the byte order mark says that it is UTF-8."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def save_sheet(path: Path, rows: Sequence[dict[str, str]], delimiter: str, encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


#: What a person types over the cells of samples/03-dirty.csv that the reasons name.
CORRECTIONS = {
    "client_id": "1001",
    "client_name": "Moe's Tavern",
    "product_id": "102",
    "product_description": "Duff Classic",
    "product_price": "2.50",
    "product_ccf": "6",
    "product_volume": "0.33",
    "point_of_sale_channel": "Retail",
    "status": "created",
}


def correct(row: dict[str, str]) -> None:
    if row["record"]:  # no fields: they are typed from the record's text
        fields = row["record"].replace('"', "").split(",")
        row.update(zip(COLUMN_NAMES, [*fields[:9], "created"], strict=True))
    for reason in row["reasons"].split(";"):
        column, _, _ = reason.partition(":")
        if column != "row":
            row[column] = CORRECTIONS[column]


def test_rejects_are_exported_corrected_and_published(lake: Path, tmp_path: Path) -> None:
    out = tmp_path / "corrections.csv"
    result = duff("rejects", ids(lake)["03-dirty.csv"], "--csv", out, "--lake", lake)
    assert (result.code, result.out) == (0, f"11 rejected rows written to {out}\n")
    rows = open_sheet(out, ",")
    assert list(rows[0]) == [*COLUMN_NAMES, "reasons", "record"]
    before = count(lake, "tbl_duff_orders")
    for row in rows:
        correct(row)
    save_sheet(out, rows, ",", "utf-8-sig")
    again = duff("run", out, "--json", "--lake", lake)
    assert again.code == 0
    assert again.documents[0]["verdict"] == "valid"
    assert again.documents[0]["rows_published"] == 11
    assert again.documents[0]["extra_columns"] == ["reasons", "record"]
    assert count(lake, "tbl_duff_orders") == before + 11
    sql = "select order_id from fact_orders where order_id between 5710 and 5720 order by 1"
    assert duff("query", sql, "--format", "csv", "--lake", lake).out.split()[1:] == [str(n) for n in range(5710, 5721)]
    assert duff("check", "--lake", lake).code == 0


FORMULAS = [
    *('=HYPERLINK("http://a.org","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1", "\uff1d1+1"),
    *("--", "=", "-", "+"),
]
NO_FORMULAS = ["-5", "+5,00", "-1.5", "Moe - Tavern", " =1+1", "a=b", "5"]


def formula_lake(tmp_path: Path) -> tuple[Path, str]:
    """A lake with a file whose rejected rows hold formulas in several columns; and its id."""
    source = tmp_path / "formulas.csv"
    with source.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMN_NAMES)
        for order, text in enumerate(FORMULAS + NO_FORMULAS, 1):
            writer.writerow([1, text, order, 1, text, "2.50", 6, "0.33", "Retail", text])
    lake = tmp_path / "lake"
    duff("run", source, "--max-reject-share", "1", "--lake", lake)
    return lake, ids(lake)["formulas.csv"]


def test_no_cell_of_an_export_is_run_as_a_formula(tmp_path: Path) -> None:
    lake, file_id = formula_lake(tmp_path)
    out = tmp_path / "new" / "corrections.csv"  # a missing folder is made
    assert duff("rejects", file_id, "--csv", out, "--lake", lake).code == 0
    rows = sorted(open_sheet(out, ","), key=lambda row: int(row["order_id"]))
    assert [row["client_name"] for row in rows] == [" " + text for text in FORMULAS] + NO_FORMULAS
    assert [row["status"] for row in rows] == [row["client_name"] for row in rows]
    raw = tmp_path / "raw.csv"
    assert duff("rejects", file_id, "--csv", raw, "--raw", "--lake", lake).code == 0
    exact = sorted(open_sheet(raw, ","), key=lambda row: int(row["order_id"]))
    assert [row["client_name"] for row in exact] == FORMULAS + NO_FORMULAS
    # what comes back, with the status corrected, is what the partner wrote
    for row in rows:
        row["status"] = "created"
    save_sheet(out, rows, ",", "utf-8-sig")
    again = duff("run", out, "--json", "--lake", lake).documents[0]
    assert (again["verdict"], again["rows_published"]) == ("valid", len(rows))
    sql = "select client_name from tbl_duff_orders order by order_id"
    names = [row["client_name"] for row in json.loads(duff("query", sql, "--format", "json", "--lake", lake).out)]
    assert names == [text.strip(" \t\r") for text in FORMULAS + NO_FORMULAS]


@pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice")
def test_a_spreadsheet_takes_every_cell_for_text(tmp_path: Path) -> None:
    lake, file_id = formula_lake(tmp_path)
    out = tmp_path / "corrections.csv"
    duff("rejects", file_id, "--csv", out, "--lake", lake)
    # field separator, quote, UTF-8, first line; then of the export: "formulas" written out where a cell has one
    options = ["--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1", "--convert-to", "fods"]
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(["soffice", profile, "--headless", *options, "--outdir", tmp_path, out], check=True, timeout=120)
    assert "table:formula=" not in (tmp_path / "corrections.fods").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"], ids=["kept as UTF-8", "saved as Windows-1252"])
def test_rejects_of_a_spanish_export_keep_its_dialect(tmp_path: Path, encoding: str) -> None:
    lake = tmp_path / "lake"
    source = write(
        tmp_path / "pedidos.csv",
        "1;Peña Ñuñoa;1;7;Duff Añejo;2,50;6;0,33;Botillería;created",
        '1;"Peña; ""La Ñ""";2;7;Duff Añejo;2,50;6;0,33;Botillería;entregado',
        "1;Peña Ñuñoa;3;7;Duff Añejo;2,50;6;0,33333;Botillería;created",
        header=HEADER.replace(",", ";"),
        encoding="cp1252",
    )
    duff("run", source, "--max-reject-share", "1", "--lake", lake)
    out = tmp_path / "corregido.csv"
    assert duff("rejects", ids(lake)["pedidos.csv"], "--csv", out, "--lake", lake).code == 0
    rows = open_sheet(out, ";")
    assert {row["reasons"] for row in rows} == {"status:unknown", "product_volume:too_precise"}
    for row in rows:
        assert row["product_price"] == "2,50"
        if row["reasons"] == "status:unknown":
            assert row["client_name"] == 'Peña; "La Ñ"'
            row["status"] = "delivered"
        else:
            row["product_volume"] = "0,33"
    save_sheet(out, rows, ";", encoding)
    assert duff("run", out, "--json", "--lake", lake).documents[0]["verdict"] == "valid"
    sql = "select order_id, client_name, total_price, total_volume from fact_orders join dim_clients using (client_id)"
    answer = duff("query", f"{sql} order by order_id", "--format", "json", "--lake", lake).out
    found = [tuple(row.values()) for row in json.loads(answer, parse_float=str)]
    # the client's latest name is that of the later file, and of its records the greatest one's
    assert {row[1] for row in found} == {'Peña; "La Ñ"'}
    assert [(row[0], *row[2:]) for row in found] == [(n, "15.0000", "1.9800") for n in (1, 2, 3)]


# duff replay


def test_replay_takes_a_prefix_and_changes_nothing_under_the_same_rules(lake: Path) -> None:
    before = {row["file_id"]: row for row in duff("files", "--json", "--lake", lake).documents}
    dirty = ids(lake)["03-dirty.csv"]
    result = duff("replay", dirty[:8], "--json", "--lake", lake)
    assert result.code == 0
    [row] = result.documents
    for name in ("revision", "started", "finished"):
        row[name] = before[dirty][name]
    assert row == before[dirty]
    assert duff("check", "--lake", lake).code == 0


def test_replay_under_another_share_changes_the_verdict_and_back(lake: Path) -> None:
    dirty = ids(lake)["03-dirty.csv"]
    strict = duff("replay", dirty, "--max-reject-share", "0.1", "--json", "--lake", lake)
    assert (strict.code, strict.documents[0]["verdict"], strict.documents[0]["revision"]) == (1, "invalid", 1)
    assert (count(lake, "tbl_duff_orders"), count(lake, "fact_orders")) == (5, 5)
    assert duff("check", "--lake", lake).code == 0
    usual = duff("replay", dirty, "--json", "--lake", lake)
    assert (usual.code, usual.documents[0]["verdict"], usual.documents[0]["revision"]) == (0, "valid_with_rejects", 2)
    assert (count(lake, "tbl_duff_orders"), count(lake, "fact_orders")) == (16, 16)
    assert duff("check", "--lake", lake).code == 0


def test_replay_all(lake: Path) -> None:
    result = duff("replay", "--all", "--lake", lake)
    assert result.code == 1  # one of them is still invalid
    assert [line.split()[1] for line in result.out.splitlines()[1:4]] == ["valid", "valid_with_rejects", "invalid"]
    assert {row["revision"] for row in duff("files", "--json", "--lake", lake).documents} == {1}
    assert duff("check", "--lake", lake).code == 0


def test_replay_failed_takes_up_what_failed_or_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tmp_path / "lake"

    def fails(*_: object, **__: object) -> None:
        raise CountMismatch("the engine lost its glasses")

    with monkeypatch.context() as patched:
        patched.setattr(on_duckdb, "scan", fails)
        result = duff("run", FIRST, "--lake", lake, DUFF_RETRIES="0")
    assert result.code == 1
    assert "01-orders.csv: the pipeline failed: the engine lost its glasses" in result.out
    assert duff("files", "--json", "--lake", lake).documents[0]["error"] == "CountMismatch: the engine lost its glasses"
    opened = lakes.open_lake(lake)
    lakes.drop(opened, "cut-off.csv", DIRTY.read_bytes())
    announce(opened.disk, "cut-off.csv")
    assert duff("check", "--lake", lake).code == 1
    again = duff("replay", "--failed", "--json", "--lake", lake)
    assert again.code == 0
    assert [row["source_file"] for row in again.documents] == ["01-orders.csv", "cut-off.csv"]
    assert duff("check", "--lake", lake).code == 0
    assert duff("replay", "--failed", "--json", "--lake", lake) == Result(0, "", "")


def test_a_replay_that_fails_takes_nothing_away(lake: Path) -> None:
    (lake / "raw" / FIRST.name).unlink()
    before = contents(lake)
    result = duff("replay", ids(lake)[FIRST.name], "--lake", lake)
    assert result.code == 1
    assert "the pipeline failed: 01-orders.csv is gone from the raw folder" in result.out
    assert "the outcome of before still stands" in result.out
    assert contents(lake) == before


def test_replay_never_takes_another_content_for_the_old_one(lake: Path) -> None:
    raw = lake / "raw" / FIRST.name
    raw.write_bytes(raw.read_bytes().replace(b"2.50,6", b"9.99,6"))  # of the same size
    before = contents(lake)
    result = duff("replay", ids(lake)[FIRST.name], "--lake", lake)
    assert result.code == 1
    assert "was overwritten in the raw folder" in result.out
    assert contents(lake) == before


def test_replay_refuses_an_ambiguous_prefix(lake: Path) -> None:
    before = contents(lake)
    opened = lakes.open_lake(lake)
    taken = {file_id[0] for file_id in ids(lake).values()}
    for number in range(1000):
        row = lakes.ingest(opened, f"{number}.csv", f"{HEADER}\n{LINE.format(order=number + 1)}\n".encode())
        if row.file_id[0] in taken:
            break
    result = duff("replay", row.file_id[0], "--lake", lake)
    assert (result.code, result.out) == (2, "")
    assert f"no file {row.file_id[0]!r} in the ledger" in result.err
    assert "the first characters are enough if unique" in result.err
    assert before.items() <= contents(lake).items()


# duff check


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
    "rows lost from an object": (
        rewrite("delete from rows where rowid = 0", REJECTED),
        ["rows_rejected is 11, but tbl_duff_rejected_rows has 10 rows"],
    ),
    "extra object": (extra_object, [f"{'0' * 32}-0.parquet: an orphan, no ledger row speaks of it"]),
    "edited count of objects": (
        edit_ledger('"orders_objects": 1', '"orders_objects": 2'),
        ["01-orders.csv (", "-1.parquet is missing; `duff replay` makes it again"],
    ),
    "count of objects set to nothing": (
        edit_ledger('"orders_objects": 1', '"orders_objects": 0'),
        ["-0.parquet: an orphan", "rows_published is 5, but tbl_duff_orders has 0 rows"],
    ),
    "edited count": (
        edit_ledger('"rows_published": 5', '"rows_published": 4'),
        ["5 rows read, but the four counts add up to 4", "rows_published is 4, but tbl_duff_orders has 5 rows"],
    ),
    "edited verdict": (
        edit_ledger('"verdict": "valid"', '"verdict": "invalid"'),
        ["5 rows published with the verdict invalid"],
    ),
    "deleted ledger row": (
        lambda lake: only(lake, f"processed/files/*/{ids(lake)['01-orders.csv']}.json").unlink(),
        ["01-orders.csv (", "announced, but not processed; `duff replay ", "an orphan", "the star schema is behind"],
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
        ["of the star schema is missing; `duff models --rebuild` makes it again"],
    ),
    "deleted partition": (
        remove("processed/star/fact_orders/*/*/*.parquet"),
        ["of the star schema is missing; `duff models --rebuild` makes it again"],
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
    assert duff("check", "--lake", empty).out.startswith("all holds: 0 files, 0 rows")


@pytest.mark.parametrize(
    "damage",
    [*DAMAGES],
)
def test_check_tells_each_kind_of_damage(lake: Path, damage: str) -> None:
    inflict, sentences = DAMAGES[damage]
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
    assert compared[0] in {f"{number} files compared with their text\n" for number in range(11)}
    assert compared[1] == "13 files compared with their text\n"
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
    assert result.err.startswith("duff: the engine failed: IO Error")
    assert "`duff check` tells what is damaged" in result.err


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


# help, and what users get wrong


def test_no_command_and_help_teach() -> None:
    bare, asked = duff(), duff("--help")
    assert asked.code == 0
    for text in (asked.out, bare.out + bare.err):
        assert "Start with duff run orders.csv" in text
        assert all(command.name in text for command in app.registered_commands if command.name)


def test_help_names_each_default_and_variable() -> None:
    help_text = " ".join((duff("run", "--help").out + duff("watch", "--help").out).replace("│", " ").split())
    for hint in ("DUFF_LAKE", "DUFF_MEMORY; default: 1GB", "DUFF_MAX_REJECT_SHARE; default: 0.5"):
        assert hint in help_text
    for hint in ("DUFF_WORKERS; default: 2", "DUFF_SETTLE; default: 1"):
        assert hint in help_text


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "unknown command": (["rum"], 2, "No such command 'rum'"),
    "unknown option": (["files", "--jason"], 2, "No such option: --jason"),
    "no file": (["run"], 2, "Missing argument"),
    "missing file": (["run", "nothing.csv"], 2, "'nothing.csv' does not exist"),
    "folder for a file": (["run", "."], 2, "is a directory"),
    "suffix": (["run", __file__], 2, "an orders file is named *.csv or *.csv.gz"),
    "memory": (["run", "--memory", "lots", str(FIRST)], 2, "a number and a unit, such as 512MB, 1GB or 2GiB"),
    "too little memory": (["run", "--memory", "1MB", str(FIRST)], 2, "the least that works is 256MB"),
    "share": (["run", "--max-reject-share", "half", str(FIRST)], 2, "--max-reject-share is 'half', which is no number"),
    "share above 1": (["run", "--max-reject-share", "50", str(FIRST)], 2, "allowed is 0 to 1"),
    "share that is no number": (["run", "--max-reject-share", "nan", str(FIRST)], 2, "allowed is 0 to 1"),
    "workers": (["watch", "--workers", "0"], 2, "workers is 0; at least 1 is needed"),
    "settle": (["watch", "--settle", "-1"], 2, "settle is -1.0; allowed is 0 to 1000000"),
    "settle that is no number": (["watch", "--settle", "nan"], 2, "settle is nan"),
    "no lake": (["files", "--lake", "/dev/null/lake"], 2, "there is no lake at /dev/null/lake"),
    "lake that cannot be made": (["run", str(FIRST), "--lake", "/dev/null/lake"], 1, "Not a directory"),
    "no id": (["replay"], 2, "name file ids, or give --failed or --all"),
    "unknown id": (["replay", "zzz"], 2, "no file 'zzz' in the ledger; `duff files` lists the ids"),
    "empty id": (["replay", ""], 2, "no file '' in the ledger"),
    "rejects of an unknown id": (["rejects", "zzz"], 2, "no file 'zzz' in the ledger"),
    "rejects to nowhere": (["rejects", "{dirty}", "--csv", "/dev/null/out.csv"], 1, "Not a directory"),
    "no query": (["query"], 2, "Missing argument"),
    "format": (["query", "select 1", "--format", "xml"], 2, "'xml' is not one of 'table', 'json', 'csv', 'parquet'"),
    "parquet to nowhere": (["query", "select 1", "--format", "parquet"], 2, "--format parquet needs --output FILE"),
    "answer to nowhere": (["query", "select 1", "-o", "/dev/null/out"], 1, "Not a directory"),
}


#: What `settings` lets through.


@pytest.mark.parametrize(
    "mistake",
    [*MISTAKES],
)
def test_a_mistake_is_told_in_a_sentence(made: tuple[Path, Result], tmp_path: Path, mistake: str) -> None:
    arguments, code, message = MISTAKES[mistake]
    lake = tmp_path / "new" if arguments[0] in ("run", "watch") else made[0]
    dirty = made[1].documents[1]["file_id"]
    result = duff(*(each.replace("{dirty}", dirty) for each in arguments), DUFF_LAKE=str(lake))
    assert (result.code, result.out) == (code, "")
    assert message in " ".join(result.err.replace("│", " ").split())
    assert "Traceback" not in result.err
    assert not (tmp_path / "new").exists()


WRONG = {"MEMORY": "1XB", "WORKERS": "two", "GRACE": "-1", "THREADS": "abc", "RETRIES": "1.5", "SETTLE": "x"}


@pytest.mark.parametrize(("name", "value"), [(f"DUFF_{name}", value) for name, value in WRONG.items()])
def test_a_wrong_variable_is_named(made: tuple[Path, Result], name: str, value: str) -> None:
    result = duff("files", "--lake", made[0], stdin=b"", **{name: value})
    assert (result.code, result.out) == (2, "")
    assert name.removeprefix("DUFF_").lower() in result.err.lower()
    assert "allowed" in result.err
    assert "literal" not in result.err


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / os.fsdecode(b"caf\xe9.csv"), LINE.format(order=1))
    result = duff("run", path, "--lake", tmp_path / "lake")
    assert (result.code, result.out) == (2, "")
    assert r"caf\udce9.csv: " in result.err
    assert not (tmp_path / "lake").exists()


# whole processes


def whole(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duff_orders", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.slow
def test_exit_codes_of_whole_processes(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert whole("run", FIRST, "--lake", lake).returncode == 0
    assert whole("run", BROKEN, "--lake", lake).returncode == 1
    wrong = whole("run", "--memory", "lots", FIRST, "--lake", lake)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "duff: --memory is 'lots': allowed are a number and a unit, such as 512MB, 1GB or 2GiB\n"


@pytest.mark.slow
def test_a_terminal_without_the_letters_is_no_reason_to_fail(exact: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = whole("query", TOTALS, "--lake", exact, env=environ)
    assert (result.returncode, result.stderr) == (0, "")
    assert r"\xd1and\xfa" in result.stdout


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    duff("generate", "--rows", 50_000, orders)
    assert duff("run", orders, "--lake", tmp_path / "lake").code == 0
    sql = "select * from tbl_duff_orders"
    command = [sys.executable, "-m", "duff_orders", "query", sql, "--lake", str(tmp_path / "lake")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


# the progress bar


class Terminal(io.StringIO):
    """A terminal that remembers all that was written."""

    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_a_bar_shows_each_file_in_work_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    asked = threading.Event()

    def share() -> float:
        asked.set()
        return 0.25

    with contextlib.redirect_stderr(Terminal()) as terminal, show.progress() as bars:
        bars.phase("finished.csv", "scan", lambda: 1.0)
        bars.done("finished.csv")
        bars.done("unknown.csv")
        bars.phase("or[d]ers.csv", "scan", lambda: 0.0)
        bars.phase("or[d]ers.csv", "transform", share)
        assert asked.wait(10)
        threading.Event().wait(0.5)
    assert "or[d]ers.csv: transform" in terminal.getvalue()
    assert "25%" in terminal.getvalue()
    assert "scan" not in terminal.getvalue()
    assert "finished.csv" not in terminal.getvalue()


def test_no_bar_for_quick_work() -> None:
    with contextlib.redirect_stderr(Terminal()) as terminal, show.progress() as bars:
        bars.phase("orders.csv", "scan", lambda: 0.5)
    assert terminal.getvalue() == ""


def test_no_name_of_a_file_steers_the_terminal(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    evil = "\x1b]0;owned\x07\x1b[2J[red]a.csv"
    write(lake / "raw" / evil, LINE.format(order=1))
    write(lake / "raw" / f"b{evil}", "x", header="not,a,header")
    opened = lakes.open_lake(lake)
    events = [announce(opened.disk, key) for key in (evil, f"b{evil}")]
    for row in process_all(opened, events):
        assert "\x1b" not in show.line(row)
        assert "\\x1b]0;owned\\x07" in show.line(row)
    write(lake / "raw" / f"c{evil}", LINE.format(order=2))
    for command in ("files", "check", "models"):
        result = duff(command, "--lake", lake)
        assert "\x1b" not in result.out + result.err
        assert ("\\x1b]0;owned" in result.out) == (command != "models")
    assert f"c{evil}".encode("unicode_escape").decode() in duff("check", "--lake", lake).out


def test_check_sees_a_raw_file_that_was_overwritten_by_one_of_its_size(lake: Path) -> None:
    raw = lake / "raw" / FIRST.name
    assert duff("check", "--lake", lake).code == 0
    times = raw.stat()
    raw.write_bytes(raw.read_bytes()[::-1])
    os.utime(raw, ns=(times.st_atime_ns, times.st_mtime_ns))  # whoever hides it cannot set the time of the change
    result = duff("check", "--lake", lake)
    assert (result.code, result.out) == (
        1,
        f"{FIRST.name}: lies in the raw folder, but was never processed; `duff watch` takes it up\n",
    )
