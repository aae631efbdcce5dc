"""Times with a zone: the value is the instant, as a time in UTC; the zone is part of the type.

So what reads a wall clock goes by the zone, and comparing does not. A zone that differs from row to row is none.
"""

import re

from duff_orders.errors import QueryRefused

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_UTC = ("UTC", "Z", "GMT", "UCT")
_MOST_MINUTES = 14 * 60


def zone(written: str) -> str:
    """A zone as it is part of a type: `UTC`, `+05:30` or `America/Santiago`. Raises QueryRefused for what is none."""
    name = written.strip()
    if name.upper() in _UTC:
        return "UTC"
    offset = _OFFSET.fullmatch(name)
    if offset and int(offset[2]) * 60 + int(offset[3]) <= _MOST_MINUTES and int(offset[3]) < 60:
        return "UTC" if int(offset[2]) == int(offset[3]) == 0 else f"{offset[1]}{offset[2]}:{offset[3]}"
    if not _NAME.fullmatch(name) or "/" not in name:
        raise QueryRefused(f"{name[:60]!r} is no time zone; write e.g. 'UTC', 'America/Santiago' or '-04:00'")
    return name


def minutes(name: str) -> int | None:
    """The minutes that a fixed offset is ahead of UTC; None for a zone whose offset changes."""
    if name == "UTC":
        return 0
    offset = _OFFSET.fullmatch(name)
    return int(f"{offset[1]}1") * (int(offset[2]) * 60 + int(offset[3])) if offset else None


def local(text: str, name: str) -> str:
    """The wall clock's time in a zone at an instant."""
    ahead = minutes(name)
    if ahead is None:
        return f"timezone('{name}', timezone('UTC', {text}))"
    return text if ahead == 0 else f"({text} + to_minutes({ahead}))"


def instant(text: str, name: str) -> str:
    """The instant at which a zone's wall clock shows a time."""
    ahead = minutes(name)
    if ahead is None:
        return f"timezone('UTC', timezone('{name}', {text}))"
    return text if ahead == 0 else f"({text} - to_minutes({ahead}))"
