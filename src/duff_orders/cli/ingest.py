"""`duff run`, `replay` and `watch`: files into the lake."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duff_orders.cli.interrupt import leave_first_to_command
from duff_orders.cli.options import (
    EngineOption,
    JsonOption,
    LakeOption,
    MasterOption,
    MemoryOption,
    SettleOption,
    ShareOption,
    WorkersOption,
    app,
    open_lake,
)

if TYPE_CHECKING:
    from duff_orders.lake.lake import Lake


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
    from duff_orders.lake.raw import check_name
    from duff_orders.local.run import run as run_files

    for path in files:  # before a new lake is made for nothing
        check_name(path)
    opened = open_lake(
        context, lake, create=True, engine=engine, master=master, memory=memory, max_reject_share=max_reject_share
    )
    _process(opened, lambda phase: run_files(opened, files, phase=phase), as_json=json)


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
    from duff_orders.local.replay import replay as replay_files

    if not (file_ids or failed or all_):
        raise typer.BadParameter("name file ids, or give --failed or --all")
    opened = open_lake(context, lake, engine=engine, master=master, memory=memory, max_reject_share=max_reject_share)
    _process(
        opened,
        lambda phase: replay_files(opened, file_ids or (), failed=failed, everything=all_, phase=phase),
        as_json=json,
    )


def _process(lake: "Lake", files: Any, *, as_json: bool) -> None:
    from duff_orders.cli import show
    from duff_orders.models.build import build

    rows = []
    with show.progress() as bars:
        for row in files(bars.phase):
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
    workers: WorkersOption = None,
    settle: SettleOption = None,
    json: JsonOption = False,
) -> None:
    """Process whatever lands in the raw folder, until stopped.

    Drop files into LAKE/raw or any folder below it. What arrived while nobody
    watched is taken up at the start. Stop with Ctrl-C: files in work are
    finished; a second Ctrl-C leaves them to the next start.
    """
    from duff_orders.cli import show
    from duff_orders.local.watch import watch as watch_lake

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
