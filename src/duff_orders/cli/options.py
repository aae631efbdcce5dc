"""The application `duff`, the options that several commands share, and the lake that they name.

The help keeps the line breaks of all but a text's first paragraph, so these are wrapped for a terminal of 80 columns.
docs/cli.md is made of it: `python -m tests.test_docs`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from duff_orders.errors import DuffError, InputError
from duff_orders.settings import FORMER, Settings

if TYPE_CHECKING:
    from duff_orders.aws.remote import Remote
    from duff_orders.lake.lake import Lake

#: How long the verdicts of a deployment are waited for: a large file takes its Glue job's time.
REMOTE_SECONDS = 4 * 3600.0


class _Group(TyperGroup):
    """The commands, which still take the names that options had."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options; those after `--` are none."""
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*map(_today, args[:end]), *args[end:]])


def _today(word: str) -> str:
    name, equals, value = word.removeprefix("--").partition("=")
    return f"--{FORMER[name]}{equals}{value}" if word.startswith("--") and name in FORMER else word


app = typer.Typer(
    cls=_Group,
    name="duff",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""Orders files in, a star schema out, every row accounted for.

Start with [bold]duff run orders.csv[/bold]: the file is checked, its good rows are stored as
Parquet, its bad rows are kept with their reasons, and the star schema is
brought up to date. Then ask: [bold]duff query "select * from fact_orders"[/bold].

Exit code 0 when all went well; 1 when a file is invalid or failed, a query is
refused, or something in the lake does not hold; 2 for wrong usage.""",
)


def setting(name: str) -> Any:
    """The option of a setting."""
    option = Settings.options()[name]
    about = option.about.replace("`", "")
    # what stands in brackets is markup to Rich
    sentence = about if option.about.startswith("`") else about[0].upper() + about[1:]
    text = f"{sentence} [DUFF_{name.upper()}; default: {option.default}].".replace("[*]", "\\[*]")
    return typer.Option(f"--{name.replace('_', '-')}", metavar=option.metavar, help=text, show_default=False)


LakeOption = Annotated[Path | None, setting("lake")]
DeploymentOption = Annotated[str | None, setting("deployment")]
MemoryOption = Annotated[str | None, setting("memory")]
ShareOption = Annotated[str | None, setting("max_reject_share")]
EngineOption = Annotated[str | None, setting("engine")]
MasterOption = Annotated[str | None, setting("master")]
WorkersOption = Annotated[int | None, setting("workers")]
SettleOption = Annotated[float | None, setting("settle")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document per file, one per line.")]
FactsOption = Annotated[bool, typer.Option("--json", help="One JSON document instead of sentences.")]


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"duff-orders {version('duff-orders')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    lake: LakeOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Options before the command."""
    context.obj = lake


def open_lake(context: typer.Context, lake: Path | None, *, create: bool = False, **options: Any) -> "Lake":
    """The lake of the options and the environment; only commands that write make a new one."""
    from duff_orders.lake.lake import Lake

    settings = Settings.load(lake=lake or context.obj, **options)
    if not create and not any((settings.lake / folder).is_dir() for folder in ("raw", "processed")):
        raise InputError(f"there is no lake at {settings.lake}; `duff run FILE` makes one, --lake names another")
    return Lake.open(settings)


def complete_file_id(context: typer.Context, incomplete: str) -> list[str]:
    """For the shell: the ids of the lake's files that begin so, newest first."""
    try:
        rows = list(open_lake(context, context.params.get("lake")).ledger.rows())
    except DuffError:
        return []
    rows.sort(key=lambda row: row.event_time, reverse=True)
    return [row.file_id for row in rows if row.file_id.startswith(incomplete)]


FileArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="The file's id; the first characters are enough.", autocompletion=complete_file_id
    ),
]


@contextmanager
def deployed(deployment: str | None, **options: Any) -> Iterator["Remote | None"]:
    """The deployment that options or environment name, if any; what AWS refuses is reported in one sentence."""
    settings = Settings.load(deployment=deployment, **options)
    if not settings.deployment:
        yield None
        return
    from duff_orders.aws.remote import Remote
    from duff_orders.aws.stacks import aws_errors

    with aws_errors():
        yield Remote.of(settings.deployment, settings)


@contextmanager
def opened(context: typer.Context, lake: Path | None, deployment: str | None, **options: Any) -> Iterator["Lake"]:
    """The lake in a folder, or that of a deployment."""
    with deployed(deployment, **options) as remote:
        yield remote.lake if remote else open_lake(context, lake, **options)
