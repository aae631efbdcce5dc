"""The draft of a file's corrections: changed in steps that can be undone and made again, by one author at a time."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from duff_orders.clock import utc_now
from duff_orders.documents import Change, Draft, LedgerRow, Step
from duff_orders.documents.drafts import GIVEN_UP, RECORD
from duff_orders.errors import InputError
from duff_orders.lake import layout
from duff_orders.lake.documents import DRAFTS
from duff_orders.lake.given_up import LONGEST_WHY
from duff_orders.lake.lake import Lake
from duff_orders.lake.standing import Standings
from duff_orders.lake.stores.base import Store
from duff_orders.local.correcting.judge import Form, form_of, judge
from duff_orders.local.correcting.rows import OpenRow, at_line, changes_of, open_rows

#: Characters of a cell, and steps that are kept apart: of more the oldest become one.
LONGEST_CELL, MOST_STEPS = 20_000, 500


class Taken(InputError):
    """That somebody else is at a file's corrections, `holder` since `since`."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(f"{draft.holder or 'somebody'} is correcting this file since {draft.since:%Y-%m-%d %H:%M} UTC")
        self.draft = draft


def draft_of(store: Store, row: LedgerRow) -> Draft | None:
    """The corrections of a file that are under way. Raises DamagedObject where they cannot be read."""
    return DRAFTS.read(store, layout.draft_object(row.file_id))


#: What makes one draft of another.
Changing = Callable[[Draft], Draft]


