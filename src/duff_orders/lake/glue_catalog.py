"""The Glue Data Catalog: which days are registered, and which objects are Athena's star schema.

The catalog follows the lake, never the other way round: what it says can be made again from the ledger's days and the
star's snapshot at any time.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from duff_orders.contract import FACT_ORDERS, FILES, ORDERS, REJECTED_ROWS, STAR, Table
from duff_orders.errors import PipelineError
from duff_orders.lake.layout import FOLDERS, PROCESSED, STAR_SHOWN, pa_date_of, partition
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores.base import Store, names

#: Where the markers of the days that are registered lie.
DAYS = f"{PROCESSED}/partitions/"
_DAILY = (ORDERS, REJECTED_ROWS, FILES)
# The most partitions of a request: https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
_AT_ONCE = 100


def columns(table: Table) -> list[tuple[str, str]]:
    """Name and type of each column that the catalog must show, partitions left out."""
    return [(field.name, field.type) for field in table.fields]


def check_columns(table: Table, deployed: Sequence[dict[str, Any]]) -> None:
    """Raise PipelineError where the catalog's table is not the contract's.

    `deployed` is its columns, as `glue:GetTable` gives them.
    """
    seen = [(str(each["Name"]), str(each["Type"])) for each in deployed]
    if seen != columns(table):
        wrong = [f"{name} {kind}" for name, kind in seen if (name, kind) not in columns(table)]
        missing = [f"{name} {kind}" for name, kind in columns(table) if (name, kind) not in seen]
        raise PipelineError(
            f"the catalog's table {table.name} is not the contract's: missing {', '.join(missing) or 'nothing'}, "
            f"not expected {', '.join(wrong) or 'another order of columns'}; deploy the stack of this release"
        )


def register_day(store: Store, database: str, pa_date: str, *, catalog: str = "") -> None:
    """Register a day's partitions, once a `catalog` (which names the tables as they were created): a marker says so."""
    marker = f"{DAYS}pa_date={pa_date}"
    stored = store.read(marker)
    if stored and stored.data == catalog.encode():
        return
    register_days(store, database, [pa_date])
    store.replace(marker, catalog.encode(), stored and stored.token)


def register_days(store: Store, database: str, days: Iterable[str] | None = None) -> None:
    """Register partitions, of all days that the ledger has unless told which; those that are there stay as they are."""
    import boto3  # half a second, once a day

    glue = boto3.client("glue")
    if days is None:
        partition_days = (pa_date_of(name) for name in names(store, f"{PROCESSED}/{FOLDERS[FILES.name]}/"))
        days = {day.isoformat() for day in partition_days if day}
    for table in _DAILY:
        folder = store.address(f"{PROCESSED}/{FOLDERS[table.name]}")
        _create(glue, database, table.name, {day: f"{folder}/pa_date={day}/" for day in days})


def registered(store: Store) -> list[str]:
    """The days (YYYY-MM-DD) of which the ledger may have rows, the newest first: one is registered before its first."""
    return [name.rpartition("=")[2] for name in reversed(names(store, DAYS))]


def newest_verdict(store: Store) -> datetime | None:
    """When the newest ledger row was written; None where there is none."""
    for day in registered(store):
        written = (each.modified for each in store.listed(f"{partition(FILES.name, date.fromisoformat(day))}/"))
        newest = max(written, default=None)
        if newest is not None:
            return newest
    return None


def follow(store: Store, glue: Any, database: str, snapshot: Snapshot) -> None:
    """Make the catalog show the star schema of a snapshot: dimensions first, so that no fact lacks its row.

    Where a build from nothing dropped rows, dimensions with those of before, too, are shown while the facts move.
    Meanwhile `shown` gives None. Can be repeated, from wherever it was left; raises PipelineError where a partition is
    refused.
    """
    if snapshot.build_id is None:
        return
    if not (is_shown := shown(store) == snapshot.build_id):
        store.delete(STAR_SHOWN)
    wanted = {day: _folder(store, names[0]) for day, names in snapshot.partitions.items()}
    partitions = _partitions(glue, database)
    dimensions = dict(snapshot.dimensions)
    if partitions and partitions != wanted:
        dimensions |= snapshot.interim
    _move_dimensions(store, glue, database, dimensions)
    moved = {day: place for day, place in wanted.items() if partitions.get(day, place) != place}
    for days in _batches(moved):
        entries = [{"PartitionValueList": [day], "PartitionInput": _input(day, moved[day])} for day in days]
        answer = glue.batch_update_partition(DatabaseName=database, TableName=FACT_ORDERS.name, Entries=entries)
        _refuse(answer)
    _create(glue, database, FACT_ORDERS.name, {day: place for day, place in wanted.items() if day not in partitions})
    for days in _batches(partitions.keys() - wanted.keys()):
        gone = [{"Values": [day]} for day in days]
        _refuse(glue.batch_delete_partition(DatabaseName=database, TableName=FACT_ORDERS.name, PartitionsToDelete=gone))
    if dimensions != snapshot.dimensions:
        _move_dimensions(store, glue, database, snapshot.dimensions)
    if not is_shown:
        store.put_new(STAR_SHOWN, snapshot.build_id.encode())


