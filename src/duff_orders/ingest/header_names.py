"""Which columns the names of a header mean: the contract's own names first, then those of the partner's profile."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator

from duff_orders.contract import BLANKS, COLUMN_NAMES, CONTRACT, REQUIRED_NAMES
from duff_orders.ingest import text
from duff_orders.profiles.profile import folded
from duff_orders.profiles.reading import Reading

ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_OWN = {**{name: name for name in COLUMN_NAMES}, **CONTRACT.aliases}
#: The column whose names hardly any data holds: by these a second header is found.
_TELLING = "product_ccf"
#: The characters beyond ASCII that are letters of it once case is folded.
FOLDED_TO_ASCII = (
    "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
)


class HeaderNames:
    """The names that a reading knows, and the columns that a header must name (`required`).

    What tells that a record may be a second header: one of `signs` in lower case, one of the characters `odd`, or, if
    names are `beyond` ASCII as a whole, any character that is. Records without these are none.
    """

    def __init__(self, reading: Reading) -> None:
        self._further = {folded(name): column for column, names in reading.headers.items() for name in names}
        self.required = tuple(name for name in (*REQUIRED_NAMES, *reading.required) if name not in reading.defaults)
        column = _TELLING if not self._further else max(self.required, key=self._telling)
        parts = [_longest_part(name) for name in self._names(column)]
        self.signs = tuple(dict.fromkeys(filter(None, parts)))
        self.beyond = not all(parts)
        self.odd = "".join(each for each in FOLDED_TO_ASCII if self._further and self._is_in_a_sign(each))
        #: Whether each of the signs holds an underscore, which is looked for much faster than a sign.
        self.underscored = all("_" in sign for sign in self.signs) and not (self.odd or self.beyond)
        self._signs = tuple(sign.encode() for sign in self.signs)
        self._odd = tuple(each.encode() for each in self.odd)

    def match(self, fields: Iterable[bytes], blanks: str = BLANKS) -> list[str]:
        """For each field of a header the column that it names, or its own name in lower case where it names none.

        This is the one place that matches names with columns; `blanks` are trimmed from their ends.
        """
        return [self._column(text.shown(field).strip(blanks)) for field in fields]

    def may_be_header(self, data: bytes) -> bool:
        """Whether a header may be among records: hardly any data holds what tells so."""
        if self.underscored and b"_" not in data:
            return False
        lower = data.lower()
        if any(sign in lower for sign in self._signs) or any(each in data for each in self._odd):
            return True
        return self.beyond and not data.isascii()

    def is_header(self, keys: Collection[str]) -> bool:
        """Whether what `match` found in a record are all the columns that a file must have."""
        return set(self.required) <= set(keys)

    def _column(self, name: str) -> str:
        own, lower = own_column(name), name.translate(ASCII_LOWER)
        if own is not None or not self._further:
            return own or lower
        return self._further.get(folded(name), lower)

    def _names(self, column: str) -> Iterator[str]:
        """Everything that names a column, folded."""
        yield from (name for names in (_OWN, self._further) for name, of in names.items() if of == column)

    def _telling(self, column: str) -> int:
        """How much tells a name of a column from data, at the least: its longest part in ASCII."""
        return min(len(_longest_part(name)) for name in self._names(column))

    def _is_in_a_sign(self, character: str) -> bool:
        letters = "".join(each for each in unicodedata.normalize("NFC", character).casefold() if each.isascii())
        return any(letters in sign for sign in self.signs)


def own_column(name: str) -> str | None:
    """The column whose own name a header is, whatever a profile says."""
    return _OWN.get(name.translate(ASCII_LOWER))


def _longest_part(name: str) -> str:
    """The longest part of a folded name that is ASCII and without blanks."""
    parts = "".join(each if each.isascii() and each != " " else " " for each in name).split(" ")
    return max(parts, key=len)
