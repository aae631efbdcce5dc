"""The orders contract as data: the ten columns, their rules, and every table that comes out.

This is the only place that knows the columns. SQL, catalog tables, documents and error messages are made from it.
Types are spelt as the Glue Data Catalog spells them; `engines.duckdb` translates for DuckDB.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["integer", "number", "text", "status"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an orders file.

    `kind` picks the grammar of a value, `type` is what the catalog stores, `minimum` and `maximum` bound a number
    (`exclusive` where the minimum itself is not allowed).
    """

    name: str
    kind: Kind
    type: str
    comment: str
    minimum: int | None = None
    maximum: int | None = None
    exclusive: bool = False


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


#: The version of the contract under which files are judged.
VERSION = 2

DATABASE = "db_duff_orders"

#: Digits that an integer may have, digits before a number's point, and decimals that are kept.
INTEGER_DIGITS = 18
NUMBER_DIGITS = 8
DECIMALS = 4
#: Unicode characters that a text may have, blanks at its ends left out.
TEXT_CHARACTERS = 4096

Status = Literal["created", "delivered", "broken"]
STATUSES: tuple[Status, ...] = get_args(Status)
#: Spellings of "no value" beside the empty one, compared without case.
NULL_SPELLINGS = ("null", "none", "nan", "n/a", "\\n")
#: What is trimmed from both ends of a value; what version 1 trimmed were the first three alone.
BLANKS = " \t\r\u00a0\u2007\u202f\u200b\ufeff"
DELIMITERS = (",", ";", "\t", "|")
DEFAULT_MAX_REJECT_SHARE = "0.5"
#: Further columns of a file that corrects others: FILE_ID:LINE of the rejected row whose place a record takes, and the
#: columns, `;` between them, that it changes though nothing was wrong there.
CORRECTS, CHANGES = "duff_corrects", "duff_changes"

COLUMNS = (
    Column("client_id", "integer", "bigint", "The client that orders", minimum=1),
    Column("client_name", "text", "string", "The client's name"),
    Column("order_id", "integer", "bigint", "The order", minimum=1),
    Column("product_id", "integer", "bigint", "The product ordered", minimum=1),
    Column("product_description", "text", "string", "The product's description"),
    Column("product_price", "number", "decimal(12,4)", "Price of one unit", minimum=0),
    Column("product_ccf", "integer", "int", "Units ordered", minimum=1, maximum=2**31 - 1),
    Column("product_volume", "number", "decimal(12,4)", "Litres in one unit", minimum=0, exclusive=True),
    Column("point_of_sale_channel", "text", "string", "Retail, B2B, Online, ...: an open set"),
    Column("status", "status", "string", "created, delivered or broken, in lower case"),
)
COLUMN_NAMES = tuple(column.name for column in COLUMNS)

PARTITION = Field("pa_date", "date", "Date (UTC) of the event that announced the file")
MONEY = "decimal(24,4)"

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
        *(Field(column.name, column.type, column.comment) for column in COLUMNS),
        Field("total_price", MONEY, "product_price x product_ccf, exact"),
        *_LINEAGE,
        Field("corrects", "string", "FILE_ID:LINE of the rejected row, or FILE_ID, whose place it takes", since=2),
        Field(
            "effective_at", "timestamp", "Time (UTC) by which it ranks: of what it corrects, else ingested_at", since=2
        ),
    ),
    partitioned=True,
)

REJECTED_ROWS = Table(
    "tbl_duff_rejected_rows",
    "One rejected record, with its original text",
    (
        *(Field(column.name, "string", f"Original text: {column.comment}") for column in COLUMNS),
        Field("reasons", "string", "COLUMN:CODE, in column order, joined by ;"),
        Field("record", "string", "The whole text of a record that could not be split into fields"),
        *_LINEAGE,
        Field("line", "bigint", "Line of the file where the record begins; the first is 1", since=2),
        Field("corrects", "string", "FILE_ID:LINE of the rejected row whose place it was to take", since=2),
    ),
    partitioned=True,
)

#: What is right by the letter and yet worth a look: published records, or order lines of several such.
REMARKS = ("lines_within_quotes", "order_line_repeated", "invisible_characters")
#: Characters of a text that nobody sees, as ranges: controls but tab, LF and CR, and blanks that look like a space.
INVISIBLE = (
    *(
        ("\x01", "\x08"),
        ("\x0b", "\x0c"),
        ("\x0e", "\x1f"),
        ("\x7f", "\xa0"),
        ("\u2007", "\u2007"),
        ("\u200b", "\u200f"),
    ),
    *(("\u2028", "\u202f"), ("\u2060", "\u2060"), ("\ufeff", "\ufeff")),
)
COUNTS = ("rows_read", "rows_published", "rows_duplicate", "rows_rejected", "rows_withheld")

