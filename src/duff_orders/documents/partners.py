"""Which profiles are in force: of each partner the text that holds, and for which keys."""

from dataclasses import dataclass
from datetime import datetime

from duff_orders.documents.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce(Document):
    """That the profile `name`, whose text has this digest, holds for keys that begin with `prefix`, `since` when."""

    name: str
    prefix: str
    digest: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Partners(Document):
    """All profiles that are in force, in the order of their names."""

    profiles: tuple[InForce, ...] = ()
