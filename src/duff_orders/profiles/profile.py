"""A profile: how one partner writes its files, as TOML that is checked as a whole.

Its reading half (header names, marks, words, defaults) decides what values mean; the operating half (whom to tell, what
is expected when) changes none. A profile is data: it holds no pattern, SQL or expression, and nothing in it is guessed.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import available_timezones

from duff_orders.contract import BLANKS, CONTRACT, DELIMITERS, INTEGER_DIGITS, NULL_SPELLINGS, Column, Contract
from duff_orders.errors import InputError

#: Bytes of a profile; names of a column, words of one, and characters of each.
MOST_BYTES, MOST_NAMES, MOST_WORDS, MOST_CHARACTERS = 64 * 1024, 64, 64, 64
#: What may stand between groups of three digits.
THOUSANDS_MARKS = (".", ",", "'", "\u2019", " ", "\u00a0", "\u202f")
DECIMAL_MARKS = (".", ",")
#: How a prefix of keys ends: so that none cuts a name in two.
PREFIX_ENDS = ("/", "-", "_", ".")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Fault(NamedTuple):
    """One thing that is wrong with a profile: where, what stands there, and what is allowed."""

    place: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.place}: {self.found}; {self.allowed}"


class ProfileError(InputError):
    """A profile that says what it may not; `faults` are all of them, a line of the message each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """When files of a partner are due: by `by` on each of `days` in `zone`, so many `files`; not on `except_` days."""

    zone: str
    days: tuple[str, ...]
    by: time
    grace_minutes: int = 0
    files: int = 1
    except_: tuple[date, ...] = ()
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a partner writes files whose keys begin with `prefix`, and how it is run.

    `headers` are further header names of columns as they are written, `values` words for values, `defaults` the texts
    of columns that no header names. Of the further columns `ignored` are known; `refuses_others`: any other makes a
    file invalid. `required` are optional columns that this partner must send. None: as the contract has it.
    """

    prefix: str
    max_reject_share: Decimal | None = None
    required: tuple[str, ...] = ()
    delimiter: str | None = None
    ignored: tuple[str, ...] = ()
    refuses_others: bool = False
    decimal_mark: Literal[".", ","] | None = None
    thousands_mark: str | None = None
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    email: str | None = None
    expected: Expected | None = None


def folded(name: str) -> str:
    """A header's name as profiles compare it: composed, one blank between words, none around, without case.

    Accents count. Files from some systems have them as characters of their own, which is why names are composed.
    """
    return " ".join(unicodedata.normalize("NFC", name).strip(BLANKS).split()).casefold()


def word(text: str) -> str:
    """A word as profiles compare it: trimmed, and the letters of ASCII without case; others differ by engine."""
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text.strip(BLANKS))


def read(path: Path) -> str:
    """The text of a profile's file. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return data.decode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; a profile is TOML, which is") from None


def load(text: str, contract: Contract = CONTRACT) -> Profile:
    """The profile that a TOML text says. Raises ProfileError with everything that is wrong."""
    size = len(text.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise ProfileError([Fault("the profile", f"has {size:,} bytes", f"allowed are {MOST_BYTES:,}")])
    if not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text):
        raise ProfileError([Fault("the profile", "holds what is no character", "allowed is any text in UTF-8")])
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([Fault("the profile", f"is no TOML ({error})", "see https://toml.io")]) from None
    reader = _Reader(contract)
    profile = reader.profile(said)
    if reader.faults:
        raise ProfileError(reader.faults)
    return profile


