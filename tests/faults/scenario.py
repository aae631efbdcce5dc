"""What faults interrupt, and the proof after: files of every verdict, corrections, a replacement, a content that
returns, rows that are given up, replays that turn verdicts, and builds between them.

Event times are fixed, so that lakes can be compared to the last field.
"""

import bisect
import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from duff_orders.contract import COLUMN_NAMES, FILES, ORDERS, TABLES
from duff_orders.documents import Event, LedgerRow
from duff_orders.engines.duckdb import batch as on_duckdb  # noqa: F401 – loaded before the fork, not in each child
from duff_orders.lake import landing, layout
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.events import events
from duff_orders.lake.given_up import give_up
from duff_orders.lake.lake import Lake
from duff_orders.lake.landing import put_all
from duff_orders.lake.raw import announce, put
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.lake.stores.raw_file import fingerprint
from duff_orders.lake.tables import create_views
from duff_orders.local.check import check
from duff_orders.local.replay import replay
from duff_orders.local.run import process_all
from duff_orders.models.build import build
from duff_orders.query import rejects
from duff_orders.settings import Settings
from tests.lakes import sql

#: Of a lake: the steps that were played again, and what it held then.
State = tuple[int, str]
#: By table, the text of each row; and the names of the objects.
Contents = dict[str, Counter[str]]

HEADER = ",".join(COLUMN_NAMES)


def lines(*records: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *records, "")).encode()


VALID = lines(
    "1,Moe,1,1,Duff,1.50,6,0.33,Retail,created",
    "1,Moe,1,2,Duff Lite,1.25,2,0.50,Retail,created",
    "2,Apu,2,1,Duff,1.50,24,0.33,B2B,created",
)
DIRTY = lines(
    "3,Krusty,3,1,Duff,1.50,1,0.33,Online,created",
    "3,Krusty,3,1,Duff,1.50,1,0.33,Online,created",
    "3,Krusty,4,3,Düff Weiße,2.00,3,0.50,Online,delivered",
    "0,Krusty,5,3,Duff,2.00,3,0.50,Online,gone",
    "3,Krusty,6",
)
INVALID = lines("Moe", header="client_name")
SPOILED = lines(
    "4,Lenny,7,4,Duff Dry,1.00,1,1.00,Kiosk,created",
    "4,Lenny,x,4,Duff Dry,1.00,1,1.00,Kiosk,created",
    "4,Lenny,8,4,Duff Dry,-1,1,1.00,Kiosk,created",
)
UPDATE = lines(
    "1,Moe's Tavern,1,1,Duff,1.75,6,0.33,Retail,delivered",
    "2,Apu,2,1,Duff,1.75,24,0.33,Export,broken",
    "5,Barney,9,1,Duff,1.75,99,0.33,Retail,created",
)
DAY = 86400


def noon(day: int, second: int = 0) -> datetime:
    return datetime(2026, 3, day, 12, 0, second, tzinfo=UTC)


RETURNING = lines("6,Ned,10,1,Duff,1.75,1,0.33,Retail,created")
BETWEEN = lines("6,Ned,10,1,Duff,1.75,1,0.33,Retail,broken")
INSTEAD = lines("7,Otto,11,1,Duff,1.75,1,0.33,Retail,created")


def file_id_of(key: str, data: bytes) -> str:
    etag = hashlib.sha256(data).hexdigest()[:32]
    bucket = layout.RAW_BUCKET
    return Event(bucket=bucket, key=key, size=len(data), etag=etag, version=None, time=noon(1)).file_id


