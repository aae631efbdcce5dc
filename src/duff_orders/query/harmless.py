"""CSV cells that a spreadsheet would run as a formula."""

import re

#: What a spreadsheet runs as a formula, the letters' full-width forms included.
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[\d.,]+", re.ASCII)


def harmless(text: str) -> str:
    """The text with a space in front where a spreadsheet would take it for a formula."""
    return f" {text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
