"""The contract and profiles in the forms of others, checked by their own schemas; and profiles written as TOML."""

import json
import tomllib
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped] # it brings no types
from hypothesis import HealthCheck, given, settings

from duff_orders.contract import COLUMN_NAMES, COLUMNS, TABLES
from duff_orders.profiles import exports
from duff_orders.profiles.profile import ProfileError, load
from duff_orders.profiles.written import Seen, draft, written
from tests.effort import examples
from tests.partners import Said, as_toml, profiles

WHOLE = """
prefix = "acme/"
max_reject_share = "0.1"
[file]
delimiter = ";"
ignore = ["Fecha", "Nota"]
extra_columns = "refuse"
[numbers]
decimal_mark = ","
thousands_mark = "."
[headers]
product_price = ["Precio", "Precio \\"unitario\\""]
[values.status]
"entr\\\\egado" = "delivered"
[defaults]
point_of_sale_channel = "Retail"
[notify]
email = "edi@acme.example"
[expect]
zone = "Europe/Madrid"
days = ["mon", "fri"]
by = "08:00"
grace_minutes = 60
files = 2
except = ["2026-12-25"]
since = "2026-12-01"
"""


def test_the_data_contract_is_one_by_the_standard_s_own_schema() -> None:
    document = yaml.safe_load(exports.odcs())
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(document)
    assert [table["name"] for table in document["schema"]] == [*TABLES]
    for table in document["schema"]:
        assert [each["name"] for each in table["properties"]] == [
            each.name for each in TABLES[table["name"]].all_fields
        ]


def schema_of_profiles() -> Any:
    schema = json.loads(exports.json_schema())
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.validator_for(schema)


@given(said=profiles())
@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_a_profile_is_one_by_its_schema_and_is_written_as_it_was(said: Said) -> None:
    profile = load(as_toml(said))
    text = written(profile)
    assert load(text) == profile
    for each in (as_toml(said), text):
        schema_of_profiles().validate(tomllib.loads(each))


def test_a_profile_with_everything_is_written_as_it_was() -> None:
    profile = load(WHOLE)
    assert load(written(profile)) == profile
    schema_of_profiles().validate(tomllib.loads(written(profile)))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        'prefix = "acme"',
        'prefix = "a/"\nnotes = 1',
        'prefix = "a/"\nmax_reject_share = "2"',
        'prefix = "a/"\n[headers]\nprice = "Precio"',
        'prefix = "a/"\n[numbers]\nthousands_mark = "."',
        'prefix = "a/"\n[values.status]\nlisto = "ready"',
        'prefix = "a/"\n[defaults]\norder_id = 1',
        'prefix = "a/"\nrequire = ["promotion"]',
        'prefix = "a/"\n[file]\ndelimiter = ":"',
        'prefix = "a/"\n[expect]\nzone = "Europe/Madrid"',
    ],
)
def test_what_is_none_is_refused_by_both(wrong: str) -> None:
    with pytest.raises(ProfileError):
        load(wrong)
    assert not schema_of_profiles().is_valid(tomllib.loads(wrong))


def test_a_table_schema_has_the_columns_as_the_partner_writes_them() -> None:
    plain = json.loads(exports.table_schema())
    assert [each["name"] for each in plain["fields"]] == [*COLUMN_NAMES]
    own = json.loads(exports.table_schema(load(WHOLE)))
    told = {each["title"]: each for each in own["fields"]}
    assert {*told} == {*COLUMN_NAMES} - {"point_of_sale_channel"}
    assert told["product_price"] | {"description": ""} == {
        "name": "Precio",
        "title": "product_price",
        "description": "",
        "type": "number",
        "decimalChar": ",",
        "groupChar": ".",
        "constraints": {"required": True, "minimum": 0},
    }
    assert "entr\\egado" in told["status"]["constraints"]["enum"]


def test_a_draft_is_a_profile_that_says_nothing_yet() -> None:
    seen = [Seen("Precio", ["1,5", 'a "b"'], None), Seen("client_id", ["1"], "client_id")]
    text = draft("acme/", "\t", seen)
    profile = load(text)
    assert (profile.prefix, profile.delimiter, profile.headers) == ("acme/", "\t", {})
    for column in COLUMNS:
        assert (f"# {column.name} = " in text) is (column.name != "client_id")
