"""What a later version of the contract may change."""

from pkgutil import get_data

import pytest

from duff_orders.contract.compare import compare
from duff_orders.contract.load import load

TEXT = (get_data("duff_orders.contract", "contract.toml") or b"").decode()
LATER = TEXT.replace("version = 2", "version = 3")
COLUMN = (
    '\n[[column]]\nname = "promo"\nkind = "text"\ntype = "string"\nrequired = false\nsince = 3\ncomment = "Promo"\n'
)
STATUS = '[[status]]\nname = "returned"\nid = 4\nrank = 2\nsells = false\nsymbol = "r"\ncolour = "bad"\n\n# kind '


def test_the_same_has_no_difference() -> None:
    assert compare(load(), load(TEXT)) == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (LATER + COLUMN, "allowed: column promo is new"),
        (LATER.replace("# kind ", STATUS, 1), "allowed: status returned is new"),
        (TEXT.replace("The client's name", "Its name"), "allowed: column client_name: comment was"),
    ],
    ids=["column", "status", "comment"],
)
def test_what_adds_is_allowed(new: str, what: str) -> None:
    changes = compare(load(), load(new))
    assert all(change.allowed for change in changes)
    assert any(str(change).startswith(what) for change in changes)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (TEXT, TEXT.replace('"client_name"', '"customer"'), "column client_name is gone"),
        (TEXT, TEXT.replace("maximum = 2147483647", "maximum = 1000"), "maximum was 2147483647 and is 1000"),
        (TEXT, TEXT.replace('name = "broken"\nid = 3\nrank = 1', 'name = "broken"\nid = 3\nrank = 0'), "rank was 1"),
        (TEXT, TEXT.replace("exclusive = true\n", ""), "exclusive was True"),
        (LATER + COLUMN, LATER, "column promo is gone"),
        (LATER + COLUMN, LATER + COLUMN.replace('"promo"', '"action"'), "column promo is gone"),
        (LATER, TEXT, "version 2 comes before 3"),
        (TEXT.replace('"The client\'s name"', '"x"\naliases = ["customer"]'), TEXT, "further name customer no more"),
    ],
    ids=["column", "maximum", "rank", "exclusive", "added column", "renamed", "version", "alias"],
)
def test_what_does_more_is_forbidden(old: str, new: str, what: str) -> None:
    assert any(what in each.what and not each.allowed for each in compare(load(old), load(new)))
