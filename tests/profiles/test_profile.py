"""A profile says how a partner writes: what it may say, and that everything that is wrong with it is told at once."""

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, CONTRACT, DELIMITERS
from duff_orders.profiles.profile import DAYS, MOST_NAMES, THOUSANDS_MARKS, ProfileError, folded, load, word

ACME = (Path(__file__).parent / "acme.toml").read_text(encoding="utf-8")


def test_all_that_a_profile_may_say() -> None:
    acme = load(ACME)
    assert (acme.prefix, acme.max_reject_share, acme.delimiter) == ("acme/", Decimal("0.1"), ";")
    assert (acme.decimal_mark, acme.thousands_mark) == (",", ".")
    assert (acme.ignored, acme.refuses_others) == (("Fecha", "Vendedor"), True)
    assert acme.headers["product_price"] == ("Precio", "Precio unitario")
    assert acme.headers["product_ccf"] == ("Unidades",)
    assert acme.values == {
        "status": {"entregado": "delivered", "Roto": "broken"},
        "point_of_sale_channel": {"web": "Online"},
    }
    assert acme.defaults == {"client_id": "7", "client_name": "Acme, S.A."}
    assert acme.email == "edi@acme.example"
    assert acme.expected is not None
    assert (acme.expected.zone, acme.expected.by, acme.expected.files) == ("Europe/Madrid", time(8), 1)
    assert acme.expected.days == DAYS[:5]
    assert (acme.expected.except_, acme.expected.since) == ((date(2026, 12, 25),), date(2026, 12, 1))


def test_a_prefix_alone_is_a_profile() -> None:
    profile = load('prefix = "acme-"')
    assert profile == load("prefix = 'acme-'\n[file]\n[headers]\n")
    assert (profile.headers, profile.decimal_mark, profile.expected) == ({}, None, None)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ProfileError) as caught:
        load(
            """
            prefix = "acme"
            colour = "red"
            max_reject_share = 0.1
            [numbers]
            decimal_mark = ","
            thousands_mark = ","
            [headers]
            precio = "Precio"
            product_price = ["Precio", "status"]
            product_volume = " PRECIO "
            [values.status]
            entregado = "arrived"
            broken = "delivered"
            [defaults]
            order_id = 1
            """
        )
    assert [fault.place for fault in caught.value.faults] == [
        "colour",
        "headers.precio",
        "headers.product_price",
        "headers.product_volume",
        "prefix",
        "max_reject_share",
        "numbers",
        "values.status.entregado",
        "values.status.broken",
        "defaults.order_id",
    ]
    assert str(caught.value).count("\n") == 9
    assert "headers.precio: there is no such column; allowed are client_id, " in str(caught.value)


