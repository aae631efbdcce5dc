"""What the engines spell in their own ways; every other word of SQL is one text for both."""

from typing import Protocol


def sql_text(value: object) -> str:
    """A SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class Spelling(Protocol):
    """What DuckDB and Spark write differently."""

    def full_match(self, text: str, pattern: str) -> str:
        """SQL that tells whether the whole of `text` matches the regular expression."""

    def some_match(self, text: str, pattern: str) -> str:
        """SQL that tells whether a part of `text` matches the regular expression."""

    def literal(self, text: str) -> str:
        """A SQL string of any text."""

    def no_pushdown(self) -> str:
        """A number, never negative: no condition on it and on what is computed beside it is moved below."""

    def hash60(self, text: str) -> str:
        """SQL for the first 15 hexadecimal digits of the md5 of `text`, as a bigint."""


class DuckDBSpelling:
    """DuckDB's way."""

    def full_match(self, text: str, pattern: str) -> str:
        """RE2 matches the whole text."""
        return f"regexp_full_match({text}, '{pattern}')"

    def some_match(self, text: str, pattern: str) -> str:
        """Anywhere in the text."""
        return f"regexp_matches({text}, '{pattern}')"

    def literal(self, text: str) -> str:
        """A quote is written twice."""
        return sql_text(text)

    def no_pushdown(self) -> str:
        """The job disables the optimizer that would move conditions."""
        return "0"

    def hash60(self, text: str) -> str:
        """The first 15 hexadecimal digits of the md5 of a text, as a bigint."""
        return f"cast('0x' || substr(md5({text}), 1, 15) as bigint)"


class SparkSpelling:
    """Spark's way."""

    def full_match(self, text: str, pattern: str) -> str:
        """Java's `$` matches before a last line break too, so the end is where no character follows."""
        return f"({text} rlike '(?s)^(?:{pattern})(?!.)')"

    def some_match(self, text: str, pattern: str) -> str:
        """Anywhere in the text."""
        return f"({text} rlike '{pattern}')"

    def literal(self, text: str) -> str:
        """Spark reads backslashes in a string, and joins strings that stand side by side."""
        return f"decode(unhex('{text.encode().hex()}'), 'UTF-8')"

    def no_pushdown(self) -> str:
        """Spark moves no condition below what gives another value each time."""
        return "monotonically_increasing_id()"

    def hash60(self, text: str) -> str:
        """The first 15 hexadecimal digits of the md5 of a text, as a bigint."""
        return f"cast(conv(substr(md5(cast({text} as binary)), 1, 15), 16, 10) as bigint)"
