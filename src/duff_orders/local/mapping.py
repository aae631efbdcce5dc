"""A profile put together from what a person says of a file: which of its columns is which, how numbers are written.

Nothing is chosen here: exact names are what they are, what other profiles say is a proposal until somebody takes it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

from duff_orders.contract import CHANGES, COLUMNS, CORRECTS, DECIMALS, NUMBER_DIGITS, STATUSES
from duff_orders.ingest.found_header import FoundHeader
from duff_orders.ingest.marks import Marks
from duff_orders.profiles.profile import (
    DECIMAL_MARKS,
    MOST_CHARACTERS,
    MOST_NAMES,
    THOUSANDS_MARKS,
    Profile,
    folded,
    load,
)
from duff_orders.profiles.written import written

#: A file's header as it stands.
Found = FoundHeader
#: That a column has one value in all records, and no column of the file.
FIXED = "fixed"
_NUMBER = re.compile(f"[0-9]{{1,{NUMBER_DIGITS}}}([.][0-9]{{1,{DECIMALS}}}0*)?", re.ASCII)
_EXAMPLE = re.compile(r"[0-9]+(?:[.,'\u2019 \u00a0\u202f][0-9]+)+", re.ASCII)


class Meaning(NamedTuple):
    """What a number of the file could be, and by which marks."""

    decimal: str
    thousands: str | None
    value: Decimal

    @property
    def key(self) -> str:
        """What stands for it in a form."""
        return f"{self.decimal}{self.thousands or ''}"


class Proposal(NamedTuple):
    """That another profile calls a column as one of the file is called; the latter by its place."""

    place: int
    profile: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said: by column the place of one of the file's, FIXED, or nothing yet; and of numbers and words.

    `marks` are those of a `Meaning`, by its key; "" where nobody knows, or nobody was asked.
    """

    columns: Mapping[str, int | str | None]
    fixed: Mapping[str, str] = field(default_factory=dict)
    marks: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> list[str]:
        """The columns of which nothing is said yet."""
        return [
            column.name
            for column in COLUMNS
            if column.required
            and (
                self.columns.get(column.name) is None
                or (self.columns[column.name] == FIXED and not self.fixed.get(column.name))
            )
        ]


def as_found(found: FoundHeader, before: Profile | None) -> Said:
    """What needs no word: columns under their own names, and what the partner's profile says already."""
    places: dict[str, int | str | None] = {column.name: None for column in COLUMNS}
    names = {folded(name): column for column, listed in before.headers.items() for name in listed} if before else {}
    for place, each in enumerate(found.columns):
        column = each.column or names.get(folded(each.name))
        if column is not None and places[column] is None:
            places[column] = place
    if before is None:
        return Said(places)
    for column, value in before.defaults.items():
        if places[column] is None and value:
            places[column] = FIXED
    return Said(
        places,
        dict(before.defaults),
        f"{before.decimal_mark or ''}{before.thousands_mark or ''}",
        dict(before.values.get("status", {})),
    )


def proposals(found: FoundHeader, profiles: Iterable[tuple[str, Profile]]) -> dict[str, Proposal]:
    """By column what other profiles call as the file does; the first that does so."""
    places = {folded(each.name): place for place, each in enumerate(found.columns) if not each.column}
    told: dict[str, Proposal] = {}
    for name, profile in profiles:
        for column, names in profile.headers.items():
            for place in (places[folded(each)] for each in names if folded(each) in places):
                told.setdefault(column, Proposal(place, name))
    return told


def example(found: FoundHeader) -> str | None:
    """A number of the file that holds marks, of the most that there are; None where none does."""
    texts = [text for each in found.columns for text in each.texts if _EXAMPLE.fullmatch(text)]
    return max(texts, key=lambda text: sum(not each.isdigit() for each in text), default=None)


def meanings(text: str) -> list[Meaning]:
    """What a number may be, by the marks that make it one: those that stand in it, and no others."""
    told: dict[Decimal, Meaning] = {}
    for decimal in DECIMAL_MARKS:
        for thousands in (None, *THOUSANDS_MARKS):
            if thousands == decimal or (thousands and thousands not in text):
                continue
            plain = Marks(decimal, thousands, exact=True).plain(text)
            if _NUMBER.fullmatch(plain):
                # a mark that does not stand in it says nothing: the other decimal mark is told by it, then
                told.setdefault(Decimal(plain), Meaning(decimal, thousands, Decimal(plain)))
    return [*told.values()]


def profile_of(said: Said, found: FoundHeader, prefix: str, before: Profile | None = None) -> Profile:
    """The profile that says so, with what the one before says of all else. Raises ProfileError where it is none."""
    kept = before or Profile(prefix=prefix)
    own = [each.column for each in found.columns]
    headers = {name: tuple(listed) for name, listed in kept.headers.items()}
    defaults = dict(kept.defaults)
    used = set[int]()
    for name, place in said.columns.items():
        if isinstance(place, int):
            used.add(place)
            defaults.pop(name, None)
            if own[place] != name:
                headers[name] = _with(headers.get(name, ()), found.columns[place].name)
        elif place == FIXED:
            headers.pop(name, None)
            defaults[name] = said.fixed.get(name, "")
    further = [each.name for place, each in enumerate(found.columns) if place not in used and each.name]
    listed = [name for name in further if folded(name) not in (CORRECTS, CHANGES) and _may_be_listed(name)]
    words = {word: status for word, status in said.words.items() if status in STATUSES}
    values = {name: dict(each) for name, each in kept.values.items() if name != "status"}
    profile = replace(
        kept,
        prefix=prefix,
        delimiter=found.delimiter,
        ignored=tuple(_without_repeats((*kept.ignored, *listed))[:MOST_NAMES]),
        headers=headers,
        defaults=defaults,
        values=values | ({"status": words} if words else {}),
        **_marks(said.marks, kept),
    )
    return load(written(profile))  # as it will be read


def _marks(key: str, kept: Profile) -> dict[str, Any]:
    if not key:
        return {}
    decimal, thousands = key[0], key[1:] or None
    if decimal == kept.decimal_mark and thousands is None:
        thousands = kept.thousands_mark
    return {"decimal_mark": decimal, "thousands_mark": thousands}


def _may_be_listed(name: str) -> bool:
    return len(name) <= MOST_CHARACTERS and name.isprintable()


def _with(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(_without_repeats((*names, name)))


def _without_repeats(names: Iterable[str]) -> list[str]:
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(folded(name), name)
    return [*first.values()]


def name_of(prefix: str) -> str:
    """A partner's name from the prefix of its keys; "" where none can be made."""
    last = re.split(r"[/_.-]+", prefix.strip("/-_."))
    plain = unicodedata.normalize("NFKD", "-".join(last)).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9-]+", "-", plain).strip("-")[:63]
