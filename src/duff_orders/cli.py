"""`duff`: the command line. Each command is thin: it reads options, calls the Python API and shows the result.

The help keeps the line breaks of all but a text's first paragraph, so these are wrapped for a terminal of 80 columns.
docs/cli.md is made of it: `python -m tests.test_docs`.
"""

import errno
import io
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from duff_orders.errors import DuffError, InputError, SettingsError
from duff_orders.interrupt import EXIT_CODE, is_interrupted, leave_first_to_command
from duff_orders.printable import printable
from duff_orders.settings import Settings

if TYPE_CHECKING:
    from duff_orders.lake.lake import Lake

app = typer.Typer(
    name="duff",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""Orders files in, a star schema out, every row accounted for.

Start with [bold]duff run orders.csv[/bold]: the file is checked, its good rows are stored as
Parquet, its bad rows are kept with their reasons, and the star schema is
brought up to date. Then ask: [bold]duff query "select * from fact_orders"[/bold].

Exit code 0 when all went well; 1 when a file is invalid or failed, a query is
refused, or something in the lake does not hold; 2 for wrong usage.""",
)

LakeOption = Annotated[
    Path | None,
    typer.Option("--lake", metavar="DIR", help="The lake's folder [DUFF_LAKE; default: ./lake].", show_default=False),
]
MemoryOption = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="Memory that may be used [DUFF_MEMORY; default: 1GB]."),
]
ShareOption = Annotated[
    str | None,
    typer.Option(
        "--max-reject-share",
        metavar="SHARE",
        help="A file with a greater share of rejected rows is invalid [DUFF_MAX_REJECT_SHARE; default: 0.5].",
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="duckdb, spark, or auto: large files go to Spark where a cluster is named [DUFF_ENGINE; default: auto].",
    ),
]
MasterOption = Annotated[
    str | None,
    typer.Option(
        "--master",
        metavar="URL",
        help="The Spark master, such as spark://HOST:7077 [DUFF_MASTER; default: local\\[*], this machine].",
    ),
]
Format = Literal["table", "json", "csv", "parquet"]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document a file, one a line.")]


@app.callback()
def options(context: typer.Context, lake: LakeOption = None) -> None:
    """Options before the command."""
    context.obj = lake


def open_lake(context: typer.Context, lake: Path | None, *, create: bool = False, **given: Any) -> "Lake":
    """The lake of the options and the environment; only commands that write make a new one."""
    from duff_orders.lake.lake import Lake

    settings = Settings.load(lake=lake or context.obj, **given)
    if not create and not (settings.lake / "raw").is_dir():
        raise InputError(f"there is no lake at {settings.lake}; `duff run FILE` makes one, --lake names another")
    return Lake.open(settings)


@app.command()
def run(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Orders files: *.csv or *.csv.gz.", exists=True, dir_okay=False),
    ],
    lake: LakeOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    memory: MemoryOption = None,
    max_reject_share: ShareOption = None,
    json: JsonOption = False,
) -> None:
    """Put files into the raw folder and process them.

    A file of the same name never overwrites another; the same file twice
    changes nothing. Prints the verdict and the counts of each file, and brings
    the star schema up to date.
    """
    from duff_orders import pipeline

    for path in files:  # before a new lake is made for nothing
        pipeline.check_name(path)
    opened = open_lake(
        context, lake, create=True, engine=engine, master=master, memory=memory, max_reject_share=max_reject_share
    )
    _process(opened, lambda stage: pipeline.run(opened, files, stage=stage), as_json=json)


@app.command()
def replay(
    context: typer.Context,
    file_ids: Annotated[
        list[str] | None, typer.Argument(metavar="FILE_ID", help="File ids; the first characters are enough.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every file that failed or was cut off.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every file.")] = False,
    lake: LakeOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    memory: MemoryOption = None,
    max_reject_share: ShareOption = None,
    json: JsonOption = False,
) -> None:
    """Process raw objects again under today's rules.

    The new outcome takes the place of the old one, at once and as a whole.
    """
    from duff_orders import pipeline

    if not (file_ids or failed or all_):
        raise typer.BadParameter("name file ids, or give --failed or --all")
    opened = open_lake(context, lake, engine=engine, master=master, memory=memory, max_reject_share=max_reject_share)
    _process(
        opened,
        lambda stage: pipeline.replay(opened, file_ids or (), failed=failed, everything=all_, stage=stage),
        as_json=json,
    )


def _process(lake: "Lake", files: Any, *, as_json: bool) -> None:
    from duff_orders import show
    from duff_orders.models.build import build

    rows = []
    with show.progress() as bars:
        for row in files(bars.stage):
            bars.done(row.source_file)
            rows.append(row)
            if as_json:
                print(row.to_json(), flush=True)
    if not as_json:
        show.outcomes(rows)
    report = build(lake)
    if not as_json:
        show.build(report)
    if any(row.verdict in ("invalid", "failed") for row in rows):
        raise typer.Exit(1)


@app.command()
def watch(
    context: typer.Context,
    lake: LakeOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    memory: MemoryOption = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Files processed at once [DUFF_WORKERS; default: 2].")
    ] = None,
    settle: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="A file that has not changed for so long is whole [DUFF_SETTLE; default: 1]."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Process whatever lands in the raw folder, until stopped.

    Drop files into LAKE/raw or any folder below it. What arrived while nobody
    watched is taken up at the start. Stop with Ctrl-C: files in work are
    finished; a second Ctrl-C leaves them to the next start.
    """
    from duff_orders import show
    from duff_orders.watcher import watch as watch_lake

    opened = open_lake(
        context, lake, create=True, engine=engine, master=master, memory=memory, workers=workers, settle=settle
    )
    stop = threading.Event()
    leave_first_to_command()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # see watch._open_for_writing
    watch_lake(
        opened,
        stop,
        done=lambda row: print(row.to_json() if json else show.line(row), flush=True),
        ready=lambda: print(f"watching {opened.settings.lake / 'raw'}; Ctrl-C stops", file=sys.stderr, flush=True),
    )


@app.command()
def models(
    context: typer.Context,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="From nothing, whatever is there.")] = False,
    lake: LakeOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    memory: MemoryOption = None,
) -> None:
    """Bring the star schema up to date (`run` and `watch` do it too)."""
    from duff_orders import show
    from duff_orders.models.build import build

    show.build(build(open_lake(context, lake, engine=engine, master=master, memory=memory), rebuild=rebuild))