def shown(store: Store) -> str | None:
    """The build that the catalog shows whole; None before the first, and while it moves from one to the next."""
    stored = store.read(STAR_SHOWN)
    return stored.data.decode() if stored else None


def behind(store: Store, glue: Any, database: str, snapshot: Snapshot) -> Iterator[str]:
    """The tables of the star schema that the catalog does not show as the snapshot has them."""
    if snapshot.build_id is None:
        return
    for table in STAR:
        if not table.partitioned:
            days = glue.get_table(DatabaseName=database, Name=table.name)["Table"]["StorageDescriptor"].get("Location")
            if days != _folder(store, snapshot.dimensions[table.name]):
                yield table.name
    if _partitions(glue, database) != {day: _folder(store, names[0]) for day, names in snapshot.partitions.items()}:
        yield FACT_ORDERS.name


def _folder(store: Store, name: str) -> str:
    return store.address(name).rpartition("/")[0] + "/"


def _move_dimensions(store: Store, glue: Any, database: str, objects: dict[str, str]) -> None:
    for table in STAR:
        if not table.partitioned:
            _move_table(glue, database, table.name, _folder(store, objects[table.name]))


def _move_table(glue: Any, database: str, name: str, location: str) -> None:
    table = glue.get_table(DatabaseName=database, Name=name)["Table"]
    if table["StorageDescriptor"].get("Location") == location:
        return
    kept = ("Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    kept_fields = {key: table[key] for key in kept if key in table}
    kept_fields["StorageDescriptor"] = {**table["StorageDescriptor"], "Location": location}
    glue.update_table(DatabaseName=database, TableInput=kept_fields, SkipArchive=True)


def _partitions(glue: Any, database: str) -> dict[str, str]:
    """The location of each partition of fact_orders, by its day."""
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=FACT_ORDERS.name)
    return {each["Values"][0]: each["StorageDescriptor"]["Location"] for page in pages for each in page["Partitions"]}


def _create(glue: Any, database: str, table: str, places: dict[str, str]) -> None:
    for days in _batches(places):
        inputs = [_input(day, places[day], "json" if table == FILES.name else "parquet") for day in days]
        _refuse(glue.batch_create_partition(DatabaseName=database, TableName=table, PartitionInputList=inputs))


def _refuse(answer: dict[str, Any]) -> None:
    details = [each.get("ErrorDetail", {}) for each in answer.get("Errors", [])]
    wrong = [
        error
        for error in details
        if error.get("ErrorCode") not in ("AlreadyExistsException", "EntityNotFoundException")
    ]
    if wrong:
        raise PipelineError(f"the catalog refused a partition: {wrong[0]}")


def _batches(days: Iterable[str]) -> Iterable[list[str]]:
    listed = sorted(days)
    return (listed[start : start + _AT_ONCE] for start in range(0, len(listed), _AT_ONCE))


def _input(day: str, location: str, kind: str = "parquet") -> dict[str, Any]:
    return {"Values": [day], "StorageDescriptor": storage(location, kind), "Parameters": {"classification": kind}}


def storage(location: str, kind: str) -> dict[str, Any]:
    """How a table's objects are read: `parquet`, or `json` for the ledger; as the templates have it."""
    hadoop, hive = "org.apache.hadoop.mapred", "org.apache.hadoop.hive"
    if kind == "json":
        formats = (f"{hadoop}.TextInputFormat", f"{hive}.ql.io.HiveIgnoreKeyTextOutputFormat")
        serde = "org.openx.data.jsonserde.JsonSerDe"
    else:
        parquet = f"{hive}.ql.io.parquet"
        formats = (f"{parquet}.MapredParquetInputFormat", f"{parquet}.MapredParquetOutputFormat")
        serde = f"{parquet}.serde.ParquetHiveSerDe"
    return {
        "Location": location,
        "InputFormat": formats[0],
        "OutputFormat": formats[1],
        "SerdeInfo": {"SerializationLibrary": serde},
    }
