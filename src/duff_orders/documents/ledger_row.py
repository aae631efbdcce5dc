"""A ledger row: its fields are the columns of tbl_duff_files, and those of the API's lists of files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, get_args

from duff_orders.documents.document import Document
from duff_orders.documents.entries import Entry

Verdict = Literal["valid", "valid_with_rejects", "invalid", "duplicate", "failed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
#: The verdicts whose good rows stand in tbl_duff_orders.
PUBLISHED: tuple[Verdict, ...] = ("valid", "valid_with_rejects")
#: The type of the column that has a field for each column of the contract.
NULLS = "nulls"


class LedgerColumn(NamedTuple):
    """A field as a column: its name, its type (as the catalog spells it, or NULLS), what it is, and since when."""

    name: str
    type: str
    comment: str
    since: int


def _column(type: str, comment: str, since: int = 1) -> Mapping[str, Any]:
    return {"type": type, "comment": comment, "since": since}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow(Document):
    """One file's outcome: a row of tbl_duff_files, whose fields these are.

    `content` tells its unpacked bytes from all others: the first 32 hexadecimal digits of their SHA-256, and how many
    there are, as `DIGEST-SIZE`. None: they were not read as a whole, or by a release before. `object_digests` tell the
    same of the Parquet objects, those of the orders first; None: a release before wrote them, or there are none.
    """

    file_id: str = field(metadata=_column("string", "Derived from bucket, key and version (or etag)"))
    source_file: str = field(metadata=_column("string", "The object's key"))
    size: int = field(metadata=_column("bigint", "Bytes of the object"))
    etag: str = field(metadata=_column("string", "The object's entity tag"))
    version: str | None = field(metadata=_column("string", "The object's version, where the bucket keeps versions"))
    event_time: datetime = field(metadata=_column("timestamp", "Time (UTC) of the event that announced the object"))
    engine: str | None = field(
        default=None, metadata=_column("string", "duckdb or spark; null where no engine was needed")
    )
    encoding: str | None = field(default=None, metadata=_column("string", "utf-8, utf-16 or windows-1252"))
    delimiter: str | None = field(default=None, metadata=_column("string", "The field delimiter"))
    decimal_mark: str | None = field(
        default=None, metadata=_column("string", "The decimal mark; with , the . is read too")
    )
    extra_columns: tuple[str, ...] | None = field(
        default=None, metadata=_column("array<string>", "Further columns, ignored")
    )
    verdict: Verdict = field(metadata=_column("string", "valid, valid_with_rejects, invalid, duplicate or failed"))
    reason: str | None = field(default=None, metadata=_column("string", "The verdict's reason in words"))
    rows_read: int = field(default=0, metadata=_column("bigint", "Records in the file"))
    rows_published: int = field(default=0, metadata=_column("bigint", "Records that stand in tbl_duff_orders"))
    rows_duplicate: int = field(default=0, metadata=_column("bigint", "Repeats of a published record of the same file"))
    rows_rejected: int = field(default=0, metadata=_column("bigint", "Records that stand in tbl_duff_rejected_rows"))
    rows_withheld: int = field(default=0, metadata=_column("bigint", "Good records of an invalid file"))
    nulls: dict[str, int] | None = field(default=None, metadata=_column(NULLS, "Records without a value, by column"))
    orders_objects: int = field(
        default=0, metadata=_column("int", "Parquet objects that hold the file's rows in tbl_duff_orders")
    )
    rejected_objects: int = field(
        default=0, metadata=_column("int", "Parquet objects that hold the file's rows in tbl_duff_rejected_rows")
    )
    revision: int = field(default=0, metadata=_column("int", "How often the outcome was replaced by a replay"))
    started: datetime = field(metadata=_column("timestamp", "When processing began (UTC)"))
    finished: datetime = field(metadata=_column("timestamp", "When the outcome was published (UTC)"))
    error: str | None = field(default=None, metadata=_column("string", "What failed, for the engineer"))
    remarks: tuple[str, ...] | None = field(
        default=None,
        metadata=_column("array<string>", "CODE:COUNT: what is right by the letter and worth a look", since=2),
    )
    contract: int = field(
        default=1,
        metadata=_column("int", "Version of the contract under which the file was judged; null means 1", since=2),
    )
    sequencer: str | None = field(
        default=None,
        metadata=_column("string", "The event's place among those of one time, where S3 tells it", since=2),
    )
    corrects: tuple[str, ...] | None = field(
        default=None,
        metadata=_column("array<string>", "FILE_ID:LINES, or FILE_ID: what published rows take the place of", since=2),
    )
    attempts: tuple[str, ...] | None = field(
        default=None,
        metadata=_column("array<string>", "FILE_ID:LINES: what rejected rows were to take the place of", since=2),
    )
    content: str | None = field(
        default=None,
        metadata=_column("string", "SHA-256 (32 digits) and number of the unpacked bytes, DIGEST-SIZE", since=2),
    )
    object_digests: tuple[str, ...] | None = field(
        default=None, metadata=_column("array<string>", "DIGEST-SIZE of the Parquet objects, orders first", since=2)
    )
    profile: str | None = field(
        default=None, metadata=_column("string", "The partner's profile by which the file was read", since=2)
    )
    reading: str | None = field(
        default=None, metadata=_column("string", "How the file was read: the name of the reading", since=2)
    )
    pa_date: date

    @property
    def stands(self) -> bool:
        """Whether this is the file's outcome; one that failed gets another try."""
        return self.verdict != "failed"

    @property
    def published(self) -> bool:
        """Whether the file's good rows stand in tbl_duff_orders."""
        return self.verdict in PUBLISHED

    @property
    def content_key(self) -> str:
        """The content by which the file is known; of one that a release before published, its bytes as they lie."""
        return self.content or f"{self.etag}-{self.size}"

    @property
    def replaces(self) -> str | None:
        """The id of the file whose place this one takes as a whole, or was to take."""
        named = map(Entry.of, (*(self.corrects or ()), *(self.attempts or ())))
        return next((entry.file_id for entry in named if not entry.lines), None)


#: The columns of tbl_duff_files, without its partition.
LEDGER_COLUMNS = tuple(LedgerColumn(each.name, **each.metadata) for each in fields(LedgerRow) if each.metadata)
