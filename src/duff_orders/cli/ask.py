"""`duff query`, `files` and `rejects`: read what came out."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer
from typer.core import TyperCommand

from duff_orders.cli import pipe
from duff_orders.cli.options import (
    DeploymentOption,
    FileArgument,
    JsonOption,
    LakeOption,
    MemoryOption,
    app,
    deployed,
    open_lake,
    opened,
)
from duff_orders.errors import DamagedObject, InputError

if TYPE_CHECKING:
    from duff_orders.lake.stores.base import Store
    from duff_orders.query.athena import ResultPages

#: How long an answer of Athena is waited for; then the query is cancelled.
ATHENA_SECONDS = 300.0
#: Files that are listed unless all are asked for.
NEWEST = 50


def complete_report(incomplete: str) -> list[str]:
    """For the shell: the reports whose names begin so."""
    from duff_orders.query import reports

    return [name for name in reports.names() if name.startswith(incomplete)]


class _WithReports(TyperCommand):
    """A command whose help tells the reports: they are read when it is asked for, not whenever a command starts."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from duff_orders.query import reports

        entries = (
            f"{each.name} ({', '.join(one.name for one in each.parameters)})"
            for each in map(reports.report, reports.names())
        )
        self.help = (self.help or "").replace("REPORTS", f"{', '.join(entries)}.")
        super().format_help(ctx, formatter)


Format = Literal["table", "json", "csv", "parquet"]


@app.command(cls=_WithReports)
def query(
    context: typer.Context,
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="One SELECT in Athena's (Trino's) dialect; - reads it from stdin."),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="NAME", help="A ready-made question instead of SQL.", autocompletion=complete_report
        ),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME=VALUE", help="A parameter of the report, e.g. from=2026-11-01."),
    ] = None,
    format: Annotated[
        Format, typer.Option(metavar="FORMAT", help="table, json, csv or parquet; parquet needs --output.")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.", dir_okay=False)
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", help="Give up after so long; then memory is limited, too.", min=0),
    ] = None,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    memory: MemoryOption = None,
) -> None:
    """Ask a question in SQL: read-only, over all tables, plain or as db_duff_orders.TABLE.

    Tables: tbl_duff_orders, tbl_duff_rejected_rows, tbl_duff_files,
    fact_orders, dim_clients, dim_products, dim_status, dim_channels. Decimals
    are exact in every format. Reports, and what --with may give them: REPORTS
    """
    from duff_orders.cli import show
    from duff_orders.cli.limits import within
    from duff_orders.query import formats
    from duff_orders.query.duckdb import answer, write_parquet
    from duff_orders.query.rejects import make_folder

    if output is None:
        pipe.end_when_closed()
    _check_question(sql, report, pairs or [])
    if format == "parquet" and output is None:
        raise typer.BadParameter("--format parquet needs --output FILE")
    if output is not None:
        make_folder(output)
    with deployed(deployment) as remote:
        if remote is not None:
            seconds = ATHENA_SECONDS if timeout is None else timeout
            text, longer = _question(sql, report, pairs or [], remote.store)
            rows = _write_answer(remote.ask(text, timeout=seconds), format, output)
            if longer is not None and rows == longer.most:
                _tell_cut(longer, sum(len(page) for page in remote.ask(longer.sql, timeout=seconds).pages))
            return
    opened_lake = open_lake(context, lake, memory=memory)
    text, longer = _question(sql, report, pairs or [], opened_lake.store)
    left_out: list[DamagedObject] = []
    with within(timeout, opened_lake.settings.memory, output):
        if format == "parquet":
            assert output is not None
            rows = write_parquet(opened_lake, text, output, left_out=left_out)
        else:
            with answer(opened_lake, text, left_out=left_out) as answered, _stream(output) as stream:
                rows = formats.write(answered, stream, format)
        if longer is not None and rows == longer.most:
            with answer(opened_lake, longer.sql, left_out=[]) as answered:
                _tell_cut(longer, len(answered.fetchall()))
    if show.left_out(left_out):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Longer:
    """The SQL of a report of one row more than was asked for: whether rows were left out is seen by it."""

    sql: str
    most: int
    allowed: int | None


def _tell_cut(longer: _Longer, rows: int) -> None:
    """Say where rows of a report were left out."""
    if rows > longer.most:
        up_to = "" if longer.allowed is None else f", up to {longer.allowed:,}"
        print(f"only the first {longer.most:,} rows; --with limit=N shows more{up_to}", file=sys.stderr)


def _check_question(sql: str | None, report: str | None, assignments: list[str]) -> None:
    """One of the two ways to ask."""
    if (sql is None) == (report is None):
        raise typer.BadParameter("give SQL, or --report NAME")
    if report is None and assignments:
        raise typer.BadParameter("--with is for a --report")


