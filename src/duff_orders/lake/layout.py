"""Where things are stored: object names and table locations, the same on disk and on S3."""

import hashlib
import re
from datetime import date
from typing import NamedTuple

from duff_orders.contract import FILES, ORDERS, REJECTED_ROWS
from duff_orders.documents import LedgerRow

RAW_BUCKET = "duff-orders-raw"
#: Folders of a lake directory, one for each bucket, and what only the embedded world needs.
RAW, PROCESSED, SCRATCH, LOCKS = "raw", "processed", "scratch", "locks"

FOLDERS = {ORDERS.name: "orders", REJECTED_ROWS.name: "rejected_rows", FILES.name: "files"}
#: The tables of which a file has data objects of its own; the counts in its ledger row of its rows and objects there.
ROW_COUNTS = {ORDERS.name: "rows_published", REJECTED_ROWS.name: "rows_rejected"}
OBJECT_COUNTS = {ORDERS.name: "orders_objects", REJECTED_ROWS.name: "rejected_objects"}
EVENTS, KEYS, CONTENTS = f"{PROCESSED}/events/", f"{PROCESSED}/keys/", f"{PROCESSED}/content/"
#: Where a repair puts what was damaged, by the time of the repair, under the name that it had.
SET_ASIDE = f"{PROCESSED}/set_aside"
REPLACEMENTS = f"{PROCESSED}/replaces/"
GIVEN_UP = f"{PROCESSED}/given_up"
#: What was said of days that partners' files are expected on.
SETTLED = f"{PROCESSED}/settled"
#: Corrections that are under way, and those that were published.
DRAFTS, CORRECTIONS = f"{PROCESSED}/drafts", f"{PROCESSED}/corrections"
STAR_POINTER = f"{PROCESSED}/star/current.json"
#: On S3, the build that the Data Catalog shows whole; missing while it moves from one to the next.
STAR_SHOWN = f"{PROCESSED}/star/shown"

#: On S3, how far the comparison of the raw bucket with what was announced has come.
WALK = f"{PROCESSED}/walk.json"

_PA_DATE = re.compile(r"/pa_date=([0-9]{4}-[0-9]{2}-[0-9]{2})/")
_DATA_OBJECT = re.compile(r"([0-9a-f]{32})(?:-r([0-9]+))?-([0-9]+)[.]parquet")
SUFFIXES = (".csv", ".csv.gz")
PARTNERS, READINGS = f"{PROCESSED}/partners/", f"{PROCESSED}/readings/"
#: Questions that a lake keeps.
QUERIES = f"{PROCESSED}/queries/"
#: Which profiles are in force.
PARTNERS_INDEX = f"{PARTNERS}index.json"
#: On S3, the metadata of a raw object that says which file it replaces.
REPLACES = "duff-replaces"
#: How a part of a key begins, or a key ends, that is left alone.
PRIVATE = (".", "_", "~")
UNFINISHED = ("~", ".part", ".partial", ".tmp", ".filepart", ".crdownload")


def is_orders_file(key: str) -> bool:
    """Whether an object of this key is an orders file by its name."""
    return key.lower().endswith(SUFFIXES)


def left_alone(key: str) -> str | None:
    """Why an object of this key is none of ours, but what a tool keeps for itself; None where it is to have a verdict.

    Half files above all: what is on its way has such a name until it is whole.
    """
    if key.endswith("/"):
        return "it marks a folder"
    for part in key.split("/"):
        if part.startswith(PRIVATE):
            return f"`{part}` begins with `{part[0]}`: tools keep such for themselves"
    end = next((end for end in UNFINISHED if key.lower().endswith(end)), None)
    return end and f"it ends with `{end}`: not whole yet, or a copy that a tool keeps"


def partition(table: str, pa_date: date) -> str:
    """The folder of one partition of tbl_duff_orders, tbl_duff_rejected_rows or tbl_duff_files."""
    return f"{PROCESSED}/{FOLDERS[table]}/pa_date={pa_date.isoformat()}"


def data_object(table: str, pa_date: date, file_id: str, *, revision: int = 0, part: int = 0) -> str:
    """The name of a Parquet object that holds rows of one file. A replay writes beside the old: revision > 0."""
    replayed = f"-r{revision}" if revision else ""
    return f"{partition(table, pa_date)}/{file_id}{replayed}-{part}.parquet"


