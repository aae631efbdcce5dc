"""The contract's rules for values as SQL: one text for DuckDB and Spark, generated from the columns.

Each rule has two forms: `value` is the cleaned value of a column's original text, or null where the text breaks a
rule; `reason` is the code of the rule that it breaks, or null. Both are exact but expensive. So `canonical` tells in
one match over the whole record that each of its texts is written in the most usual way and is good as it stands; only
the other records pay for trimming and the full grammar.

Engines differ in how a whole text is matched against a regular expression, so they hand in their `Spelling`. Patterns
hold no backslash (Spark reads it as an escape), and case is folded for ASCII letters only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from duff_orders.contract import (
    BLANKS,
    COLUMNS,
    DECIMALS,
    INTEGER_DIGITS,
    NULL_SPELLINGS,
    NUMBER_DIGITS,
    STATUSES,
    TEXT_CHARACTERS,
    Column,
)
from duff_orders.documents import Dialect
from duff_orders.drivers.dialect import Spelling
from duff_orders.ingest.header import places
from duff_orders.ingest.marks import GROUPED, Marks
from duff_orders.profiles.profile import word
from duff_orders.profiles.reading import Reading

_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_TO_UPPER = str.maketrans(_LOWER, _UPPER)
# What joins a record's texts for one match; a text that holds it is not canonical.
_BETWEEN = "~"
#: Characters of the longest spelling of null.
LONGEST_NULL = max(map(len, NULL_SPELLINGS))
# Beside a decimal comma: thousands, or three decimals? Nobody can tell.
_AMBIGUOUS = "[1-9][0-9]{0,2}([.][0-9]{3})+"
# A text that begins and ends with no blank and cannot be a spelling of null: it begins with none of their first
# characters (n, N, the backslash), or is longer than each of them.
_CANONICAL_TEXT = f"(([!-MO-Z_-mo-}}]|[^ -~{BLANKS}])([^~]*[^~{BLANKS}])?|[nN][^~]{{{LONGEST_NULL - 1},}}[^~{BLANKS}])"


# A word that may stand in a pattern as it is.
_PLAIN_WORD = re.compile("[A-Za-z0-9 \u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f-]+")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for one file.

    `words` are a profile's: by column what a word means, in the letters by which words are compared. `standing` are the
    values of columns that no header of the file names, as text: each record has them.
    """

    spelling: Spelling
    marks: Marks
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    standing: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, spelling: Spelling, dialect: Dialect, reading: Reading) -> "Rules":
        """The rules for a file of this dialect, which is read by this reading."""
        return cls(spelling, Marks.of(dialect.decimal_mark, reading), words_of(reading), standing(dialect, reading))

    def canonical(self, texts: Mapping[str, str]) -> str:
        """Whether every text of a record is written canonically; then `canonical_value` is its value.

        A record without a required text is not canonical: engines leave null out when they join the texts. Nor is one
        that is longer as a whole than one text may be: the scanner sets those aside. Columns without a text are absent.
        """
        columns = [column for column in COLUMNS if column.name in texts]
        pattern = _BETWEEN.join(
            self.canonical_pattern(column) if column.required else f"({self.canonical_pattern(column)})?"
            for column in columns
        )
        joined = ", ".join(
            texts[column.name] if column.required else f"coalesce({texts[column.name]}, '')" for column in columns
        )
        return self._matches(f"concat_ws('{_BETWEEN}', {joined})", pattern)

    def canonical_value(self, column: Column, text: str) -> str:
        """The value of a text that is written canonically; null for a zero where zero is not allowed."""
        if column.kind in ("text", "status"):
            return self._canonical_word(column, text, text if column.required else f"nullif({text}, '')")
        number = f"try_cast({self._pointed(text)} as {column.type})"
        return f"nullif({number}, {column.minimum})" if column.exclusive else number

    def standing_value(self, column: Column) -> str:
        """The value of a column that no header names."""
        return f"cast({self.spelling.literal(self.standing[column.name])} as {column.type})"

    def value(self, column: Column, text: str) -> str:
        """The cleaned value of `text` (SQL for the original text, null where empty), or null if it is not good."""
        match column.kind:
            case "integer":
                return self._integer(column, text)
            case "number":
                return self._number(column, text)
            case "status":
                return self._status(column, text)
            case "text":
                return self._text(column, text)

    def reason(self, column: Column, text: str, good: str) -> str:
        """The code of the rule that `text` breaks, or null if the value is `good` (SQL)."""
        absent = "'missing'" if column.required else "null"
        cases = [f"when {good} then null", f"when {missing(text)} then {absent}"]
        if column.kind in ("integer", "number"):
            if self.marks.ambiguous:
                cases.append(f"when {self._matches(trimmed(text), _AMBIGUOUS)} then 'ambiguous_mark'")
            digits = self._number_text(text)
            within, signed, long = _grammar(column)
            cases += [
                f"when {self._matches(digits, within)} then 'out_of_range'",
                f"when {self._matches(digits, signed)} then 'negative'",
                f"when {self._matches(digits, long)} then 'out_of_range'",
            ]
            if column.kind == "number":
                cases.append(f"when {self._matches(digits, f'[0-9]{{1,{NUMBER_DIGITS}}}[.][0-9]+')} then 'too_precise'")
            cases.append(f"else 'not_{'an_integer' if column.kind == 'integer' else 'a_number'}'")
        elif column.kind == "status":
            cases.append("else 'unknown'")
        else:
            cases.append("else 'too_long'")
        return f"case {' '.join(cases)} end"

    def reasons(
        self, texts: Mapping[str, str], good: Mapping[str, str], *, changed: str | None = None, also: Sequence[str] = ()
    ) -> str:
        """All reasons of a record in column order, joined by `;`; by column its text, and whether its value is good.

        `changed` holds the columns that may not differ from what they were, `;` between them; `also` are reasons, or
        null, that follow.
        """

        def code(column: Column) -> str:
            code = self.reason(column, texts[column.name], good[column.name])
            if changed is None:
                return code
            is_changed = f"contains(concat(';', {changed}, ';'), ';{column.name};')"
            return f"coalesce({code}, case when {is_changed} then 'changed' end)"

        parts = (f"'{column.name}:' || ({code(column)})" for column in COLUMNS)
        return f"concat_ws(';', {', '.join((*parts, *also))})"

    def _integer(self, column: Column, text: str) -> str:
        digits = self._number_text(text)
        whole = f"try_cast(split_part({digits}, '.', 1) as bigint)"
        within = f"{whole} between {column.minimum} and {column.maximum or 10**INTEGER_DIGITS}"
        good = f"{self._is_written(column, text)} and {within}"
        return f"case when {good} then cast({whole} as {column.type}) end"

    def _number(self, column: Column, text: str) -> str:
        digits = self._number_text(text)
        # Behind these digits stand only zeros: Java takes quadratic time for a million of them.
        kept = f"substr({digits}, 1, {NUMBER_DIGITS + 1 + DECIMALS})"
        number = f"case when {self._is_written(column, text)} then try_cast({kept} as {column.type}) end"
        return f"nullif({number}, {column.minimum})" if column.exclusive else number

    def _is_written(self, column: Column, text: str) -> str:
        """Whether a text is written as a number of this column, and says which."""
        written = self._matches(self._number_text(text), _grammar(column)[0])
        if not self.marks.ambiguous:
            return written
        return f"{written} and not {self._matches(trimmed(text), _AMBIGUOUS)}"

    def _text(self, column: Column, text: str) -> str:
        good = f"not {missing(text)} and length({trimmed(text)}) <= {TEXT_CHARACTERS}"
        return f"case when {good} then {self._translated(column, folded(text), trimmed(text))} end"

    def _status(self, column: Column, text: str) -> str:
        status = folded(text)
        itself = f"case when {status} in ({', '.join(map(_quoted, STATUSES))}) then {status} end"
        return self._translated(column, status, itself)

    def _canonical_word(self, column: Column, text: str, otherwise: str) -> str:
        """The value of a text that is written canonically, and may be a profile's word."""
        words = self.words.get(column.name)
        if not words:
            return otherwise
        literal = self.spelling.literal
        if column.kind == "text":  # in whatever letters; `lower` misses none, and costs little
            may_be = ", ".join(f"lower({literal(each)})" for each in words)
            exact = self._translated(column, ascii_lower(text), otherwise)
            otherwise = f"case when lower({text}) in ({may_be}) then {exact} else {otherwise} end"
        meanings = {form: words[word(form)] for form in plain_forms(words)}
        cases = " ".join(f"when {literal(form)} then {literal(value)}" for form, value in meanings.items())
        return f"case {text} {cases} else {otherwise} end" if cases else otherwise

    def _translated(self, column: Column, text: str, otherwise: str) -> str:
        """The value that a profile's word means; what is no such word has another."""
        words = self.words.get(column.name)
        if not words:
            return otherwise
        literal = self.spelling.literal
        cases = " ".join(f"when {literal(each)} then {literal(value)}" for each, value in words.items())
        return f"case {text} {cases} else {otherwise} end"

    def canonical_pattern(self, column: Column) -> str:
        """The regular expression of a text that is written canonically."""
        match column.kind:
            case "integer":
                return self._with_groups(canonical_integer(column), integer_digits(column))
            case "number":
                whole, decimals = f"[0-9]{{1,{NUMBER_DIGITS}}}", f"[0-9]{{1,{DECIMALS}}}"
                if not self.marks.ambiguous:
                    return f"{self._with_groups(whole, NUMBER_DIGITS)}([{self.marks.decimal}]{decimals})?"
                # three decimals behind a point may be thousands, but not behind a zero or more than three digits
                three = f"(0[0-9]{{0,{NUMBER_DIGITS - 1}}}|[1-9][0-9]{{3,{NUMBER_DIGITS - 1}}})[.][0-9]{{3}}"
                return f"({whole}(,{decimals}|[.][0-9]{{1,2}}|[.][0-9]{{{DECIMALS}}})?|{three})"
            case "status":
                return f"({'|'.join((*STATUSES, *plain_forms(self.words.get(column.name, ()))))})"
            case "text":
                return _CANONICAL_TEXT

    def _with_groups(self, whole: str, digits: int) -> str:
        """The pattern of an integer of up to so many digits, or of one in groups, if the usual forms hold these."""
        if self.marks.grouped is None:
            return whole
        return f"({whole}|[1-9][0-9]{{0,2}}([{self.marks.grouped}][0-9]{{3}}){{1,{groups(digits)}}})"

    def _number_text(self, text: str) -> str:
        """The trimmed text with a point as decimal mark and without groups; of two marks neither is one."""
        if not self.marks.exact:
            return self._pointed(trimmed(text))
        given, meant = self.marks.alphabet
        told = f"translate({trimmed(text)}, {self.spelling.literal(given)}, '{meant}')"
        if self.marks.thousands is None:
            return told
        return f"case when {self._matches(told, GROUPED)} then replace({told}, '_', '') else {told} end"

    def _pointed(self, text: str) -> str:
        """A text in one of the usual forms as the engines read numbers."""
        whole = text if self.marks.grouped is None else f"replace({text}, '{self.marks.grouped}', '')"
        return whole if self.marks.decimal == "." else f"replace({whole}, ',', '.')"

    def _matches(self, text: str, pattern: str) -> str:
        return self.spelling.full_match(text, pattern)


