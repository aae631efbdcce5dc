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

    def constant(self, text: str) -> str:
        """SQL for a text that stands in all rows."""

    def no_pushdown(self) -> str:
        """A number, never negative: no condition on it and on what is computed beside it is moved below."""

    def hash60(self, text: str) -> str:
        """SQL for the first 15 hexadecimal digits of the md5 of `text`, as a bigint."""
