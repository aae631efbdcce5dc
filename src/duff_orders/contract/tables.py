"""The tables of the database, generated from the contract's columns and statuses.

Types are spelt as the Glue Data Catalog spells them; `drivers.duckdb` translates for DuckDB. New columns stand at the
end of a table, so that the columns of older objects keep their places.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from duff_orders.contract.load import Column, load
from duff_orders.documents.ledger_row import LEDGER_COLUMNS, NULLS

CONTRACT = load()
#: The version of the contract under which files are judged.
VERSION = CONTRACT.version
COLUMNS = CONTRACT.columns
COLUMN_NAMES = tuple(column.name for column in COLUMNS)
#: The columns that every file has, and those that may be absent.
REQUIRED_NAMES = tuple(column.name for column in CONTRACT.required)
OPTIONAL_NAMES = tuple(column.name for column in CONTRACT.optional)
STATUSES = tuple(status.name for status in CONTRACT.statuses)

DATABASE = "db_duff_orders"
MONEY = "decimal(24,4)"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table: name, catalog type, what it means, and since which version of the contract it is there."""

    name: str
    type: str
    comment: str
    since: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the database. Partitioned tables lie in folders `pa_date=YYYY-MM-DD`."""

    name: str
    comment: str
    fields: tuple[Field, ...]
    partitioned: bool = False

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """The fields and, where the table is partitioned, `pa_date` as the last."""
        return (*self.fields, PARTITION) if self.partitioned else self.fields


def _as_fields(columns: Iterable[Column]) -> list[Field]:
    """Columns as those of a table."""
    return [Field(column.name, column.type, column.comment, column.since) for column in columns]


def _as_texts(columns: Iterable[Column]) -> list[Field]:
    """The original texts of columns."""
    return [Field(column.name, "string", f"Original text: {column.comment}", column.since) for column in columns]


_TYPE = {column.name: column.type for column in COLUMNS}
PARTITION = Field("pa_date", "date", "Date (UTC) of the event that announced the file")

_LINEAGE = (
    Field("source_file", "string", "Key of the object that held the row"),
    Field("file_id", "string", "Identity of that object's version"),
    Field("ingested_at", "timestamp", "Time (UTC) of the event that announced the object"),
)
LINEAGE = tuple(field.name for field in _LINEAGE)
_SEEN = (
    Field("first_seen", "timestamp", "The earliest effective_at (UTC) of the records that name it"),
    Field("last_seen", "timestamp", "The latest effective_at (UTC) of the records that name it"),
    Field("file_id", "string", "The file that gave the latest state"),
    Field("stated_at", "timestamp", "Event time (UTC) of that file", since=2),
    Field("sequencer", "string", "That event's place among those of one time, where S3 tells it", since=2),
)

ORDERS = Table(
    "tbl_duff_orders",
    "One good record of one file",
    (
        *_as_fields(CONTRACT.required),
        Field("total_price", MONEY, "product_price x product_ccf, exact"),
        *_LINEAGE,
        Field("corrects", "string", "FILE_ID:LINE of the rejected row, or FILE_ID, whose place it takes", since=2),
        Field(
            "effective_at", "timestamp", "Time (UTC) by which it ranks: of what it corrects, else ingested_at", since=2
        ),
        *_as_fields(CONTRACT.optional),
    ),
    partitioned=True,
)

REJECTED_ROWS = Table(
    "tbl_duff_rejected_rows",
    "One rejected record, with its original text",
    (
        *_as_texts(CONTRACT.required),
        Field("reasons", "string", "COLUMN:CODE, in column order, joined by ;"),
        Field("record", "string", "The whole text of a record that could not be split into fields"),
        *_LINEAGE,
        Field("line", "bigint", "Line of the file where the record begins; the first is 1", since=2),
        Field("corrects", "string", "FILE_ID:LINE of the rejected row whose place it was to take", since=2),
        *_as_texts(CONTRACT.optional),
    ),
    partitioned=True,
)

#: The types of the ledger's columns that are made from the contract.
_MADE = {NULLS: f"struct<{','.join(f'{name}:bigint' for name in REQUIRED_NAMES)}>"}
FILES = Table(
    "tbl_duff_files",
    "The ledger: one file and its verdict",
    tuple(Field(each.name, _MADE.get(each.type, each.type), each.comment, each.since) for each in LEDGER_COLUMNS),
    partitioned=True,
)

DIM_CLIENTS = Table(
    "dim_clients",
    "One client, in its latest state",
    (
        Field("client_id", _TYPE["client_id"], "The client"),
        Field("client_name", _TYPE["client_name"], "Latest name"),
        *_SEEN,
    ),
)
DIM_PRODUCTS = Table(
    "dim_products",
    "One product, in its latest state",
    (
        Field("product_id", _TYPE["product_id"], "The product"),
        Field("product_description", _TYPE["product_description"], "Latest description"),
        Field("product_price", _TYPE["product_price"], "Latest price of one unit"),
        Field("product_volume", _TYPE["product_volume"], "Latest litres in one unit"),
        *_SEEN,
    ),
)
DIM_STATUS = Table(
    "dim_status",
    "The states of an order line",
    (
        Field("status_id", "int", ", ".join(f"{status.id} {status.name}" for status in CONTRACT.statuses)),
        Field("status", _TYPE["status"], "The state"),
    ),
)
DIM_CHANNELS = Table(
    "dim_channels",
    "One point of sale channel",
    (
        Field("channel_id", "bigint", "A stable hash of the channel's name"),
        Field("point_of_sale_channel", _TYPE["point_of_sale_channel"], "The channel"),
    ),
)
FACT_ORDERS = Table(
    "fact_orders",
    "One order line (order_id, product_id) in its latest state, in the partition of its first appearance",
    (
        Field("order_id", _TYPE["order_id"], "The order"),
        Field("product_id", _TYPE["product_id"], "The product: dim_products"),
        Field("client_id", _TYPE["client_id"], "The client: dim_clients"),
        Field("status_id", "int", "The state: dim_status"),
        Field("channel_id", "bigint", "The channel: dim_channels"),
        Field("product_price", _TYPE["product_price"], "Price of one unit in this order line"),
        Field("product_ccf", _TYPE["product_ccf"], "Units ordered"),
        Field("total_price", MONEY, "product_price x product_ccf, exact"),
        Field("total_volume", MONEY, "Litres: product_volume x product_ccf, exact"),
        *_SEEN,
        *_as_fields(column for column in CONTRACT.optional if column.fact),
    ),
    partitioned=True,
)

STAR = (DIM_CLIENTS, DIM_PRODUCTS, DIM_STATUS, DIM_CHANNELS, FACT_ORDERS)
TABLES = {table.name: table for table in (ORDERS, REJECTED_ROWS, FILES, *STAR)}