_TIED = file_id_of("b-dirty.csv", DIRTY)
CORRECTIONS = lines(
    f"3,Krusty,5,3,Duff,2.00,3,0.50,Online,created,{_TIED}:5",
    f"3,Krusty,5,3,Duff,2.00,3,0.50,Online,lost,{_TIED}:5",
    header=f"{HEADER},duff_corrects",
)
#: name, content, event time. The repeated content comes at the time of the first: only the order tells them apart.
FEED = (
    ("a-valid.csv", VALID, noon(1)),
    ("b-dirty.csv", DIRTY, noon(1, 30)),
    ("c-invalid.csv", INVALID, noon(2)),
    ("d-spoiled.csv", SPOILED, noon(3)),
    ("e-repeat.csv", VALID, noon(1)),
    ("f-update.csv", UPDATE, noon(2, 30)),
    ("g-corrections.csv", CORRECTIONS, noon(4)),
    ("i-instead.csv", INSTEAD, noon(5)),
)
#: What lands together, and is taken together: two that share a statement, one that turns out to go alone.
TOGETHER = (
    ("j-one.csv", lines("8,Carl,12,1,Duff,1.75,1,0.33,Retail,created"), noon(7)),
    (
        "k-two.csv",
        lines("8,Carl,13,1,Duff,1.75,1,0.33,Retail,created", "8,Carl,13,2,Duff,2,1,0.5,B2B,created"),
        noon(7),
    ),
    ("l-dirty.csv", lines("8,Carl,14,1,Duff,1.75,x,0.33,Retail,created"), noon(7, 1)),
)
#: What takes the place of another, and of which.
INSTEAD_OF = {"i-instead.csv": file_id_of("c-invalid.csv", INVALID)}
#: What a partner overwrites and puts back.
RETURNS, IN_TURN = "h-returns.csv", (RETURNING, BETWEEN, RETURNING)