CALENDAR = 'prefix = "a/"\n[expect]\nzone = "UTC"\ndays = ["mon"]\nby = 08:00:00\n'


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", "prefix", "is missing"),
        ("prefix = 3", "prefix", "3; allowed is a text"),
        ('prefix = "a/"\nrequire = ["promotion"]', "require", "the contract has no optional columns"),
        ('prefix = "a/"\nmax_reject_share = "1.01"', "max_reject_share", "from 0 to 1"),
        ('prefix = "a/"\nmax_reject_share = "NaN"', "max_reject_share", "from 0 to 1"),
        ('prefix = "a/"\nmax_reject_share = "few"', "max_reject_share", "from 0 to 1"),
        ('prefix = "a/"\nfile = 3', "file", "it is a table, [file]"),
        ('prefix = "a/"\n[file]\ndelimiter = ":"', "file.delimiter", "allowed is ','"),
        ('prefix = "a/"\n[file]\nextra_columns = "keep"', "file.extra_columns", "'ignore' or 'refuse'"),
        ('prefix = "a/"\n[file]\nignore = ["Precio"]\n[headers]\nproduct_price = "precio"', "file.ignore", "one thing"),
        ('prefix = "a/"\n[file]\nignore = ["Status"]', "file.ignore", "that is status's own name"),
        ('prefix = "a/"\n[numbers]\nthousands_mark = "."', "numbers.decimal_mark", "is missing"),
        ('prefix = "a/"\n[numbers]\ndecimal_mark = ";"', "numbers.decimal_mark", "'.' or ','"),
        ('prefix = "a/"\n[headers]\nstatus = [""]', "headers.status[1]", "characters that can be seen"),
        ('prefix = "a/"\n[headers]\nstatus = 1', "headers.status", "a name and a list"),
        ('prefix = "a/"\n[values.client_name]\na = "b"', "values.client_name", "its values are no words"),
        ('prefix = "a/"\n[values.price]\na = "b"', "values.price", "no such column"),
        ('prefix = "a/"\n[values]\nstatus = "x"', "values.status", "up to 64 words"),
        ('prefix = "a/"\n[values.status]\nA = "broken"\na = "created"', "values.status.a", "'A' in other letters"),
        ('prefix = "a/"\n[values.status]\n"N/A" = "broken"', "values.status.N/A", "there is no value"),
        ('prefix = "a/"\n[values.point_of_sale_channel]\nx = " "', "values.point_of_sale_channel.x", "without blanks"),
        ('prefix = "a/"\n[defaults]\nstatus = "gone"', "defaults.status", "created or delivered or broken"),
        ('prefix = "a/"\n[defaults]\nclient_id = "007"', "defaults.client_id", "whole number"),
        ('prefix = "a/"\n[defaults]\nclient_id = 0', "defaults.client_id", "allowed is 1 to"),
        ('prefix = "a/"\n[headers]\nstatus = "E"\n[defaults]\nstatus = "created"', "defaults.status", "files lack"),
        ('prefix = "a/"\n[notify]\nemail = "acme"', "notify.email", "one address"),
        ('prefix = "a/"\n[expect]\nzone = "Spain"\ndays = ["mon"]\nby = "08:00"', "expect.zone", "Europe/Madrid"),
        ('prefix = "a/"\n[expect]\nzone = "UTC"\ndays = ["mon", "mon"]\nby = "08:00"', "expect.days", "each once"),
        ('prefix = "a/"\n[expect]\nzone = "UTC"\ndays = ["mon"]\nby = "8"', "expect.by", "08:00"),
        (f"{CALENDAR}files = 0", "expect.files", "1 to 1,000"),
        (f'{CALENDAR}since = "May"', "expect.since", "a date"),
        ("prefix = ", "the profile", "is no TOML"),
        (f'prefix = "a/"\n#{"x" * 70_000}', "the profile", "allowed are 65,536"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_is_allowed(text: str, place: str, told: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load(text)
    (fault,) = caught.value.faults
    assert fault.place == place
    assert told in str(fault)


def test_so_many_names_and_no_more() -> None:
    names = [f"name {number}" for number in range(MOST_NAMES + 1)]
    assert len(load(f'prefix = "a/"\n[headers]\nstatus = {names[1:]}').headers["status"]) == MOST_NAMES
    with pytest.raises(ProfileError, match=f"up to {MOST_NAMES} names"):
        load(f'prefix = "a/"\n[headers]\nstatus = {names}')


@pytest.mark.parametrize(
    ("name", "same"),
    [("Artículo", "Arti\u0301culo"), (" Precio\u00a0 unitario ", "precio UNITARIO"), ("STRASSE", "straße")],
)
def test_names_are_compared_as_people_read_them(name: str, same: str) -> None:
    assert folded(name) == folded(same)


def test_accents_count_and_of_words_only_ascii_is_folded() -> None:
    assert folded("Descripción") != folded("Descripcion")
    assert (word(" ENTREGADO\u00a0"), word("ÉXITO")) == ("entregado", "Éxito")


WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, categories=("L", "N", "P")), min_size=1, max_size=9
)


@given(
    names=st.dictionaries(st.sampled_from(COLUMN_NAMES), st.lists(WORDS, max_size=3), max_size=10),
    words=st.dictionaries(WORDS, st.sampled_from([status.name for status in CONTRACT.statuses]), max_size=5),
    delimiter=st.sampled_from(DELIMITERS),
    thousands=st.sampled_from(THOUSANDS_MARKS),
)
def test_any_text_is_a_profile_or_is_told_what_is_wrong(
    names: dict[str, list[str]], words: dict[str, str], delimiter: str, thousands: str
) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    listed = "\n".join(f"{name} = [{', '.join(map(quoted, each))}]" for name, each in names.items())
    translated = "\n".join(f"{quoted(each)} = {quoted(value)}" for each, value in words.items())
    marks = f'[numbers]\ndecimal_mark = ","\nthousands_mark = {quoted(thousands)}'
    text = f'prefix = "a/"\n[file]\ndelimiter = {quoted(delimiter)[:-1]}"\n{marks}\n[headers]\n{listed}\n'
    try:
        profile = load(f"{text}[values.status]\n{translated}")
    except ProfileError as error:
        told = error.faults
    else:
        told = ()
    if told:
        return
    expected = {name: each for name, each in names.items() if each}
    assert {name: list(each) for name, each in profile.headers.items()} == expected
    assert profile.values == ({"status": words} if words else {})
    assert (profile.delimiter, profile.thousands_mark) == (delimiter, thousands)


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\u200b", "\u202e", "\ud800"])
@pytest.mark.parametrize(
    "text",
    [
        'prefix = "{}/"',
        'prefix = "a/"\n[file]\nignore = ["x{}"]',
        'prefix = "a/"\n[headers]\nstatus = "x{}"',
        'prefix = "a/"\n[values.status]\n"x{}" = "created"',
        'prefix = "a/"\n[values.point_of_sale_channel]\nx = "x{}"',
        'prefix = "a/"\n[defaults]\nclient_name = "x{}"',
        'prefix = "a/"\n[notify]\nemail = "x{}@b.example"',
    ],
)
def test_what_cannot_be_seen_stands_in_no_text(text: str, character: str) -> None:
    """Neither as it is, nor written out."""
    for written in (character, f"\\u{ord(character):04x}"):
        with pytest.raises(ProfileError):
            load(text.format(written))