def _question(
    sql: str | None, report: str | None, assignments: list[str], store: "Store"
) -> tuple[str, _Longer | None]:
    """The SQL that is asked for; of a report, ours or one that the lake keeps, also that of one row more."""
    from duff_orders.query.kept import find

    if report is None:
        # the guard says what is wrong with bytes that are not UTF-8
        return (_read_stdin().decode("utf-8", "surrogateescape") if sql == "-" else str(sql)), None
    declared = find(store, report)
    pairs = [each.partition("=") for each in assignments]
    values = {name: declared.parameter(name).read(value) for name, _, value in pairs}
    most = declared.limit(values)
    longer = None if most is None else _Longer(declared.text(values | {"limit": most + 1}), most, declared.most_rows)
    return declared.text(values), longer


@contextmanager
def _stream(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
    else:
        with output.open("w", encoding="utf-8", newline="") as stream:
            yield stream


def _write_answer(result: "ResultPages", format: Format, output: Path | None) -> int:
    """Write what Athena answered; gives the number of rows."""
    from duff_orders.query import formats

    if format != "parquet":
        with _stream(output) as stream:
            return formats.write(formats.Pages(result.columns, result.pages), stream, format)
    assert output is not None
    with formats.taken(result.columns, result.pages) as (connection, statement):
        return formats.write_parquet(connection, statement, output)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise InputError("- reads the query from standard input, which is closed; give it as an argument")
    return sys.stdin.buffer.read()


@app.command()
def files(
    context: typer.Context,
    open_: Annotated[
        bool, typer.Option("--open", help="Only those of which rows are neither corrected nor given up.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every file, not only the newest 50.")] = False,
    partner: Annotated[
        str | None, typer.Option("--partner", metavar="NAME", help="Only those that this profile is for, or was.")
    ] = None,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    json: JsonOption = False,
) -> None:
    """List the ledger: the newest files, their verdicts and their counts.

    "open" are the rows that nobody has corrected or given up yet, of all time.
    --open and --json list every file.
    """
    from duff_orders.cli import show
    from duff_orders.lake import partners
    from duff_orders.query.rejects import standings

    pipe.end_when_closed()
    left_out: list[DamagedObject] = []
    with opened(context, lake, deployment) as source:
        known = standings(source, left_out.append)
        rows = known.rows()
        if partner is not None:
            rows = [*filter(partners.under(source.store, partner).was_for, rows)]
        listed = sorted(map(known.of, rows), key=lambda each: (each.row.event_time, each.row.source_file))
    if open_:
        listed = [each for each in listed if each.is_open]
    if json:
        for each in listed:
            print(each.row.to_json())
    else:
        older = 0 if all_ or open_ else max(len(listed) - NEWEST, 0)
        show.ledger(listed[older:], only_open=open_, older=older)
    if show.left_out(left_out):
        raise typer.Exit(1)


@app.command()
def rejects(
    context: typer.Context,
    file_id: FileArgument,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="OUT", help="Export them, to be corrected and dropped again."),
    ] = None,
    locale: Annotated[
        str | None,
        typer.Option(
            "--locale",
            metavar="es-CL",
            help="Whose spreadsheet opens it: decimal mark and delimiter. [default: the system's]",
            show_default=False,
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Export those that are corrected or given up, too.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the exact text in the file's own dialect: not for spreadsheets.")
    ] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document per row, one per line.")] = False,
) -> None:
    """Show a file's rejected rows, with every reason.

    With --csv those that are open are written for a spreadsheet, reasons in a
    further column: correct them and drop the file again. `duff_corrects` ties
    each row to the one whose place it takes. A correction changes only cells
    that had a reason; name others in `duff_changes`. A wrong cell that a
    spreadsheet could turn into a good one begins with `?`; one that it would
    run as a formula with a space, which the pipeline trims.
    """
    from duff_orders.cli import show
    from duff_orders.query import rejects as rejected
    from duff_orders.query.readers import reader_in, system_locale

    if csv is None:
        pipe.end_when_closed()
    if json and csv is not None:
        raise typer.BadParameter("--json and --csv are two ways of telling them; give one")
    if csv is None and (raw or all_ or locale is not None):
        raise typer.BadParameter("--raw, --all and --locale belong to --csv OUT")
    if raw and locale is not None:
        raise typer.BadParameter("--raw writes the file's own dialect, --locale a reader's; give one")
    reader = None if raw else reader_in(system_locale(os.environ) if locale is None else locale)
    left_out: list[DamagedObject] = []
    with opened(context, lake, deployment) as source:
        row = source.ledger.find(file_id)
        if json:
            for record in rejected.read(source, row):
                print(dumps(record, default=str, ensure_ascii=False))
        elif csv is None:
            show.rejected(row, rejected.read(source, row))
        else:
            only = (lambda _: True) if all_ else rejected.open_ones(row, rejected.standings(source, left_out.append))
            count = rejected.export(source, row, csv, reader, only=only)
            done = row.rows_rejected - count
            print(f"{count} rejected rows written to {csv}")
            if row.profile:
                print(f"as {row.profile} writes: `duff run --partner {row.profile} {csv}` takes them back")
            if done:
                print(f"left out: {done}, corrected or given up already; --all writes them, too")
    if show.left_out(left_out):  # what it corrects, is written
        raise typer.Exit(1)