FILES = Table(
    "tbl_duff_files",
    "The ledger: one file and its verdict",
    (
        Field("file_id", "string", "Derived from bucket, key and version (or etag)"),
        Field("source_file", "string", "The object's key"),
        Field("size", "bigint", "Bytes of the object"),
        Field("etag", "string", "The object's entity tag"),
        Field("version", "string", "The object's version, where the bucket keeps versions"),
        Field("event_time", "timestamp", "Time (UTC) of the event that announced the object"),
        Field("engine", "string", "duckdb or spark; null where no engine was needed"),
        Field("encoding", "string", "utf-8, utf-16 or windows-1252"),
        Field("delimiter", "string", "The field delimiter"),
        Field("decimal_mark", "string", "The decimal mark; with , the . is read too"),
        Field("extra_columns", "array<string>", "Further columns, ignored"),
        Field("verdict", "string", "valid, valid_with_rejects, invalid, duplicate or failed"),
        Field("reason", "string", "The verdict's reason in words"),
        Field("rows_read", "bigint", "Records in the file"),
        Field("rows_published", "bigint", "Records that stand in tbl_duff_orders"),
        Field("rows_duplicate", "bigint", "Repeats of a published record of the same file"),
        Field("rows_rejected", "bigint", "Records that stand in tbl_duff_rejected_rows"),
        Field("rows_withheld", "bigint", "Good records of an invalid file"),
        Field(
            "nulls",
            f"struct<{','.join(f'{name}:bigint' for name in COLUMN_NAMES)}>",
            "Records without a value, by column",
        ),
        Field("orders_objects", "int", "Parquet objects that hold the file's rows in tbl_duff_orders"),
        Field("rejected_objects", "int", "Parquet objects that hold the file's rows in tbl_duff_rejected_rows"),
        Field("revision", "int", "How often the outcome was replaced by a replay"),
        Field("started", "timestamp", "When processing began (UTC)"),
        Field("finished", "timestamp", "When the outcome was published (UTC)"),
        Field("error", "string", "What failed, for the engineer"),
        Field("remarks", "array<string>", "CODE:COUNT: what is right by the letter and worth a look", since=2),
        Field("contract", "int", "Version of the contract under which the file was judged; null means 1", since=2),
        Field("sequencer", "string", "The event's place among those of one time, where S3 tells it", since=2),
        Field("corrects", "array<string>", "FILE_ID:LINES, or FILE_ID: what published rows take the place of", since=2),
        Field("attempts", "array<string>", "FILE_ID:LINES: what rejected rows were to take the place of", since=2),
        Field("content", "string", "SHA-256 (32 digits) and number of the unpacked bytes, DIGEST-SIZE", since=2),
        Field("object_digests", "array<string>", "DIGEST-SIZE of the Parquet objects, orders first", since=2),
    ),
    partitioned=True,
)

DIM_CLIENTS = Table(
    "dim_clients",
    "One client, in its latest state",
    (
        Field("client_id", "bigint", "The client"),
        Field("client_name", "string", "Latest name"),
        *_SEEN,
    ),
)
DIM_PRODUCTS = Table(
    "dim_products",
    "One product, in its latest state",
    (
        Field("product_id", "bigint", "The product"),
        Field("product_description", "string", "Latest description"),
        Field("product_price", "decimal(12,4)", "Latest price of one unit"),
        Field("product_volume", "decimal(12,4)", "Latest litres in one unit"),
        *_SEEN,
    ),
)
DIM_STATUS = Table(
    "dim_status",
    "The three states of an order line",
    (
        Field("status_id", "int", "1 created, 2 delivered, 3 broken"),
        Field("status", "string", "The state"),
    ),
)
DIM_CHANNELS = Table(
    "dim_channels",
    "One point of sale channel",
    (
        Field("channel_id", "bigint", "A stable hash of the channel's name"),
        Field("point_of_sale_channel", "string", "The channel"),
    ),
)
FACT_ORDERS = Table(
    "fact_orders",
    "One order line (order_id, product_id) in its latest state, in the partition of its first appearance",
    (
        Field("order_id", "bigint", "The order"),
        Field("product_id", "bigint", "The product: dim_products"),
        Field("client_id", "bigint", "The client: dim_clients"),
        Field("status_id", "int", "The state: dim_status"),
        Field("channel_id", "bigint", "The channel: dim_channels"),
        Field("product_price", "decimal(12,4)", "Price of one unit in this order line"),
        Field("product_ccf", "int", "Units ordered"),
        Field("total_price", MONEY, "product_price x product_ccf, exact"),
        Field("total_volume", MONEY, "Litres: product_volume x product_ccf, exact"),
        *_SEEN,
    ),
    partitioned=True,
)

STAR = (DIM_CLIENTS, DIM_PRODUCTS, DIM_STATUS, DIM_CHANNELS, FACT_ORDERS)
TABLES = {table.name: table for table in (ORDERS, REJECTED_ROWS, FILES, *STAR)}
