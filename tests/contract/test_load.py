"""The contract as it is read from its text: checked as a whole, with every error said at once."""

import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

import duff_orders.console
from duff_orders.contract import CONTRACT, FACT_ORDERS, FILES, ORDERS, REJECTED_ROWS
from duff_orders.contract.load import Colour, ContractError, load
from duff_orders.query.reports.statuses import filled
from tests.contract.grown import contract

TEXT = files("duff_orders.contract").joinpath("contract.toml").read_text(encoding="utf-8")


def test_this_releases_contract_has_no_errors() -> None:
    assert load() == load(TEXT) == CONTRACT


def test_one_that_has_grown_has_more_at_the_end() -> None:
    grown = load(contract())
    assert [column.name for column in grown.required] == [column.name for column in CONTRACT.columns]
    assert grown.aliases == dict.fromkeys(("units", "unidades"), "product_ccf") | dict.fromkeys(
        ("palettes", "pallet count"), "pallets"
    )
    assert grown.statuses[: len(CONTRACT.statuses)] == CONTRACT.statuses
    assert grown.required == grown.columns[: len(CONTRACT.columns)]
    assert [column.name for column in grown.optional] == ["promotion_code", "discount", "pallets"]
    assert grown.column("status").comment == "created, delivered, broken, returned or replaced, in lower case"
    assert [status.name for status in grown.sold] == ["created", "delivered", "replaced"]
    assert grown.status("returned").labels == {"es": "devuelto"}


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ("version = 2", "version = 0", "version: 0 is none; the first is 1"),
        ("version = 2", "version = 2\nvariant = 1", "variant: unknown"),
        ('name = "broken"', 'name = "Broken!"', "status 'Broken!': a name is a-z, digits and _"),
        ('name = "broken"', 'name = "created"', "status created: named 2 times"),
        ("id = 3", "id = 4", "status broken: its id is 4; the next one is 3"),
        ("id = 3\nrank = 1", "id = 3\nrank = -1", "status broken: its rank is -1; allowed is 0 or more"),
        ('symbol = "✕"', 'symbol = "xx"', "status broken: its symbol is 'xx'; allowed is one character"),
        ('colour = "bad"', 'colour = "red"', "status broken: its colour is 'red'; allowed are same, good, warn"),
        ("sells = false", "", "status 3 (broken): sells is missing"),
        ('kind = "number"', 'kind = "float"', "column product_price: its kind is 'float'; allowed are integer"),
        ('type = "decimal(12,4)"', 'type = "double"', "column product_price: its type is 'double'; allowed for number"),
        ("maximum = 2147483647", "", "column product_ccf: an int needs its maximum, up to 2147483647"),
        (
            'type = "bigint"\nminimum = 1',
            'type = "bigint"',
            "column client_id: its minimum is None; allowed for integer",
        ),
        ("exclusive = true", "exclusive = true\nsince = 3", "column product_volume: since is 3; allowed is 1 to 2"),
        (
            "exclusive = true",
            "exclusive = true\nsince = 2",
            "column product_volume: an added column cannot be required",
        ),
        ("exclusive = true", "required = false\nsince = 2", "column point_of_sale_channel: it stands behind"),
        ('name = "status"', 'name = "status"\nrequired = false\nsince = 2', "column status: a status is no optional"),
        ("exclusive = true", 'exclusive = true\naliases = ["Vol"]', "alias 'Vol': it is compared in lower case"),
        (
            "exclusive = true",
            'exclusive = true\naliases = ["status"]',
            "alias status: a header by this name is another",
        ),
        ("exclusive = true", "exlusive = true", "column 8 (product_volume): exlusive is unknown"),
    ],
)
def test_an_error_says_where_it_is_and_what_is_allowed(found: str, instead: str, said: str) -> None:
    assert found in TEXT
    with pytest.raises(ContractError, match=re.escape(said)):
        load(TEXT.replace(found, instead, 1))


def test_all_errors_are_said_at_once() -> None:
    wrong = (
        TEXT.replace("id = 3", "id = 7")
        .replace('colour = "bad"', 'colour = "red"')
        .replace("minimum = 0", "minimum = 2")
    )
    with pytest.raises(ContractError) as error:
        load(wrong)
    assert len(str(error.value).splitlines()) == 4


def test_every_colour_is_one_of_the_consoles() -> None:
    style = (Path(duff_orders.console.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
    for colour in get_args(Colour):
        assert f"--{colour}: light-dark(" in style


def test_new_columns_would_stand_at_the_end_of_each_table() -> None:
    for table in (ORDERS, REJECTED_ROWS, FACT_ORDERS, FILES):
        versions = [field.since for field in table.fields]
        assert versions[0] == 1
        assert CONTRACT.optional or versions == sorted(versions) or table is FACT_ORDERS


def test_reports_name_the_statuses_of_the_contract() -> None:
    lines = ["-- {Unsold} lines do not count.", "where s.status in {sold} and id in {sold_ids} or m & {sold_mask} > 0"]
    assert list(filled([*lines, "{status_id} {status},"], load(contract()))) == [
        "-- Broken and returned lines do not count.",
        "where s.status in ('created', 'delivered', 'replaced') and id in (1, 2, 5) or m & 19 > 0",
        *("1 created,", "2 delivered,", "3 broken,", "4 returned,", "5 replaced,"),
    ]
