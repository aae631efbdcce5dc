"""How numbers are written in a file: the decimal mark, and what may stand between groups of three digits."""

import re
from dataclasses import dataclass

from duff_orders.profiles.reading import Reading

#: What a number's text is brought into: `.` is the decimal mark, `_` stands between groups, `!` is none of these.
_POINT, _GROUP, _NEITHER = ".", "_", "!"
#: A text in that alphabet, whole groups in it: then `_` may go. With what follows on the decimal mark it begins anew.
GROUPED = f"-?[1-9][0-9]{{0,2}}({_GROUP}[0-9]{{3}})+([{_POINT}][^{_GROUP}]*)?"
_GROUPED = re.compile(GROUPED, re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a file's numbers.

    Where a profile names them they are `exact`: the only ones. Otherwise the point is read beside a decimal comma, and
    groups of three digits behind points are not told from decimals there.
    """

    decimal: str
    thousands: str | None = None
    exact: bool = False

    @classmethod
    def of(cls, decimal_mark: str, reading: Reading) -> "Marks":
        """Those of a file whose dialect or ledger row has this decimal mark."""
        return cls(decimal_mark, reading.thousands_mark, exact=reading.decimal_mark is not None)

    @property
    def ambiguous(self) -> bool:
        """Whether points may stand before three decimals, or between groups, and nobody can tell."""
        return self.decimal == "," and not self.exact

    @property
    def grouped(self) -> str | None:
        """The mark between groups where it is one that usual forms of numbers may hold: a point or a comma."""
        return self.thousands if self.thousands in (".", ",") else None

    @property
    def alphabet(self) -> tuple[str, str]:
        """Characters, and what stands for each in the alphabet of `GROUPED`, where the marks are exact."""
        given = {self.decimal: _POINT} | ({self.thousands: _GROUP} if self.thousands else {})
        others = {each: _NEITHER for each in (".", ",", _GROUP) if each not in given}
        table = given | others
        return "".join(table), "".join(table.values())

    def plain(self, text: str) -> str:
        """A number's text with a point as its decimal mark and no groups; any other text is no number then, either."""
        if not self.exact:
            return text.replace(",", ".") if self.decimal == "," else text
        told = text.translate(str.maketrans(*self.alphabet))
        return told.replace(_GROUP, "") if _GROUPED.fullmatch(told) else told
