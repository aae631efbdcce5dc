"""`duff check`: proves the lake, and lists what does not hold."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from duff_orders.contract import COUNTS, STAR, TABLES
from duff_orders.errors import DamagedObject, EngineError, SourceChanged
from duff_orders.ingest.content import came_back, published_content
from duff_orders.ingest.text import is_compressed
from duff_orders.lake import held, layout, relation, snapshot
from duff_orders.lake.disk import fingerprint, identity
from duff_orders.lake.given_up import all_given_up
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import events
from duff_orders.lake.store import Store, names
from duff_orders.lake.tables import create_view, create_views
from duff_orders.local import raw_folder
from duff_orders.local.accounted import accounted
from duff_orders.local.reread import compare
from duff_orders.messages import Event, GivenUp, LedgerRow
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
    problems: list[str] = []
    phase(TOLD, "ledger and raw folder", lambda: 0.0)
    ledger = {row.file_id: row for row in lake.ledger.rows(damaged=lambda error: problems.append(str(error)))}
    given_up = all_given_up(lake.store, damaged=lambda error: problems.append(str(error)))
    found = [*raw_folder.everything(lake.disk.path(layout.RAW))]
    problems += [*counts(ledger.values()), *contents(lake.store, [*ledger.values()]), *_raw(lake, ledger, found)]
    phase(TOLD, "objects", lambda: 0.25)
    unreadable = [*_missing(lake, ledger)]
    try:
        star = snapshot.current(lake.store)
    except DamagedObject as error:
        unreadable.append(str(error))
    else:
        problems += _star(lake, star, ledger)
        unreadable += _missing_star(lake, star)
    problems += [*unreadable, *_orphans(lake, ledger)]
    reread, why_none = 0, "objects of the lake are missing or cannot be read"
    if not unreadable:
        phase(TOLD, "tables", lambda: 0.5)
        damaged: dict[str, str] = {}
        try:
            problems += _tables(lake, star, ledger, given_up)
        except (EngineError, DamagedObject) as error:
            damaged = _damaged(lake, star, ledger)
            problems += damaged.values() or [f"the tables cannot be read: {error}"]
        chosen = [row for row in ledger.values() if row.rows_read and row.file_id not in damaged]
        some = chosen if deep else [*_some(chosen)]
        seen = [0]
        phase(TOLD, "files and their text", lambda: 0.5 + seen[0] / max(2 * len(some), 1))
        reread = _reread(lake, some, problems, seen)
        why_none = "" if reread else _why_none(chosen, some)
    return Proof(
        len(ledger),
        sum(row.rows_read for row in ledger.values()),
        problems,
        reread,
        why_none,
        [each.key for each in found if each.as_agreed],
    )


def _why_none(chosen: list[LedgerRow], some: list[LedgerRow]) -> str:
    """Why the rows of no file were compared with their text, where none was."""
    if not chosen:
        return "no file has rows"
    if not some:
        return f"those chosen hold more than {SOME_BYTES // MIB} MB each, and only --deep compares such"
    return "the raw objects are gone, or others by now"


def counts(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """A sentence for each ledger row whose counts contradict each other, or its verdict."""
    for row in rows:
        read, *parts = (getattr(row, name) for name in COUNTS)
        if read != sum(parts):
            yield f"{_name(row)}: {read} rows read, but the four counts add up to {sum(parts)}"
        if row.rows_published and not row.published:
            yield f"{_name(row)}: {row.rows_published} rows published with the verdict {row.verdict}"


def contents(store: Store, rows: Sequence[LedgerRow]) -> Iterator[str]:
    """A sentence for each content that two files published, and for each of which no note tells who did."""
    notes = {*names(store, f"{layout.PROCESSED}/content/")}
    published: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        if row.published:
            content = published_content(row)
            published[content].append(row)
            # of what a release before published on S3, the ledger does not tell
            if (row.content or not row.version) and layout.content_object(content) not in notes:
                yield f"{_name(row)}: the note of its content is missing; `duff replay {row.file_id}` writes it again"
    for same in published.values():
        for first, second in pairwise(sorted(same, key=lambda row: row.event_time)):
            if not came_back(second, first, rows):
                yield f"{_name(second)}: the same content was published from {_name(first)} too"


def _objects(ledger: dict[str, LedgerRow]) -> Iterator[tuple[str, str, LedgerRow]]:
    """The data objects that the ledger speaks of: the name, the table and the file of each."""
    for row in ledger.values():
        for table in layout.OBJECT_COUNTS:
            for name in layout.data_objects(table, row):
                yield name, table, row


def _missing(lake: Lake, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    for name, _, row in _objects(ledger):
        if not lake.store.exists(name):
            yield f"{_name(row)}: the object {name} is missing; `duff replay` makes it again"


def _orphans(lake: Lake, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    expected = {name for name, _, _ in _objects(ledger)}
    for table in layout.OBJECT_COUNTS:
        for name in names(lake.store, f"{layout.PROCESSED}/{layout.FOLDERS[table]}/"):
            found = layout.parse_data_object(name)
            row = ledger.get(found.file_id) if found else None
            # A superseded revision stays for a while, for readers that still use it.
            if name not in expected and not (found and row and found.revision < row.revision):
                yield f"{name}: an orphan, no ledger row speaks of it"


def _raw(lake: Lake, ledger: dict[str, LedgerRow], found: Iterable[raw_folder.Found]) -> Iterator[str]:
    announced: dict[tuple[str, int], list[Event]] = {}
    ids: set[str] = set()
    for event in events(lake.store):
        file_id = event.file_id
        announced.setdefault((event.key, event.size), []).append(event)
        ids.add(file_id)
        if file_id not in ledger:
            yield f"{event.key} ({file_id}): announced, but not processed; `duff replay {file_id}` takes it up"
    for file_id, row in ledger.items():
        if file_id not in ids:
            yield f"{_name(row)}: its announcement is missing"
    for row in ledger.values():
        if not lake.store.exists(f"{layout.RAW}/{row.source_file}"):
            yield f"{_name(row)}: the raw object is missing"
    seen = {key: each.seen for key, each in held.last(lake.store).items()}
    for each in found:
        if each.status is None and not each.as_agreed:
            yield f"{each.key}: lies in the raw folder, but is left alone: {each.why}"
        elif each.status and not _is_announced(lake, each, announced.get((each.key, each.status.st_size), []), seen):
            yield f"{each.key}: lies in the raw folder, but was never processed; `duff watch` takes it up"


def _is_announced(lake: Lake, found: raw_folder.Found, known: list[Event], seen: dict[str, str]) -> bool:
    """Whether a file is one of those announced under its key and size; of one that is not as it was, its bytes tell."""
    try:
        path = lake.disk.path(f"{layout.RAW}/{found.key}")
        if (now := identity(path)) and seen.get(found.key) == now:
            return True
        return bool(known) and fingerprint(path)[1] in {event.etag for event in known}
    except (OSError, SourceChanged):
        return False  # it goes or changes while we look, so it is not what was announced


def _missing_star(lake: Lake, star: snapshot.Snapshot) -> Iterator[str]:
    for name in sorted(star.all_objects()):
        if not lake.store.exists(name):
            yield f"the object {name} of the star schema is missing; `duff models --rebuild` makes it again"


def _star(lake: Lake, star: snapshot.Snapshot, ledger: dict[str, LedgerRow]) -> Iterator[str]:
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


def _tables(
    lake: Lake, star: snapshot.Snapshot, ledger: dict[str, LedgerRow], given_up: dict[str, GivenUp]
) -> Iterator[str]:
    with lake.engine(only_reads=True) as (connection, _):
        create_views(lake, connection, TABLES)
        for table, count in layout.ROW_COUNTS.items():
            query = f"select file_id, count(*) from {table} group by file_id"
            found = Counter(dict(connection.execute(query).fetchall()))
            for file_id, row in ledger.items():
                if found[file_id] != getattr(row, count):
                    yield f"{_name(row)}: {count} is {getattr(row, count)}, but {table} has {found[file_id]} rows"
        yield from accounted(connection, ledger, given_up)
        # what it has otherwise than the tables, until a build, can be compared with nothing
        if star.files.items() <= _published(ledger).items():
            yield from invariants(connection, star.files)


def _damaged(lake: Lake, star: snapshot.Snapshot, ledger: dict[str, LedgerRow]) -> dict[str, str]:
    """A sentence for each file of which an object cannot be read, by its id; of the star schema, by its name."""

    def read(connection: "DuckDBPyConnection", _: Path, item: tuple[str, str, LedgerRow | None]) -> None:
        name, table, row = item
        version = row.contract if row else star.contract
        create_view(connection, "one", relation.of_objects(lake.store, TABLES[table], [name], version=version))
        connection.execute("select max(hash(one)) from one")

    of_star = ((name, table.name, None) for table in STAR for name in star.objects(table.name))
    sentences = {}
    for (name, _, row), found in _survived(lake, [*_objects(ledger), *of_star], read):
        for words in found or ():
            if row:
                told = f"{_name(row)}: the object {name} {words}; `duff replay {row.file_id}` makes it again"
                sentences[row.file_id] = told
            else:
                sentences[name] = (
                    f"the object {name} of the star schema {words}; `duff models --rebuild` makes it again"
                )
    return sentences


def _survived(
    lake: Lake, items: Iterable[T], look: Callable[["DuckDBPyConnection", Path, T], list[str] | None]
) -> Iterator[tuple[T, list[str] | None]]:
    """What `look` finds of each item, DuckDB's failure included.

    After a failure comes another engine: a damaged object can leave the one that read it unusable.
    """
    from duff_orders.engines.duckdb import ERRORS, message  # heavy: only who reads tables pays for it

    waiting = deque(items)
    while waiting:
        with lake.engine(only_reads=True) as (connection, scratch):
            is_usable = True
            while waiting and is_usable:
                item = waiting.popleft()
                try:
                    found = look(connection, scratch, item)
                except ERRORS as error:
                    found, is_usable = [f"cannot be read: {message(error).splitlines()[0]}"], False
                yield item, found


def _some(rows: list[LedgerRow]) -> Iterator[LedgerRow]:
    """Files chosen at random: some few, which together can be read in some seconds."""
    left = SOME_BYTES
    for row in random.sample(rows, min(SOME_FILES, len(rows))):
        size = row.size * (PACKED if is_compressed(row.source_file) else 1)
        if size <= left:
            left -= size
            yield row


def _reread(lake: Lake, rows: Iterable[LedgerRow], problems: list[str], seen: list[int]) -> int:
    """Compare the rows of files with their text; tells the problems, and returns how many could be compared.

    Those cannot whose raw object is gone or another by now: `_raw` tells of these.
    """

    def read(connection: "DuckDBPyConnection", scratch: Path, row: LedgerRow) -> list[str] | None:
        try:
            with lake.store.raw(_event(row)) as raw:
                found = [*compare(lake, connection, scratch, row, raw.open())]
                raw.check()
        except (SourceChanged, PermissionError):
            return None
        return found

    count = 0
    for row, found in _survived(lake, rows, read):
        seen[0] += 1
        if found is not None:
            count += 1
            problems += (f"{_name(row)}: {words}; `duff replay {row.file_id}` reads it again" for words in found)
    return count


def _event(row: LedgerRow) -> Event:
    return Event(
        bucket=layout.RAW_BUCKET,
        key=row.source_file,
        size=row.size,
        etag=row.etag,
        version=row.version,
        time=row.event_time,
    )


def _name(row: LedgerRow) -> str:
    return f"{row.source_file} ({row.file_id})"
