"""The reader's language: texts by key, and numbers, dates, times and ages as its readers write them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from duff_orders.clock import parse_time
from duff_orders.console.languages.english import EN
from duff_orders.console.languages.spanish import ES
from duff_orders.contract import COLUMNS, CONTRACT, CORRECTS, DECIMALS, NUMBER_DIGITS, STATUSES, TEXT_CHARACTERS
from duff_orders.printable import printable
from duff_orders.reasons import known_remark, recognized

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Days of the week from Monday on, and months, as each language's readers write them.
_WEEKDAYS: Mapping[Language, str] = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
_LONG_MONTHS: Mapping[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
TEXTS: Mapping[Language, Mapping[str, str]] = {"en": EN, "es": ES}


def chosen(cookie: str | None, accept: str | None) -> Language:
    """The reader's language: the cookie's, else the first of `Accept-Language` that there is, else English."""
    if cookie in LANGUAGES:
        return "es" if cookie == "es" else "en"
    for part in (accept or "").split(","):
        code = part.strip().partition(";")[0].partition("-")[0].lower()
        if code in LANGUAGES:
            return "es" if code == "es" else "en"
    return "en"


def place(zone: str) -> str:
    """Where a time zone is: `Santiago`."""
    return zone.rpartition("/")[2].replace("_", " ")


class Words:
    """One language: texts by key, and numbers, days and ages as its readers write them; times where they are."""

    def __init__(self, language: Language, zone: str = "UTC") -> None:
        self.language = language
        self.zone = zone

    def __call__(self, key: str, **places: object) -> str:
        """The text of a key; whole numbers in its places are written with separators."""
        shown = {name: self.number(value) if isinstance(value, int) else value for name, value in places.items()}
        return TEXTS[self.language][key].format(**shown)

    def many(self, key: str, n: int, **places: object) -> str:
        """The text for so many: that of the key, which has a place `n`, or of exactly one a text of its own."""
        return self(f"{key}_one" if n == 1 else key, n=n, **places)

    def has(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in EN

    def number(self, value: int | str) -> str:
        """A whole number, or the digits of a decimal: `1,234.5600`, in Spanish `1.234,5600`."""
        whole, mark, digits = str(value).partition(".")
        text = f"{int(whole):,}{mark}{digits}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "es" else text

    def age(self, since: datetime, now: datetime) -> str:
        """How long ago something was."""
        seconds = max(0, int((now - since) / timedelta(seconds=1)))
        for unit, length, below in (("seconds", 1, 90), ("minutes", 60, 5400), ("hours", 3600, 172_800)):
            if seconds < below:
                return self(f"age_{unit}", n=seconds // length)
        return self("age_days", n=seconds // 86_400)

    def day(self, value: date | str) -> str:
        """A day, or one as ISO 8601 writes it: `27 Nov 2026`, in Spanish `27-11-2026` (CLDR: en-GB, es-CL)."""
        day = date.fromisoformat(value) if isinstance(value, str) else value
        return f"{day:%d-%m-%Y}" if self.language == "es" else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def weekday(self, day: date) -> str:
        """A day of the week in short: `Tue`, in Spanish `mar`."""
        return _WEEKDAYS[self.language].split()[day.weekday()][:3]

    def short_day(self, day: date) -> str:
        """A day without its year: `Tue 24 Nov`, in Spanish `mar 24 nov`."""
        return f"{self.weekday(day)} {day.day} {_LONG_MONTHS[self.language].split()[day.month - 1][:3]}"

    def long_day(self, day: date) -> str:
        """A day in words: `Friday 27 November 2026`, in Spanish `viernes 27 de noviembre de 2026`."""
        weekday = _WEEKDAYS[self.language].split()[day.weekday()]
        month = _LONG_MONTHS[self.language].split()[day.month - 1]
        between = " de " if self.language == "es" else " "
        return f"{weekday} {day.day}{between}{month}{between}{day.year}"

    def moment(self, value: datetime | str) -> str:
        """A time where the reader is and in UTC: `27 Nov 2026 13:20 Santiago (16:20 UTC)`; or in UTC alone."""
        moment = (parse_time(value) if isinstance(value, str) else value).astimezone(UTC)
        local = moment.astimezone(ZoneInfo(self.zone))
        if local.utcoffset() == timedelta(0):
            return f"{self.day(moment.date())} {moment:%H:%M} UTC"
        day = "" if local.date() == moment.date() else f"{self.day(moment.date())} "
        return f"{self.day(local.date())} {local:%H:%M} {place(self.zone)} ({day}{moment:%H:%M} UTC)"

    def clock(self, value: datetime) -> str:
        """The time of the day where the reader is, and in UTC: `13:20 (16:20 UTC)`; or in UTC alone."""
        moment = value.astimezone(UTC)
        local = moment.astimezone(ZoneInfo(self.zone))
        same = local.utcoffset() == timedelta(0)
        return f"{moment:%H:%M} UTC" if same else f"{local:%H:%M} ({moment:%H:%M} UTC)"

    def all_of(self, names: Iterable[str]) -> str:
        """Names in one phrase: `a, b and c`."""
        *most, last = [*names] or [""]
        return self("all_of", first=", ".join(most), last=last) if most else last

    def status(self, name: str) -> str:
        """A status of an order line; one that the contract gives no name in this language, as it stands."""
        return CONTRACT.status(name).labels.get(self.language, name)

    def report(self, name: str, title: str) -> str:
        """What a report asks; of one that has no text of ours, its own title."""
        return TEXTS[self.language].get(f"report_{name}", title)

    def verdict(self, verdict: str) -> str:
        """A verdict."""
        return self(f"verdict_{verdict}")

    def reason(self, code: str, column: str = "") -> str:
        """What a rule's code means, where that depends on it in a column."""
        keys = (f"reason_{column}_{code}", f"reason_{code}", "reason_other")
        return self(next(key for key in keys if key in EN))

    def why(self, reason: str) -> str:
        """The reason of a verdict, as the ledger holds it; in its own words where no text of ours is it."""
        recognition = recognized(reason)
        return self(f"why_{recognition[0]}", **recognition[1]) if recognition is not None else reason

    def remark(self, remark: str) -> str:
        """A remark of the ledger in words; one that this release does not know, as it stands."""
        recognition = known_remark(remark)
        return self(f"remark_{recognition[0]}", n=self.number(recognition[1])) if recognition else printable(remark)

    def money(self, value: Decimal | str) -> str:
        """An amount with at least two decimals, and all that it has: `1,234.50`, in Spanish `1.234,50`."""
        whole, _, digits = f"{Decimal(value):f}".partition(".")
        return self.number(f"{whole}.{digits.rstrip('0').ljust(2, '0')}")

    def short_amount(self, value: Decimal) -> str:
        """An amount in three digits or so, beside which the exact one stands: `4.93 M`."""
        for factor, unit in ((10**9, "G"), (10**6, "M")):
            if abs(value) >= factor:
                return f"{self.number(f'{value / factor:.2f}')} {unit}"
        return self.money(value.quantize(Decimal("0.01")))

    def percent(self, part: int, whole: int) -> str:
        """A share, to a whole percent."""
        return f"{round(100 * part / whole)} %" if whole else "–"

    def size(self, size: int) -> str:
        """Bytes, in the unit that suits them."""
        for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
            if size >= factor:
                return f"{self.number(size // factor)} {unit}"
        return f"{self.number(size)} B"

    def allowed(self, column: str) -> str:
        """What may stand in a column, from the contract; of a record as a whole where it is none of the columns."""
        field = next((each for each in COLUMNS if each.name == column), None)
        if field is None:
            return self(f"allowed_{column}" if column == CORRECTS else "allowed_record")
        if field.kind == "integer":
            key = "allowed_integer" if field.maximum is None else "allowed_integer_to"
            return self(key, minimum=field.minimum or 0, maximum=field.maximum or 0)
        if field.kind == "number":
            key = "allowed_number_above" if field.exclusive else "allowed_number"
            return self(key, digits=NUMBER_DIGITS, decimals=DECIMALS)
        if field.kind == "status":
            return self("allowed_status", statuses=", ".join(STATUSES))
        return self("allowed_text", characters=TEXT_CHARACTERS)
