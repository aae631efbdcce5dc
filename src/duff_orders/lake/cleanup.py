"""Objects that nothing names any more: leftovers of attempts, superseded revisions, former star schemas."""

from datetime import UTC, datetime, timedelta
from itertools import count

from duff_orders.clock import utc_now
from duff_orders.documents import LedgerRow
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import Snapshot, current
from duff_orders.lake.stores.base import Store, names


def tidy(lake: Lake, row: LedgerRow) -> None:
    """Remove what is left over of a file whose row stands, where readers list the objects by themselves.

    Elsewhere nobody sees it, and `sweep` takes it after its grace. Only for the holder of the file's lock.
    """
    if lake.store.listed_by_readers:
        make_way(lake, row, None)


def make_way(lake: Lake, row: LedgerRow, previous: LedgerRow | None) -> None:
    """Remove what is left over of one file before its row is written: of a killed attempt, of superseded revisions.

    `previous` is the row that it replaces. Only for the holder of the file's lock: anybody else would remove what a
    replay has just written. Where readers list the objects by themselves, all that neither row names goes at once;
    elsewhere superseded revisions stay for their grace, as in `sweep`.
    """
    rows = (row, previous) if previous else (row,)
    if not (previous or row.revision or lake.store.listed_by_readers):
        _remove_surplus(lake.store, row)
        return
    for table in layout.OBJECT_COUNTS:
        for name in names(lake.store, f"{layout.partition(table, row.pa_date)}/{row.file_id}"):
            parsed = layout.parse_data_object(name)
            if parsed and any(_names(each, table, parsed) for each in rows):
                continue
            if lake.store.listed_by_readers or (parsed and _is_left_over(table, parsed, row, lake.settings.grace)):
                lake.store.delete(name)


def _remove_surplus(store: Store, row: LedgerRow) -> None:
    """Remove the parts that an attempt before wrote beyond those that the row counts, each asked for by its name.

    Parts are written one after the other, so the first that is missing ends them. A folder is not listed for that: it
    grows with the day's files.
    """
    for table in layout.OBJECT_COUNTS:
        for part in count(layout.object_count(table, row)):
            name = layout.data_object(table, row.pa_date, row.file_id, revision=0, part=part)
            if not store.exists(name):
                break
            store.delete(name)


def set_aside(store: Store, name: str, now: datetime) -> str | None:
    """Keep a copy of an object that is damaged; its name, or None where there is no such object."""
    if not store.exists(name):
        return None
    aside = f"{layout.SET_ASIDE}/{now:%Y%m%dT%H%M%S.%fZ}/{name.removeprefix(f'{layout.PROCESSED}/')}"
    store.copy(name, aside)
    return aside


def sweep(lake: Lake) -> int:
    """Remove what is left over of any file; returns how many objects. Takes no locks.

    Of the ledger only the rows are read of files with objects that are newer than the last build, or of another
    revision than it has.
    """
    known = current(lake.store)
    removed = 0
    for table in layout.OBJECT_COUNTS:
        listed = list(lake.store.listed(f"{layout.PROCESSED}/{layout.FOLDERS[table]}/"))
        data = [(each, parsed) for each in listed if (parsed := layout.parse_data_object(each.name))]
        skew = lake.store.clocks_differ
        doubtful = {
            parsed.file_id
            for each, parsed in data
            if known.may_not_know(each.modified, skew) or known.files.get(parsed.file_id) != parsed.revision
        }
        rows: dict[str, LedgerRow | None] = {}
        for each, parsed in data:
            if parsed.file_id not in doubtful:
                continue
            if parsed.file_id not in rows:
                pa_date = layout.pa_date_of(each.name)
                # nothing is left over of a file whose row cannot be read
                rows[parsed.file_id] = lake.ledger.get(pa_date, parsed.file_id, lenient=True) if pa_date else None
            row = rows[parsed.file_id]
            if row and _is_left_over(table, parsed, row, lake.settings.grace):
                lake.store.delete(each.name)
                removed += 1
    return removed


def _names(row: LedgerRow, table: str, data: layout.DataObject) -> bool:
    return data.revision == row.revision and data.part < layout.object_count(table, row)


def _is_left_over(table: str, data: layout.DataObject, row: LedgerRow, grace: float) -> bool:
    """Whether a data object is of no use to anybody, as the row tells that stands.

    Parts beyond those that the row counts were never visible. A later revision may be a replay that is under way.
    """
    if data.revision == row.revision:
        return not _names(row, table, data)
    # Replaced when the row that stands was written, however old the object is.
    return data.revision < row.revision and (utc_now() - row.finished).total_seconds() > grace


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
