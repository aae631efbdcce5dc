"""`duff run`, `replay` and `watch`: files into the lake."""

import signal
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duff_orders.cli.interrupt import leave_first_to_command
from duff_orders.cli.options import (
    REMOTE_SECONDS,
    DeploymentOption,
    EngineOption,
    JsonOption,
    LakeOption,
    MasterOption,
    MemoryOption,
    SettleOption,
    ShareOption,
    WorkersOption,
    app,
    complete_file_id,
    deployed,
    open_lake,
)
from duff_orders.errors import DamagedObject

if TYPE_CHECKING:
    from duff_orders.documents import LedgerRow
    from duff_orders.lake.lake import Lake

ReplacesOption = Annotated[
    str | None,
    typer.Option(
        "--replaces",
        metavar="FILE_ID",
        help="The invalid or failed file whose place this one takes: its rows count for the time of that one.",
        autocompletion=complete_file_id,
    ),
]


PartnerOption = Annotated[
    str | None,
    typer.Option(
        "--partner", metavar="NAME", help="Whose files these are: the name of a profile, `duff profile list` has them."
    ),
]


def _check_one(files: Collection[Path], replaces: str | None) -> None:
    if replaces is not None and len(files) != 1:
        raise typer.BadParameter("one FILE takes the place of another", param_hint="--replaces")


@app.command()
def run(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Orders files: *.csv or *.csv.gz.", exists=True, dir_okay=False),
    ],
    lake: LakeOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    memory: MemoryOption = None,
    max_reject_share: ShareOption = None,
    replaces: ReplacesOption = None,
    partner: PartnerOption = None,
    json: JsonOption = False,
) -> None:
    """Put files into the raw folder and process them.

    With --partner they are put under the prefix of its profile, and read by it.
    A file of the same name never overwrites another; the same file twice
    changes nothing. Prints the verdict and the counts of each file, and brings
    the star schema up to date.
    """
    from duff_orders.lake.raw import check_name
    from duff_orders.local.run import run as run_files

    _check_one(files, replaces)
    for path in files:  # before a new lake is made for nothing
        check_name(path)
    opened = open_lake(
        context, lake, create=True, engine=engine, master=master, memory=memory, max_reject_share=max_reject_share
    )
    known = set[str]()

    def work(phase: Any) -> Iterator["LedgerRow"]:
        return run_files(opened, files, partner=partner, replaces=replaces, phase=phase, known=known.add)

    _process(opened, work, as_json=json, known=known)


@app.command()
def replay(
    context: typer.Context,
    file_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE_ID...", help="File ids; the first characters are enough.", autocompletion=complete_file_id
        ),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every file that failed or was cut off.")] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Every file that would be read in another way by now: another profile.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every file.")] = False,
    partner: Annotated[
        str | None, typer.Option("--partner", metavar="NAME", help="Of these only those that this profile is for.")
    ] = None,
    unannounced: Annotated[
        bool,
        typer.Option(
            "--unannounced", help="Of a deployment: every file that lies in the raw bucket, and that nothing announced."
        ),
    ] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
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

    if not (file_ids or failed or stale or all_ or unannounced):
        raise typer.BadParameter("name file ids, or give --failed, --stale, --all or --unannounced")
    if partner and (file_ids or unannounced):
        raise typer.BadParameter("--partner narrows --failed, --stale and --all")
    if unannounced and (file_ids or failed or stale or all_):
        raise typer.BadParameter("--unannounced goes alone: those files have no outcome yet, and no id in the ledger")
    chosen: dict[str, Any] = {"failed": failed, "stale": stale, "everything": all_, "partner": partner}
    left_out: list[DamagedObject] = []
    with deployed(deployment) as remote:
        if unannounced and remote is None:
            raise typer.BadParameter(
                "--unannounced is for --deployment; `duff watch` takes up what lies in the raw folder"
            )
        if remote is not None and unannounced:
            _follow(remote.outcomes(remote.take_up_unannounced(), after={}, timeout=REMOTE_SECONDS), as_json=json)
            return
        if remote is not None:
            waiting, revisions = remote.replay(file_ids or (), **chosen, left_out=left_out.append)
            outcomes = remote.outcomes(waiting, after=revisions, timeout=REMOTE_SECONDS)
            _follow(outcomes, as_json=json, left_out=left_out)
            return
    opened = open_lake(context, lake, engine=engine, master=master, memory=memory, max_reject_share=max_reject_share)
    _process(
        opened,
        lambda phase: replay_files(opened, file_ids or (), **chosen, phase=phase, left_out=left_out.append),
        as_json=json,
        left_out=left_out,
    )


def _follow(outcomes: Iterable["LedgerRow"], *, as_json: bool, left_out: Iterable[DamagedObject] = ()) -> None:
    """Show what a deployment makes of files, as they come to their verdicts."""
    from duff_orders.cli import show

    bad = show.left_out(left_out)
    for row in outcomes:
        print(row.to_json() if as_json else show.line(row), flush=True)
        bad |= row.verdict in ("invalid", "failed")
    if bad:
        raise typer.Exit(1)


@app.command()
def upload(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Orders files: *.csv or *.csv.gz.", exists=True, dir_okay=False),
    ],
    deployment: DeploymentOption = None,
    replaces: ReplacesOption = None,
    partner: PartnerOption = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the verdicts.")] = True,
    json: JsonOption = False,
) -> None:
    """Put files into a deployment's raw bucket, and follow them.

    The key is the file's name, with --partner behind the prefix of that profile;
    one that is there becomes a new version beside it. Large files go in parts.
    Prints each file's verdict as it comes.
    """
    from duff_orders.cli import show

    _check_one(files, replaces)
    with deployed(deployment) as remote:
        if remote is None:
            raise typer.BadParameter("--deployment NAME says which deployment; into a folder, `duff run` puts files")
        sent = dict.fromkeys((path.name for path in files), 0)
        sizes = {path.name: max(path.stat().st_size, 1) for path in files}
        with show.progress() as bars:
            for name in sent:
                bars.phase(name, "upload", lambda name=name: sent[name] / sizes[name])  # type: ignore[misc]

            def count(name: str, size: int) -> None:
                sent[name] += size

            announced = remote.upload(files, partner=partner, replaces=replaces, sent=count)
            for name in sent:
                bars.done(name)
        if not wait:
            for event in announced:
                print(event.to_json() if json else f"{event.key}: uploaded ({event.file_id})")
            return
        _follow(remote.outcomes(announced, after={}, timeout=REMOTE_SECONDS), as_json=json)


def _process(
    lake: "Lake",
    files: Any,
    *,
    as_json: bool,
    known: Collection[str] = (),
    left_out: Iterable[DamagedObject] = (),
) -> None:
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
        show.outcomes(rows, known)
    with show.progress() as bars:
        report = build(lake, phase=bars.phase)
    if not as_json:
        show.build(report)
    if show.left_out(left_out) or report.left_out or any(row.verdict in ("invalid", "failed") for row in rows):
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
