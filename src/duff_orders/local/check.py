"""`duff check`: verifies the lake, and lists what does not hold."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from duff_orders.contract import ORDERS, STAR, TABLES, VERSION
from duff_orders.documents import Entry, Event, LedgerRow
from duff_orders.errors import DamagedObject, EngineError, SourceChanged
from duff_orders.ingest.content import came_back
from duff_orders.ingest.corrections import ranked
from duff_orders.ingest.text import is_compressed
from duff_orders.lake import layout, relation
from duff_orders.lake.documents import LEDGER_ROWS
from duff_orders.lake.events import of_row
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores.base import names
from duff_orders.lake.stores.raw_file import fingerprint, identity
from duff_orders.lake.survey import Fault, Survey, named, survey
from duff_orders.lake.tables import create_view, create_views
from duff_orders.local import raw_folder
from duff_orders.local.accounted import accounted
from duff_orders.local.reread import compare
from duff_orders.models.invariants import invariants
from duff_orders.progress import OnPhase, ignore_phase
from duff_orders.settings import MIB

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
#: What a check works on, as progress is told.
TOLD = "check"
#: Files, and bytes of them, whose rows are compared with their text where not all are; what gzip makes of a byte.
SOME_FILES, SOME_BYTES, PACKED = 10, 8 * MIB, 10


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and a sentence for each thing that does not hold.

    `reread` counts the files whose rows were compared with their text; `why_none` tells why it was none. `left_alone`
    are the keys in the raw folder, or the beginnings of keys, of what the contract leaves alone.
    """

    files: int
    rows: int
    problems: list[str]
    reread: int = 0
    why_none: str = ""
    left_alone: Sequence[str] = ()


def check(lake: Lake, *, deep: bool = False, phase: OnPhase = ignore_phase) -> Proof:
    """Compare the ledger, the objects, the rows in the tables, the raw folder and the star schema with each other.

    And the rows of some files, chosen at random, with their text; `deep`: those of all files.
    """
    state, problems = look(lake, phase)
    chosen = [row for row in state.intact if row.rows_read]
    some = chosen if deep else [*_some(chosen)]
    seen = [0]
    phase(TOLD, "files and their text", lambda: 0.5 + seen[0] / max(2 * len(some), 1))
    in_folder = [*raw_folder.everything(lake.disk.path(layout.RAW))]
    problems = [*map(str, state.faults), *problems, *_raw(lake, state, in_folder)]
    reread = _reread(lake, state.rows, some, problems, seen)
    return Proof(
        len(state.rows),
        sum(row.rows_read for row in state.rows.values()),
        problems,
        reread,
        "" if reread else _why_none(chosen, some),
        [each.key for each in in_folder if each.as_agreed],
    )


def look(lake: Lake, phase: OnPhase = ignore_phase) -> tuple[Survey, list[str]]:
    """All that documents, objects and tables tell of each other: the faults, and a sentence for what else is wrong."""
    phase(TOLD, "documents and objects", lambda: 0.0)
    state = survey(lake)
    problems = [*doubles([*state.rows.values()])]
    if state.star:
        problems += _star(lake, state.star, state.rows)
    phase(TOLD, "tables", lambda: 0.5)
    try:
        problems += _tables(lake, state)
    except EngineError as error:
        known = len(state.faults)
        state.faults.extend([*_damaged(lake, state)])
        problems += [] if len(state.faults) > known else [f"the tables cannot be read: {error}"]
    return state, problems


def _why_none(chosen: list[LedgerRow], some: list[LedgerRow]) -> str:
    """Why the rows of no file were compared with their text, where none was."""
    if not chosen:
        return "no file has rows"
    if not some:
        return f"those chosen hold more than {SOME_BYTES // MIB} MB each, and only --deep compares such"
    return "the raw objects are gone, or others by now"


def doubles(rows: Sequence[LedgerRow]) -> Iterator[str]:
    """A sentence for each content that two files published."""
    published: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        if row.published:
            published[row.content_key].append(row)
    for same in published.values():
        for first, second in pairwise(sorted(same, key=lambda row: row.event_time)):
            if not came_back(second, first, rows):
                yield f"{named(second)}: the same content was published from {named(first)} too"


