"""Publishing corrections: the right rows as a raw object, with who, when, and each cell before and after."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from duff_orders.clock import utc_now
from duff_orders.documents import Publication
from duff_orders.lake.corrections import note
from duff_orders.lake.given_up import give_up
from duff_orders.local.correcting.draft import Desk, Taken
from duff_orders.local.correcting.judge import judge, written
from duff_orders.local.correcting.rows import OpenRow, changes_of
from duff_orders.local.correcting.whole import corrected_whole

#: Puts a file where files land, behind a prefix, in the place of the file that is named, if any; its key.
Put = Callable[[Path, str, str | None], str]


@dataclass(frozen=True, slots=True)
class Published:
    """What was published: the key of the raw object, None where no row was right; and how many rows, and given up."""

    key: str | None
    rows: int
    given_up: int


def publish(desk: Desk, rejected_lines: Callable[[], list[int]], put: Put) -> Published:
    """Publish the rows of a draft that are right, and give up those that are marked so; the others stay a draft.

    They are judged once more: a profile may have changed since. What is done is repeated without harm: the object's
    name follows from its content. An invalid file comes again as a whole, with its rows corrected. Raises Taken where
    somebody else is at it, StillInvalid where such a file would not be taken in.
    """
    draft = desk.draft()
    if draft is None:
        return Published(None, 0, 0)
    if draft.holder != desk.by:
        raise Taken(draft)
    rows = desk.with_draft(draft)
    changed = [each for each in rows if each.changed and each.why is None]
    reasons = judge(desk.lake, desk.row, desk.form, changed)
    right = [replace(each, judged=()) for each in changed if not reasons[each.line]]
    key = _land(desk, right, put) if right else None
    given = _give_up(desk, [each for each in rows if each.why is not None], rejected_lines)
    desk.published({*(each.line for each in right), *given})
    return Published(key, len(right), len(given))


def _land(desk: Desk, rows: list[OpenRow], put: Put) -> str:
    """Tell what is published, then let it land: whoever sees the object finds who made it."""
    is_whole = not desk.row.published
    data = corrected_whole(desk, rows) if is_whole else written(desk.form, rows).data
    folder, _, name = desk.row.source_file.rpartition("/")
    stem = PurePosixPath(name).name.partition(".")[0]
    prefix = f"{folder}/" if folder else ""
    file = f"{stem}-corrected-{hashlib.sha256(data).hexdigest()[:8]}.csv"
    lines = {each.line for each in rows}
    changes = tuple(each for each in changes_of(desk.draft()) if each.line in lines)
    note(desk.lake.store, desk.row.file_id, Publication(key=prefix + file, at=utc_now(), by=desk.by, changes=changes))
    with tempfile.TemporaryDirectory(prefix="duff-corrections-") as made:
        path = Path(made, file)
        path.write_bytes(data)
        return put(path, prefix, desk.row.file_id if is_whole else None)


def _give_up(desk: Desk, rows: list[OpenRow], rejected_lines: Callable[[], list[int]]) -> set[int]:
    """Give rows up, those of one reason at once."""
    standing = desk.standings.of(desk.row)
    own = rejected_lines() if rows else []
    by_why: dict[str, list[int]] = {}
    for each in rows:
        if each.why is not None and each.line in own:
            by_why.setdefault(each.why, []).append(each.line)
    for why, lines in by_why.items():
        give_up(desk.lake.store, standing, own, why, lines, desk.by)
    return {line for lines in by_why.values() for line in lines}
