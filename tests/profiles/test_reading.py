"""A reading is what a file is judged by: named by what it says, and of nothing else."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from duff_orders.contract import VERSION
from duff_orders.profiles.profile import load
from duff_orders.profiles.reading import Reading, in_force, resolve

ACME = (Path(__file__).parent / "acme.toml").read_text(encoding="utf-8")
SHARE = Decimal("0.5")


def test_a_profile_is_resolved_with_all_that_decides_values() -> None:
    reading = resolve("acme", load(ACME), SHARE)
    assert (reading.contract, reading.profile, reading.max_reject_share) == (VERSION, "acme", "0.1")
    assert (reading.delimiter, reading.decimal_mark, reading.thousands_mark) == (";", ",", ".")
    assert reading.headers["product_price"] == ("Precio", "Precio unitario")
    assert reading.values["status"] == {"entregado": "delivered", "Roto": "broken"}
    assert reading.defaults == {"client_id": "7", "client_name": "Acme, S.A."}


def test_it_goes_to_json_and_back() -> None:
    reading = resolve("acme", load(ACME), SHARE)
    assert Reading.from_json(reading.to_json()) == reading
    assert Reading.from_json(reading.stored()).name == reading.name


def test_without_a_profile_it_is_the_contract() -> None:
    assert resolve(None, None, SHARE) == Reading(contract=VERSION, profile=None, max_reject_share="0.5")


def test_its_name_changes_with_what_decides_values_and_with_nothing_else() -> None:
    name = resolve("acme", load(ACME), SHARE).name
    assert len(name) == 32
    operated = ACME.replace("edi@", "orders@").replace('by = "08:00"', 'by = "09:00"').replace("= 7", '= "7"')
    assert resolve("acme", load(operated), Decimal("0.9")).name == name  # whose own share holds
    assert resolve("acme", load(ACME.replace('"0.1"', '"0.10"')), SHARE).name == name
    for old, new in (('"0.1"', '"0.2"'), ("Roto", "roto"), ('"Volumen"', '["Volumen", "Vol."]'), ("client_id = 7", "")):
        assert resolve("acme", load(ACME.replace(old, new)), SHARE).name != name
    reading = resolve("acme", load(ACME), SHARE)
    assert replace(reading, headers=dict(reversed(reading.headers.items()))).name == name


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("acme/nov.csv", "acme"),
        ("acme/shops/nov.csv", "shops"),
        ("acme/shops-nov.csv", "acme"),
        ("acme-nov.csv", None),
        ("Acme/nov.csv", None),
        ("moes_nov.csv", "moes"),
    ],
)
def test_the_longest_prefix_holds(key: str, expected: str | None) -> None:
    assert in_force({"acme": "acme/", "shops": "acme/shops/", "moes": "moes_"}, key) == expected
