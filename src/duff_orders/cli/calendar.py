"""`duff expected` and `partner`: is everything in, and what partners have promised."""

import sys
from datetime import date, datetime
from json import dumps
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import typer

from duff_orders.cli.options import DeploymentOption, FactsOption, LakeOption, app, deployed, open_lake
from duff_orders.errors import InputError

partner = typer.Typer(no_args_is_help=True, help="What partners have promised: on which days, by when, how many files.")
app.add_typer(partner, name="partner", rich_help_panel="Files")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The partner: the name of its profile.")]


@app.command()
def expected(
    context: typer.Context,
    date: Annotated[
        datetime | None,
        typer.Option("--date", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Of this day, instead of today."),
    ] = None,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    json: FactsOption = False,
) -> None:
    """Tell whether everything is in: of each partner that has promised files, what came.

    A day is that where the partner is. Exit code 1 where a file is missing, or
    came late.
    """
    from duff_orders.cli import show
    from duff_orders.clock import utc_now
    from duff_orders.partners.calendar import arrivals, facts, promised
    from duff_orders.partners.settled import all_settled

    day = date.date() if date else None
    with deployed(deployment) as remote:
        source = remote.lake if remote is not None else open_lake(context, lake)
        settled = all_settled(source.store, lambda _: None)
        told = promised(source.store, arrivals(source.ledger), settled, utc_now(), day, day)
    if json:
        print(dumps([facts(each) for each in told], ensure_ascii=False))
    elif not told:
        print("nobody has promised anything; `duff partner expect NAME` says who sends when")
    else:
        show.promised(told)
    if any(slot.state in ("missing", "missed", "late") for each in told for slot in each.slots):
        raise typer.Exit(1)
    if any(each.damaged for each in told):
        raise typer.Exit(1)


@app.command()
def proof(
    context: typer.Context,
    date: Annotated[
        datetime | None,
        typer.Option("--date", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Of this day, instead of today (UTC)."),
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="A page to be printed and signed, which needs no server.")
    ] = False,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
    json: FactsOption = False,
) -> None:
    """Prove a day: each file, its hash, what became of its rows, and that it holds.

    Exit code 1 where something does not hold.
    """
    from duff_orders.cli import show
    from duff_orders.clock import utc_now
    from duff_orders.partners.days import all_days
    from duff_orders.partners.proof import facts as proof_facts
    from duff_orders.partners.proof import proof as proof_of
    from duff_orders.partners.settled import all_settled
    from duff_orders.query.rejects import standings

    now = utc_now()
    day = date.date() if date else now.date()
    with deployed(deployment) as remote:
        source = remote.lake if remote is not None else open_lake(context, lake)
        state = standings(source, lambda _: None)
        told = all_days(source.store, state.rows(), state, all_settled(source.store, lambda _: None), now)
        found = proof_of(source.store, state.rows(), state, told, day)
    if html:
        from duff_orders.console.proof import standalone

        print(standalone(found, now))
    elif json:
        print(dumps(proof_facts(found, now), ensure_ascii=False))
    else:
        show.proof(found, proof_facts(found, now)["digest"])
    if found.faults:
        raise typer.Exit(1)


def _days(text: str) -> list[str]:
    """`mon-fri`, `mon,wed`, or both."""
    from duff_orders.profiles.profile import DAYS

    days: list[str] = []
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        if first not in DAYS or (dash and last not in DAYS) or (dash and DAYS.index(last) < DAYS.index(first)):
            raise typer.BadParameter(f"{text!r} names no days; allowed are {', '.join(DAYS)}, as in mon-fri or mon,thu")
        days += DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]
    return [day for day in DAYS if day in days]


@partner.command("expect")
def expect(
    context: typer.Context,
    name: NameArgument,
    days: Annotated[str, typer.Option("--days", metavar="DAYS", help="Such as mon-fri, or mon,thu.")],
    by: Annotated[str, typer.Option("--by", metavar="HH:MM", help="By when, where the partner is.")],
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="Where that is, such as America/Santiago.")],
    grace: Annotated[int, typer.Option("--grace-minutes", metavar="N", help="What is not yet late.")] = 0,
    files: Annotated[int, typer.Option("--files", metavar="N", help="Files a day.")] = 1,
    without: Annotated[
        list[str] | None, typer.Option("--except", metavar="YYYY-MM-DD", help="A day on which none is; more of them.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="YYYY-MM-DD", help="The first such day. [default: that of before, or today]"),
    ] = None,
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
) -> None:
    """Write down what a partner has promised: into its profile, where nothing else changes.

    `duff expected` tells from then on what came, what is late and what is missing.
    """
    from duff_orders.clock import utc_now
    from duff_orders.lake import partners
    from duff_orders.partners.promise import with_expected
    from duff_orders.profiles.profile import Expected, load
    from duff_orders.profiles.written import expect_lines

    said: dict[str, Any] = {
        "zone": _zone(zone),
        "days": tuple(_days(days)),
        "by": _time(by),
        "grace_minutes": grace,
        "files": files,
        "except_": tuple(map(_date, without or ())),
    }
    with deployed(deployment) as remote:
        store = remote.store if remote is not None else open_lake(context, lake).store
        entry = partners.named(partners.partners(store), name)
        text = partners.text_of(store, entry)
        before = load(text).expected
        first = _date(since) if since else before.since if before else utc_now().astimezone(ZoneInfo(zone)).date()
        calendar = Expected(**said, since=first)
        text = with_expected(text, calendar)
        load(text)  # what is wrong is told before anything is written
        partners.put(store, name, text, utc_now())
    print("\n".join(expect_lines(calendar)).strip())


@partner.command("suggest")
def suggest(
    context: typer.Context,
    name: NameArgument,
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="Where the partner is.")],
    lake: LakeOption = None,
    deployment: DeploymentOption = None,
) -> None:
    """Print what a partner's last eight weeks look like, as the command that would write it down.

    Nothing is taken from it by itself: only the partner knows what was promised.
    """
    from duff_orders.clock import utc_now
    from duff_orders.lake import partners
    from duff_orders.partners.promise import suggested

    with deployed(deployment) as remote:
        source = remote.lake if remote is not None else open_lake(context, lake)
        index = partners.partners(source.store)
        under = partners.Under.of(index, name)
        rows = [row for row in source.ledger.rows(damaged=lambda _: None) if under.holds(row.source_file)]
        found = suggested(rows, _zone(zone), utc_now())
    if found is None:
        print(f"{name}: no weekday has files in most of the last eight weeks", file=sys.stderr)
        raise typer.Exit(1)
    words = f"--days {','.join(found.days)} --by {found.by:%H:%M} --zone {zone} --grace-minutes {found.grace_minutes}"
    print(f"duff partner expect {name} {words}" + (f" --files {found.files}" if found.files > 1 else ""))


def _zone(zone: str) -> str:
    if zone not in available_timezones():
        raise InputError(f"{zone!r:.100} is no time zone; allowed is one such as Europe/Madrid")
    return zone


def _time(text: str) -> Any:
    from datetime import time

    try:
        return time.fromisoformat(text if len(text) == len("08:00") else "")
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time of the day such as 08:00", param_hint="--by") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-12-25") from None
