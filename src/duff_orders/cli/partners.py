"""`duff profile` and `schema`: how partners write, said once and tried on files; and the contract for other tools."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from duff_orders.cli.options import DeploymentOption, LakeOption, app, deployed, open_lake
from duff_orders.errors import InputError

if TYPE_CHECKING:
    from duff_orders.lake.stores.base import Store
    from duff_orders.local.trial import Trial

profile = typer.Typer(no_args_is_help=True, help="How partners write: profiles, which hold for files under a prefix.")
schema = typer.Typer(no_args_is_help=True, help="The orders contract: its columns, and its forms for other tools.")
app.add_typer(profile, name="profile", rich_help_panel="Files")
app.add_typer(schema, name="schema", rich_help_panel="Questions")

Form = Literal["odcs", "table-schema", "json-schema"]

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name, that of the partner.")]
FileArgument = Annotated[
    Path, typer.Argument(metavar="PROFILE", help="A profile as TOML; its name without the ending is the partner's.")
]
FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Orders files: *.csv or *.csv.gz.", exists=True, dir_okay=False)
]


@profile.command("list")
def list_(context: typer.Context, lake: LakeOption = None, deployment: DeploymentOption = None) -> None:
    """List the profiles that hold, each with its prefix and since when.

    Prefixes that begin with another's are told: there the longer one holds. Exit
    code 1 where a text was changed or removed by other means than `put`.
    """
    from duff_orders.cli import show
    from duff_orders.lake import partners

    with _store(context, lake, deployment) as store:
        index = partners.partners(store).profiles
        damaged = [*partners.damaged(store, index)]
    if not index:
        print("no profiles: files are read as the contract has it; `duff profile draft FILE` begins one")
        return
    show.profiles(index)
    for error in damaged:
        print(f"{error}; until then its files fail", file=sys.stderr)
    if damaged:
        raise typer.Exit(1)


@profile.command("show")
def show_(
    context: typer.Context, name: NameArgument, lake: LakeOption = None, deployment: DeploymentOption = None
) -> None:
    """Print a profile as it was written."""
    from duff_orders.lake import partners

    with _store(context, lake, deployment) as store:
        print(partners.text_of(store, partners.named(partners.partners(store), name)), end="")


@profile.command("put")
def put(
    context: typer.Context, file: FileArgument, lake: LakeOption = None, deployment: DeploymentOption = None
) -> None:
    """Let a profile hold from now on, in place of the one before.

    What was read stays as it is; `duff replay --stale` takes up the files that
    would be read in another way by now.
    """
    from duff_orders.clock import utc_now
    from duff_orders.lake import partners
    from duff_orders.profiles.profile import read

    text = read(file)
    with _store(context, lake, deployment, create=True) as store:
        entry = partners.put(store, file.stem, text, utc_now())
    print(f"{entry.name}: files under {entry.prefix} are read by it, since {entry.since:%Y-%m-%d %H:%M:%S} UTC")


@profile.command("rm")
def remove(
    context: typer.Context, name: NameArgument, lake: LakeOption = None, deployment: DeploymentOption = None
) -> None:
    """Let a profile hold no more; its text is kept, and so is what was read by it."""
    from duff_orders.lake import partners

    with _store(context, lake, deployment) as store:
        partners.remove(store, name)
    print(f"{name}: holds no more")


@profile.command("draft")
def draft(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of the partner's.", exists=True, dir_okay=False)],
    prefix: Annotated[
        str | None, typer.Option("--under", metavar="PREFIX", help="What the keys of its files begin with.")
    ] = None,
) -> None:
    """Print a profile to be filled in, by a file's header and its first texts.

    Nothing is guessed: columns under their own names are left out, the others
    are for you to name. Write it to PARTNER.toml.
    """
    from duff_orders.local.trial import SAMPLE_BYTES, look_at
    from duff_orders.profiles.written import Seen
    from duff_orders.profiles.written import draft as drafted

    with file.open("rb") as stream:
        data = stream.read(SAMPLE_BYTES)
    found = look_at(data, file.name, whole=len(data) < SAMPLE_BYTES)
    seen = [Seen(*each) for each in found.columns]
    print(drafted(prefix or f"{file.resolve().parent.name}/", found.delimiter, seen), end="")


@profile.command("check")
def check(
    context: typer.Context,
    file: FileArgument,
    files: FilesArgument,
    lake: LakeOption = None,
) -> None:
    """Try a profile on files, by the rules themselves: nothing is stored.

    Of each file its first 20,000 records are judged. Tells which header is which
    column, the verdict, the reasons, and the columns that the profile does not
    list. Exit code 1 where a file would be invalid.
    """
    import tempfile

    from duff_orders.lake.lake import Lake
    from duff_orders.local.trial import SAMPLE_BYTES, trial
    from duff_orders.profiles.profile import load, read
    from duff_orders.profiles.reading import resolve
    from duff_orders.settings import Settings

    said = load(read(file))
    settings = Settings.load(lake=lake or context.obj)
    reading = resolve(file.stem, said, settings.max_reject_share)
    bad = False
    with tempfile.TemporaryDirectory(prefix="duff-") as folder:
        scratch = Lake.open(Settings.load(lake=Path(folder)))
        for path in files:
            with path.open("rb") as stream:
                data = stream.read(SAMPLE_BYTES)
            outcome = trial(scratch, data, path.name, reading, whole=len(data) < SAMPLE_BYTES)
            print("\n".join(_told(path, outcome)))
            bad |= outcome.outcome.verdict == "invalid"
    if bad:
        raise typer.Exit(1)


@schema.command("show")
def show_schema() -> None:
    """Show the columns of an orders file, and what their values may be."""
    from duff_orders.cli import show
    from duff_orders.contract import COLUMNS, VERSION

    print(f"version {VERSION} of the orders contract")
    show.columns(COLUMNS)


@schema.command("diff")
def diff_schema(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A version of the contract as TOML.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A later one.")],
) -> None:
    """Tell what a later version of the contract changes.

    It may only add: optional columns and statuses, after all others. Exit code 1
    where it does more.
    """
    from duff_orders.contract.compare import compare
    from duff_orders.contract.load import ContractError, load
    from duff_orders.profiles.profile import read

    versions = []
    for path in (old, new):
        try:
            versions.append(load(read(path)))
        except (ContractError, ValueError) as error:
            raise InputError(f"{path}: {error}") from None
    changes = compare(*versions)
    print("\n".join(map(str, changes)) or "no difference")
    if not all(change.allowed for change in changes):
        raise typer.Exit(1)


@schema.command("export")
def export_schema(
    form: Annotated[Form, typer.Argument(metavar="FORM", help="odcs (YAML), table-schema or json-schema (both JSON).")],
    profile: Annotated[
        Path | None, typer.Option("--profile", metavar="FILE", help="table-schema: as this partner writes files.")
    ] = None,
) -> None:
    """Print the contract in a standard form.

    odcs: the tables, as the Open Data Contract Standard has it. table-schema: an
    orders file, for tools that check CSV. json-schema: what a profile may say,
    for editors, which find it by a profile's first line.
    """
    from duff_orders.profiles import exports
    from duff_orders.profiles.profile import load, read

    if profile is not None and form != "table-schema":
        raise typer.BadParameter("--profile belongs to table-schema")
    if form == "table-schema":
        print(exports.table_schema(load(read(profile)) if profile else None), end="")
    else:
        print(exports.odcs() if form == "odcs" else exports.json_schema(), end="")


def _told(path: Path, tried: "Trial") -> Iterator[str]:
    """What a trial says, in sentences."""
    from duff_orders.printable import printable

    outcome = tried.outcome
    part = "" if tried.whole else f" (of its first {outcome.rows_read:,} records)"
    yield f"{path}: {outcome.verdict}{part}" + (f": {outcome.reason}" if outcome.reason else "")
    if outcome.rows_read:
        yield f"  {outcome.rows_published + outcome.rows_withheld + outcome.rows_duplicate:,} good, " + (
            f"{outcome.rows_rejected:,} rejected"
        )
    for column, header in tried.columns.items():
        yield f"  {column} is {printable(header)}" if column != header else f"  {column}"
    yield from (f"  {column} is always {printable(value)}: no header" for column, value in tried.standing.items())
    yield from (f"  not listed: {printable(name)}" for name in tried.further)
    yield from (f"  {number:,} × {reason}" for reason, number in tried.reasons[:20])


@contextmanager
def _store(
    context: typer.Context, lake: Path | None, deployment: str | None, *, create: bool = False
) -> "Iterator[Store]":
    """Where profiles are kept: in a lake, or by a deployment."""
    with deployed(deployment) as remote:
        yield remote.store if remote is not None else open_lake(context, lake, create=create).store
