"""Which names mean which columns, and what tells that a record may be a second header."""

import sys
import unicodedata

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.errors import InvalidFile
from duff_orders.ingest.header import dialect_of
from duff_orders.ingest.header_names import FOLDED_TO_ASCII, HeaderNames
from tests.readings import AS_CONTRACT, reading

ACME = 'prefix = "acme/"\n'
KELVIN = "\u212a"


def names(**headers: str) -> HeaderNames:
    listed = "\n".join(f'{column} = "{name}"' for column, name in headers.items())
    return HeaderNames(reading(f"{ACME}[headers]\n{listed}\n"))


def test_the_characters_that_fold_to_ascii_are_all_there_are() -> None:
    def to_ascii(character: str) -> bool:
        return any(each.isascii() for each in unicodedata.normalize("NFC", character).casefold())

    letters = (chr(number) for number in range(0x80, sys.maxunicode + 1))
    found = {each for each in letters if to_ascii(each) and unicodedata.normalize("NFC", each).casefold()[0].isalpha()}
    assert found == {*FOLDED_TO_ASCII}


@pytest.mark.parametrize(
    ("header", "written"),
    [
        ("Art\u00edculo", "ARTI\u0301CULO"),
        ("Precio unitario", " precio \u00a0 UNITARIO\t"),
        ("Stra\u00dfe", "STRASSE"),
        ("Menge Stk", f"menge st{KELVIN}"),
        ("\u6570\u91cf", "\u6570\u91cf"),
        ("\u0394\u03bf\u03c2", "\u0394\u039f\u03a3"),
    ],
)
def test_names_are_compared_composed_with_one_blank_and_without_case(header: str, written: str) -> None:
    known = names(product_ccf=header, product_price="Precio", client_name="\u540d\u5b57")
    line = ";".join(written if name == "product_ccf" else name for name in COLUMN_NAMES).encode()
    assert known.match(line.split(b";")) == [*COLUMN_NAMES]
    assert known.may_be_header(line)
    own = ";".join(COLUMN_NAMES).upper().encode()
    assert known.match(own.split(b";")) == [*COLUMN_NAMES]
    assert known.may_be_header(own)
    assert not known.may_be_header(b"1;Moe;1;1;Duff;2.50;6;0.33;Retail;created")


def test_accents_count() -> None:
    assert names(product_description="Descripci\u00f3n").match([b"Descripcion"]) == ["descripcion"]


def test_without_a_profile_only_the_own_names_are_known() -> None:
    known = HeaderNames(AS_CONTRACT)
    assert (known.signs, known.odd, known.beyond, known.underscored) == (("product_ccf",), "", False, True)
    assert known.match(["Pr\u00e9cio".encode(), b" CLIENT_ID "]) == ["pr\u00e9cio", "client_id"]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Cliente;client_id;Nombre;{rest}", "column `client_id` is named by several headers: Cliente, client_id"),
        ("Cliente;Nombre;{rest};Fecha;Note", "the profile acme allows no further columns, and does not list Note"),
        ("Nombre;{rest}", "column `client_id` missing; found: client_name, order_id"),
        ("x,y", "no header line: line 1 reads `x,y`; as the profile acme has it, expected are the columns client_id"),
    ],
)
def test_what_is_wrong_with_a_header_is_told_as_the_profile_has_it(header: str, why: str) -> None:
    text = f"""{ACME}
        [file]
        delimiter = ";"
        ignore = ["fecha"]
        extra_columns = "refuse"
        [headers]
        client_id = "Cliente"
        client_name = "Nombre"
        [defaults]
        status = "created"
    """
    line = header.replace("{rest}", ";".join(COLUMN_NAMES[2:-1]))
    with pytest.raises(InvalidFile) as raised:
        dialect_of(f"{line}\n".encode(), "acme/a.csv", reading(text), whole=True)
    assert why in str(raised.value)
