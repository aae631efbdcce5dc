"""The contract's CSV grammar for one line as Spark's SQL."""

from duff_orders.engines.dialect import SparkSpelling
from duff_orders.ingest.scan import LINE_BREAK


class LineGrammar:
    """The contract's CSV grammar (see `records`) for one line as SQL, in possessive patterns: none goes back or deep.

    `restore` turns the scanner's NUL back into a line break.
    """

    def __init__(self, delimiter: str, *, restore: bool) -> None:
        spelling = SparkSpelling()
        content = '"[^"]*+(?:""[^"]*+)*+'
        field = f'(?: *+{content}" *+|(?! *+")[^{delimiter}]*+)'
        whole = spelling.full_match("line", f"{field}(?:[{delimiter}]{field})*+")
        #: Whether a quote does not close within the line.
        self.unclosed = spelling.full_match("line", f"(?:{field}[{delimiter}])*+ *+{content}")
        #: What is wrong with a line's quotes, or null.
        self.wrong = f"""case when contains(line, '"') and not {whole} then 'malformed_quotes' end"""
        taken = f"regexp_extract_all(concat('{delimiter}', line), '[{delimiter}]({field})', 1)"
        # One character alone, or behind a backslash, is no regular expression for Java: nothing is compiled for a line.
        between = spelling.literal("\\|" if delimiter == "|" else delimiter)
        #: The fields of a line with nothing wrong, as they are written.
        self.pieces = f"case when not quoted then split(line, {between}) when wrong is null then {taken} end"
        self.line_break = spelling.literal(LINE_BREAK.decode()) if restore else None

    def text(self, place: int) -> str:
        """The text of a field: what stands between the quotes, or all of it."""
        piece = f"get(fields, {place})"
        inner = f"trim(both ' ' from {piece})"
        inner = f"replace(substr({inner}, 2, length({inner}) - 2), '\"\"', '\"')"
        if self.line_break:
            inner = f"replace({inner}, {self.line_break}, chr(10))"
        return f"case when quoted and startswith(trim(leading ' ' from {piece}), '\"') then {inner} else {piece} end"
