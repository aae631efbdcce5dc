"""How generated files are written: canonically, or as a partner's profile says."""

from dataclasses import dataclass

from duff_orders.contract import COLUMNS, Column
from duff_orders.drivers.dialect import sql_text
from duff_orders.profiles.profile import Profile

#: What stands in the further columns that a profile knows.
FURTHER = "-"


@dataclass(frozen=True, slots=True)
class Writing:
    """How the records of a file are written: by the contract alone, or by a partner's profile."""

    profile: Profile | None = None

    @property
    def delimiter(self) -> str:
        """What stands between fields."""
        return (self.profile.delimiter if self.profile else None) or ","

    @property
    def columns(self) -> list[Column]:
        """The contract's columns that the file has: the others have a default."""
        absent = self.profile.defaults if self.profile else {}
        return [column for column in COLUMNS if column.name not in absent]

    @property
    def further(self) -> tuple[str, ...]:
        """The names of the further columns, which stand in front."""
        return self.profile.ignored if self.profile else ()

    @property
    def header(self) -> str:
        """The header line, in the first of each column's names."""
        said = self.profile.headers if self.profile else {}
        names = (said.get(column.name, ()) for column in self.columns)
        own = [listed[0] if listed else column.name for column, listed in zip(self.columns, names, strict=True)]
        return self.delimiter.join(map(self._quoted, (*self.further, *own)))

    def text(self, column: Column, text: str) -> str:
        """SQL for how a text of a column is written, of which `text` is SQL as it is written canonically."""
        if self.profile is None:
            return text
        if column.kind in ("integer", "number"):
            return self._where_needed(self._number(text)) if self.profile.decimal_mark else text
        words: dict[str, str] = {}
        for word, value in self.profile.values.get(column.name, {}).items():
            words.setdefault(value, word)
        if not words:
            return text
        cases = " ".join(f"when {sql_text(value)} then {sql_text(self._quoted(word))}" for value, word in words.items())
        return f"case {text} {cases} else {text} end"

    def _number(self, text: str) -> str:
        """A number in the profile's marks; what is none stays as it is."""
        assert self.profile is not None
        decimal, thousands = self.profile.decimal_mark or ".", self.profile.thousands_mark
        whole = f"split_part({text}, '.', 1)"
        grouped = whole
        if thousands:
            grouped = f"replace(format('{{:,}}', try_cast({whole} as bigint)), ',', {sql_text(thousands)})"
        point = f"substr({text}, length({whole}) + 1)"
        written = f"{grouped} || replace({point}, '.', {sql_text(decimal)})"
        is_number = f"regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,17}})([.][0-9]+)?')"
        return f"case when {is_number} then {written} else {text} end"

    def _where_needed(self, text: str) -> str:
        """A text, in quotes where it holds the delimiter."""
        return f"case when contains({text}, {sql_text(self.delimiter)}) then '\"' || {text} || '\"' else {text} end"

    def _quoted(self, text: str) -> str:
        if self.delimiter not in text and '"' not in text:
            return text
        return '"' + text.replace('"', '""') + '"'