def _raw(lake: Lake, survey: Survey, in_folder: Iterable[raw_folder.Found]) -> Iterator[str]:
    """The raw folder and what was announced of it. A file that failed may be gone: its verdict told so."""
    announced: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for event in survey.events.values():
        announced[event.key, event.size].append(event)
    for row in survey.rows.values():
        if row.stands and not lake.store.exists(f"{layout.RAW}/{row.source_file}"):
            yield f"{named(row)}: the raw object is missing; what was read of it stands, and cannot be read again"
    seen = {key: notes[-1].seen for key, notes in survey.held.items()}
    for each in in_folder:
        if each.status is None and not each.as_agreed:
            yield f"{each.key}: lies in the raw folder, but is left alone: {each.why}"
        elif each.status and not _is_announced(lake, each, announced.get((each.key, each.status.st_size), []), seen):
            yield f"{each.key}: lies in the raw folder, but was never processed; `duff watch` takes it up"


def _is_announced(lake: Lake, file: raw_folder.Found, known: list[Event], seen: dict[str, str]) -> bool:
    """Whether a file is one of those announced under its key and size; of one that is not as it was, its bytes tell."""
    try:
        path = lake.disk.path(f"{layout.RAW}/{file.key}")
        if (now := identity(path)) and seen.get(file.key) == now:
            return True
        return bool(known) and fingerprint(path)[1] in {event.etag for event in known}
    except (OSError, SourceChanged):
        return False  # it goes or changes while we look, so it is not what was announced


