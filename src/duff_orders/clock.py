"""Times as documents, pages and messages write them: UTC, with microseconds."""

from datetime import UTC, datetime


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
