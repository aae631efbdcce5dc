"""A reading: everything by which a file's texts become values, resolved when the file is validated, and never changed.

It is the contract's version with the reading half of a profile, named by the hash of what it says. So what was judged
years ago is read again as it was judged, whatever the profile says by then.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from functools import cached_property

from duff_orders.contract import CHANGES, CORRECTS, VERSION
from duff_orders.documents import Document
from duff_orders.profiles.profile import Profile, folded


@dataclass(frozen=True, kw_only=True)
class Reading(Document):
    """How the files of a partner are read: fields as those of `Profile`, which calls itself `profile`.

    `contract` is a version of it. None, and what is empty: as that has it.
    """

    contract: int
    profile: str | None
    max_reject_share: str
    required: tuple[str, ...] = ()
    delimiter: str | None = None
    ignored: tuple[str, ...] = ()
    refuses_others: bool = False
    decimal_mark: str | None = None
    thousands_mark: str | None = None
    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    @property
    def share(self) -> Decimal:
        """The greatest share of rejected rows."""
        return Decimal(self.max_reject_share)

    def not_listed(self, further: Iterable[str]) -> tuple[str, ...]:
        """Of the headers that name no column those that the profile does not list; without one none is expected."""
        listed = {*map(folded, self.ignored), CORRECTS, CHANGES}
        return tuple(name for name in further if folded(name) not in listed)

    @cached_property
    def name(self) -> str:
        """The first 32 hexadecimal digits of SHA-256 of what it says, in one form: sorted, and without blanks."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


#: The fields of a profile that a reading takes from it: all else in a profile changes no value.
READING_HALF = tuple(each.name for each in fields(Profile) if each.name in {one.name for one in fields(Reading)})


def resolve(name: str | None, profile: Profile | None, max_reject_share: Decimal) -> Reading:
    """The reading of files under a profile, or under none; the share of rejected rows is that of whoever says one."""
    if profile is None:
        return Reading(contract=VERSION, profile=None, max_reject_share=_plain(max_reject_share))
    own = profile.max_reject_share
    said = {each: getattr(profile, each) for each in READING_HALF} | {
        "contract": VERSION,
        "profile": name,
        "max_reject_share": _plain(max_reject_share if own is None else own),
    }
    return Reading(**said)


def in_force(prefixes: Mapping[str, str], key: str) -> str | None:
    """The name of the profile that a key's file is read by: of the prefixes that it begins with, the longest.

    `prefixes` are those of the profiles, by their names. Case counts.
    """
    fitting: Iterable[tuple[int, str]] = (
        (len(prefix.encode()), name) for name, prefix in prefixes.items() if key.startswith(prefix)
    )
    return max(fitting, default=(0, None))[1]


def _plain(share: Decimal) -> str:
    """A share in one form: 0.10 and 0.1 are the same reading."""
    return format(share.normalize(), "f")
