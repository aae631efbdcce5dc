"""`duff package` and `deploy`: the way to AWS."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duff_orders.cli.options import app

if TYPE_CHECKING:
    pass


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
