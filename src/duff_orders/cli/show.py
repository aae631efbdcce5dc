"""Human-readable output of the command line: tables, verdicts, a progress bar."""

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from duff_orders.clock import utc_now
from duff_orders.contract import COLUMN_NAMES, COUNTS, Column
from duff_orders.documents import LedgerRow
from duff_orders.lake.standing import Standing
from duff_orders.models.build import BuildReport
from duff_orders.printable import printable
from duff_orders.reasons import remarked

if TYPE_CHECKING:
    from duff_orders.aws.status import Status
    from duff_orders.documents import InForce
    from duff_orders.local.repair import Repaired
    from duff_orders.partners.calendar import Promised
    from duff_orders.partners.proof import Proof

COLOURS = {
    "valid": "green",
    "valid_with_rejects": "yellow",
    "duplicate": "cyan",
    "invalid": "red",
    "failed": "red",
}


def line(row: LedgerRow) -> str:
    """One file's outcome in one line of plain text."""
    counts = ", ".join(f"{getattr(row, name)} {name.removeprefix('rows_')}" for name in COUNTS)
    return printable(
        f"{row.source_file}: {row.verdict}, {counts} ({row.file_id}){f': {row.reason}' if row.reason else ''}"
    )


def outcomes(rows: Sequence[LedgerRow], known: Collection[str] = ()) -> None:
    """The verdicts and counts of files that were just processed; the ids of those that had been before are `known`."""
    _files(rows)
    for row in rows:
        if row.file_id in known:
            print(printable(f"{row.source_file}: known already, unchanged since {row.finished:%Y-%m-%d %H:%M} UTC"))


def ledger(standings: Sequence[Standing], *, only_open: bool = False, older: int = 0) -> None:
    """The ledger, or the open files of it; so many `older` ones are left out."""
    if older:
        print(f"the newest {len(standings):,} of {len(standings) + older:,} files; --all lists every file")
    if standings:
        _files([each.row for each in standings], standings)
    elif only_open:
        print("nothing is open: every row is in the tables, corrected, or given up")
    else:
        print("no files yet; `duff run FILE` takes one in")


def profiles(index: Sequence["InForce"]) -> None:
    """The profiles that hold; prefixes that begin with another's, where the longer one holds, are told."""
    lines = []
    for each in index:
        within = [other.name for other in index if other is not each and each.prefix.startswith(other.prefix)]
        lines.append((each.name, printable(each.prefix), f"{each.since:%Y-%m-%d %H:%M:%S}", ", ".join(within)))
    _listed(("profile", "prefix", "since (UTC)", "instead of"), lines)


#: What the state of a slot is called.
STATES = {"due": "due", "on_time": "in", "late": "late", "missing": "MISSING", "missed": "MISSED"}


def proof(of: "Proof", digest: str) -> None:
    """The proof of a day: a line a file, the sums, what was corrected, and whether it holds."""
    print(f"proof of {of.day}: {of.came} of {of.expected} expected files came, {of.late} late")
    for each in of.entries:
        row = each.row
        if row is None:
            word = "missing" if each.late else "has time"
            print(printable(f"  {each.partner}: {word}"))
            continue
        counts = ", ".join(f"{getattr(row, name)} {name.removeprefix('rows_')}" for name in COUNTS)
        fates = "{} corrected, {} given up, {} open".format(*each.fates)
        late = ", late" if each.late else ""
        content = (row.content or "–")[:12]
        print(
            printable(f"  {each.partner or '–'}: {row.source_file} ({content}): {row.verdict}{late}; {counts}; {fates}")
        )
        for remark in row.remarks or ():
            print(printable(f"    {remarked(remark)}"))
    totals = of.totals
    print(", ".join(f"{totals[name]} {name.removeprefix('rows_')}" for name in totals))
    for file, publication in of.corrections:
        by = f"by {publication.by or 'somebody'}, {publication.at:%Y-%m-%d %H:%M} UTC"
        for change in publication.changes:
            what = f"line {change.line}, {change.column}: {change.before!r} became {change.after!r}"
            print(printable(f"  {file.source_file}, {what}, {by}"))
    for fault in of.faults:
        print(printable(f"does not hold: {fault}"))
    if not of.faults:
        print(f"holds: every row adds up, {of.compared} objects have the bytes that the ledger names; digest {digest}")