def words_of(reading: Reading) -> dict[str, dict[str, str]]:
    """By column what a word means, in the letters by which words are compared."""
    return {name: {word(each): value for each, value in said.items()} for name, said in reading.values.items()}


def plain_forms(words: Iterable[str]) -> list[str]:
    """The usual forms of words, in small letters, as a title and in capitals, as far as these hold plain letters."""
    forms = dict.fromkeys(
        form
        for each in words
        if _PLAIN_WORD.fullmatch(each)
        for form in (each, each[0].translate(_TO_UPPER) + each[1:], each.translate(_TO_UPPER))
    )
    return [form for form in forms if form not in STATUSES]


def standing(dialect: Dialect, reading: Reading) -> dict[str, str]:
    """The values, as text, of the columns that no header of a file names."""
    absent = {name for name, place in places(dialect).items() if place is None}
    return {name: value for name, value in reading.defaults.items() if name in absent}


def integer_digits(column: Column) -> int:
    """How many digits each integer of a column may have."""
    return INTEGER_DIGITS if column.maximum is None else len(str(column.maximum)) - 1


def groups(digits: int) -> int:
    """How many groups may follow on the first digits of a number, whatever these are."""
    return digits // 3 - 1


def canonical_integer(column: Column) -> str:
    """The regular expression of an integer that is written canonically."""
    return f"[1-9][0-9]{{0,{integer_digits(column) - 1}}}"


