"""`duff models`, `check` and `generate`: what keeps a lake in order, and tries it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from duff_orders.cli.options import (
    EngineOption,
    LakeOption,
    MasterOption,
    MemoryOption,
    StackOption,
    app,
    deployment,
    open_lake,
)
from duff_orders.errors import InputError
from duff_orders.printable import printable


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
    from duff_orders.cli import show
    from duff_orders.models.build import build

    show.build(build(open_lake(context, lake, engine=engine, master=master, memory=memory), rebuild=rebuild))


@app.command()
def check(
    context: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare the rows of every file with its text, not of some only.")
    ] = False,
    lake: LakeOption = None,
    stack: StackOption = None,
    memory: MemoryOption = None,
) -> None:
    """Prove the lake: counts, rows, objects, and the star schema's invariants.

    Lists what does not hold, and exits with 1 then. The rows of up to ten
    files, chosen at random, are compared with their text, which is read a
    second time, in another way than they were made.

    Of a deployment the ledger, the contents, the objects that Athena sees and
    the catalog are compared.
    """
    from duff_orders.local.check import Proof
    from duff_orders.local.check import check as prove

    with deployment(stack) as remote:
        if remote is None:
            proof = prove(open_lake(context, lake, memory=memory), deep=deep)
        else:
            rows = list(remote.lake.ledger.rows())
            proof = Proof(len(rows), sum(row.rows_read for row in rows), list(remote.problems(rows)))
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
