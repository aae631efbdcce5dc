"""The documents made of the application are those in docs/: `python -m duff_orders.api.documents docs` writes them."""

import json
import re
from pathlib import Path

import pytest

from duff_orders.api import documents

DOCS = Path(__file__).parents[2] / "docs"


def test_they_are_current(tmp_path: Path) -> None:
    for path in documents.write(tmp_path):
        kept = DOCS / path.relative_to(tmp_path)
        assert kept.read_text() == path.read_text(), f"{kept} is old: python -m duff_orders.api.documents docs"


def test_every_route_is_in_the_collection() -> None:
    told = documents.openapi()
    routes = {f"{method.upper()} {path}" for path, methods in told["paths"].items() for method in methods}
    items = [item for folder in documents.collection(told)["item"] for item in folder["item"]]
    assert {item["name"] for item in items} == routes
    assert len(items) == len(routes)
    for item in items:
        assert "{" not in item["request"]["url"]["raw"].replace("{{address}}", "").replace("{{query_id}}", "")


def test_every_operation_tells_what_it_does_and_how_it_fails() -> None:
    for path, methods in documents.openapi()["paths"].items():
        for operation in methods.values():
            assert operation["description"].endswith("."), path
            failures = [status for status in operation["responses"] if status >= "4"]
            assert {"404", "405", "422", "500"} <= set(failures)
            for status in failures:
                assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("word", ["localhost", "/work/", "secret"])
def test_they_carry_no_place(word: str) -> None:
    assert not re.search(word, json.dumps(documents.openapi()))
