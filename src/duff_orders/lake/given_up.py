"""Rejected rows that somebody gave up, and why; kept as documents beside the ledger."""

from collections.abc import Collection
from itertools import islice

from duff_orders.clock import utc_now
from duff_orders.documents import GivenUp, GiveUp, each_line, ranges
from duff_orders.errors import InputError
from duff_orders.lake import layout
from duff_orders.lake.documents import GIVEN_UP, OnDamage
from duff_orders.lake.standing import Standing, is_given_up_whole
from duff_orders.lake.stores.base import Store
from duff_orders.printable import printable

#: Characters of a reason, and lines that may be named.
LONGEST_WHY, MOST_LINES = 1000, 1_000_000
#: Why something is not given up, or not taken back: each once, as a text with places, for other languages to tell.
REFUSALS = {
    "why": "why {name} is given up has {length} characters; allowed are 1 to {most}",
    "nothing_open": "{name}: nothing of it is open, so there is nothing to give up",
    "nothing_given_up": "{name}: nothing of it was given up, so there is nothing to take back",
    "others_given_up": "{name}: of its lines {given} were given up, not {lines}",
    "whole_given_up": "{name}: it was given up as a whole, not its lines {lines}: leave out the lines",
    "no_lines": "`{text}` names no lines; write up to {most} of them as in 3,7-9",
    "not_rejected": "{name}: no rejected row of its own begins on {lines}; such are {own}",
    "corrected": "{name}: line {lines} is corrected already; leave it out",
}
# Lines that a message names.
_NAMED = 10


class Refused(InputError):
    """Something is not given up, or not taken back: why, by its key in REFUSALS, and what stands in its places."""

    def __init__(self, key: str, **places: str) -> None:
        super().__init__(REFUSALS[key].format(**places))
        self.key, self.places = key, places


def all_given_up(store: Store, damaged: OnDamage | None = None) -> dict[str, GivenUp]:
    """What was said of each file, by its id.

    Raises DamagedObject for a document that cannot be read, or tells `damaged` of it and goes on.
    """
    return {each.file_id: each for each in GIVEN_UP.every(store, damaged)}


def give_up(
    store: Store,
    standing: Standing,
    rejected_lines: Collection[int],
    why: str,
    lines: Collection[int] | None = None,
    by: str | None = None,
) -> int:
    """Give up open rows of a file, `lines` of them or all; returns how many rows that are.

    `rejected_lines` are those of its rejected rows, but of those that were to correct others. Where the rows cannot be
    named by lines, the file is given up as a whole. Raises Refused where nothing is open, or a line is none of it.
    """
    name = f"{standing.row.source_file} ({standing.row.file_id})"
    why = why.strip()
    if not why or len(why) > LONGEST_WHY:
        raise Refused("why", name=name, length=str(len(why)), most=str(LONGEST_WHY))
    if not standing.is_open:
        raise Refused("nothing_open", name=name)
    if lines is None and is_given_up_whole(standing.row):
        lines_given, count = None, standing.open
    else:
        if lines is None:
            chosen = {line for line in rejected_lines if standing.of(line) == "open"}
        else:
            chosen = {*lines}
            _check_open(name, standing, rejected_lines, chosen)
        lines_given, count = ranges(chosen), len(chosen)
    _add(store, standing.row.file_id, GiveUp(lines=lines_given, why=why, at=utc_now(), by=by))
    return count


def take_back(
    store: Store, standing: Standing, why: str = "", lines: Collection[int] | None = None, by: str | None = None
) -> int:
    """Take back what was given up of a file, `lines` of it or all; returns how many rows are open again.

    Raises Refused where nothing was given up, or not one of these lines.
    """
    name = f"{standing.row.source_file} ({standing.row.file_id})"
    said = standing.given_up_as
    if said is None or not (said.whole or said.lines):
        raise Refused("nothing_given_up", name=name)
    if lines is not None and (wrong := {*lines} - said.lines):
        if said.whole:
            raise Refused("whole_given_up", name=name, lines=_told(wrong))
        raise Refused("others_given_up", name=name, given=_told(said.lines), lines=_told(wrong))
    before = standing.given_up
    document = None if lines is None else ranges({*lines})
    _add(store, standing.row.file_id, GiveUp(lines=document, why=why, at=utc_now(), undo=True, by=by))
    return before if lines is None else sum(standing.of(line) == "given_up" for line in {*lines})


def read_lines(text: str) -> list[int]:
    """The lines of a text such as `3,7-9`; raises Refused."""
    try:
        lines = [*islice(each_line(text.strip()), MOST_LINES + 1)]
    except ValueError:
        lines = []
    if not lines or min(lines) < 1 or len(lines) > MOST_LINES:
        raise Refused("no_lines", text=printable(text[:100]), most=f"{MOST_LINES:,}")
    return lines


def _check_open(name: str, standing: Standing, rejected_lines: Collection[int], chosen: set[int]) -> None:
    if unknown := chosen - {*rejected_lines}:
        raise Refused("not_rejected", name=name, lines=_told(unknown), own=_told(rejected_lines) or "–")
    if corrected := {line for line in chosen if standing.of(line) == "corrected"}:
        raise Refused("corrected", name=name, lines=_told(corrected))


def _told(lines: Collection[int]) -> str:
    """Lines, the first of them where they are many."""
    first = sorted(lines)[:_NAMED]
    more = len(lines) - len(first)
    return ranges(first) + (f" and {more:,} more" if more else "")


def _add(store: Store, file_id: str, said: GiveUp) -> None:
    """Say one more thing of a file, after all that was said before."""
    GIVEN_UP.change(
        store,
        layout.given_up_object(file_id),
        lambda before: GivenUp(file_id=file_id, said=(*(before.said if before else ()), said)),
    )
