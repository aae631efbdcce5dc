"""DuckDB's spelling of what the engines write differently."""

from duff_orders.drivers.dialect import sql_text


class DuckDBSpelling:
    """DuckDB's way; see `drivers.dialect.Spelling`."""

    def full_match(self, text: str, pattern: str) -> str:
        """RE2 matches the whole text."""
        return f"regexp_full_match({text}, '{pattern}')"

    def some_match(self, text: str, pattern: str) -> str:
        """Anywhere in the text."""
        return f"regexp_matches({text}, '{pattern}')"

    def literal(self, text: str) -> str:
        """A quote is written twice."""
        return sql_text(text)

    def constant(self, text: str) -> str:
        """A type of this one value: no row holds the text, and Parquet stores it as a text all the same."""
        return f"cast({sql_text(text)} as enum({sql_text(text)}))"

    def no_pushdown(self) -> str:
        """The job disables the optimizer that would move conditions."""
        return "0"

    def hash60(self, text: str) -> str:
        """The first 15 hexadecimal digits of the md5 of a text, as a bigint."""
        return f"cast('0x' || substr(md5({text}), 1, 15) as bigint)"
