"""`duff package`, `deploy`, `destroy` and `status`: deploy to AWS, and watch the deployment."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from duff_orders.cli.options import DeploymentOption, FactsOption, app, deployed
from duff_orders.settings import Settings

if TYPE_CHECKING:
    from duff_orders.aws.stacks import Deployment

ArchitectureOption = Annotated[
    str, typer.Option("--architecture", metavar="NAME", help="The functions' processor: arm64 or x86_64.")
]
PythonOption = Annotated[str, typer.Option("--python", metavar="X.Y", help="The functions' Python.")]
TryOutOption = Annotated[
    bool, typer.Option("--smoke/--no-smoke", help="At the end, send a small file through, ask for it, remove it.")
]


@app.command()
def package(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.", file_okay=False)] = Path("dist"),
    architecture: ArchitectureOption = "arm64",
    python: PythonOption = "3.13",
    json: FactsOption = False,
) -> None:
    """Write what AWS is given: bundles, jobs, state machine.

    The wheels are of the versions that are installed here; the same sources
    and versions give the same bytes. Prints each file's size, of a bundle also
    unzipped.
    """
    from duff_orders.aws.package import package as write
    from duff_orders.aws.package import unzipped

    written = write(out, architecture=architecture, python=python)  # type: ignore[arg-type] # checked there
    if json:
        from duff_orders.cli import show

        show.document([{"path": str(path), "bytes": path.stat().st_size} for path in written])
        return
    for path in written:
        size = f", {unzipped(path) / 10**6:.1f} MB unzipped" if path.suffix == ".zip" else ""
        print(f"{path}: {path.stat().st_size / 10**6:.1f} MB{size}")


@app.command()
def deploy(
    deployment: DeploymentOption = None,
    stage: Annotated[str, typer.Option(metavar="STAGE", help="buckets, etl, models, or all.")] = "all",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="K=V", help="A parameter of the templates; may be given several times."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="K=V", help="A tag of all that can have one; may be given several times."),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(metavar="NAME", help="The functions' processor: arm64 (at first) or x86_64.")
    ] = None,
    python: Annotated[str | None, typer.Option(metavar="X.Y", help="The functions' Python; at first 3.13.")] = None,
    dist: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Deploy what `duff package` wrote there.", file_okay=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change; touch no stack.")] = False,
    try_out: TryOutOption = True,
    json: FactsOption = False,
) -> None:
    """Deploy to AWS: package, upload, create or update the stacks, try out.

    Account, region and endpoint (AWS_ENDPOINT_URL) are those of the
    environment. Prints the stacks' events, and their outputs at the end. May
    be repeated: what has not changed is left alone, and parameters that are
    not given stay as they are. Ends with exit code 1 where a stack or a check
    fails.
    """
    from duff_orders.aws.deploy import deploy as bring_up

    news = sys.stderr if json else sys.stdout
    tell = partial(_tell, to=news)
    parameters, tags = (_pairs(each, hint) for each, hint in ((parameter, "--parameter"), (tag, "--tag")))
    outputs = bring_up(
        _named(deployment),
        stage=stage,  # type: ignore[arg-type] # checked there
        parameters=parameters,
        tags=tags,
        architecture=architecture,  # type: ignore[arg-type] # checked there
        python=python,
        dist=dist,
        dry_run=dry_run,
        on_event=tell,
    )
    if dry_run:
        return
    works = stage == "buckets" or not try_out or _smoke(deployment, news)
    if json:
        from duff_orders.cli import show

        show.document({"outputs": outputs, "works": works})
        raise typer.Exit(0 if works else 1)
    print()
    for name, value in sorted(outputs.items()):
        print(f"{name}={value}")
    if "RawBucket" in outputs:
        print(f"\nNext: aws s3 cp orders.csv s3://{outputs['RawBucket']}/")
    if "ApiKeyId" in outputs:
        print(
            "The API's key: aws apigateway get-api-key --include-value --query value --output text"
            f" --api-key {outputs['ApiKeyId']}"
        )
    if not works:
        raise typer.Exit(1)


@app.command()
def rollback(
    deployment: DeploymentOption = None,
    to: Annotated[
        str | None, typer.Option(metavar="RELEASE", help="Not the one before: a folder of the artifacts bucket.")
    ] = None,
    try_out: TryOutOption = True,
) -> None:
    """Take a release back: the one before is in use again.

    Its functions at once, then the stacks: state machine, jobs, templates.
    Buckets, data and parameters stay as they are. Done twice, the release that
    was taken back is in use again. Ends with exit code 1 where a stack or a
    check fails.
    """
    from duff_orders.aws.deploy import rollback as take_back

    release = take_back(_named(deployment), to=to, on_event=_tell)
    print(f"In use: {release}")
    if try_out and not _smoke(deployment, sys.stdout):
        raise typer.Exit(1)


@app.command()
def destroy(
    deployment: DeploymentOption = None,
    data: Annotated[
        bool, typer.Option("--data", help="Delete the buckets, too: every file, every version, for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the stacks of a deployment; the buckets and all data stay.

    `duff deploy` with the same prefix takes the buckets over again. With
    --data they are emptied and deleted; what to type is then asked for.
    """
    from duff_orders.aws.deploy import destroy as take_down

    deployed = _named(deployment)
    name = deployed.named("duff-orders")
    if not yes:
        what = "the stacks AND ALL DATA" if data else "the stacks (the buckets stay)"
        if typer.prompt(f"This deletes {what} of {name}. Type its name to go on") != name:
            print("Nothing was deleted.")
            raise typer.Exit(1)
    kept = take_down(deployed, data=data, on_event=_tell)
    for bucket in kept:
        print(f"kept: s3://{bucket}")


