"""The profiles of a lake: every text that was ever put, which of them are in force, and the readings made of them.

A file costs two reads, and one where there are no profiles; nothing is listed.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from duff_orders.documents import InForce, LedgerRow, Partners
from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import layout
from duff_orders.lake.documents import PARTNERS, READINGS
from duff_orders.lake.stores.base import Store, Stored
from duff_orders.profiles.profile import Profile, ProfileError, load
from duff_orders.profiles.reading import Reading, in_force, resolve

_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,62}")
# Readings by their names, which are what they say: no store needs to be asked twice.
_READ: dict[str, Reading] = {}
_MOST_REMEMBERED = 1_000
# Addresses of readings that are there: a warm function asks once.
_KNOWN_THERE: set[str] = set()
_REMEDY = "`duff profile put` puts it again"
# How often the index, which somebody else may write, too, is read and written again.
_ATTEMPTS = 20


class Known(NamedTuple):
    """A profile that is in force: where, and what it says."""

    entry: InForce
    text: str
    profile: Profile


def partners(store: Store) -> Partners:
    """The profiles that are in force. Raises DamagedObject where that cannot be read."""
    return _index(store)[0]


def put(store: Store, name: str, text: str, now: datetime) -> InForce:
    """Let a profile hold from now on, in the place of the partner's one before.

    Raises InputError for a name that is none, or a prefix that another has; ProfileError for what the text may not say.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r:.100} names no partner: allowed are up to 63 of a-z, 0-9, - and _")
    profile, data = load(text), text.encode()
    if why := layout.left_alone(f"{profile.prefix}orders.csv"):
        raise InputError(f"prefix {profile.prefix!r}: files there are left alone, {why}")
    digest = digest_of(data)
    for _ in range(_ATTEMPTS):
        index, token = _index(store)
        others = tuple(each for each in index.profiles if each.name != name)
        before = next((each for each in index.profiles if each.name == name), None)
        if same := next((each for each in others if each.prefix == profile.prefix), None):
            raise InputError(
                f"{profile.prefix}: the profile {same.name} holds for this prefix; each has one of its own"
            )
        entry = InForce(name=name, prefix=profile.prefix, digest=digest, since=now)
        _keep(store, layout.profile_object(name, digest), data)
        if before is not None and replace(before, since=now) == entry:
            return before
        if _write(store, (*others, entry), token):
            return entry
    raise InputError("the profiles are being changed by somebody else all the time; try again")


def remove(store: Store, name: str) -> None:
    """Let a partner's profile hold no more; its texts are kept. Raises InputError where there is none."""
    for _ in range(_ATTEMPTS):
        index, token = _index(store)
        named(index, name)
        if _write(store, tuple(each for each in index.profiles if each.name != name), token):
            return
    raise InputError("the profiles are being changed by somebody else all the time; try again")