class Fault:
    """Counts the points that the store passes, and does something at one of them, or at all from there on."""

    def __init__(self, at: int = 0, then: Callable[[], None] = lambda: None, *, stays: bool = False) -> None:
        self.at = at
        self.then = then
        self.stays = stays
        self.passed: list[str] = []

    def point(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.at or (self.stays and len(self.passed) > self.at):
            self.then()


class FaultyStore(DiskStore):
    """A lake directory with points before and after each operation that changes it, and between its steps."""

    def __init__(self, root: Path, fault: Fault) -> None:
        super().__init__(root)
        self.fault = fault

    @contextmanager
    def _around(self, operation: str, name: str) -> Iterator[None]:
        self.fault.point(f"before {operation} {name}")
        try:
            yield
        except FileExistsError:  # which is no failure
            self.fault.point(f"after {operation} {name}")
            raise
        self.fault.point(f"after {operation} {name}")

    def _link(self, temporary: Path, target: Path) -> None:
        with self._around("put_new", target.name):
            super()._link(temporary, target)

    def _move(self, path: Path, target: Path) -> None:
        with self._around("publish", target.name):
            super()._move(path, target)

    def replace(self, name: str, data: bytes, token: str | None) -> bool:
        if token is None:
            return self.put_new(name, data)
        with self._around("replace", name):
            return super().replace(name, data, token)

    def put_new_file(self, name: str, path: Path) -> bool:
        with self._around("put_new_file", name):
            return super().put_new_file(name, path)

    def delete(self, name: str) -> None:
        with self._around("delete", name):
            super().delete(name)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with super().scratch() as folder:
            self.fault.point("in scratch")
            yield folder

    @contextmanager
    def _temporary(self, target: Path, data: bytes) -> Iterator[tuple[Path, int]]:
        with super()._temporary(target, data) as temporary:
            self.fault.point(f"written for {target.name}")
            yield temporary


def open_lake(root: Path, fault: Fault | None = None, *, retries: int = 0, share: str = "0.5") -> Lake:
    # without grace: what is superseded goes at the next build, so that its removal is interrupted too
    settings = Settings(lake=root, workers=1, threads=1, retries=retries, grace=0, max_reject_share=Decimal(share))
    store = DiskStore(root) if fault is None else FaultyStore(root, fault)
    return Lake(settings, store)


def write_feed(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data, _ in (*FEED, *TOGETHER):
        (folder / name).write_bytes(data)


def steps(root: Path, feed: Path, fault: Fault | None = None, *, retries: int = 0) -> list[Callable[[], object]]:
    """What a user does, from the first file to the last build; each step works on what the lake holds by then."""
    lake = open_lake(root, fault, retries=retries)

    def announce_all() -> None:
        for name, _, when in FEED:
            announce(lake.disk, put(lake.disk, feed / name, replaces=INSTEAD_OF.get(name)), when=when)

    def announce_together() -> None:
        times = {name: when for name, _, when in TOGETHER}
        assert put_all(lake.disk, [feed / name for name in times]) == [*times]
        new = landing.announce_all(lake.disk, times)
        for name, when in times.items():
            if name not in new:
                announce(lake.disk, name, when=when)

    def take(*names: str) -> None:
        list(process_all(lake, [event for event in events(lake.store) if event.key in names]))

    def overwritten(number: int) -> None:
        """The partner's next content, once the one before is in."""
        path = root / layout.RAW / RETURNS
        held = lake.disk.held(RETURNS)
        if len(held) <= number:
            take(RETURNS)
            rows = [*lake.ledger.rows()]
            decided = sum(row.source_file == RETURNS for row in rows)
            if decided < len(held) or any(not row.stands for row in rows):  # a full disk is no verdict
                return
            path.write_bytes(IN_TURN[number])
        if path.read_bytes() == IN_TURN[number]:
            noted = held[number:] and held[-1].etag == fingerprint(path)[1]  # and perhaps not announced yet
            announce(lake.disk, RETURNS, when=noon(6, len(held) - bool(noted)))
        take(RETURNS)

    def give_one_up() -> None:
        row = lake.ledger.of(_TIED)
        if row is None:  # a full disk is no verdict
            return
        standing = rejects.standings(lake).of(row)
        if row.stands and standing.of(6) == "open":
            give_up(lake.store, standing, rejects.lines(lake, row), "lost", [6])

    def replay_one(name: str, share: str) -> None:
        file_id = next(event.file_id for event in events(lake.store) if event.key == name)
        list(replay(open_lake(root, fault, retries=retries, share=share), [file_id]))

    return [
        announce_all,
        partial(take, "a-valid.csv", "e-repeat.csv"),
        *(partial(take, name) for name in ("b-dirty.csv", "c-invalid.csv", "d-spoiled.csv", "f-update.csv")),
        partial(build, lake),
        *(partial(take, name) for name in ("g-corrections.csv", "i-instead.csv")),
        give_one_up,
        *(partial(overwritten, number) for number in range(len(IN_TURN))),
        announce_together,
        partial(take, *(name for name, *_ in TOGETHER)),
        partial(replay_one, "b-dirty.csv", "0.1"),  # valid_with_rejects becomes invalid
        partial(replay_one, "d-spoiled.csv", "1"),  # the other way round
        partial(build, lake),
        partial(sweep, lake),
        partial(build, lake),
    ]


class Wrong(NamedTuple):
    """What is wrong with a lake, or other than in the undisturbed one; and with the two equal files exchanged."""

    as_it_is: str
    exchanged: str


@dataclass(frozen=True)
class Scenario:
    """An undisturbed run: its points, what it left, and the lake as it was before each step."""

    folder: Path
    points: list[str]
    starts: list[int]  # the number of points before each step
    expected: Contents
    known: dict[State, Wrong] = field(default_factory=dict)  # aftermaths by the states that were passed on the way
    ends: dict[tuple[int, int, str], Path] = field(default_factory=dict)  # what came of a step that ended in a state

    @classmethod
    def record(cls, folder: Path) -> "Scenario":
        write_feed(folder / "feed")
        (folder / "lake").mkdir()
        fault = Fault()
        starts = []
        for number, step in enumerate(steps(folder / "lake", folder / "feed", fault)):
            shutil.copytree(folder / "lake", folder / f"before-{number}")
            starts.append(len(fault.passed))
            step()
        settle(folder / "lake")
        assert problems(folder / "lake") == []
        return cls(folder, fault.passed, starts, contents(folder / "lake"))

    def disturb(self, root: Path, at: int, then: Callable[[], None], *, stays: bool = False, retries: int = 0) -> None:
        """Play with a fault at one point, counted from 1. What comes before its step is copied, not played.

        Nor is what follows, where the fault is over and another one left the same behind at the end of the step.
        """
        number = bisect.bisect_left(self.starts, at) - 1
        shutil.copytree(self.folder / f"before-{number}", root)
        fault = Fault(at - self.starts[number], then, stays=stays)
        disturbed, *following = steps(root, self.folder / "feed", fault, retries=retries)[number:]
        disturbed()
        reached = (number, retries, _state(root))
        if not stays and reached in self.ends:
            shutil.rmtree(root)
            shutil.copytree(self.ends[reached], root)
            return
        for step in following:
            step()
        if not stays:
            self.ends[reached] = self.folder / f"end-{len(self.ends)}"
            shutil.copytree(root, self.ends[reached])

    def aftermath(self, root: Path, *, either: bool = False) -> str:
        """Play again as if nothing had been; what is then wrong with the lake, or other than in the undisturbed one.

        Whatever was cut off, all tables can be read before that, too. Where the lake equals one of before, after as
        many steps, what comes of it is known. With `either`, each of the two files of the same content may be the
        one that was published.
        """
        open_lake(root).store.sweep_scratch()
        if any((root / layout.SCRATCH).glob("*")):
            return "scratch is not empty"
        again: list[Callable[[], object]] = [partial(contents, root), *steps(root, self.folder / "feed")]
        passed: list[State] = []
        for number, step in enumerate(again):
            state = (number, _state(root))
            if state in self.known:
                wrong = self.known[state]
                break
            passed.append(state)
            step()
        else:
            settle(root)
            wrong = self._wrong(root)
        self.known.update(dict.fromkeys(passed, wrong))
        return wrong.exchanged if either else wrong.as_it_is

    def _wrong(self, root: Path) -> Wrong:
        found, told = contents(root), problems(root)
        as_it_is = "\n".join((*told, *_differences(found, self.expected)))
        if "e-repeat.csv" not in str(found[ORDERS.name]):
            return Wrong(as_it_is, as_it_is)
        return Wrong(as_it_is, "\n".join((*told, *_differences(_exchanged(found), self.expected))))


def settle(root: Path) -> None:
    """What the next run does anyway: remove what nothing names any more."""
    lake = open_lake(root)
    lake.store.sweep_scratch()
    build(lake)
    sweep(lake)


def problems(root: Path) -> list[str]:
    return check(open_lake(root)).problems


def contents(root: Path) -> Contents:
    """Everything that must be equal: the rows of every table, and the names of all objects."""
    lake = open_lake(root)
    published = {row.content for row in lake.ledger.rows() if row.published}
    found = {FILES.name: Counter(map(_comparable, lake.ledger.rows()))}
    with sql() as connection:
        create_views(lake, connection)
        for name in TABLES.keys() - found.keys():
            found[name] = Counter(map(repr, connection.execute(f"select * from {name}").fetchall()))
    # the note that some content was published may outlive its publication
    notes = f"{layout.PROCESSED}/content/"
    found["objects"] = Counter(
        # what keys held is told by the files' ids, as of two files of one content either may be the published one
        re.sub(r"^processed/keys/\w+/", "processed/keys/", re.sub(r"-r\d+(-\d+\.parquet)$", r"\1", name))
        for name, _ in _objects(root)
        if not name.startswith(notes) or name.removeprefix(notes) in published
    )
    return found


def _comparable(row: LedgerRow) -> str:
    values = asdict(row)
    for name in ("started", "finished", "revision", "object_digests"):
        del values[name]
    return repr(values)


def _exchanged(found: Contents) -> Contents:
    """As if the two files of the same content had come the other way round."""
    twins = ["a-valid.csv", "e-repeat.csv"]
    ids = [re.search(rf"'file_id': '(\w+)', 'source_file': '{name}'", str(found[FILES.name])) for name in twins]
    other: dict[str, str] = dict(zip(twins, reversed(twins), strict=True))
    first, second = (match[1] for match in ids if match)
    other |= {first: second, second: first}

    def exchange(text: str) -> str:
        return re.sub("|".join(other), lambda match: other[match[0]], text)

    return {name: Counter(map(exchange, rows.elements())) for name, rows in found.items()}


def _differences(found: Contents, expected: Contents) -> Iterator[str]:
    for name in expected:
        for sign, more, less in (("too much", found, expected), ("missing", expected, found)):
            for each in (more[name] - less[name]).elements():
                yield f"{sign} in {name}: {each}"


def _objects(root: Path) -> Iterator[tuple[str, Path]]:
    """All files of the lake but its locks, hidden and temporary ones too; names without what numbers builds."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(f"{layout.LOCKS}/"):
            yield re.sub(r"^(processed/star/.*/)[^/]+(/\d+\.parquet)$", r"\1*\2", name), path


def _state(root: Path) -> str:
    """Equal for lakes that differ in nothing but the times at which attempts and builds were made."""
    digest = hashlib.sha256()
    for name, path in _objects(root):
        data = re.sub(rb"\d{8}T\d{6}\.\d{6}Z-\w{8}", b"", path.read_bytes())
        data = re.sub(rb'("started"|"finished"|"ledger_read"|"at"|\.parquet"): "[^"]*Z"', b"", data)
        data = re.sub(rb', "digest": "[^"]*"', b"", data)  # of all that, too
        data = re.sub(rb'"[0-9a-f]+(-[0-9a-f]+){2,3}"', b'""', data)  # what files look like
        digest.update(b"%d %s %d %s" % (len(name), name.encode(), len(data), data))
    return digest.hexdigest()
