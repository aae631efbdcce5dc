"""Every reason that a ledger row may hold is recognized, so that it can be told in another language."""

import re
from pathlib import Path
from string import Formatter

import pytest

import duff_orders
from duff_orders.console.texts import Words
from duff_orders.reasons import REASONS, reason, recognized

SOURCES = sorted((Path(duff_orders.__file__).parent / "ingest").glob("*.py"))


@pytest.mark.parametrize("key", REASONS)
def test_a_reason_is_recognized_with_its_places(key: str) -> None:
    places = {name: f"<{name}>, `x`; found: y" for _, name, _, _ in Formatter().parse(REASONS[key]) if name}
    assert recognized(reason(key, **places)) == (key, places)


def test_anything_else_is_told_in_its_own_words() -> None:
    assert recognized("") is None
    assert recognized("another release said so") is None
    assert Words("es").why("another release said so") == "another release said so"


def test_a_reason_is_told_in_spanish() -> None:
    text = reason("too_many_rejected", rejected=15, records=20, share="0.5")
    assert Words("en").why(text) == text
    assert Words("es").why(text) == "15 de 20 registros rechazados, más que la proporción de 0.5 que se permite"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_pipeline_gives_no_reason_of_its_own(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert "InvalidFile(" not in text
    for key in re.findall(r'\b(?:reason|invalid)\(\s*"(\w+)"', text):
        assert key in REASONS, key