def _grammar(column: Column) -> tuple[str, str, str]:
    """What a number's text may be; what it is with a sign; what it is with too many digits."""
    if column.kind == "integer":
        return (
            f"[0-9]{{1,{INTEGER_DIGITS}}}([.]0+)?",
            "-[0-9]+([.]0+)?",
            f"[0-9]{{{INTEGER_DIGITS + 1},}}([.]0+)?",
        )
    return (
        f"[0-9]{{1,{NUMBER_DIGITS}}}([.][0-9]{{1,{DECIMALS}}}0*)?",
        "-[0-9]+([.][0-9]+)?",
        f"[0-9]{{{NUMBER_DIGITS + 1},}}([.][0-9]+)?",
    )


def trimmed(text: str) -> str:
    """The text without the blanks at both ends."""
    return f"trim(both '{BLANKS}' from {text})"


def folded(text: str) -> str:
    """The trimmed text in lower case."""
    return ascii_lower(trimmed(text))


def ascii_lower(text: str) -> str:
    """The text with the letters of ASCII in lower case."""
    return f"translate({text}, '{_UPPER}', '{_LOWER}')"


def missing(text: str) -> str:
    """Whether the text means that there is no value. Null is the engines' empty text."""
    return f"coalesce({folded(text)}, '') in ('', {_spellings()})"


def _spellings() -> str:
    # chr(92) is the backslash, which Spark would read as an escape.
    return ", ".join(_quoted(word) if "\\" not in word else f"chr(92) || '{word[1:]}'" for word in NULL_SPELLINGS)


def _quoted(word: str) -> str:
    return f"'{word}'"
