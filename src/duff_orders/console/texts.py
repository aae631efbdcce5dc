"""The reader's language: texts by key, and numbers, dates and ages as its readers write them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args

from duff_orders.clock import parse_time
from duff_orders.console.english import EN
from duff_orders.console.spanish import ES
from duff_orders.contract import COLUMNS, CONTRACT, CORRECTS, DECIMALS, NUMBER_DIGITS, STATUSES, TEXT_CHARACTERS
from duff_orders.printable import printable
from duff_orders.reasons import known_remark, recognized

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
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


class Words:
    """One language: texts by key, and numbers, days and ages as its readers write them."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **places: object) -> str:
        """The text of a key; whole numbers in its places are written with separators."""
        shown = {name: self.number(value) if isinstance(value, int) else value for name, value in places.items()}
        return TEXTS[self.language][key].format(**shown)

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

    def moment(self, value: datetime | str) -> str:
        """A time in UTC, or one as ISO 8601 writes it."""
        moment = (parse_time(value) if isinstance(value, str) else value).astimezone(UTC)
        return f"{self.day(moment.date())} {moment:%H:%M} UTC"

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
