"""Text from outside, such as a file's name, made safe for a terminal: nothing in it may control one."""


def printable(text: str) -> str:
    r"""The text on one line, control characters and bytes that are no text written out: `\n`, `\x1b`, `\udce9`."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
