"""Fragments of DuckDB's SQL that several functions share, expanded where they are used.

    duff_rest(a, b) -> as the tables define it, with the texts of its arguments in the places of their names

A piece that uses an argument twice doubles its text with every level: so what a query becomes is bounded by its length,
as it would not be by that of DuckDB's own macros.
"""

import re
from collections.abc import Callable, Iterator, Mapping

_BODY = re.compile(r"\(([\w, ]*)\) as (.*)", re.DOTALL)
_CALL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\b(duff_\w+)\(")
_PIECE = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[()\[\],]")
#: What stands together whatever is beside it.
_WHOLE = re.compile(r"[\w.]+|\{[^{}]*\}|'[^']*'|\"[^\"]*\"")


class Macros:
    """Pieces by name, each as `(a, b) as text`."""

    def __init__(self, bodies: Mapping[str, str]) -> None:
        self._bodies = bodies
        self._fillers: dict[str, Callable[[list[str]], str]] = {}

    def expanded(self, text: str) -> str:
        """The text with every call of a piece written out. Raises KeyError for one that there is not."""
        parts, position = list[str](), 0
        while call := _next(text, position):
            arguments, end = _arguments(text, call.end())
            parts += [text[position : call.start()], self.call(call[1], *map(self.expanded, arguments))]
            position = end
        return "".join([*parts, text[position:]])

    def call(self, name: str, *arguments: str) -> str:
        """One piece, with the texts of its arguments."""
        if name not in self._fillers:
            self._fillers[name] = self._filler(name)
        return self._fillers[name]([*arguments])

    def _filler(self, name: str) -> Callable[[list[str]], str]:
        match = _BODY.fullmatch(self._bodies[name])
        assert match, f"no macro: {self._bodies[name]}"
        names = [each.strip() for each in match[1].split(",") if each.strip()]
        body = self.expanded(match[2])
        places = re.compile("|".join(["('(?:[^']|'')*')", *(rf"\b{each}\b" for each in names)]))

        def filled(arguments: list[str]) -> str:
            assert len(arguments) == len(names), f"{name} takes {names}"
            by_name = dict(zip(names, map(_apart, arguments), strict=True))
            return f"({places.sub(lambda place: place[1] or by_name[place[0]], body)})"

        return filled


def _next(text: str, position: int) -> re.Match[str] | None:
    """The next call of a piece, outside quotes."""
    while (match := _CALL.search(text, position)) and not match[1]:
        position = match.end()
    return match


def _apart(text: str) -> str:
    return text if _WHOLE.fullmatch(text) else f"({text})"


def _arguments(text: str, begin: int) -> tuple[list[str], int]:
    """The arguments of a call whose opening bracket ends at `begin`, and where it ends."""
    arguments, depth, position = list[str](), 0, begin
    for piece in _pieces(text, begin):
        mark = piece[0]
        if mark in (")", "]") and depth == 0:
            last = text[position : piece.start()].strip()
            return [*arguments, last] if last or arguments else arguments, piece.end()
        if mark == "," and depth == 0:
            arguments.append(text[position : piece.start()].strip())
            position = piece.end()
        depth += (mark in ("(", "[")) - (mark in (")", "]"))
    raise ValueError(f"a bracket is never closed: {text[begin:]}")


def _pieces(text: str, begin: int) -> Iterator[re.Match[str]]:
    return _PIECE.finditer(text, begin)
