"""What a spreadsheet takes, by its reader's locale; and wrong cells that it could turn into good ones."""

import pytest

from duff_orders.errors import InputError
from duff_orders.query.readers import COMMA, POINT, kept_wrong, reader_in, system_locale


@pytest.mark.parametrize("locale", ["es", "es-CL", "es_ES.UTF-8", "ES-cl", "de-DE", "fr_FR@euro", "pt-BR"])
def test_locales_with_a_comma(locale: str) -> None:
    assert reader_in(locale) is COMMA


@pytest.mark.parametrize("locale", ["en", "en-US", "en_US.UTF-8", "es-MX", "es_PE", "de-CH", "C", "C.UTF-8", "ja"])
def test_locales_with_a_point(locale: str) -> None:
    assert reader_in(locale) is POINT


@pytest.mark.parametrize("locale", ["", "!", "español", "e", "es-", "es;drop", "en-US-x"])
def test_what_is_no_locale(locale: str) -> None:
    with pytest.raises(InputError, match="is no locale; write a language"):
        reader_in(locale)


def test_the_systems_locale() -> None:
    assert system_locale({}) == "C"
    assert system_locale({"LANG": "es_CL.UTF-8", "LC_ALL": ""}) == "es_CL.UTF-8"
    assert system_locale({"LANG": "es_CL.UTF-8", "LC_NUMERIC": "en_US.UTF-8"}) == "en_US.UTF-8"
    assert system_locale({"LANG": "nonsense"}) == "C"


def test_good_numbers_keep_their_digits() -> None:
    assert [COMMA.number(text) for text in ("0.355", "1990", "2,50")] == ["0,355", "1990", "2,50"]
    assert [POINT.number(text) for text in ("0.355", "1990", "2,50")] == ["0.355", "1990", "2.50"]


def test_wrong_cells_that_a_spreadsheet_could_mend() -> None:
    for text in ("1.990", "-5", "$2.20", "1/2", "50%", "1e-1", "1 001", "12:30"):
        assert kept_wrong(text) == f"? {text}"
    for text in ("six", "C-1001", "x5", "", "--", "1.5 l"):
        assert kept_wrong(text) == text
    assert kept_wrong("1" * 1_000_000 + "x").startswith("1")  # at once, however long
