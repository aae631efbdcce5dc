"""What nothing names any more: parts that an attempt left, superseded revisions, objects of former star schemas."""

from datetime import UTC, datetime, timedelta

from duff_orders.clock import utc_now
from duff_orders.documents import Event, LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import Snapshot, current
from duff_orders.lake.stores.base import Store, names


def tidy(lake: Lake, *rows: LedgerRow | None) -> None:
    """Remove the data objects of a file that none of its rows names, where readers would see them.

    Only for the holder of the file's lock: anybody else would remove what a replay has just written.
    """
    named = {name for row in rows if row for name in layout.all_data_objects(row)}
    if lake.store.listed_by_readers and rows[0] is not None:
        for table in layout.OBJECT_COUNTS:
            for name in names(lake.store, f"{layout.partition(table, rows[0].pa_date)}/{rows[0].file_id}"):
                if name not in named:
                    lake.store.delete(name)


def remove_unnamed_parts(store: Store, table: str, event: Event, revision: int, parts: int) -> None:
    """Remove the parts of a revision from number `parts` on, which a killed attempt may have left.

    Only for the holder of the file's lock. Where readers list the objects themselves, `tidy` does more than this.
    """
    if store.listed_by_readers:
        return
    for name in names(store, f"{layout.partition(table, event.pa_date)}/{event.file_id}"):
        found = layout.parse_data_object(name)
        if found is not None and found.revision == revision and found.part >= parts:
            store.delete(name)


def set_aside(store: Store, name: str, now: datetime) -> str | None:
    """Keep a copy of an object that is damaged; its name, or None where there is no such object."""
    if not store.exists(name):
        return None
    aside = f"{layout.SET_ASIDE}/{now:%Y%m%dT%H%M%S.%fZ}/{name.removeprefix(f'{layout.PROCESSED}/')}"
    store.copy(name, aside)
    return aside


def sweep(lake: Lake) -> int:
    """Remove data objects of superseded revisions once the grace period is over; returns how many.

    Parts that an attempt left and the ledger row does not count were never visible: they go at once. Of the ledger
    only the rows are read of files with objects that are newer than the last build, or of another revision than it has.
    """
    known = current(lake.store)
    removed = 0
    for table in layout.OBJECT_COUNTS:
        listed = list(lake.store.listed(f"{layout.PROCESSED}/{layout.FOLDERS[table]}/"))
        found = [(each, parsed) for each in listed if (parsed := layout.parse_data_object(each.name))]
        skew = lake.store.clocks_differ
        doubtful = {
            parsed.file_id
            for each, parsed in found
            if known.may_not_know(each.modified, skew) or known.files.get(parsed.file_id) != parsed.revision
        }
        rows: dict[str, LedgerRow | None] = {}
        for each, parsed in found:
            if parsed.file_id not in doubtful:
                continue
            if parsed.file_id not in rows:
                pa_date = layout.pa_date_of(each.name)
                # nothing is left over of a file whose row cannot be read
                rows[parsed.file_id] = lake.ledger.get(pa_date, parsed.file_id, lenient=True) if pa_date else None
            if _is_left_over(table, parsed, rows[parsed.file_id], lake.settings.grace):
                lake.store.delete(each.name)
                removed += 1
    return removed


def _is_left_over(table: str, found: layout.DataObject, row: LedgerRow | None, grace: float) -> bool:
    if row is None or found.revision > row.revision:
        return False
    # Replaced when the row that stands was written, however old the object is.
    age = (utc_now() - row.finished).total_seconds()
    superseded = found.revision < row.revision and age > grace
    return superseded or (found.revision == row.revision and found.part >= layout.object_count(table, row))


def sweep_star(store: Store, snapshot: Snapshot, now: datetime, grace: float) -> None:
    """Remove objects of the star schema that no reader can want: past their grace, or left by a killed build.

    Only for the holder of the builds' lock: anybody else would remove what a running build has written. On S3, where
    a lock may be lost, what a build has just written is left alone, too.
    """
    kept = {layout.STAR_POINTER, layout.STAR_SHOWN, *snapshot.all_objects(), *snapshot.in_grace(now, grace)}
    for name in names(store, f"{layout.PROCESSED}/star/"):
        if name not in kept and (not store.listed_by_readers or _built(name) < now - timedelta(seconds=grace)):
            store.delete(name)


def _built(name: str) -> datetime:
    """When the build of an object began, as its folder says; long ago for any other object."""
    try:
        return datetime.strptime(name.split("/")[-2].rpartition("-")[0] + "+0000", "%Y%m%dT%H%M%S.%fZ%z")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
