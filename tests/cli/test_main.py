"""What all commands share: where the lake is, help, wrong usage, a lake that may only be read, open files, Ctrl-C."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from duff_orders.cli import show
from duff_orders.cli.main import GROUPS, app
from duff_orders.lake.raw import announce
from duff_orders.local.run import process_all
from tests import lakes
from tests.cli.commands import BROKEN, DIRTY, FIRST, LINE, TOTALS, Result, duff, shell, write
from tests.effort import PATIENCE
from tests.faults.commands import until

pytestmark = pytest.mark.slow


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
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)

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
    # what is to be interrupted must take a while; the queries do by themselves
    rows = 1_000_000 if command[0] == "run" else 5_000
    assert duff("generate", tmp_path / "large.csv", "--rows", rows, "--seed", 1).code == 0
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
            _, told = started.communicate(timeout=PATIENCE)  # by itself it would take for ever, or longer
        finally:
            started.kill()
    assert (started.returncode, told) == (130, "")
    assert duff("run", tmp_path / "large.csv", "--lake", lake).code == 0
    assert duff("check", "--lake", lake).out.startswith(f"all holds: 2 files, {5_000 + rows} rows")
    assert not any((lake / "scratch").iterdir())


# help, and what users get wrong


def test_the_version() -> None:
    assert duff("--version") == Result(0, f"duff-orders {version('duff-orders')}\n", "")


def test_help_lists_commands_in_groups_and_run_first() -> None:
    shown = duff("--help").out
    assert {name for group in GROUPS.values() for name in group} == set(get_command(app).commands)  # type: ignore[attr-defined]
    places = [shown.index(f"─ {group} ─") for group in GROUPS]
    assert places == sorted(places)
    assert shown.index(" run ") < shown.index(" watch ")


def test_the_shell_completes_commands_reports_and_files(made: tuple[Path, Result]) -> None:
    def completed(line: str) -> list[str]:
        given = {"_DUFF_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        return whole(env={**os.environ, **given, "DUFF_LAKE": str(made[0])}).stdout.split()

    assert completed("duff re") == ["rejects", "replay", "repair"]
    assert completed("duff query --report sales_by_c") == ["sales_by_channel", "sales_by_client"]
    assert completed("duff rejects 4022") == ["40228693a13062e8cf6b1f1ac436c952"]


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
    "no id": (["replay"], 2, "name file ids, or give --failed, --stale, --all or --unannounced"),
    "unknown id": (["replay", "zzz"], 2, "no file 'zzz' in the ledger; `duff files` lists the ids"),
    "empty id": (["replay", ""], 2, "no file '' in the ledger"),
    "rejects of an unknown id": (["rejects", "zzz"], 2, "no file 'zzz' in the ledger"),
    "rejects to nowhere": (["rejects", "{dirty}", "--csv", "/dev/null/out.csv"], 1, "Not a directory"),
    "no query": (["query"], 2, "give SQL, or --report NAME"),
    "two queries": (["query", "select 1", "--report", "lifecycle"], 2, "give SQL, or --report NAME"),
    "no report": (["query", "--report", "x"], 2, "no report 'x'; reports: average_order"),
    "no parameter": (["query", "--report", "lifecycle", "--with", "a=1"], 2, "has no parameter 'a'"),
    "no date": (["query", "--report", "lifecycle", "--with", "to=x"], 2, "to is 'x'; allowed is a date"),
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
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)


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
    assert process.returncode == 0


def test_work_goes_on_when_nobody_reads_what_is_told_of_it(tmp_path: Path) -> None:
    """Each line of `--json` is written at once: the first meets a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    lake = tmp_path / "lake"
    for more, code in ((["--json"], 1), ([], 1)):
        told = whole_to(writer, "run", FIRST, DIRTY, BROKEN, *more, "--lake", lake)
        assert (told.returncode, told.stderr) == (code, "")
    os.close(writer)
    assert duff("check", "--lake", lake).out.startswith("all holds: 3 files, 29 rows")


def whole_to(stdout: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duff_orders", *map(str, arguments)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)


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


@pytest.mark.parametrize("word", ["--stack", "--prefix", "--deployment"])
def test_names_that_an_option_had_are_still_read(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr("duff_orders.aws.remote.Remote.of", lambda name, settings: seen.append(name))
    for given in ([word, "acme"], [f"{word}=acme"]):
        CliRunner().invoke(app, ["status", *given])
    monkeypatch.setenv("DUFF_STACK", "other")
    CliRunner().invoke(app, ["status"])
    monkeypatch.setenv("DUFF_DEPLOYMENT", "this")
    CliRunner().invoke(app, ["status"])
    assert seen == ["acme", "acme", "other", "this"]
    assert word == "--deployment" or word not in CliRunner().invoke(app, ["status", "--help"]).output