def object_count(table: str, row: LedgerRow) -> int:
    """How many objects hold the rows that a file has in a table, as its ledger row says."""
    count: int = getattr(row, OBJECT_COUNTS[table])
    return count


def data_objects(table: str, row: LedgerRow) -> list[str]:
    """The names of all objects that hold the rows that a file has in a table, in the order of their parts."""
    return [
        data_object(table, row.pa_date, row.file_id, revision=row.revision, part=part)
        for part in range(object_count(table, row))
    ]


def all_data_objects(row: LedgerRow) -> list[str]:
    """The names of all objects of a file, in the order of its digests: those of the orders first."""
    return [name for table in OBJECT_COUNTS for name in data_objects(table, row)]


def ledger_object(pa_date: date, file_id: str) -> str:
    """The name of a file's ledger row."""
    return f"{partition(FILES.name, pa_date)}/{file_id}.json"


def event_object(file_id: str) -> str:
    """The name of the announcement of a file: what keeps its event time over crashes."""
    return f"{EVENTS}{file_id}.json"


def given_up_object(file_id: str) -> str:
    """The name of what was said of giving up what a file did not bring in."""
    return f"{GIVEN_UP}/{file_id}.json"


def draft_object(file_id: str) -> str:
    """The name of the corrections of a file that are under way."""
    return f"{DRAFTS}/{file_id}.json"


def corrections_object(file_id: str) -> str:
    """The name of the corrections of a file that were published."""
    return f"{CORRECTIONS}/{file_id}.json"


def query_object(name: str) -> str:
    """The name of a question that is kept."""
    return f"{QUERIES}{name}.sql"


def settled_object(partner: str, day: date) -> str:
    """The name of what was said of a day on which a partner's files are expected."""
    return f"{SETTLED}/{day.isoformat()}-{partner}.json"


def held_object(key: str, file_id: str = "") -> str:
    """The name of what a key of the raw folder held as a file; without one, how those of all of its files begin."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"{KEYS}{digest}/{file_id + '.json' if file_id else ''}"


def key_lock(key: str) -> str:
    """The name of the lock on what a key of the raw folder held."""
    return f"key-{held_object(key).split('/')[-2]}"


def content_lock(content: str) -> str:
    """The name of the lock on a content, which is published by one worker at a time."""
    return f"content-{content.partition('-')[0]}"


def replaces_object(key: str, etag: str) -> str:
    """The name of the note that says which file an object of the raw folder replaces."""
    digest = hashlib.sha256(f"{key}\n{etag}".encode()).hexdigest()[:32]
    return f"{REPLACEMENTS}{digest}"


def profile_object(partner: str, digest: str) -> str:
    """The name of a profile's text, as it was written: by the first 32 hexadecimal digits of its SHA-256."""
    return f"{PARTNERS}{partner}/{digest}.toml"


def reading_object(name: str) -> str:
    """The name of what a file was judged by."""
    return f"{READINGS}{name}.json"


def content_object(content: str) -> str:
    """The name of the note that says which file published a content (`LedgerRow.content`)."""
    return f"{CONTENTS}{content}"


def star_object(table: str, build_id: str, pa_date: date | None = None, *, part: int = 0) -> str:
    """The name of a Parquet object of the star schema, in a folder of its build: a catalog names folders."""
    folder = f"/pa_date={pa_date.isoformat()}" if pa_date else ""
    return f"{PROCESSED}/star/{table}{folder}/{build_id}/{part}.parquet"


def interim(build_id: str) -> str:
    """The name under which a build writes what is shown only while a catalog moves from one build to the next."""
    began, _, token = build_id.partition("-")
    return f"{began}-interim{token}"


class DataObject(NamedTuple):
    """What the name of a data object says."""

    file_id: str
    revision: int
    part: int


def pa_date_of(name: str) -> date | None:
    """The partition in which an object lies."""
    match = _PA_DATE.search(name)
    return date.fromisoformat(match[1]) if match else None


def parse_data_object(name: str) -> DataObject | None:
    """The name of a data object taken apart; None for a name that is none of ours."""
    match = _DATA_OBJECT.fullmatch(name.rsplit("/", 1)[-1])
    return DataObject(match[1], int(match[2] or 0), int(match[3])) if match else None