def _star(lake: Lake, star: Snapshot, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    known = {layout.STAR_POINTER, *star.all_objects(), *star.superseded}
    for name in names(lake.store, f"{layout.PROCESSED}/star/"):
        if name not in known:
            yield f"{name}: an orphan of the star schema; `duff models` removes it"
    behind = _published(ledger).items() ^ star.files.items()
    if behind:
        yield f"the star schema is behind by {len({file_id for file_id, _ in behind})} files; `duff models` builds it"


def _published(ledger: dict[str, LedgerRow]) -> dict[str, int]:
    """The revision of each file whose rows the star schema is to have."""
    return {row.file_id: row.revision for row in ledger.values() if row.rows_published}


def _tables(lake: Lake, survey: Survey) -> Iterator[str]:
    """What the tables hold of the files whose objects are whole; other numbers of rows are added to the faults."""
    ledger = {row.file_id: row for row in survey.intact}
    star = _whole_star(survey)
    with lake.engine(only_reads=True) as (connection, _):
        create_views(lake, connection, TABLES, ledger=ledger.values(), star=star or Snapshot())
        for table, count in layout.ROW_COUNTS.items():
            query = f"select file_id, count(*) from {table} group by file_id"
            there = Counter(dict(connection.execute(query).fetchall()))
            for file_id, row in ledger.items():
                if there[file_id] != getattr(row, count):
                    words = f"{named(row)}: {count} is {getattr(row, count)}, but {table} has {there[file_id]} rows"
                    name = LEDGER_ROWS.name(row)
                    survey.faults.append(Fault(name=name, words=words, remedy="replay", file_id=file_id))
        survey.faults.extend([*_misranked(lake, connection, ledger)])
        if len(ledger) == len(survey.rows):  # what some correct, others must have
            yield from accounted(connection, ledger, survey.given_up)
        # what it has otherwise than the tables, until a build, can be compared with nothing
        if star is not None and star.files.items() <= _published(ledger).items():
            yield from invariants(connection, star.files)


def _misranked(lake: Lake, connection: "DuckDBPyConnection", ledger: dict[str, LedgerRow]) -> Iterator[Fault]:
    """Files whose rows rank by another time than that of what they correct: it was announced anew since."""
    ties = (
        f"select distinct file_id, split_part(corrects, ':', 1), effective_at from {ORDERS.name} where corrects <> ''"
    )
    reported = set[str]()
    for file_id, target, time in connection.execute(ties).fetchall():
        if target in ledger and file_id in ledger and file_id not in reported:
            due = ranked(lake.ledger, ledger[target])
            if time.replace(tzinfo=UTC) != due:
                reported.add(file_id)
                row = ledger[file_id]
                words = f"{named(row)}: its rows rank by another time than that of what they correct"
                yield Fault(name=LEDGER_ROWS.name(row), words=words, remedy="replay", file_id=file_id)


def _whole_star(survey: Survey) -> Snapshot | None:
    return survey.star if survey.star and not survey.of("rebuild") else None


def _damaged(lake: Lake, survey: Survey) -> Iterator[Fault]:
    """The objects that an engine cannot read: of those that a release before wrote no digest tells."""
    star = _whole_star(survey)

    def read(connection: "DuckDBPyConnection", _: Path, item: tuple[str, str, LedgerRow | None]) -> None:
        name, table, row = item
        version = row.contract if row else star.contract if star else VERSION
        create_view(connection, "one", relation.of_objects(lake.store, TABLES[table], [name], version=version))
        connection.execute("select max(hash(one)) from one")

    of_star = ((name, table.name, None) for table in STAR for name in (star.objects(table.name) if star else ()))
    of_files = (
        (name, table, row)
        for row in survey.intact
        for table in layout.OBJECT_COUNTS
        for name in layout.data_objects(table, row)
    )
    for (name, _, row), reasons in _survived(lake, [*of_files, *of_star], read):
        for why in reasons or ():
            if row:
                words = f"{named(row)}: the object {name} {why}"
                yield Fault(name=name, words=words, remedy="replay", file_id=row.file_id)
            else:
                yield Fault(name=name, words=f"the object {name} of the star schema {why}", remedy="rebuild")


def _survived(
    lake: Lake, items: Iterable[T], look: Callable[["DuckDBPyConnection", Path, T], list[str] | None]
) -> Iterator[tuple[T, list[str] | None]]:
    """What `look` finds of each item, DuckDB's failure included.

    After a failure comes another engine: a damaged object can leave the one that read it unusable.
    """
    from duff_orders.drivers.duckdb import ERRORS, message  # heavy: only who reads tables pays for it

    waiting = deque(items)
    while waiting:
        with lake.engine(only_reads=True) as (connection, scratch):
            is_usable = True
            while waiting and is_usable:
                item = waiting.popleft()
                try:
                    survivors = look(connection, scratch, item)
                except ERRORS as error:
                    survivors, is_usable = [f"cannot be read: {message(error).splitlines()[0]}"], False
                yield item, survivors


def _some(rows: list[LedgerRow]) -> Iterator[LedgerRow]:
    """Files chosen at random: some few, which together can be read in some seconds."""
    left = SOME_BYTES
    for row in random.sample(rows, min(SOME_FILES, len(rows))):
        size = row.size * (PACKED if is_compressed(row.source_file) else 1)
        if size <= left:
            left -= size
            yield row


def _reread(
    lake: Lake, ledger: dict[str, LedgerRow], rows: Iterable[LedgerRow], problems: list[str], seen: list[int]
) -> int:
    """Compare the rows of files with their text; tells the problems, and returns how many could be compared.

    Those cannot whose raw object is gone or another by now, of which `_raw` tells; and those that correct rows which
    were lost since, as the verdict of their file tells: what was right then would be wrong now.
    """

    def read(connection: "DuckDBPyConnection", scratch: Path, row: LedgerRow) -> list[str] | None:
        targets = (ledger.get(Entry.of(each).file_id) for each in row.corrects or ())
        if any(target is None or target.verdict == "failed" for target in targets):
            return None
        event = of_row(lake.store, row)
        if event is None:
            return None
        try:
            with lake.store.raw(event) as raw:
                faults = [*compare(lake, connection, scratch, row, raw.open())]
                raw.check()
        except (SourceChanged, PermissionError, DamagedObject):  # of which the survey tells
            return None
        return faults

    count = 0
    for row, faults in _survived(lake, rows, read):
        seen[0] += 1
        if faults is not None:
            count += 1
            problems += (f"{named(row)}: {words}; `duff replay {row.file_id}` reads it again" for words in faults)
    return count