def named(index: Partners, name: str) -> InForce:
    """The profile of a name; raises InputError where there is none."""
    found = next((each for each in index.profiles if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in index.profiles) or "none"
        raise InputError(f"no profile {name!r:.100}; there are: {names}")
    return found


def prefix_of(store: Store, name: str | None) -> str:
    """What the keys of a partner's files begin with; "" for nobody's. Raises InputError where there is no such one."""
    return "" if name is None else named(partners(store), name).prefix


def text_of(store: Store, entry: InForce) -> str:
    """A profile's text. Raises DamagedObject where it is gone, or not as it was written."""
    name = layout.profile_object(entry.name, entry.digest)
    stored = store.read(name)
    if stored is None:
        raise DamagedObject(name, "it is gone", _REMEDY)
    if digest_of(stored.data) != entry.digest:
        raise DamagedObject(name, "it is not as it was written: its digest is another", _REMEDY)
    return stored.data.decode()


def damaged(store: Store, entries: Iterable[InForce]) -> Iterator[DamagedObject]:
    """Of profiles those whose text is gone, or is not as it was put."""
    for entry in entries:
        try:
            text_of(store, entry)
        except DamagedObject as error:
            yield error


def of_key(store: Store, key: str) -> Known | None:
    """The profile by which a key's file is read; None where the contract alone holds.

    Raises DamagedObject where it cannot be read: such a file is not judged without it.
    """
    index = partners(store)
    name = in_force({each.name: each.prefix for each in index.profiles}, key)
    if name is None:
        return None
    return known(store, named(index, name))


def known(store: Store, entry: InForce) -> Known:
    """What a profile in force says. Raises DamagedObject where it cannot be read."""
    text = text_of(store, entry)
    try:
        return Known(entry, text, _loaded(text))
    except ProfileError as error:
        raise DamagedObject(layout.profile_object(entry.name, entry.digest), error, _REMEDY) from None


def reading_of(store: Store, key: str, max_reject_share: Decimal) -> Reading:
    """How a key's file is read today: by the profile in force, or by the contract alone; the share is the settings'.

    Raises DamagedObject as `of_key` does.
    """
    found = of_key(store, key)
    if found is None:
        return _resolved(None, None, max_reject_share)
    return _resolved(found.entry.name, found.text, max_reject_share)


def by_texts(store: Store) -> Partners:
    """Which profiles hold as far as their texts tell: the newest of each partner that can be read.

    Of two with one prefix the newer one.
    """
    newest: dict[str, InForce] = {}
    for each in sorted(store.listed(layout.PARTNERS), key=lambda each: each.modified):
        for entry, profile in _kept(store, each.name):
            same = (name for name, other in newest.items() if other.prefix == profile.prefix and name != entry.name)
            for name in [*same]:
                del newest[name]
            newest[entry.name] = replace(entry, prefix=profile.prefix, since=each.modified)
    return Partners(profiles=tuple(newest[name] for name in sorted(newest)))


def possible(store: Store, shares: Iterable[Decimal]) -> Iterator[Reading]:
    """All readings that may have been made of the profiles that there are, and of none, under some shares."""
    profiles: list[tuple[str | None, Profile | None]] = [(None, None)]
    for each in store.listed(layout.PARTNERS):
        profiles += [(entry.name, profile) for entry, profile in _kept(store, each.name)]
    for share in shares:
        yield from (resolve(name, profile, share) for name, profile in profiles)


def _kept(store: Store, name: str) -> Iterator[tuple[InForce, Profile]]:
    """The profile that an object holds, if it is one and as it was written."""
    partner, _, file = name.removeprefix(layout.PARTNERS).rpartition("/")
    if not partner or not file.endswith(".toml"):
        return
    entry = InForce(name=partner, prefix="", digest=file.removesuffix(".toml"), since=datetime.min)
    with suppress(DamagedObject, ProfileError):
        yield entry, load(text_of(store, entry))


def record(store: Store, reading: Reading) -> None:
    """Keep a reading under its name. In a bucket, of which nobody removes any, it is looked for once a process."""
    name = layout.reading_object(reading.name)
    address = store.address(name)
    if address not in _KNOWN_THERE:
        _keep(store, name, reading.stored())
        if "://" in address:
            _KNOWN_THERE.add(address)
    _remember(reading)


def reading(store: Store, name: str) -> Reading:
    """The reading of a name. Raises DamagedObject where it is gone or another."""
    if (remembered := _READ.get(name)) is not None:
        return remembered
    of = layout.reading_object(name)
    found = READINGS.read(store, of)
    if found is None:
        raise DamagedObject(of, "it is gone")
    _remember(found)
    return found


def _remember(reading: Reading) -> None:
    if len(_READ) >= _MOST_REMEMBERED:
        _READ.clear()
    _READ[reading.name] = reading


def reading_of_row(store: Store, row: LedgerRow) -> Reading:
    """How the file of a ledger row was read; by the contract alone where a release before did not say it."""
    return reading(store, row.reading) if row.reading else resolve(None, None, Decimal(1))


def stale(store: Store, rows: Iterable[LedgerRow], max_reject_share: Decimal) -> Iterator[LedgerRow]:
    """The rows of files that would be read in another way today; the share that is allowed is the settings'.

    Where that share alone is another, those of which rows were rejected: nothing changes for others.
    """
    for row in rows:
        today = reading_of(store, row.source_file, max_reject_share)
        if not row.stands or row.reading == today.name:
            continue
        if row.reading is None:
            before = replace(resolve(None, None, max_reject_share), contract=row.contract)
        else:
            before = reading(store, row.reading)
        if row.rows_rejected:
            is_stale = before != today
        else:
            is_stale = replace(before, max_reject_share=today.max_reject_share) != today
        if is_stale:
            yield row


class Under(NamedTuple):
    """The keys whose files a profile is for: those that begin with `prefix`, and with none of the longer `without`."""

    name: str
    prefix: str
    without: tuple[str, ...]

    @classmethod
    def of(cls, index: Partners, name: str) -> "Under":
        """The keys that a profile is for; raises InputError where there is none of this name."""
        prefix = named(index, name).prefix
        longer = (each.prefix for each in index.profiles if each.name != name and each.prefix.startswith(prefix))
        return cls(name, prefix, tuple(longer))

    def holds(self, key: str) -> bool:
        """Whether a file of this key is read by it today."""
        return key.startswith(self.prefix) and not key.startswith(self.without)

    def was_for(self, row: LedgerRow) -> bool:
        """Whether a file is read by it today, or was."""
        return row.profile == self.name or self.holds(row.source_file)


def under(store: Store, name: str) -> Under:
    """The keys that a profile is for; raises InputError where there is none of this name."""
    return Under.of(partners(store), name)


# A process takes many files of one partner.
@lru_cache(maxsize=256)
def _loaded(text: str) -> Profile:
    return load(text)


@lru_cache(maxsize=256)
def _resolved(name: str | None, text: str | None, max_reject_share: Decimal) -> Reading:
    return resolve(name, None if text is None else _loaded(text), max_reject_share)


def _index(store: Store) -> tuple[Partners, str | None]:
    stored = store.read(layout.PARTNERS_INDEX)
    return (_decoded(stored), stored.token) if stored else (Partners(), None)


@lru_cache(maxsize=4)
def _decoded(stored: Stored) -> Partners:
    return PARTNERS.decode(layout.PARTNERS_INDEX, stored)


def _write(store: Store, profiles: tuple[InForce, ...], token: str | None) -> bool:
    index = Partners(profiles=tuple(sorted(profiles, key=lambda each: each.name)))
    return store.replace(layout.PARTNERS_INDEX, index.stored(), token)


def _keep(store: Store, name: str, data: bytes) -> None:
    """Write an object that is named by what it says, where it is not there already; one that is damaged, anew."""
    stored = store.read(name)
    if stored is None and store.put_new(name, data):
        return
    if stored is not None and stored.data != data:
        store.replace(name, data, stored.token)


def digest_of(data: bytes) -> str:
    """What a text of a profile is named by: the first 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]
