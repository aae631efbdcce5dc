"""`duff serve`: the console and the HTTP API, over a lake on this machine or a deployment."""

import logging
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from duff_orders.cli.interrupt import leave_first_to_command
from duff_orders.cli.options import DeploymentOption, LakeOption, MemoryOption, app, deployed, open_lake
from duff_orders.settings import Settings

if TYPE_CHECKING:
    from duff_orders.console.progress import Progress
    from duff_orders.documents import LedgerRow


@app.command()
def serve(
    context: typer.Context,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    memory: MemoryOption = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to answer at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="The port; 0 takes a free one.", min=0, max=65535)] = 8000,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Process what lands in LAKE/raw, too.")] = True,
    queries: Annotated[
        bool | None, typer.Option("--queries/--no-queries", help="Take SQL from callers [DUFF_QUERIES=on].")
    ] = None,
) -> None:
    """Serve the console and the HTTP API, and process what lands in the raw folder.

    Orders, reports, files and their rejected rows as JSON, CSV and Parquet:
    GET /v1/openapi.json describes it. Beyond this machine only with keys:
    DUFF_API_KEYS holds NAME:SHA256, more of them after a comma. With --deployment
    the same over a deployment on AWS. Stop with Ctrl-C.
    """
    from duff_orders.api.app import create_app
    from duff_orders.api.keys import parse_keys, parse_names
    from duff_orders.api.profiles import Rights
    from duff_orders.api.serve import local_backend, serving_half, watching
    from duff_orders.api.serve import serve as answer
    from duff_orders.cli import show
    from duff_orders.console.app import install
    from duff_orders.console.folder import RawFolder
    from duff_orders.local.replays import replays

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in ("watchfiles", "uvicorn", "botocore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    settings = Settings.load(deployment=deployment)
    allowed = settings.queries if queries is None else queries
    keys = parse_keys(settings.api_keys)
    admins = parse_names(settings.admin_keys, keys)
    with ExitStack() as stack, deployed(deployment) as remote:
        if remote is not None:
            from duff_orders.aws.pages import RawBucket, source_of

            source = source_of(remote, queries=allowed)
            made = create_app(source, Rights(admins, remote.take_up_again))
            install(made, source, RawBucket(remote.store))
        else:
            opened = open_lake(context, lake, create=True, memory=memory)
            leave_first_to_command()
            signal.signal(signal.SIGIO, signal.SIG_IGN)  # see watch._open_for_writing
            backend = stack.enter_context(local_backend(opened, queries=allowed))
            progress: Progress | None = None

            def done(row: "LedgerRow") -> None:
                if progress is not None:
                    progress.done(row)
                print(show.line(row), file=sys.stderr, flush=True)

            again = stack.enter_context(replays(serving_half(opened), done))
            made = create_app(backend, Rights(admins, again.take_up))
            progress = install(made, backend, RawFolder(opened.disk), watched=watch)
            if watch:
                stack.enter_context(watching(opened, backend.condition, done=done, phase=progress.phase))
        answer(
            made,
            host=host,
            port=port,
            keys=keys,
            ready=lambda address: print(
                f"serving {address}/ (the API: {address}/v1); Ctrl-C stops", file=sys.stderr, flush=True
            ),
        )
