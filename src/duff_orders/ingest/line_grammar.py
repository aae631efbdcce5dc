"""The contract's CSV grammar for one line as Spark's SQL, and how Spark writes what the rules leave to the engine."""

from duff_orders.ingest.scan import LINE_BREAK


class SparkFunctions:
    """Spark's way to write what the rules leave to the engine."""

    def full_match(self, text: str, pattern: str) -> str:
        """Java's `$` matches before a last line break too, so the end is where no character follows."""
        return f"({text} rlike '(?s)^(?:{pattern})(?!.)')"

    def literal(self, text: str) -> str:
        """Spark reads backslashes in a string, and joins strings that stand side by side."""
        return f"decode(unhex('{text.encode().hex()}'), 'UTF-8')"

    def fence(self) -> str:
        """Spark moves no condition below what gives another value each time."""
        return "monotonically_increasing_id()"


class LineGrammar:
    """The contract's CSV grammar (see `records`) for one line as SQL, in possessive patterns: none goes back or deep.

    `restore` turns the scanner's NUL back into a line break.
    """

    def __init__(self, delimiter: str, *, restore: bool) -> None:
        functions = SparkFunctions()
        content = '"[^"]*+(?:""[^"]*+)*+'
        field = f'(?: *+{content}" *+|(?! *+")[^{delimiter}]*+)'
        whole = functions.full_match("line", f"{field}(?:[{delimiter}]{field})*+")
        #: Whether a quote does not close within the line.
        self.unclosed = functions.full_match("line", f"(?:{field}[{delimiter}])*+ *+{content}")
        #: What is wrong with a line's quotes, or null.
        self.wrong = f"""case when contains(line, '"') and not {whole} then 'malformed_quotes' end"""
        taken = f"regexp_extract_all(concat('{delimiter}', line), '[{delimiter}]({field})', 1)"
        # One letter alone, or behind a backslash, is no regular expression for Java: nothing is compiled for a line.
        between = functions.literal("\\|" if delimiter == "|" else delimiter)
        #: The fields of a line with nothing wrong, as they are written.
        self.pieces = f"case when not quoted then split(line, {between}) when wrong is null then {taken} end"
        self.line_break = functions.literal(LINE_BREAK.decode()) if restore else None

    def text(self, place: int) -> str:
        """The text of a field: what stands between the quotes, or all of it."""
        piece = f"get(fields, {place})"
        inner = f"trim(both ' ' from {piece})"
        inner = f"replace(substr({inner}, 2, length({inner}) - 2), '\"\"', '\"')"
        if self.line_break:
            inner = f"replace({inner}, {self.line_break}, chr(10))"
        return f"case when quoted and startswith(trim(leading ' ' from {piece}), '\"') then {inner} else {piece} end"
