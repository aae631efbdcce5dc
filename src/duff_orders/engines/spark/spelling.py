"""Spark's spelling of what the engines write differently."""

from collections.abc import Callable


class SparkSpelling:
    """Spark's way; see `drivers.dialect.Spelling`."""

    def full_match(self, text: str, pattern: str) -> str:
        """Java's `$` matches before a last line break too, so the end is where no character follows."""
        return f"({text} rlike '(?s)^(?:{pattern})(?!.)')"

    def some_match(self, text: str, pattern: str) -> str:
        """Anywhere in the text."""
        return f"({text} rlike '{pattern}')"

    def literal(self, text: str) -> str:
        """Spark reads backslashes in a string, and joins strings that stand side by side."""
        return f"decode(unhex('{text.encode().hex()}'), 'UTF-8')"

    def constant(self, text: str) -> str:
        """Nothing is cheaper than the text."""
        return self.literal(text)

    def no_pushdown(self) -> str:
        """Spark moves no condition below what gives another value each time."""
        return "monotonically_increasing_id()"

    def hash60(self, text: str) -> str:
        """The first 15 hexadecimal digits of the md5 of a text, as a bigint."""
        return f"cast(conv(substr(md5(cast({text} as binary)), 1, 15), 16, 10) as bigint)"

    def by_itself(self, text: str, value: Callable[[str], str]) -> str:
        """The value of a text, of which no code is made: a lambda over an array of one is evaluated as it stands."""
        return f"get(transform(array({text}), one_text -> {value('one_text')}), 0)"