@app.command()
def status(
    deployment: DeploymentOption = None,
    redrive: Annotated[
        bool, typer.Option("--redrive", help="Start what the dead-letter queue holds, and empty it.")
    ] = False,
    json: FactsOption = False,
) -> None:
    """Tell how a deployment is doing: what waits, runs, failed.

    Exits with 1 where announcements wait in the dead-letter queue, or the
    last large build failed.
    """
    from duff_orders.aws.status import status as status_of
    from duff_orders.cli import show

    with deployed(deployment) as remote:
        if remote is None:
            raise typer.BadParameter("--deployment NAME says which deployment")
        if redrive:
            print(f"{remote.redrive()} announcements started again", file=sys.stderr if json else sys.stdout)
        state = status_of(remote)
        if json:
            show.document(state)
        else:
            show.status(state)
        if state.undelivered or state.failed_job:
            raise typer.Exit(1)


@app.command()
def cost(
    files: Annotated[
        list[str] | None,
        typer.Option("--files", metavar="NxSIZE", help="N files of a SIZE a day, e.g. 1000x1MB; may be repeated."),
    ] = None,
    queries: Annotated[int, typer.Option(metavar="N", help="Queries a day.")] = 100,
    scanned: Annotated[str, typer.Option(metavar="SIZE", help="What a query scans.")] = "10MB",
    build_minutes: Annotated[
        int, typer.Option(metavar="N", help="Minutes between two builds of the star schema.")
    ] = 15,
    kept_days: Annotated[int, typer.Option(metavar="N", help="Days for which everything is kept.")] = 30,
    glue_from: Annotated[
        str, typer.Option(metavar="SIZE", help="The size from which a file goes to the Glue job.")
    ] = "100MB",
    json: FactsOption = False,
) -> None:
    """Tell what a deployment costs a month, in dollars.

    From measured figures and the prices published for us-east-1, without free
    tiers; docs/cost.md tells both. Without --files: 1000x1MB, 50x50MB, 5x2GB.
    """
    from duff_orders.aws.cost import cost as items
    from duff_orders.aws.cost import example, glue_only, load, naive_function
    from duff_orders.cli import show
    from duff_orders.settings import parse_size

    loads = [load(each) for each in files] if files else example()
    sizes = {}
    for name, text in (("scanned", scanned), ("glue-from", glue_from)):
        try:
            sizes[name] = parse_size(text)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=f"--{name}") from None
    cost_items = list(
        items(
            loads,
            queries=queries,
            scanned=sizes["scanned"],
            build_minutes=build_minutes,
            kept_days=kept_days,
            threshold=sizes["glue-from"],
        )
    )
    total = sum(item.dollars for item in cost_items)
    naive, left = naive_function(loads)
    if json:
        beside = {"glue_job_a_file": glue_only(loads), "awswrangler": naive, "too_large_for_it": left}
        show.document({"items": cost_items, "dollars_a_month": total, "beside_it": beside})
        return
    for item in cost_items:
        print(f"{item.name:18} {item.dollars:>9,.2f}  {item.why}")
    print(f"{'a month':18} {total:>9,.2f}")
    print(f"\nBeside it, for the files alone: a Glue job a file {glue_only(loads):,.2f};")
    unable = f", and cannot take those of {', '.join(f'{each.size:,} bytes' for each in left)}" if left else ""
    print(f"a function with awswrangler, no reasons, no ledger, money as floats {naive:,.2f}{unable}")


def _pairs(texts: list[str] | None, hint: str) -> dict[str, str]:
    """Options NAME=VALUE as a dictionary; raises BadParameter for others."""
    if not all("=" in each for each in texts or ()):
        raise typer.BadParameter(f"a {hint[2:]} is given as NAME=VALUE", param_hint=hint)
    return dict(each.partition("=")[::2] for each in texts or ())


def _tell(resource: str, state: str, why: str, to: TextIO | None = None) -> None:
    print(f"{resource}: {state}{f' ({why})' if why else ''}", flush=True, file=to)


def _named(deployment: str | None) -> "Deployment":
    """The deployment of the option, or of the environment."""
    from duff_orders.aws.stacks import Deployment

    return Deployment.of(Settings.load(deployment=deployment).deployment)


def _smoke(deployment: str | None, to: TextIO) -> bool:
    """Try the deployment out; prints each check. Returns whether all hold."""
    from duff_orders.aws.smoke import smoke

    print("\nTrying it out:", file=to)
    problems = 0
    for check in smoke(_named(deployment), wait=lambda why: print(f"  waiting: {why}", file=to, flush=True)):
        problems += check.problem is not None
        shown = f"  {'not so' if check.problem else 'ok'}: {check.name}{f': {check.problem}' if check.problem else ''}"
        print(shown, file=to)
    return problems == 0