class Desk:
    """A file on the desk of somebody who corrects it.

    Each method raises Taken where somebody else is at it, and InputError for what is not allowed; nothing is changed
    then. Every change is kept at once.
    """

    def __init__(self, lake: Lake, row: LedgerRow, standings: Standings, by: str | None) -> None:
        self.lake, self.row, self.standings, self.by = lake, row, standings, by
        self._form: Form | None = None

    @property
    def form(self) -> Form:
        """How the file writes its records."""
        if self._form is None:
            self._form = form_of(self.lake, self.row)
        return self._form

    def draft(self) -> Draft | None:
        """What is under way."""
        return draft_of(self.lake.store, self.row)

    def rows(self) -> list[OpenRow]:
        """The open rows as they stand now."""
        return self.with_draft(self.draft())

    def with_draft(self, draft: Draft | None, lines: Collection[int] | None = None) -> list[OpenRow]:
        """The open rows, or those of some lines, as a draft has them."""
        return [*open_rows(self.lake, self.row, self.standings, draft, lines)]

    def tried(self, rows: Sequence[OpenRow], column: str, text: str) -> dict[int, tuple[str, ...]]:
        """What would be wrong with some rows, by their lines, if a cell of each held a text."""
        changed = [replace(each, changed={**each.changed, column: text}) for each in rows]
        return judge(self.lake, self.row, self.form, changed)

    def take_over(self) -> None:
        """Be the one who is at it; what was changed stays."""
        self._keep(lambda draft: replace(draft, holder=self.by, since=utc_now()), taking=True)

    def change(self, cells: Sequence[tuple[int, str, str]]) -> None:
        """Change cells, each by line and column; of a malformed record the whole text, as RECORD."""
        for _, column, text in cells:
            if len(text) > LONGEST_CELL:
                raise InputError(f"{column}: {len(text):,} characters; allowed are {LONGEST_CELL:,}")

        def step(draft: Draft) -> Draft:
            rows = self.with_draft(draft, {line for line, _, _ in cells})
            changes = [_changed(at_line(rows, line), column, text) for line, column, text in cells]
            return self._stepped(draft, [each for each in changes if each.before != each.after])

        self._keep(step)

    def give_up(self, lines: Iterable[int], why: str | None) -> None:
        """Mark rows as to be given up for a reason, or, without one, no more."""
        why = why.strip() if why is not None else None
        if why is not None and not 0 < len(why) <= LONGEST_WHY:
            raise InputError(f"why: {len(why):,} characters; allowed are 1 to {LONGEST_WHY:,}")
        wanted = [*lines]

        def step(draft: Draft) -> Draft:
            rows = self.with_draft(draft, wanted)
            marked = [(line, at_line(rows, line).why) for line in wanted]
            changes = [Change(line=line, column=GIVEN_UP, before=before, after=why) for line, before in marked]
            return self._stepped(draft, [each for each in changes if each.before != each.after])

        self._keep(step)

    def undo(self) -> None:
        """Take back the last step."""
        self._keep(lambda draft: self._moved(draft, draft.done - 1))

    def redo(self) -> None:
        """Make the next step again."""
        self._keep(lambda draft: self._moved(draft, draft.done + 1))

    def published(self, lines: Iterable[int]) -> None:
        """What was changed of some rows is published: it is no draft any more. What is left cannot be undone."""
        gone = {*lines}

        def shrunk(draft: Draft) -> Draft:
            left = tuple(each for each in changes_of(draft) if each.line not in gone)
            steps = (Step(changes=left, at=utc_now(), by=self.by),) if left else ()
            judged = {line: reasons for line, reasons in draft.judged.items() if int(line) not in gone}
            return replace(draft, steps=steps, done=len(steps), judged=judged)

        self._keep(shrunk)

    def _stepped(self, draft: Draft, changes: Sequence[Change]) -> Draft:
        """A draft with one more step; what was undone is gone."""
        if not changes:
            return draft
        step = Step(changes=tuple(changes), at=utc_now(), by=self.by)
        steps = (*draft.steps[: draft.done], step)
        if len(steps) > MOST_STEPS:
            half = MOST_STEPS // 2
            whole = changes_of(replace(draft, steps=steps, done=half))
            steps = (replace(steps[half - 1], changes=tuple(whole)), *steps[half:])
        return self._judged(replace(draft, steps=steps, done=len(steps)), {each.line for each in changes})

    def _moved(self, draft: Draft, done: int) -> Draft:
        """A draft of which another number of steps holds."""
        if not 0 <= done <= len(draft.steps):
            return draft
        step = draft.steps[min(done, draft.done)]
        return self._judged(replace(draft, done=done), {each.line for each in step.changes})

    def _judged(self, draft: Draft, lines: set[int]) -> Draft:
        """A draft with what is wrong with some rows now; those that are as they came are not judged again."""
        rows = self.with_draft(draft, lines)
        reasons = judge(self.lake, self.row, self.form, [each for each in rows if each.changed])
        judged = {line: each for line, each in draft.judged.items() if int(line) not in lines}
        judged |= {str(line): ";".join(each) for line, each in reasons.items()}
        return replace(draft, judged=judged)

    def _keep(self, change: Changing, *, taking: bool = False) -> None:
        def changed(stored: Draft | None) -> Draft | None:
            before = stored or self._new()
            if before.holder != self.by and not taking:
                if before.steps:
                    raise Taken(before)
                before = replace(before, holder=self.by, since=utc_now())
            after = change(before)
            return None if after == before and stored is not None else after

        DRAFTS.change(self.lake.store, layout.draft_object(self.row.file_id), changed)

    def _new(self) -> Draft:
        row = self.row
        return Draft(
            file_id=row.file_id,
            revision=row.revision,
            holder=self.by,
            since=utc_now(),
            steps=(),
            done=0,
            judged={},
        )


def _changed(row: OpenRow, column: str, text: str) -> Change:
    allowed: Mapping[str, str | None] = {RECORD: row.record} if row.is_malformed else row.texts
    if column not in allowed:
        raise InputError(f"line {row.line}: {column!r:.100} is no cell of it; allowed are {', '.join(allowed)}")
    before = row.text(column)
    # an empty cell stays what it was where nothing is written into it
    return Change(line=row.line, column=column, before=before, after=before if text == (before or "") else text)
