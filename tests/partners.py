"""Hypothesis strategies for partners: profiles as their TOML says, and hostile files as such a partner writes them."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests import hostile
from tests.oracle import COLUMNS, DELIMITERS

Said = Mapping[str, Any]

_NAMES = (
    "Precio {}",
    "Art\u00edculo {}",
    "Stra\u00dfe {}",
    "\u6570\u91cf{}",
    "o'h\"a~%\\{}",
    "q\u212a{}",
    "{}.x",
    "Id{}",
)
_LETTERS = "abcdefghij"
_WORDS = {
    "status": (
        *(
            "entregado",
            "Creado",
            "en camino",
            "geliefert",
            "entregu\u00e9",
            "it's",
            'a"b',
            "\\n\\",
            "~",
            "%s",
            "x;y",
            "{}",
        ),
        *("roto.", "\u5df2\u4ea4\u4ed8", "O'K\\'", "delivered"),
    ),
    "point_of_sale_channel": ("tienda", "Mayorista", "web-shop", "o'h", '"', "t\u00e9l\u00e9", "b2b"),
}
_STATUSES = ("created", "delivered", "broken")
_DEFAULTS = {
    "client_id": "7",
    "client_name": 'O\'Hara "Ltd" \\',
    "point_of_sale_channel": "Retail",
    "status": "created",
}
_NUMBERS = (
    *("1.234,50", "1,234.50", "1'234.5", "1 234,5", "1.234", "1,234", "0.123", "12.34", "1.2345", "1.234,", "1_234"),
    *("-1.234", "-1.234,5", "1.234.567", "1,234,567", "0.123.456", "1.23.456", ",5", ".5", "1.234,56789", "1234.567,5"),
    *(
        "1\u2019234",
        "1\u00a0234",
        "1\u202f234,5",
        "999.999.999",
        "1.000",
        "1,000",
        "12.345.678,1234",
        "1.234.567.890.123.456",
    ),
    *("1!2", "1_234,5", "01.234", "1.2_34", "1.234 ", "\u00a01.234"),
)


@st.composite
def profiles(draw: st.DrawFn) -> Said:
    """What a partner's profile says, under the prefix `p/`."""
    said: dict[str, Any] = {"prefix": "p/", "max_reject_share": draw(st.sampled_from(["1", "0.5", "0.1"]))}
    file: dict[str, Any] = {}
    if draw(st.booleans()):
        file["delimiter"] = draw(st.sampled_from(DELIMITERS))
    if draw(st.integers(0, 5)) == 5:
        file["extra_columns"] = "refuse"
    if draw(st.booleans()):
        file["ignore"] = ["Fecha  X"]
    said["file"] = file
    if draw(st.integers(0, 3)):
        decimal = draw(st.sampled_from([",", "."]))
        said["numbers"] = {"decimal_mark": decimal}
        thousands = draw(st.sampled_from(["", ".", ",", "'", "\u2019", " ", "\u00a0", "\u202f"]))
        if thousands and thousands != decimal:
            said["numbers"]["thousands_mark"] = thousands
    defaulted = draw(st.lists(st.sampled_from([*_DEFAULTS]), unique=True, max_size=2))
    said["defaults"] = {name: _DEFAULTS[name] for name in defaulted}
    listed = {}
    for letter, column in zip(_LETTERS, COLUMNS, strict=True):
        if column not in defaulted and draw(st.booleans()):
            names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2, unique=True))
            listed[column] = [name.format(letter) for name in names]
    said["headers"] = listed
    said["values"] = values = {}
    if draw(st.booleans()):
        words = draw(st.lists(st.sampled_from(_WORDS["status"]), unique=True, max_size=6))
        values["status"] = {
            word: "delivered" if word == "delivered" else draw(st.sampled_from(_STATUSES)) for word in words
        }
    if draw(st.booleans()):
        words = draw(st.lists(st.sampled_from(_WORDS["point_of_sale_channel"]), unique=True, max_size=4))
        values["point_of_sale_channel"] = {word: draw(st.sampled_from(["Retail", "B2B", "O'n"])) for word in words}
    return said


def as_toml(said: Said) -> str:
    """A profile's text."""
    tables = {name: value for name, value in said.items() if isinstance(value, dict)}
    text = [f"{json.dumps(name)} = {_toml(value)}" for name, value in said.items() if name not in tables]
    for name, table in tables.items():
        text.append(f"[{name}]")
        text += [f"{json.dumps(key, ensure_ascii=False)} = {_toml(value)}" for key, value in table.items()]
    return "\n".join((*text, ""))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    return json.dumps(value, ensure_ascii=False)