class _Reader:
    """Reads the tables of a profile; what is wrong is noted, and read as if it were not there."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.faults: list[Fault] = []
        self.columns = {column.name: column for column in contract.columns}

    def wrong(self, place: str, found: object, allowed: str) -> None:
        """Note a fault."""
        shown = found if isinstance(found, str) else repr(found)
        self.faults.append(Fault(place, shown[:200], allowed))

    def profile(self, said: dict[str, Any]) -> Profile:
        """The whole profile."""
        tables = ("file", "numbers", "headers", "values", "defaults", "notify", "expect")
        self.known("", said, ("prefix", "max_reject_share", "require", *tables))
        file, numbers, notify = (self.table(said, name) for name in ("file", "numbers", "notify"))
        self.known("file.", file, ("delimiter", "ignore", "extra_columns"))
        self.known("numbers.", numbers, ("decimal_mark", "thousands_mark"))
        self.known("notify.", notify, ("email",))
        headers = self.headers(self.table(said, "headers"))
        ignored = self.names("file.ignore", file.get("ignore", []))
        self.one_meaning(headers, ignored)
        return Profile(
            prefix=self.prefix(said.get("prefix")),
            max_reject_share=self.share(said.get("max_reject_share")),
            required=self.required(said.get("require", [])),
            delimiter=self.choice("file.delimiter", file.get("delimiter"), DELIMITERS),
            ignored=ignored,
            refuses_others=self.choice("file.extra_columns", file.get("extra_columns"), ("ignore", "refuse"))
            == "refuse",
            **self.marks(numbers),
            headers=headers,
            values=self.values(self.table(said, "values")),
            defaults=self.defaults(self.table(said, "defaults"), headers),
            email=self.email(notify.get("email")),
            expected=self.expected(self.table(said, "expect")) if "expect" in said else None,
        )

    def known(self, place: str, table: Mapping[str, object], names: Sequence[str]) -> None:
        """Note the keys of a table that there are not."""
        for key in table:
            if key not in names:
                self.wrong(f"{place}{key}", "there is no such key", f"allowed are {', '.join(names)}")

    def table(self, said: Mapping[str, Any], name: str) -> dict[str, Any]:
        """A table of the profile, empty where it is absent."""
        found = said.get(name, {})
        if isinstance(found, dict):
            return found
        self.wrong(name, found, f"it is a table, [{name}]")
        return {}

    def text(self, place: str, found: object, most: int = MOST_CHARACTERS) -> str | None:
        """A text of one character or more that shows as it is; None, and a fault, for anything else."""
        if isinstance(found, str) and found.strip(BLANKS) and len(found) <= most and found.isprintable():
            return found
        self.wrong(place, found, f"allowed is a text of 1 to {most} characters that can be seen")
        return None

    def choice(self, place: str, found: object, allowed: Sequence[str]) -> str | None:
        """One of several texts; None where there is none."""
        if found is None or found in allowed:
            return found if isinstance(found, str) else None
        self.wrong(place, found, f"allowed is {' or '.join(map(repr, allowed))}")
        return None

    def names(self, place: str, found: object) -> tuple[str, ...]:
        """A list of header names, or a single one."""
        listed = [found] if isinstance(found, str) else found
        if not isinstance(listed, list) or len(listed) > MOST_NAMES:
            self.wrong(place, found, f"allowed are a name and a list of up to {MOST_NAMES} names")
            return ()
        texts = (self.text(f"{place}[{number}]", each) for number, each in enumerate(listed, 1))
        return tuple(each for each in texts if each is not None)

    def prefix(self, found: object) -> str:
        """What the keys of the partner's files begin with."""
        if found is None:
            self.wrong("prefix", "is missing", 'it is what the keys of the files begin with, such as "acme/"')
            return ""
        prefix = self.text("prefix", found, 200)
        if prefix is not None and {"", ".", ".."} & {*prefix.split("/")[:-1]}:
            self.wrong("prefix", prefix, "it names folders, without a slash in front, two in a row, `.` and `..`")
        if prefix is not None and not prefix.endswith(PREFIX_ENDS):
            self.wrong("prefix", prefix, f"it ends with {' or '.join(PREFIX_ENDS)}, so that it cuts no name in two")
        return prefix or ""

    def share(self, found: object) -> Decimal | None:
        """The greatest share of rejected rows."""
        if found is None:
            return None
        allowed = 'allowed is a number from 0 to 1 as a text, such as "0.1"'
        try:
            share = Decimal(found) if isinstance(found, str) else None
        except InvalidOperation:
            share = None
        if share is None or share.is_nan() or not 0 <= share <= 1:
            self.wrong("max_reject_share", found, allowed)
            return None
        return share

    def required(self, found: object) -> tuple[str, ...]:
        """Optional columns that this partner must send."""
        optional = [column.name for column in self.contract.optional]
        names = self.names("require", found)
        for name in names:
            if name not in optional:
                allowed = f"allowed are {', '.join(optional)}" if optional else "the contract has no optional columns"
                self.wrong("require", name, allowed)
        return names

    def marks(self, numbers: Mapping[str, object]) -> dict[str, Any]:
        """The decimal and the thousands mark."""
        decimal = self.choice("numbers.decimal_mark", numbers.get("decimal_mark"), DECIMAL_MARKS)
        thousands = self.choice("numbers.thousands_mark", numbers.get("thousands_mark"), THOUSANDS_MARKS)
        if numbers and "decimal_mark" not in numbers:
            self.wrong("numbers.decimal_mark", "is missing", "allowed is '.' or ','")
        if decimal is not None and decimal == thousands:
            self.wrong("numbers", f"both marks are {decimal!r}", "they differ")
        return {"decimal_mark": decimal, "thousands_mark": thousands}

    def column(self, place: str, name: str) -> Column | None:
        """A column of the contract by its name."""
        if name not in self.columns:
            self.wrong(place, "there is no such column", f"allowed are {', '.join(self.columns)}")
        return self.columns.get(name)

    def headers(self, table: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
        """Further header names by column."""
        listed = {
            name: self.names(f"headers.{name}", found)
            for name, found in table.items()
            if self.column(f"headers.{name}", name)
        }
        return {name: names for name, names in listed.items() if names}

    def one_meaning(self, headers: Mapping[str, tuple[str, ...]], ignored: Iterable[str]) -> None:
        """Note the header names that mean two things."""
        own = {name: column.name for column in self.contract.columns for name in (column.name, *column.aliases)}
        seen: dict[str, str] = {}
        listed = [(column, name) for column, names in headers.items() for name in names]
        for column, name in (*listed, *(("file.ignore", name) for name in ignored)):
            place = column if column == "file.ignore" else f"headers.{column}"
            key = folded(name)
            if key in own and own[key] != column:
                self.wrong(place, name, f"that is {own[key]}'s own name")
            elif seen.setdefault(key, column) != column:
                self.wrong(place, name, f"it stands under {seen[key]} already: a name means one thing")

    def values(self, table: Mapping[str, object]) -> dict[str, dict[str, str]]:
        """Words for values, by column."""
        found = {}
        for name, words in table.items():
            place = f"values.{name}"
            if name in self.columns and not self.columns[name].words:
                allowed = [column.name for column in self.contract.columns if column.words]
                self.wrong(place, "its values are no words", f"allowed are {', '.join(allowed)}")
            elif self.column(place, name) and isinstance(words, dict) and len(words) <= MOST_WORDS:
                found[name] = dict(self.translated(place, self.columns[name], words))
            elif name in self.columns:
                self.wrong(place, words, f"it is a table of up to {MOST_WORDS} words and their values")
        return {name: said for name, said in found.items() if said}

    def translated(self, place: str, column: Column, words: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """The words of a column and their values, as far as they may be."""
        meanings: dict[str, str] = {}
        for each, value in words.items():
            here = f"{place}.{each}"
            if self.text(here, each) is None:
                continue
            if word(each) in NULL_SPELLINGS:
                self.wrong(here, each, "that means that there is no value")
            elif meanings.setdefault(word(each), each) != each:
                self.wrong(here, each, f"it is {meanings[word(each)]!r} in other letters")
            elif fault := _bad_value(column, value, self.contract):
                self.wrong(here, value, fault)
            elif column.kind == "status" and word(each) in self.statuses and word(each) != value:
                self.wrong(here, value, f"{each} is a status itself")
            else:
                yield each, str(value)

    @property
    def statuses(self) -> list[str]:
        """The names of the contract's statuses."""
        return [status.name for status in self.contract.statuses]

    def defaults(self, table: Mapping[str, object], headers: Mapping[str, object]) -> dict[str, str]:
        """The texts of columns that no header names."""
        found = {}
        for name, value in table.items():
            place = f"defaults.{name}"
            column = self.column(place, name)
            if column is None:
                continue
            if column.required and not column.may_default:
                allowed = [each.name for each in self.contract.columns if each.may_default or not each.required]
                self.wrong(place, "each line needs its own", f"allowed are {', '.join(allowed)}")
            elif name in headers:
                self.wrong(place, "a header stands for it", "a default is for a column that the files lack")
            elif fault := _bad_value(column, str(value) if type(value) is int else value, self.contract):
                self.wrong(place, value, fault)
            else:
                found[name] = str(value)
        return found

    def email(self, found: object) -> str | None:
        """Where the partner is told."""
        if found is None:
            return None
        if isinstance(found, str) and len(found) <= 254 and found.isprintable() and _ADDRESS.fullmatch(found):
            return found
        self.wrong("notify.email", found, 'allowed is one address, such as "edi@acme.example"')
        return None

    def expected(self, table: Mapping[str, Any]) -> Expected | None:
        """The calendar."""
        before = len(self.faults)
        self.known("expect.", table, ("zone", "days", "by", "grace_minutes", "files", "except", "since"))
        zone, days, by = (table.get(name) for name in ("zone", "days", "by"))
        if not isinstance(zone, str) or zone not in available_timezones():
            self.wrong("expect.zone", zone or "is missing", 'allowed is a zone such as "Europe/Madrid"')
        if not isinstance(days, list) or not days or len({*map(str, days)}) < len(days) or {*map(str, days)} - {*DAYS}:
            self.wrong("expect.days", days or "is missing", f"allowed are {', '.join(DAYS)}, each once")
        at = _time(by)
        if at is None:
            self.wrong("expect.by", by or "is missing", 'allowed is a time of the day such as "08:00"')
        whole = {}
        for name, least, most in (("grace_minutes", 0, 24 * 60), ("files", 1, 1000)):
            number = table.get(name, least)
            if type(number) is not int or not least <= number <= most:
                self.wrong(f"expect.{name}", number, f"allowed is a whole number from {least} to {most:,}")
            whole[name] = number
        except_ = self.dates("expect.except", table.get("except", []))
        since = self.dates("expect.since", [table["since"]]) if "since" in table else ()
        if len(self.faults) > before or at is None:
            return None
        assert isinstance(days, list)
        assert isinstance(zone, str)
        return Expected(zone=zone, days=tuple(days), by=at, **whole, except_=except_, since=since[0] if since else None)

    def dates(self, place: str, found: object) -> tuple[date, ...]:
        """A list of dates."""
        dates = []
        for each in found if isinstance(found, list) else [found]:
            try:
                dates.append(each if type(each) is date else date.fromisoformat(str(each)))
            except ValueError:
                self.wrong(place, each, 'allowed is a date such as "2026-12-25"')
        return tuple(dates)


def _time(found: object) -> time | None:
    """A time of the day from TOML's own, or from `HH:MM`."""
    if type(found) is time:
        return found
    if isinstance(found, str) and re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", found):
        return time.fromisoformat(found)
    return None


def _bad_value(column: Column, value: object, contract: Contract) -> str | None:
    """Why a text is no good value of a column as the contract has it; None where it is one, written canonically."""
    names = [status.name for status in contract.statuses]
    if column.kind == "status":
        return None if value in names else f"allowed is {' or '.join(names)}"
    if column.kind == "text":
        if isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS and value.isprintable():
            is_plain = value == value.strip(BLANKS) and word(value) not in NULL_SPELLINGS
            return None if is_plain else "allowed is a text without blanks around it that does not mean: no value"
        return f"allowed is a text of 1 to {MOST_CHARACTERS} characters"
    most = column.maximum or 10**INTEGER_DIGITS - 1
    if column.kind == "integer" and isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,17}", value):
        return None if (column.minimum or 0) <= int(value) <= most else f"allowed is {column.minimum} to {most:,}"
    return f"allowed is a {'whole ' if column.kind == 'integer' else ''}number"
