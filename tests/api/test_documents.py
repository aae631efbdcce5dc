"""The documents made of the application are those in docs/: `python -m duff_orders.api.documents docs` writes them."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from duff_orders.api import documents
from tests.api.lakes import application, sample_lake

pytestmark = pytest.mark.slow

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
        places = re.findall(r"\{+(\w+)\}+", item["request"]["url"]["raw"].removeprefix("{{address}}"))
        assert set(places) <= documents.EXAMPLES.keys()


def test_every_operation_tells_what_it_does_and_how_it_fails() -> None:
    for path, methods in documents.openapi()["paths"].items():
        for operation in methods.values():
            assert operation["description"].endswith("."), path
            failures = [status for status in operation["responses"] if status >= "4"]
            assert {"404", "405", "422", "500"} <= set(failures)
            for status in failures:
                assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("word", ["localhost", "/home/", "secret"])
def test_they_carry_no_place(word: str) -> None:
    assert not re.search(word, json.dumps(documents.openapi()))


def test_the_page_of_the_documents_is_swagger_ui_as_it_was_published(api: TestClient) -> None:
    digests = {
        "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
        "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
    }
    for name, digest in digests.items():
        assert hashlib.sha256(api.get(f"/docs/{name}").content).hexdigest() == digest, name
    page = api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"https?://|<script>|style=|\son\w+=", page.text)
    assert api.get("/docs/../app.py").status_code == 404
    assert api.get("/docs/LICENSE").status_code == 404


def test_every_route_of_the_collection_can_be_called(tmp_path: Path) -> None:
    with application(sample_lake(tmp_path)) as (client, _):
        _call_all(client)


def _call_all(api: TestClient) -> None:
    """Sent in the collection's order, as Postman does; a query's id is kept as its script keeps it."""
    told = json.loads((DOCS / "postman" / "duff-orders.postman_collection.json").read_text())
    variables = {"address": "", "api_key": "none"} | {each["key"]: each["value"] for each in told["variable"]}
    for folder in told["item"]:
        for item in folder["item"]:
            asked = item["request"]
            url = re.sub(r"\{\{(\w+)\}\}", lambda found: variables[found[1]], asked["url"]["raw"])
            headers = {each["key"]: each["value"] for each in asked["header"]}
            body = asked.get("body", {}).get("raw", "").replace("{{file_id}}", variables["file_id"])
            answer = api.request(asked["method"], url, headers=headers, content=body or None)
            assert answer.status_code in (200, 202, 204), (item["name"], answer.text)
            if url == "/v1/queries":
                variables["query_id"] = answer.json()["id"]
