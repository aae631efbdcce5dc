"""The application `duff`, the options that several commands share, and the lake that these name.

The help keeps the line breaks of all but a text's first paragraph, so these are wrapped for a terminal of 80 columns.
docs/cli.md is made of it: `python -m tests.test_docs`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duff_orders.errors import InputError
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
