"""What is worth a look: the signs by which most texts are told to hold no character that nobody sees."""

import re

import pytest

from duff_orders.contract import INVISIBLE
from duff_orders.ingest.remarks import SIGNS_OF_UNSEEN, UNSEEN


@pytest.mark.parametrize("sign", SIGNS_OF_UNSEEN)
def test_no_character_that_nobody_sees_is_without_the_signs(sign: str) -> None:
    for first, last in INVISIBLE:
        for code in range(ord(first), ord(last) + 1):
            assert re.search(sign, f"Moe{chr(code)}")
            assert re.search(UNSEEN, f"Moe{chr(code)}")


def test_ordinary_texts_are_told_by_the_signs() -> None:
    assert [re.search(sign, "Moe's Tavern; 1,99") for sign in SIGNS_OF_UNSEEN] == [None, None]
    assert re.search(SIGNS_OF_UNSEEN[-1], "Düff Cerveza Ñandú Пиво") is None