def promised(told: Sequence["Promised"]) -> None:
    """What partners have promised, and what came of it."""
    lines = []
    for each in told:
        if each.damaged:
            lines.append((each.name, "", "", "?", "", each.damaged))
        for slot in each.slots:
            assert each.expected is not None  # it has slots
            local = slot.due.astimezone(ZoneInfo(each.expected.zone))
            came = ", ".join(f"{printable(row.source_file)} {row.event_time:%H:%M}" for row in slot.files)
            unusable = ", ".join(f"{printable(row.source_file)} is invalid" for row in slot.unusable)
            due = f"{local:%H:%M} {each.expected.zone}, {slot.due:%H:%M} UTC"
            files = f"{len(slot.files)} of {slot.needed}"
            what = ", ".join(filter(None, (came, unusable)))
            lines.append((each.name, slot.day.isoformat(), due, STATES[slot.state], files, what))
        if not each.slots and not each.damaged:
            lines.append((each.name, "", "", "none expected", "", ""))
    _listed(("partner", "day", "due", "state", ("files", "right"), "what came (UTC)"), lines)


def columns(contract: Sequence[Column]) -> None:
    """The columns of the contract."""
    lines = [
        (column.name, column.type, "required" if column.required else "optional", column.comment) for column in contract
    ]
    _listed(("column", "type", "needed", "what it is"), lines)


def _listed(columns: Sequence[str | tuple[str, str]], lines: Sequence[Sequence[str]]) -> None:
    """A table of plain texts."""
    console = _console()
    if not console.is_terminal:
        _aligned(columns, lines)
        return
    table = _table(*columns)
    for cells in lines:
        table.add_row(*map(escape, cells))
    console.print(table)


