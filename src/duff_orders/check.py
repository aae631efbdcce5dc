"""`duff check`: proves the lake, and lists what does not hold."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from duff_orders.contract import COUNTS, ORDERS, REJECTED_ROWS, TABLES
from duff_orders.ingest.publish import parse_data_object
from duff_orders.lake import layout, snapshot
from duff_orders.lake.catalog import create_views
from duff_orders.lake.lake import Lake
from duff_orders.messages import LedgerRow
from duff_orders.models.invariants import invariants
from duff_orders.pipeline import events


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and a sentence for each thing that does not hold."""

    files: int
    rows: int
    problems: list[str]


def check(lake: Lake) -> Proof:
    """Compare the ledger, the objects, the rows in the tables, the raw folder and the star schema with each other."""
    ledger = {row.file_id: row for row in lake.ledger.rows()}
    problems = [
        *_counts(ledger),
        *_contents(ledger),
        *(missing := list(_objects(lake, ledger))),
        *_raw(lake, ledger),
        *_star_objects(lake, ledger),
    ]
    if not any("missing" in problem for problem in missing):
        problems += _tables(lake, ledger)
    return Proof(len(ledger), sum(row.rows_read for row in ledger.values()), problems)


def _counts(ledger: dict[str, LedgerRow]) -> Iterator[str]:
    for row in ledger.values():
        read, *parts = (getattr(row, name) for name in COUNTS)
        if read != sum(parts):
            yield f"{_name(row)}: {read} rows read, but the four counts add up to {sum(parts)}"
        if row.rows_published and not row.published:
            yield f"{_name(row)}: {row.rows_published} rows published with the verdict {row.verdict}"


def _contents(ledger: dict[str, LedgerRow]) -> Iterator[str]:
    published: dict[tuple[str, int], LedgerRow] = {}
    for row in ledger.values():
        if row.published:
            first = published.setdefault((row.etag, row.size), row)
            if first is not row:
                yield f"{_name(row)}: the same content was published from {_name(first)} too"


def _expected(ledger: dict[str, LedgerRow]) -> dict[str, str]:
    """The data objects that the ledger speaks of, and the file of each."""
    counts = {ORDERS.name: "rows_published", REJECTED_ROWS.name: "rows_rejected"}
    return {
        layout.data_object(table, row.pa_date, row.file_id, revision=row.revision): _name(row)
        for row in ledger.values()
        for table, count in counts.items()
        if getattr(row, count)
    }


def _objects(lake: Lake, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    expected = _expected(ledger)
    found = {
        name
        for table in (ORDERS.name, REJECTED_ROWS.name)
        for name in lake.store.names(f"{layout.PROCESSED}/{layout.FOLDERS[table]}")
    }
    for name in sorted(expected.keys() - found):
        yield f"{expected[name]}: the object {name} is missing"
    for name in sorted(found - expected.keys()):
        file_id, revision = parse_data_object(name)
        # A superseded revision stays for a while, for readers that still use it.
        if file_id not in ledger or revision >= ledger[file_id].revision:
            yield f"{name}: an orphan, no ledger row speaks of it; `duff replay {file_id}` finishes or removes it"


def _raw(lake: Lake, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    announced = {}
    for event in events(lake):
        file_id = layout.file_id(event)
        announced[event.key, event.size] = file_id
        if file_id not in ledger:
            yield f"{event.key} ({file_id}): announced, but not processed; `duff replay {file_id}` takes it up"
    for file_id, row in ledger.items():
        if file_id not in announced.values():
            yield f"{_name(row)}: its announcement is missing"
    sizes = {
        name.removeprefix(f"{layout.RAW}/"): lake.store.path(name).stat().st_size
        for name in lake.store.names(layout.RAW)
    }
    for row in ledger.values():
        if sizes.get(row.source_file) is None:
            yield f"{_name(row)}: the raw object is missing"
    for key, size in sizes.items():
        if layout.is_orders_file(key) and (key, size) not in announced:
            yield f"{key}: lies in the raw folder, but was never processed; `duff watch` takes it up"


def _star_objects(lake: Lake, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    now = snapshot.current(lake.store)
    for name in sorted(now.all_objects()):
        if not lake.store.exists(name):
            yield f"the object {name} of the star schema is missing; `duff models --rebuild` makes it again"
    known = {layout.STAR_POINTER, *now.all_objects(), *now.superseded}
    for name in lake.store.names(f"{layout.PROCESSED}/star"):
        if name not in known:
            yield f"{name}: an orphan of the star schema; `duff models` removes it"
    published = {row.file_id: row.revision for row in ledger.values() if row.rows_published}
    behind = published.items() ^ now.files.items()
    if behind:
        yield f"the star schema is behind by {len({file_id for file_id, _ in behind})} files; `duff models` builds it"


def _tables(lake: Lake, ledger: dict[str, LedgerRow]) -> Iterator[str]:
    with lake.engine() as (connection, _):
        create_views(lake, connection, TABLES)
        for table, count in ((ORDERS.name, "rows_published"), (REJECTED_ROWS.name, "rows_rejected")):
            found = Counter(
                dict(connection.execute(f"select file_id, count(*) from {table} group by file_id").fetchall())
            )
            for file_id, row in ledger.items():
                if found[file_id] != getattr(row, count):
                    yield f"{_name(row)}: {count} is {getattr(row, count)}, but {table} has {found[file_id]} rows"
        yield from invariants(connection)


def _name(row: LedgerRow) -> str:
    return f"{row.source_file} ({row.file_id})"
