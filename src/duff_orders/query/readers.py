"""How a spreadsheet opens a CSV, by its user's locale: the decimal mark, and therefore the delimiter."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from duff_orders.errors import InputError

#: Languages that write a decimal comma (Unicode's CLDR), and regions where they write a point.
_COMMA = (
    "af az be bg bs ca cs da de el es et eu fi fo fr gl hr hu hy id is it ka kk ky lt lv mk nb nl nn no pl pt ro ru "
    "sk sl sq sr sv tr uk uz vi"
)
_POINT = {
    "es": frozenset({"BZ", "CU", "DO", "GT", "HN", "MX", "NI", "PA", "PE", "PR", "SV", "US"}),
    "de": frozenset({"CH", "LI"}),
    "it": frozenset({"CH"}),
}
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}))?(?:[.@].*)?")
_NONE = ("C", "POSIX")
# What a spreadsheet may take for a number, a date or an amount, and write back as another.
_OF_NUMBERS = re.compile(r"[\d.,'’:/()%+\-$€£eE \u00a0\u202f]+", re.ASCII)
_DIGIT = re.compile("[0-9]")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever opens a CSV file: `mark` is that of decimals, `delimiter` what a spreadsheet splits at there."""

    mark: str
    delimiter: str

    def number(self, text: str) -> str:
        """A good number as it is written there: no digit is changed."""
        return text.replace(",", self.mark).replace(".", self.mark)


POINT, COMMA = Reader(".", ","), Reader(",", ";")


def reader_in(locale: str) -> Reader:
    """The reader in a locale such as `es`, `es-CL` or `en_US.UTF-8`; raises InputError for what is none."""
    match = _LOCALE.fullmatch(locale)
    if locale.partition(".")[0] in _NONE:
        return POINT
    if match is None:
        raise InputError(f"{locale[:100]!r} is no locale; write a language, and a region if need be: es, es-CL, en-US")
    language, region = match[1].lower(), (match[2] or "").upper()
    return COMMA if language in _COMMA.split() and region not in _POINT.get(language, ()) else POINT


def system_locale(environ: Mapping[str, str]) -> str:
    """The locale of whoever runs this, for numbers; `C` where none is set."""
    variables = (environ.get(name) for name in ("LC_ALL", "LC_NUMERIC", "LANG"))
    locale = next((each for each in variables if each), "C")
    return locale if _LOCALE.fullmatch(locale) else "C"


def kept_wrong(text: str) -> str:
    """A wrong cell that a spreadsheet could take for a number, and write back as a good one, with `?` in front.

    Nobody would have corrected it then: `1.990`, which may be 1.99 or 1990, comes back from Spain as 1990.
    """
    return f"? {text}" if _OF_NUMBERS.fullmatch(text) and _DIGIT.search(text) else text
