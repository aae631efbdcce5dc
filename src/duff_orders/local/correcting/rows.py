"""The open rows of a file as they came, and as a draft changed them."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Change, Draft, LedgerRow, tied
from duff_orders.documents.drafts import GIVEN_UP, RECORD
from duff_orders.errors import InputError
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.standing import Standings
from duff_orders.query.rejects import open_ones, read

State = Literal["wrong", "right", "given_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """A rejected row that waits: its texts by column, or of a malformed record as a whole, and its reasons.

    `corrects` is the row whose place its correction takes. `changed` are the cells that a draft changed, `judged` the
    reasons as it stands now, `why` the reason for which it is to be given up.
    """

    line: int
    corrects: str
    texts: Mapping[str, str | None]
    record: str | None
    reasons: tuple[str, ...]
    changed: Mapping[str, str | None] = field(default_factory=dict)
    judged: tuple[str, ...] = ()
    why: str | None = None

    @property
    def state(self) -> State:
        """What becomes of it when the draft is published."""
        if self.why is not None:
            return "given_up"
        return "right" if self.changed and not self.judged else "wrong"

    @property
    def is_malformed(self) -> bool:
        """Whether its record could not be taken apart."""
        return self.record is not None

    @property
    def wrong_columns(self) -> dict[str, str]:
        """By column the code of what was wrong with it as it came."""
        return dict(each.split(":", 1) for each in self.reasons)

    @property
    def still_wrong(self) -> dict[str, str]:
        """By column the code of what is wrong with it now."""
        return dict(each.split(":", 1) for each in self.judged)

    def text(self, column: str) -> str | None:
        """A cell as it stands now, or the whole record."""
        if column in self.changed:
            return self.changed[column]
        return self.record if column == RECORD else self.texts.get(column)

    def before(self, column: str) -> str | None:
        """A cell as it came, or the whole record; of GIVEN_UP nothing."""
        return self.record if column == RECORD else None if column == GIVEN_UP else self.texts.get(column)


def open_rows(
    lake: Lake, row: LedgerRow, standings: Standings, draft: Draft | None, lines: Collection[int] | None = None
) -> Iterator[OpenRow]:
    """The open rows of a file, or those of some lines, in its order, as a draft has them.

    Those that have no line cannot be corrected here.
    """
    is_open = open_ones(row, standings)
    changed, why = _of_draft(draft)
    for record in _records(lake, row):
        line, corrects = record["line"], record["corrects"]
        if line is None or (lines is not None and line not in lines) or not is_open(record):
            continue
        reasons = tuple(record["reasons"].split(";"))
        judged = draft.judged.get(str(line)) if draft else None
        yield OpenRow(
            line=line,
            corrects=corrects if tied(corrects) else f"{row.file_id}:{line}",
            texts={name: record[name] for name in COLUMN_NAMES},
            record=record["record"],
            reasons=reasons,
            changed=changed.get(line, {}),
            judged=reasons if judged is None else tuple(judged.split(";")) if judged else (),
            why=why.get(line),
        )


#: The rejected rows of the files that were asked for last: what a file's outcome rejected does not change.
_KEPT: OrderedDict[tuple[str, int], list[dict[str, Any]]] = OrderedDict()
_MOST_KEPT, _MOST_ROWS = 4, 20_000
_keeping = threading.Lock()


def _records(lake: Lake, row: LedgerRow) -> list[dict[str, Any]]:
    """The rejected rows of a file, in its order."""
    key = lake.store.address(layout.ledger_object(row.pa_date, row.file_id)), row.revision
    with _keeping:
        kept = _KEPT.get(key)
    if kept is None:
        kept = [*read(lake, row)]
        with _keeping:
            if len(kept) <= _MOST_ROWS:
                _KEPT[key] = kept
                while len(_KEPT) > _MOST_KEPT:
                    _KEPT.popitem(last=False)
    return kept


def _of_draft(draft: Draft | None) -> tuple[dict[int, dict[str, str | None]], dict[int, str]]:
    """What a draft changed: texts by line and column, and the reasons of what is to be given up by line."""
    changed, why = dict[int, dict[str, str | None]](), dict[int, str]()
    for change in changes_of(draft):
        if change.column != GIVEN_UP:
            changed.setdefault(change.line, {})[change.column] = change.after
        elif change.after is not None:
            why[change.line] = change.after
    return changed, why


def changes_of(draft: Draft | None) -> list[Change]:
    """What holds of a draft, each cell once: as it came, and as it stands now, without what is as it was."""
    cells: dict[tuple[int, str], Change] = {}
    for step in draft.steps[: draft.done] if draft else ():
        for change in step.changes:
            first = cells.get((change.line, change.column), change)
            cells[change.line, change.column] = Change(
                line=change.line, column=change.column, before=first.before, after=change.after
            )
    return [each for each in cells.values() if each.before != each.after]


def at_line(rows: Sequence[OpenRow], line: int) -> OpenRow:
    """The open row that begins on a line; raises InputError where there is none."""
    found = next((each for each in rows if each.line == line), None)
    if found is None:
        raise InputError(f"line {line}: no row that begins there is open; reload the page")
    return found