@app.command()
def query(
    context: typer.Context,
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT in Athena's (Trino's) dialect; - reads it from stdin.")
    ],
    format: Annotated[
        Format, typer.Option(metavar="FORMAT", help="table, json, csv or parquet; parquet needs --output.")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.", dir_okay=False)
    ] = None,
    lake: LakeOption = None,
    memory: MemoryOption = None,
) -> None:
    """Ask a question in SQL: read-only, over all tables, plain or as db_duff_orders.TABLE.

    Tables: tbl_duff_orders, tbl_duff_rejected_rows, tbl_duff_files,
    fact_orders, dim_clients, dim_products, dim_status, dim_channels. Decimals
    are exact in every format.
    """
    from duff_orders.query import formats
    from duff_orders.query.engines import answer, write_parquet
    from duff_orders.rejects import make_folder

    opened = open_lake(context, lake, memory=memory)
    # the guard says what is wrong with bytes that are not UTF-8
    text = _read_stdin().decode("utf-8", "surrogateescape") if sql == "-" else sql
    if output is not None:
        make_folder(output)
    if format == "parquet":
        if output is None:
            raise typer.BadParameter("--format parquet needs --output FILE")
        write_parquet(opened, text, output)
        return
    with answer(opened, text) as connection:
        if output is None:
            formats.write(connection, sys.stdout, format)
        else:
            with output.open("w", encoding="utf-8", newline="") as stream:
                formats.write(connection, stream, format)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise InputError("- reads the query from standard input, which is closed; give it as an argument")
    return sys.stdin.buffer.read()


@app.command()
def files(context: typer.Context, lake: LakeOption = None, json: JsonOption = False) -> None:
    """List the ledger: every file, its verdict and its counts."""
    from duff_orders import show

    rows = sorted(open_lake(context, lake).ledger.rows(), key=lambda row: (row.event_time, row.source_file))
    if json:
        for row in rows:
            print(row.to_json())
    else:
        show.ledger(rows)


@app.command()
def rejects(
    context: typer.Context,
    file_id: Annotated[str, typer.Argument(metavar="FILE", help="The file's id; the first characters are enough.")],
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="OUT", help="Export them, to be corrected and dropped again."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the exact text, formulas included: not for spreadsheets.")
    ] = False,
    lake: LakeOption = None,
) -> None:
    """Show a file's rejected rows, with every reason.

    With --csv they are written as a spreadsheet reads them, in the file's own
    dialect, reasons in a further column: correct them and drop the file again;
    further columns are ignored. A text that a spreadsheet would run as a
    formula gets a space in front, which the pipeline trims.
    """
    from duff_orders import rejects as rejected
    from duff_orders import show

    if raw and csv is None:
        raise typer.BadParameter("--raw belongs to --csv OUT")
    opened = open_lake(context, lake)
    row = opened.ledger.find(file_id)
    if csv is None:
        show.rejected(row, rejected.read(opened, row))
    else:
        print(f"{rejected.export(opened, row, csv, raw=raw)} rejected rows written to {csv}")


@app.command()
def check(
    context: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare the rows of every file with its text, not of some only.")
    ] = False,
    lake: LakeOption = None,
    memory: MemoryOption = None,
) -> None:
    """Prove the lake: counts, rows, objects, and the star schema's invariants.

    Lists what does not hold, and exits with 1 then. The rows of up to ten
    files, chosen at random, are compared with their text, which is read a
    second time, in another way than they were made.
    """
    from duff_orders.proof import check as prove

    proof = prove(open_lake(context, lake, memory=memory), deep=deep)
    for problem in proof.problems:
        print(printable(problem))
    if proof.problems:
        number = len(proof.problems)
        print(f"{number} problem{'s' * (number != 1)} in {proof.files} files", file=sys.stderr)
        raise typer.Exit(1)
    accounted = f"{proof.files} files, {proof.rows} rows, every one accounted for"
    print(f"all holds: {accounted}; {proof.reread} files compared with their text")


