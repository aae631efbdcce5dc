"""What the stages hand each other: small typed JSON documents, equal on one machine and on AWS."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal, Self, cast

Verdict = Literal["valid", "valid_with_rejects", "invalid", "duplicate", "failed"]
#: The verdicts whose good rows stand in tbl_duff_orders.
PUBLISHED: tuple[Verdict, ...] = ("valid", "valid_with_rejects")


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def format_time(value: datetime) -> str:
    """ISO 8601 in UTC with microseconds: `2026-11-23T10:00:00.000000Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """The time that `format_time` wrote; any other ISO 8601 time with a zone will do. Raises ValueError."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write e.g. 2026-11-23T10:00:00Z")
    return value.astimezone(UTC)


class Document:
    """A dataclass that goes to JSON and back; times are written as ISO 8601 in UTC, dates as YYYY-MM-DD."""

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(cast(Any, self)), default=_plain, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The document that `to_json` wrote; raises ValueError for anything else."""
        values = json.loads(text)
        known = {field.name: field.type for field in fields(cast(Any, cls))}
        if not isinstance(values, dict) or set(values) != set(known):
            raise ValueError(f"not a {cls.__name__}: expected exactly the keys {sorted(known)}")
        for name, kind in known.items():
            if values[name] is None:
                continue
            if kind is datetime:
                values[name] = parse_time(values[name])
            elif kind is date:
                values[name] = date.fromisoformat(values[name])
            elif "tuple" in str(kind):
                values[name] = tuple(values[name])
        return cls(**values)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a document")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Document):
    """The announcement of one object version: what EventBridge sends, or the watcher saw.

    `time` decides pa_date and the order of states; `size` is in bytes.
    """

    bucket: str
    key: str
    size: int
    etag: str
    version: str | None
    time: datetime

    @property
    def pa_date(self) -> date:
        """The processing date: the date (UTC) of the event."""
        return self.time.astimezone(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(Document):
    """How a file is written.

    `columns` holds, for each field of the header, the contract's column name, or None for a further column;
    `encoding` may turn out as windows-1252 once the whole file has been read.
    """

    encoding: str
    delimiter: str
    decimal_mark: str
    columns: tuple[str | None, ...]
    extra_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow(Document):
    """One file's outcome: a row of tbl_duff_files, whose fields these are."""

    file_id: str
    source_file: str
    size: int
    etag: str
    version: str | None
    event_time: datetime
    engine: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal_mark: str | None = None
    extra_columns: tuple[str, ...] | None = None
    verdict: Verdict
    reason: str | None = None
    rows_read: int = 0
    rows_published: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_withheld: int = 0
    nulls: dict[str, int] | None = None
    orders_objects: int = 0
    rejected_objects: int = 0
    revision: int = 0
    started: datetime
    finished: datetime
    error: str | None = None
    pa_date: date

    @property
    def published(self) -> bool:
        """Whether the file's good rows stand in tbl_duff_orders."""
        return self.verdict in PUBLISHED
