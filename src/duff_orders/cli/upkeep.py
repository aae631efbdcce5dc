"""`duff models`, `check` and `generate`: maintain a lake, and try one out."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from duff_orders.cli.options import (
    REMOTE_SECONDS,
    DeploymentOption,
    EngineOption,
    FactsOption,
    FileArgument,
    LakeOption,
    MasterOption,
    MemoryOption,
    app,
    deployed,
    open_lake,
    opened,
)
from duff_orders.errors import InputError
from duff_orders.printable import printable

#: When in the day a partner sends a file that is generated.
SENT = timedelta(hours=6)


@app.command()
def models(
    context: typer.Context,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="From nothing, whatever is there.")] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    memory: MemoryOption = None,
    json: FactsOption = False,
) -> None:
    """Bring the star schema up to date.

    `run` and `watch` do it too, and a deployment does by itself, some minutes
    after files were published: with --deployment it is told to do so at once.
    """
    from duff_orders.cli import show
    from duff_orders.models.build import BuildReport, build

    with deployed(deployment) as remote:
        if remote is not None:
            outcome = remote.build(rebuild=rebuild, timeout=REMOTE_SECONDS)
            if json:
                show.document(outcome)
            elif "job_run_id" in outcome:
                print(f"star schema: built by the job, run {outcome['job_run_id']}")
            else:
                show.build(BuildReport(**outcome))
            if outcome.get("left_out"):
                raise typer.Exit(1)
            return
    opened = open_lake(context, lake, engine=engine, master=master, memory=memory)
    with show.progress() as bars:
        report = build(opened, rebuild=rebuild, phase=bars.phase)
    if json:
        show.document(report)
    else:
        show.build(report)
    if report.left_out:
        raise typer.Exit(1)


@app.command()
def check(
    context: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare the rows of every file with its text, not of some only.")
    ] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    memory: MemoryOption = None,
    json: FactsOption = False,
) -> None:
    """Prove the lake: counts, rows, objects, and the star schema's invariants.

    Lists what does not hold, and exits with 1 then. The rows of up to ten
    files, chosen at random, are compared with their text, which is read a
    second time, in another way than they were made.

    Of a deployment the ledger, the contents, the objects that Athena sees and
    the catalog are compared.
    """
    from duff_orders.cli import show
    from duff_orders.local.check import check as prove

    with deployed(deployment) as remote:
        if remote is None:
            opened = open_lake(context, lake, memory=memory)
            with show.progress() as bars:
                proof = prove(opened, deep=deep, phase=bars.phase)
        else:
            proof = remote.prove(deep=deep)
    if json:
        show.document(proof)
        raise typer.Exit(1 if proof.problems else 0)
    show.left_alone(proof.left_alone)
    for problem in proof.problems:
        print(printable(problem))
    if proof.problems:
        number = len(proof.problems)
        print(f"{number} problem{'s' * (number != 1)} in {proof.files} files", file=sys.stderr)
        raise typer.Exit(1)
    accounted = f"{proof.files} files, {proof.rows} rows, every one accounted for"
    compared = f"{proof.reread} files" if proof.reread else f"no file ({proof.why_none})"
    print(f"all holds: {accounted}; {compared} compared with {'their' if proof.reread else 'its'} text")


@app.command()
def repair(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be mended.")] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    memory: MemoryOption = None,
    json: FactsOption = False,
) -> None:
    """Mend what is damaged or gone, as `check` tells it.

    Documents are made anew from those that prove them, files are processed
    again from the raw folder, and the star schema is built anew. What was
    damaged is kept aside in the lake, below processed/set_aside. Tells what
    nothing can mend, and exits with 1 then.
    """
    from duff_orders.cli import show
    from duff_orders.local.repair import repair as mend

    with deployed(deployment) as remote:
        if remote is not None:
            done = remote.repair(dry_run=dry_run, timeout=REMOTE_SECONDS)
        else:
            opened = open_lake(context, lake, memory=memory)
            with show.progress() as bars:
                done = mend(opened, dry_run=dry_run, phase=bars.phase)
    if json:
        show.document(done)
    else:
        show.repaired(done, dry_run=dry_run)
    if done.lost or (dry_run and done.faults):
        raise typer.Exit(1)


@app.command("give-up")
def give_up(
    context: typer.Context,
    file_id: FileArgument,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for anyone who asks later.")] = "",
    lines: Annotated[
        str | None, typer.Option("--lines", metavar="3,7-9", help="Only the rejected rows that begin on these lines.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was given up.")] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
) -> None:
    """Give up rows that nobody is going to correct, or a file that nobody will send again.

    They are open no more and stay where they are, with the reason. A
    correction that comes later counts nevertheless; --undo takes it back.
    """
    from duff_orders.lake.given_up import give_up as give
    from duff_orders.lake.given_up import read_lines, take_back
    from duff_orders.query.rejects import lines as rejected_lines
    from duff_orders.query.rejects import standings

    if not undo and not why.strip():
        raise typer.BadParameter("--why TEXT says why; it is kept, for anyone who asks later")
    chosen = None if lines is None else read_lines(lines)
    with opened(context, lake, deployment) as source:
        row = source.ledger.find(file_id)
        standing = standings(source).of(row)
        if undo:
            count = take_back(source.store, standing, why, chosen)
        else:
            count = give(source.store, standing, rejected_lines(source, row), why, chosen)
    rows = f"{count:,} row{'s' * (count != 1)}" if count else "it as a whole"
    print(printable(f"{row.source_file}: {'taken back' if undo else 'given up'}: {rows}"))


@app.command()
def generate(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write, *.csv or *.csv.gz; with --partner, a folder.")
    ],
    rows: Annotated[int, typer.Option(metavar="N", help="Records to write.")],
    seed: Annotated[
        int, typer.Option(metavar="S", help="Another seed gives other orders; the same gives the same bytes.")
    ] = 0,
    bad: Annotated[float, typer.Option(metavar="SHARE", help="Share of records that break a rule.")] = 0.0,
    duplicates: Annotated[float, typer.Option(metavar="SHARE", help="Share of exact repeats.")] = 0.0,
    first_order: Annotated[int, typer.Option("--first-order", metavar="N", help="The first order's number.")] = 1,
    updates: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of lines of --update-of, delivered or broken by now.")
    ] = 0.0,
    update_of: Annotated[
        str | None, typer.Option("--update-of", metavar="FIRST-LAST", help="The orders of earlier files.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", metavar="FILE", help="Write as this partner does, whose profile FILE is."),
    ] = None,
    partner: Annotated[
        str | None,
        typer.Option("--partner", metavar="FOLDER", help="Write OUT/FOLDER/orders-DATE.csv; with --date."),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option("--date", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="The day on which the file is sent."),
    ] = None,
) -> None:
    """Write realistic orders, for trials and measurements.

    With --partner and --date the file is named as a partner would, and dated
    six in the morning (UTC) of that day; one seed a partner and --first-order
    make a month of files that fit together. Prints the file's name.
    """
    from duff_orders.generator.orders import generate as write
    from duff_orders.lake.layout import SUFFIXES
    from duff_orders.profiles.profile import load, read

    if (partner is None) != (date is None):
        raise typer.BadParameter("--partner FOLDER and --date YYYY-MM-DD go together")
    if partner is not None and date is not None:
        if not partner.strip("./") or ".." in partner.split("/") or partner.startswith("/"):
            raise typer.BadParameter(f"{partner!r} is no folder below OUT", param_hint="--partner")
        out = out / partner / f"orders-{date:%Y%m%d}.csv"
    if not out.name.lower().endswith(SUFFIXES):
        raise InputError(f"{out}: an orders file is named {' or '.join('*' + suffix for suffix in SUFFIXES)}")
    try:
        write(
            out,
            rows=rows,
            seed=seed,
            bad=bad,
            duplicates=duplicates,
            first_order=first_order,
            updates=updates,
            update_of=_range(update_of),
            profile=load(read(profile)) if profile else None,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if date is not None:
        sent = (date + SENT).replace(tzinfo=UTC).timestamp()
        os.utime(out, (sent, sent))
        print(out)


def _range(text: str | None) -> tuple[int, int] | None:
    """The orders of `--update-of`, the first and the last."""
    if text is None:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no range of orders such as 1-600", param_hint="--update-of")
    return int(first), int(last)
