"""Settings: arguments, then variables, then defaults; what is wrong is named with what is allowed."""

from decimal import Decimal
from pathlib import Path

import pytest

from duff_orders.errors import SettingsError
from duff_orders.settings import Settings, parse_size


def test_an_argument_wins_over_a_variable_and_that_over_the_default() -> None:
    environ = {"DUFF_WORKERS": "5", "DUFF_MEMORY": "2GB", "DUFF_LAKE": "", "OTHER": "1"}
    found = Settings.load(environ, memory="512MiB", threads=None)
    assert (found.workers, found.memory, found.lake, found.threads) == (5, 512 * 2**20, Path("lake"), 0)


def test_each_default_is_what_its_text_says() -> None:
    assert Settings() == Settings.load({f"DUFF_{n.upper()}": o.default for n, o in Settings.options().items()})
    assert Settings().max_reject_share == Decimal("0.5")


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("1B", 1), ("2kb", 2000), ("1.5 MiB", 3 * 2**19), ("1GB", 10**9), ("1GiB", 2**30)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("memory", "many", "allowed are a number and a unit"),
        ("memory", "1MB", "the least that works is 256MB"),
        ("engine", "pandas", "allowed are auto, duckdb, spark"),
        ("workers", "0", "at least 1"),
        ("workers", "two", "allowed is a whole number"),
        ("max_reject_share", "1.5", "allowed is 0 to 1"),
        ("max_reject_share", "half", "which is no number"),
        ("settle", "soon", "allowed is a number of seconds"),
        ("retries", "-1", "allowed is 0 to 1000000"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str, said: str) -> None:
    for given, environ in (({name: value}, {}), ({}, {f"DUFF_{name.upper()}": value})):
        with pytest.raises(SettingsError, match=said):
            Settings.load(environ, **given)


@pytest.mark.parametrize(
    ("given", "size", "engine"),
    [
        ({}, 10**9, "duckdb"),
        ({"engine": "spark"}, 1, "spark"),
        ({"master": "yarn"}, 10**8, "spark"),
        ({"master": "yarn"}, 10**8 - 1, "duckdb"),
        ({"master": "local[4]"}, 10**9, "duckdb"),
        ({"master": "yarn", "engine": "duckdb"}, 10**9, "duckdb"),
    ],
)
def test_the_engine_for_a_file(given: dict[str, str], size: int, engine: str) -> None:
    assert Settings.load({}, **given).engine_for(size) == engine
