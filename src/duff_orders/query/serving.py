"""The serving copy: the star schema again, laid out to answer within milliseconds.

It lies in the lake's `cache/serve.duckdb`: the order lines with what their ids stand for, sorted by order and, again,
by client. It is made of the snapshot alone, a changed day at a time, and may be deleted at any time: without it the
Parquet objects answer, with equal rows. The file belongs to one process.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import duckdb

from duff_orders.contract import DIM_CHANNELS, DIM_CLIENTS, DIM_PRODUCTS, DIM_STATUS, FACT_ORDERS, STAR, VERSION
from duff_orders.drivers.dialect import sql_text
from duff_orders.drivers.duckdb import ERRORS, engine_errors, message
from duff_orders.errors import EngineError
from duff_orders.lake import relation
from duff_orders.lake.snapshot import Snapshot, current
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.lake.tables import create_view
from duff_orders.query.guard.check import check
from duff_orders.query.reports import Report, Value, cubes
from duff_orders.query.result import Result, plain
from duff_orders.query.statements import LINE, LINES, Statement

log = logging.getLogger(__name__)

#: A copy of another form is made anew: the number is raised when the layout changes, and columns are the contract's.
FORM = f"4, contract {VERSION}"
#: A copy of which so large a part was added since it was sorted is sorted again.
_UNSORTED = 0.1
_SORTED = {
    "lines_by_order": "order_id, product_id",
    "lines_by_client": "client_id, pa_date desc, order_id, product_id",
}
_DIMENSIONS = (DIM_CLIENTS, DIM_PRODUCTS, DIM_STATUS, DIM_CHANNELS)


class Serving:
    """Answers over the star schema of a lake in a folder; one instance a process.

    `memory` is in bytes. Threads may ask at once; `refresh` brings the copy up to the newest build.
    """

    def __init__(self, store: DiskStore, *, memory: int) -> None:
        self.store = store
        self.memory = memory
        self.path = store.root / "cache" / "serve.duckdb"
        self._local = threading.local()
        self._refreshing = threading.Lock()
        self._viewing = threading.Lock()
        self._switch = threading.Condition()
        self._changing = False
        self._views = self._connect(None)
        self._view_version: str | None = ""  # none was looked at
        self._copy = self._open()
        self._copy_version, self._has_cubes = self._state_of_copy()
        self._epoch = 0

    def close(self) -> None:
        """Give the file back."""
        for connection in (self._copy, self._views):
            if connection is not None:
                connection.close()

    @property
    def version(self) -> str | None:
        """The build that answers show: the copy's, while it is not older than a build before it could be made."""
        return self._copy_version if self._copy_version is not None else current(self.store).build_id

    @property
    def has_copy(self) -> bool:
        """Whether the copy answers."""
        return self._copy_version is not None

    def lines(self, *, by_client: bool) -> str:
        """The relation of order lines that suits a question."""
        if not self.has_copy:
            return LINES
        return "lines_by_client" if by_client else "lines_by_order"

    def report(self, report: Report, values: Mapping[str, Value]) -> Result:
        """The answer to a report over the star schema: from the cubes where they help, else from the lines."""

        def statement() -> Statement:
            over_cubes = cubes.text(report) if self._has_cubes else None
            return (over_cubes.text(values) if over_cubes else _translated(report.text(values))), []

        return replace(self.ask(statement), columns=list(report.columns))

    def ask(self, statement: Callable[[], Statement]) -> Result:
        """The answer to a statement, of one build alone: it is made anew where the build changed meanwhile.

        Raises EngineError.
        """
        while True:
            with self._switch:
                self._switch.wait_for(lambda: not self._changing)
                epoch, version = self._epoch, self._copy_version
            if version is None:
                version = self._refresh_views()
            result = _answer(self._cursor(), statement())
            if epoch == self._epoch:
                return replace(result, version=version)

    def over(self, views: Mapping[str, str], statement: Statement) -> Result:
        """The answer to a statement over relations of its own: their SQL by name."""
        with self._views.cursor() as cursor:
            for name, select in views.items():
                cursor.execute(f"create or replace temp view {name} as {select}")
            return _answer(cursor, statement)

    def refresh(self) -> bool:
        """Bring the copy up to the newest build, changed days alone; whether there was anything to do.

        Readers see one build all the time. Raises EngineError, after which the copy of before answers.
        """
        with self._refreshing:
            snapshot = current(self.store)
            if self._copy is None or snapshot.build_id is None:
                return False
            if snapshot.build_id == self._copy_version and self._has_cubes:
                return False
            with self._copy.cursor() as cursor:
                if snapshot.build_id != self._copy_version:
                    self._change(cursor, partial(self._bring_up, cursor, snapshot), snapshot.build_id, has_cubes=False)
                # Look-ups need not wait for these.
                self._change(cursor, partial(_make_cubes, cursor), snapshot.build_id, has_cubes=True)
                with contextlib.suppress(duckdb.Error):  # readers may be in its way: the next one does it
                    cursor.execute("checkpoint")
            return True

    def _change(
        self, cursor: duckdb.DuckDBPyConnection, work: Callable[[], None], version: str, *, has_cubes: bool
    ) -> None:
        """Change the copy in one transaction: readers see it before, or after."""
        try:
            cursor.execute("begin")
            work()
            with self._switched():
                cursor.execute("commit")
                self._copy_version, self._has_cubes = version, has_cubes
        except ERRORS as error:
            with contextlib.suppress(duckdb.Error):
                cursor.execute("rollback")
            raise EngineError(message(error)) from error

    # The copy

    def _open(self) -> duckdb.DuckDBPyConnection | None:
        """The copy's file, made anew where it cannot be read; None where another process has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return self._connect(self.path)
            except duckdb.Error as error:
                if "lock" in str(error).lower():
                    log.warning("another process has the serving copy: the Parquet objects answer, slower")
                    return None
                self.path.unlink(missing_ok=True)  # whatever it is, it can be made again
                return self._connect(self.path)
        except (OSError, duckdb.Error) as error:
            log.warning("there is no serving copy, the Parquet objects answer, slower: %s", error)
            return None

    def _connect(self, path: Path | None) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            str(path) if path else ":memory:",
            config={
                "memory_limit": f"{self.memory}B",
                "threads": 1,
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "temp_directory": str(self.path.parent / "spill"),
            },
        )
        connection.execute("set timezone = 'UTC'")
        return connection

    def _state_of_copy(self) -> tuple[str | None, bool]:
        """The build that the file holds, and whether with its cubes; None where it holds none, or in another form."""
        row = None
        if self._copy is not None and current(self.store).build_id is not None:
            with contextlib.suppress(duckdb.CatalogException, duckdb.BinderException):
                row = self._copy.execute("select form, version, cubes from meta").fetchone()
        return (row[1], bool(row[2])) if row is not None and row[0] == FORM else (None, False)

    def _bring_up(self, cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
        held, unsorted = self._held(cursor)
        for table in _DIMENSIONS:
            source = relation.of_objects(self.store, table, snapshot.objects(table.name), version=snapshot.contract)
            cursor.execute(f"create or replace table {table.name} as {source}")
        changed = sorted(
            day for day in held.keys() | snapshot.partitions.keys() if held.get(day) != snapshot.partitions.get(day)
        )
        rows = sum(snapshot.rows.values())
        moved = sum(snapshot.rows.get(day, 0) for day in changed)
        unsorted += moved
        if not held or unsorted > _UNSORTED * max(rows, 1):
            changed, unsorted = sorted(snapshot.partitions), 0
            self._name_facts(cursor, snapshot, changed)
            for name, keys in _SORTED.items():
                cursor.execute(f"create or replace table {name} as select * from {_lines()} as lines order by {keys}")
        else:
            self._name_facts(cursor, snapshot, changed)
            days = ", ".join(f"date {sql_text(day)}" for day in changed)
            for name, keys in _SORTED.items():
                if changed:
                    cursor.execute(f"delete from {name} where pa_date in ({days})")
                    cursor.execute(f"insert into {name} select * from {_lines()} as lines order by {keys}")
        columns = ", ".join(field.name for field in FACT_ORDERS.all_fields)
        cursor.execute(f"create or replace view fact_orders as select {columns} from lines_by_order")
        cursor.execute(
            "create or replace table meta"
            " (form varchar, version varchar, partitions varchar, unsorted bigint, cubes boolean)"
        )
        partitions = json.dumps(snapshot.partitions)
        cursor.execute("insert into meta values (?, ?, ?, ?, false)", [FORM, snapshot.build_id, partitions, unsorted])

    def _held(self, cursor: duckdb.DuckDBPyConnection) -> tuple[dict[str, list[str]], int]:
        """The objects of each day that the copy holds, and how many rows were added since it was sorted."""
        held = "select partitions, unsorted from meta"
        row = None if self._copy_version is None else cursor.execute(held).fetchone()
        return ({}, 0) if row is None else (dict(json.loads(row[0])), int(row[1]))

    def _name_facts(self, cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, days: Sequence[str]) -> None:
        objects = [name for day in days for name in snapshot.partitions.get(day, [])]
        create_view(
            cursor, "changed_facts", relation.of_objects(self.store, FACT_ORDERS, objects, version=snapshot.contract)
        )

    @contextmanager
    def _switched(self) -> Iterator[None]:
        """Readers that began before know that they must begin again, and those to come wait."""
        with self._switch:
            self._changing = True
        try:
            yield
        finally:
            with self._switch:
                self._epoch += 1
                self._changing = False
                self._switch.notify_all()

    # The Parquet objects

    def _refresh_views(self) -> str | None:
        with self._viewing:
            snapshot = current(self.store)
            if snapshot.build_id != self._view_version:
                with self._switched():
                    for table in STAR:
                        objects = snapshot.objects(table.name)
                        source = relation.of_objects(self.store, table, objects, version=snapshot.contract)
                        create_view(self._views, table.name, source, kept=True)
                    self._view_version = snapshot.build_id
            return snapshot.build_id

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of this thread's own."""
        wanted = self._copy if self.has_copy else self._views
        assert wanted is not None
        if getattr(self._local, "of", None) is not wanted:
            self._local.of, self._local.cursor = wanted, wanted.cursor()
        cursor: duckdb.DuckDBPyConnection = self._local.cursor
        return cursor


def _make_cubes(cursor: duckdb.DuckDBPyConnection) -> None:
    cubes.build(cursor)
    cursor.execute("update meta set cubes = true")


@lru_cache(maxsize=256)
def _translated(sql: str) -> str:
    return check(sql).sql


def _answer(cursor: duckdb.DuckDBPyConnection, statement: Statement) -> Result:
    with engine_errors():
        executed = cursor.execute(*statement)
        columns = [(str(each[0]), athena_type(str(each[1]))) for each in executed.description or ()]
        return Result(columns, plain(executed.fetchall()))


def _lines() -> str:
    """`LINES`, with the ids that `fact_orders` has, over the facts that changed."""
    known = {name.strip() for name in LINE.split(",")}
    others = "".join(f"f.{field.name}, " for field in FACT_ORDERS.fields if field.name not in known)
    inner = LINES.replace("f.product_price,", f"{others}f.product_price,")
    return inner.replace("from fact_orders f", "from changed_facts f")


def athena_type(name: str) -> str:
    """A type of DuckDB's as Athena spells it; sums of integers are Athena's bigint."""
    known = name.lower()
    return {"hugeint": "bigint", "float": "real"}.get(known, known)