@app.command()
def generate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: *.csv or *.csv.gz.", dir_okay=False)],
    rows: Annotated[int, typer.Option(metavar="N", help="Records to write.")],
    seed: Annotated[
        int, typer.Option(metavar="S", help="Another seed gives other orders; the same gives the same bytes.")
    ] = 0,
    bad: Annotated[float, typer.Option(metavar="SHARE", help="Share of records that break a rule.")] = 0.0,
    duplicates: Annotated[float, typer.Option(metavar="SHARE", help="Share of exact repeats.")] = 0.0,
) -> None:
    """Write realistic orders, for trials and measurements."""
    from duff_orders.generator.orders import generate as write
    from duff_orders.lake.layout import SUFFIXES

    if not out.name.lower().endswith(SUFFIXES):
        raise InputError(f"{out}: an orders file is named {' or '.join('*' + suffix for suffix in SUFFIXES)}")
    try:
        write(out, rows=rows, seed=seed, bad=bad, duplicates=duplicates)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


ArchitectureOption = Annotated[
    str, typer.Option("--architecture", metavar="NAME", help="The functions' processor: arm64 or x86_64.")
]
PythonOption = Annotated[str, typer.Option("--python", metavar="X.Y", help="The functions' Python.")]


@app.command()
def package(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.", file_okay=False)] = Path("dist"),
    architecture: ArchitectureOption = "arm64",
    python: PythonOption = "3.13",
) -> None:
    """Write what AWS is given: bundles, jobs, state machine.

    The wheels are of the versions that are installed here; the same sources
    and versions give the same bytes. Prints each file's size, of a bundle also
    unzipped.
    """
    from duff_orders.aws.package import package as write
    from duff_orders.aws.package import unzipped

    for path in write(out, architecture=architecture, python=python):  # type: ignore[arg-type] # checked there
        size = f", {unzipped(path) / 10**6:.1f} MB unzipped" if path.suffix == ".zip" else ""
        print(f"{path}: {path.stat().st_size / 10**6:.1f} MB{size}")


@app.command()
def deploy(
    prefix: Annotated[
        str, typer.Option(metavar="NAME", help="Put before all names, e.g. test-: several fit into one account.")
    ] = "",
    stage: Annotated[str, typer.Option(metavar="STAGE", help="buckets, etl, models, or all.")] = "all",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="K=V", help="A parameter of the templates; may be given several times."),
    ] = None,
    architecture: ArchitectureOption = "arm64",
    python: PythonOption = "3.13",
) -> None:
    """Deploy to AWS: package, upload, create or update the three stacks.

    Account, region and endpoint (AWS_ENDPOINT_URL) are those of the
    environment. Prints the stacks' events, and their outputs at the end. May
    be repeated: what has not changed is left alone.
    """
    from duff_orders.aws.deploy import Deployment
    from duff_orders.aws.deploy import deploy as bring_up

    given = dict(each.partition("=")[::2] for each in parameter or ())
    if not all("=" in each for each in parameter or ()):
        raise typer.BadParameter("a parameter is given as NAME=VALUE", param_hint="--parameter")
    outputs = bring_up(
        Deployment(prefix),
        stage=stage,  # type: ignore[arg-type] # checked there
        parameters=given,
        architecture=architecture,  # type: ignore[arg-type] # checked there
        python=python,
        on_event=lambda resource, state, why: print(f"{resource}: {state}{f' ({why})' if why else ''}", flush=True),
    )
    print()
    for name, value in sorted(outputs.items()):
        print(f"{name}={value}")


def main() -> None:
    """Run `duff`; a mistake of the user's is told in a sentence, never as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a letter that the terminal lacks is no reason to fail
    try:
        app(prog_name="duff")
    except (SettingsError, InputError) as error:
        _fail(str(error), 2)
    except DuffError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ModuleNotFoundError as error:
        if error.name not in ("boto3", "obstore"):
            raise
        _fail(f"this needs {error.name}, which the extra `aws` brings: pip install 'duff-orders[aws]'", 2)
    except Exception as error:
        if type(error).__module__.startswith("botocore."):
            _fail(f"AWS refused: {error}")
        if not _is_engine_error(error):
            raise
        _fail(f"the engine failed: {error}\n`duff check` tells what is damaged; --memory gives it more memory")


def _is_engine_error(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] in ("duckdb", "_duckdb", "pyspark", "py4j")


def _fail(message: str, code: int = 1) -> None:
    if is_interrupted():
        raise SystemExit(EXIT_CODE)
    if os.strerror(errno.EMFILE) in message:
        message = f"{message.splitlines()[0]}\n`ulimit -n 4096` allows a process as many open files"
    print("duff: " + "\n".join(map(printable, message.splitlines())), file=sys.stderr)
    raise SystemExit(code)