def delimiter_of(said: Said) -> str | None:
    """The only delimiter of a partner, if it has one."""
    delimiter: str | None = said["file"].get("delimiter")
    return delimiter


@st.composite
def files(draw: st.DrawFn, said: Said) -> bytes:
    """A file as a partner writes it: mostly good, with what partners' files are not to hold here and there."""
    delimiter = delimiter_of(said) or draw(st.sampled_from(DELIMITERS))
    columns = [each for each in COLUMNS if each not in said["defaults"] or draw(st.integers(0, 3)) == 0]
    columns += draw(st.sampled_from([[], [], ["Fecha x"], ["Otra"], ["duff_changes"]]))
    columns = draw(st.permutations(columns)) if draw(st.booleans()) else columns
    header = [draw(_header(said, column)) for column in columns]
    lines = [header]
    odd = draw(st.sampled_from([0, 0, 1, 3]))
    for _ in range(draw(st.integers(1, 6))):
        base = dict(zip(COLUMNS, draw(st.sampled_from(hostile.GOOD_ROWS)), strict=True))
        row = [draw(_good(said, column, base.get(column, "x"))) for column in columns]
        if odd and draw(st.integers(0, 3 - odd)) == 0:
            place = draw(st.integers(0, len(columns) - 1))
            row[place] = draw(_odd(said, columns[place]))
        lines += [row] * draw(st.sampled_from([1, 1, 1, 2]))
    kind = draw(st.sampled_from(["", "", "", "header", "turned", "short", "own", "long"]))
    if kind == "header":
        lines.insert(draw(st.integers(1, len(lines))), [draw(_header(said, column)) for column in columns])
    elif kind == "turned":
        lines.insert(1, [*header[1:], header[0]])
    elif kind == "own":
        lines.append([column.upper() for column in columns])
    elif kind == "short":
        lines.append(lines[-1][:-1])
    elif kind == "long":
        lines.append([f"{cell}{' ' * 3000}" for cell in lines[-1]])
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    always = draw(st.integers(0, 5)) == 5
    text = "".join(delimiter.join(_written(cell, always) for cell in line) + end for line in lines)
    return text.encode()


def _written(cell: str, always: bool) -> str:
    if always or any(each in cell for each in ',;\t|"\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def _header(draw: st.DrawFn, said: Said, column: str) -> str:
    """A name of a column, in any letters that are the same."""
    names = said["headers"].get(column, [])
    if not names or draw(st.integers(0, 6)) == 6:
        own: str = draw(st.sampled_from([column, column.upper(), f" {column} "]))
        return own
    name = draw(st.sampled_from(names))
    written: str = draw(
        st.sampled_from(
            [
                name,
                name.upper(),
                unicodedata.normalize("NFD", name),
                unicodedata.normalize("NFD", name.upper()),
                f"\u00a0{name.replace(' ', '  ')} ",
                name.replace("K", "\u212a"),
                f"{name}\u0301",  # another one
            ][: draw(st.sampled_from([1, 6, 6, 7]))]
        )
    )
    return written


@st.composite
def _good(draw: st.DrawFn, said: Said, column: str, text: str) -> str:
    """A good text of a column, as the partner writes it."""
    if column in said["values"] and said["values"][column] and draw(st.booleans()):
        word = draw(st.sampled_from([*said["values"][column]]))
        written: str = draw(st.sampled_from([word, word.upper(), word.capitalize(), f" {word} ", word.swapcase()]))
        return written
    if "numbers" in said and column in (*hostile.INTEGERS, *hostile.DECIMALS):
        decimal, thousands = said["numbers"]["decimal_mark"], said["numbers"].get("thousands_mark", "")
        if draw(st.integers(0, 2)) == 0:
            text = draw(st.sampled_from(["1234567", "1234", "12345", "2147483"]))
            text += "" if column in hostile.INTEGERS else draw(st.sampled_from(["", ".5", ".1234"]))
        whole, point, decimals = text.partition(".")
        if thousands and draw(st.booleans()):
            whole = f"{int(whole):,}".replace(",", thousands)
        return whole + point.replace(".", decimal) + decimals
    return text


def _odd(said: Said, column: str) -> st.SearchStrategy[str]:
    """A text of a column that may break a rule."""
    if column in (*hostile.INTEGERS, *hostile.DECIMALS):
        return st.sampled_from(_NUMBERS + hostile.BAD_NUMBERS + hostile.MISSING)
    if column == "status":
        return st.sampled_from((*hostile.BAD_STATUSES, *hostile.MISSING, *_WORDS["status"], "ENTREGU\u00c9"))
    return st.sampled_from((*hostile.GOOD_STRINGS, *hostile.MISSING, *_WORDS["point_of_sale_channel"]))
