"""The published descriptions of the API: `python -m duff_orders.api.documents docs` regenerates them.

openapi.json                                     the OpenAPI 3.1 document
postman/duff-orders.postman_collection.json      every route, ready to be sent
postman/duff-orders.postman_environment.json     the address and the key that it takes
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from duff_orders.api.app import create_app, document

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
#: What stands in the places of a path until a list that was asked for before has an id: all of the samples.
EXAMPLES = {
    "order_id": "5678",
    "client_id": "1001",
    "name": "sales_by_channel",
    "file_id": "40228693a13062e8cf6b1f1ac436c952",
    "query_id": "none",
    "profile": "example",
    "partner": "example",
    "day": "2026-11-17",
}
_PROFILE = 'prefix = "example/"\n'
#: The bodies of requests that have one, by their paths.
BODIES = {
    "/v1/queries": {
        "sql": "select status, count(*) as order_lines from fact_orders join dim_status using (status_id) "
        "group by status order by status"
    },
    "/v1/profiles/check": {"text": _PROFILE, "file_id": "{{file_id}}"},
    "/v1/profiles/{profile}": {"text": _PROFILE},
}
#: The routes whose answers give ids to those that follow, and which.
GIVE = {"/v1/orders": "order_id", "/v1/clients": "client_id", "/v1/files": "file_id"}


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document of the application; it needs no backend."""
    return document(create_app(None))  # type: ignore[arg-type] # no request is answered


def collection(document: dict[str, Any]) -> dict[str, Any]:
    """A Postman collection of an OpenAPI document's routes, in folders of their tags."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, method, operation in sorted(_operations(document), key=lambda each: _turn(each[0], each[1])):
        folders.setdefault(operation["tags"][0], []).append(_item(path, method, operation))
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["description"], "schema": _SCHEMA},
        "auth": {
            "type": "apikey",
            "apikey": [
                {"key": "key", "value": "X-API-Key", "type": "string"},
                {"key": "value", "value": "{{api_key}}", "type": "string"},
                {"key": "in", "value": "header", "type": "string"},
            ],
        },
        "item": [{"name": name, "item": items} for name, items in folders.items()],
        "variable": [{"key": key, "value": value} for key, value in EXAMPLES.items()],
    }


def environment() -> dict[str, Any]:
    """The variables of the collection: those of `duff serve`; of a deployment, its ApiUrl and a key."""
    values = {"address": "http://127.0.0.1:8000", "api_key": "none"}
    return {
        "name": "duff-orders",
        "values": [{"key": key, "value": value, "enabled": True} for key, value in values.items()],
    }


def write(folder: Path) -> list[Path]:
    """Write all of them into a folder; returns their paths."""
    document = openapi()
    pages = {
        folder / "openapi.json": document,
        folder / "postman" / "duff-orders.postman_collection.json": collection(document),
        folder / "postman" / "duff-orders.postman_environment.json": environment(),
    }
    for path, content in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(pages)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _turn(path: str, method: str) -> tuple[bool, int, str]:
    """A profile is put before it is asked for; so is a query, which is cancelled last."""
    is_query = "queries" in path
    order = ("post", "get", "delete") if is_query else ("put", "get", "post")
    return (is_query, order.index(method), path)


def _item(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    named = [each["name"] for each in parameters if each["in"] == "path"]
    place = path
    for name in named:
        place = place.replace(f"{{{name}}}", f"{{{{{name}}}}}")
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": [],
        "url": {
            "raw": f"{{{{address}}}}{place}",
            "host": ["{{address}}"],
            "path": place.strip("/").split("/"),
            "query": [
                {"key": each["name"], "value": "", "description": each.get("description", ""), "disabled": True}
                for each in parameters
                if each["in"] == "query"
            ],
        },
    }
    script = ["const codes = [200, 202, 204];"]
    # Where a list had no id to give, there is none of the samples' either.
    script += [f'if (pm.collectionVariables.get("no_{name}")) codes.push(404);' for name in named]
    script.append('pm.test("answered", () => pm.expect(codes).to.include(pm.response.code));')
    if path in GIVE:
        # From the text: as numbers of JavaScript, long ids would lose digits.
        script += [
            f'const found = pm.response.text().match(/"{GIVE[path]}":\\s*"?(\\w+)/);',
            f'if (found) pm.collectionVariables.set("{GIVE[path]}", found[1]);',
            f'pm.collectionVariables.set("no_{GIVE[path]}", found ? "" : "yes");',
        ]
    if "requestBody" in operation:
        request["header"].append({"key": "Content-Type", "value": "application/json"})
        request["body"] = {"mode": "raw", "raw": json.dumps(BODIES[path], indent=1)}
    if path == "/v1/queries":
        script.append('if (pm.response.code < 300) pm.collectionVariables.set("query_id", pm.response.json().id);')
    return {
        "name": f"{method.upper()} {path}",
        "request": request,
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}],
    }


if __name__ == "__main__":
    for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(written)