def _files(rows: Sequence[LedgerRow], standings: Sequence[Standing] = ()) -> None:
    """Files and their counts; with `standings`, one a file, their ids, too, and how many rows are open."""
    ids = bool(standings)
    counted = [(name.removeprefix("rows_"), "right") for name in COUNTS]
    heads = ("file_id", "event time (UTC)", "file", "verdict") if ids else ("file", "verdict")
    columns = (*heads, *counted, *([("open", "right")] if ids else []))
    lines = []
    for number, row in enumerate(rows):
        first = (row.file_id[:12], f"{row.event_time:%Y-%m-%d %H:%M:%S}") if ids else ()
        counts = [f"{getattr(row, name):,}" for name in COUNTS]
        if ids:
            counts.append(_open(standings[number]))
        lines.append((*first, printable(row.source_file), row.verdict, *counts))
    console = _console()
    if console.is_terminal:
        table = _table(*columns)
        for cells in lines:
            table.add_row(*(f"[{COLOURS[each]}]{each}[/]" if each in COLOURS else escape(each) for each in cells))
        console.print(table)
    else:
        _aligned(columns, lines)
    for row in rows:
        if row.reason and row.verdict != "valid_with_rejects":
            console.print(printable(f"{row.source_file}: {row.reason}"), markup=False, highlight=False, soft_wrap=True)
        elif row.rows_rejected and not ids:
            console.print(
                printable(f"{row.source_file}: {row.reason}; `duff rejects {row.file_id[:12]}` shows which and why"),
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        for each in map(remarked, row.remarks or ()):
            console.print(printable(f"{row.source_file}: {each}"), markup=False, highlight=False, soft_wrap=True)


def _open(standing: Standing) -> str:
    """How many rows of a file are open; a file whose rows could not be counted is open as a whole."""
    return f"{standing.open:,}" if standing.open or not standing.is_open else "all"


def build(report: BuildReport) -> None:
    """What a build of the star schema did, and what it left out."""
    left_out(report.left_out)
    if report.kind == "unchanged":
        print(f"star schema: up to date, {report.rows:,} order lines")
    else:
        print(
            f"star schema: {report.kind}, {report.files:,} files added, {report.partitions:,} partitions written, "
            f"{report.rows:,} order lines, {report.seconds:.2f} s"
        )


def left_out(objects: Iterable[object]) -> bool:
    """What was left out, since it cannot be read; whether there is any."""
    lines = [printable(f"left out: {each}") for each in objects]
    for each in lines:
        print(each, file=sys.stderr)
    return bool(lines)


def repaired(done: "Repaired", *, dry_run: bool) -> None:
    """What a repair found, and what it did."""
    for each in done.faults:
        print(printable(each.partition("; `duff repair`")[0]))
    if dry_run or not done.faults:
        print(f"to be mended: {len(done.faults)}" if done.faults else "nothing is damaged")
        return
    for word, names in (("made anew", done.made), ("kept aside", done.aside)):
        for name in names:
            print(printable(f"{word}: {name}"))
    if done.again:
        outcomes(done.again)
    if done.build is not None:
        build(done.build)
    for each in done.lost:
        print(printable(f"lost: {each}"), file=sys.stderr)


def document(value: Any) -> None:
    """What a command found, as one JSON document; money and times are texts with all their digits."""
    print(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


#: Keys that are named of those left alone.
_NAMED = 20


def left_alone(keys: Sequence[str]) -> None:
    """What lies in the raw bucket and is none of ours."""
    if keys:
        more = f", and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
        named = ", ".join(map(printable, keys[:_NAMED]))
        print(f"left alone in the raw bucket, as tools keep such for themselves: {named}{more}")


def status(state: "Status") -> None:
    """How a deployment is doing."""
    if state.newest_file is None:
        print("newest verdict: none yet")
    else:
        age = int((utc_now() - state.newest_file).total_seconds())
        print(f"newest verdict: {state.newest_file:%Y-%m-%d %H:%M:%S} UTC, {age:,} s ago")
    print(f"files that wait to be taken up: {state.arrived}; under way: {state.running}")
    print(f"files that wait for a build: {state.waiting_for_build}{'; one is under way' if state.is_building else ''}")
    print(f"last build: {f'{state.last_build:%Y-%m-%d %H:%M:%S} UTC' if state.last_build else 'none yet'}")
    if state.failed_job:
        print(printable(f"the last run of the job for large builds failed: {state.failed_job}"))
    print(f"announcements in the dead-letter queue: {state.undelivered}")
    left_alone(state.left_alone)
    for key, time in state.failed:
        print(printable(f"failed at {time}: {key}"))


def rejected(row: LedgerRow, records: Iterator[dict[str, Any]]) -> None:
    """A file's rejected rows: the reasons, and the text that they are about."""
    console = _console()
    console.print(line(row), markup=False, highlight=False, soft_wrap=True)
    for record in records:
        where = "" if record["line"] is None else f"line {record['line']}: "
        console.print(f"{where}[yellow]{record['reasons']}[/]", highlight=False, soft_wrap=True)
        text = record["record"]
        shown = repr(text) if text is not None else ", ".join(f"{n}={record[n]!r}" for n in COLUMN_NAMES)
        console.print(f"    {shown}", markup=False, highlight=False, soft_wrap=True)


class Bars:
    """A progress bar for each file in work; this one shows nothing."""

    def phase(self, key: str, phase: str, done_fraction: Callable[[], float]) -> None:
        """A phase of a file begins."""

    def done(self, key: str) -> None:
        """A file is finished."""


class _TerminalBars(Bars):
    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.tasks: dict[str, tuple[Any, Callable[[], float]]] = {}

    def phase(self, key: str, phase: str, done_fraction: Callable[[], float]) -> None:
        self.done(key)
        self.tasks[key] = self.progress.add_task(f"{escape(printable(key))}: {phase}", total=1.0), done_fraction

    def done(self, key: str) -> None:
        if task := self.tasks.pop(key, None):
            self.progress.remove_task(task[0])

    def refresh(self, stop: threading.Event) -> None:
        if stop.wait(1.0):
            return
        with self.progress:
            while not stop.wait(0.1):
                for task, share_done in list(self.tasks.values()):
                    with contextlib.suppress(KeyError):  # finished in the meantime
                        self.progress.update(task, completed=share_done())


@contextlib.contextmanager
def progress() -> Iterator[Bars]:
    """Progress bars on a terminal, for work that takes more than a second."""
    if not sys.stderr.isatty():
        yield Bars()
        return
    bars = _TerminalBars()
    stop = threading.Event()
    thread = threading.Thread(target=bars.refresh, args=(stop,), daemon=True)
    thread.start()
    try:
        yield bars
    finally:
        stop.set()
        thread.join()


def _table(*columns: str | tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        name, justify = (column, "left") if isinstance(column, str) else column
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return table


def _aligned(columns: Sequence[str | tuple[str, str]], lines: Sequence[Sequence[str]]) -> None:
    """Print a table where nobody looks, and where no line is folded: as `_table` has it, in a hundredth of the time."""
    heads = [column if isinstance(column, str) else column[0] for column in columns]
    widths = [max(map(cell_len, cells)) for cells in zip(heads, *lines, strict=True)]
    for cells in (heads, *lines):
        padded = (
            f"{cell}{' ' * (width - cell_len(cell))}"
            if isinstance(column, str)
            else f"{' ' * (width - cell_len(cell))}{cell}"
            for column, cell, width in zip(columns, cells, widths, strict=True)
        )
        print("  ".join(padded))


def _console() -> Console:
    console = Console(highlight=False)
    # A pipe has no width: let no column wrap there.
    return console if console.is_terminal else Console(highlight=False, width=1000)
