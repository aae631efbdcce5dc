"""Parameters that several routes take, and the backend dependency."""

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request
from pydantic import BeforeValidator

from duff_orders.api.backend import Backend
from duff_orders.contract import STATUSES

if TYPE_CHECKING:
    Status = str
else:
    #: One of the contract's statuses, by name.
    Status = Literal[STATUSES]


async def _backend(request: Request) -> Any:  # else it would wait for a thread
    return request.app.state.backend


BackendDependency = Annotated[Backend, Depends(_backend)]
Limit = Annotated[int, Query(ge=1, le=1000, description="the most rows of a page")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]
AnyFormat = Annotated[
    Literal["json", "csv", "parquet"] | None, Query(alias="format", description="instead of the header Accept")
]
#: Up to 18 digits: what the contract allows.
ClientId = Annotated[int, Path(ge=1, le=10**18 - 1)]
OrderId = Annotated[int, Path(ge=1, le=10**18 - 1)]
FileId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the whole id, 32 hexadecimal digits")]
#: What names a partner's profile.
_PROFILE = "^[a-z0-9][a-z0-9_-]{0,62}$"
ProfileName = Annotated[str, Path(pattern=_PROFILE, description="the profile's name")]
Partner = Annotated[
    str | None,
    Query(pattern=_PROFILE, description="only files that this profile is for, or by which they were read"),
]


def _iso(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        raise ValueError("a date such as 2026-11-24")
    return value


#: A day as ISO 8601 writes it, and in no other way.
Day = Annotated[date, BeforeValidator(_iso)]
#: How the formats of an answer are told in the documents.
FORMATS: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}},
    "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
}
CONDITIONAL: dict[int | str, dict[str, Any]] = {
    200: {"content": FORMATS},
    304: {"description": "What `If-None-Match` names is what there is"},
}
