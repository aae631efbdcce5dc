"""Partners' profiles over HTTP: read, tried on files, put by who may; files looked at and taken up again."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from duff_orders.api import models
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from tests.api.lakes import application
from tests.effort import PATIENCE
from tests.lakes import NOON, ingest, open_lake

ACME = """
prefix = "acme/"
[file]
delimiter = ";"
ignore = ["Fecha"]
[numbers]
decimal_mark = ","
[headers]
client_name = "Nombre"
product_price = ["Precio"]
[values.status]
entregado = "delivered"
[defaults]
point_of_sale_channel = "Retail"
[notify]
email = "edi@acme.example"
"""
HEADER = "client_id;Nombre;order_id;product_id;product_description;Precio;product_ccf;product_volume;status;Fecha;Nota"
DATA = "\n".join(
    (HEADER, *(f"1;Moe;{number};1;Duff;1,{number};6;0,33;Entregado;x;y" for number in range(1, 5)), "1;Moe;9", "")
).encode()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with a partner's file that could not be taken in."""
    made = open_lake(tmp_path)
    ingest(made, "acme/nov.csv", DATA)
    ingest(made, "moes/a.csv", DATA + b"x\n")
    return made


@pytest.fixture
def client(lake: Lake) -> Iterator[TestClient]:
    with application(lake) as (made, _):
        yield made


def files(client: TestClient, **parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/files", params=parameters).json()["data"]
    return found


def test_a_file_is_looked_at_tried_and_taken_up_again(client: TestClient, lake: Lake) -> None:
    (row,) = [each for each in files(client, verdict="invalid") if each["source_file"] == "acme/nov.csv"]
    header = client.get(f"/v1/files/{row['file_id']}/header").json()
    models.Header.model_validate(header)
    assert (header["line"], header["delimiter"]) == (1, ";")
    assert header["columns"][0] == {"name": "client_id", "texts": ["1"], "column": "client_id"}
    assert header["columns"][5] == {"name": "Precio", "texts": ["1,1", "1,2", "1,3"], "column": None}

    tried = client.post("/v1/profiles/check", json={"text": ACME, "file_id": row["file_id"]}).json()
    models.Trial.model_validate(tried)
    assert (tried["verdict"], tried["whole"], tried["rows_good"], tried["rows_rejected"]) == (
        "valid_with_rejects",
        True,
        4,
        1,
    )
    assert tried["columns"]["product_price"] == "Precio"
    assert tried["standing"] == {"point_of_sale_channel": "Retail"}
    assert tried["further"] == ["Nota"]
    assert tried["reasons"] == [{"column": "row", "code": "wrong_field_count", "rows": 1}]
    first, *_, last = tried["first"]
    assert (first["values"]["product_price"], first["values"]["status"]) == ("1.1000", "delivered")
    assert (last["line"], last["record"], last["reasons"]) == (6, "1;Moe;9", ["row:wrong_field_count"])
    assert partners.partners(lake.store).profiles == ()

    put = client.put("/v1/profiles/acme", json={"text": ACME})
    assert put.status_code == 200
    models.ProfileDocument.model_validate(put.json())
    taken = client.post(f"/v1/files/{row['file_id']}/replay")
    assert (taken.status_code, taken.json()) == (202, {"file_id": row["file_id"], "revision": 1})
    deadline = time.monotonic() + PATIENCE
    while (now := client.get(f"/v1/files/{row['file_id']}").json())["revision"] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (now["verdict"], now["profile"], now["rows_published"]) == ("valid_with_rejects", "acme", 4)
    assert [each["source_file"] for each in files(client, partner="acme")] == ["acme/nov.csv"]
    assert len(files(client)) == 2


def test_profiles_are_told_without_whom_they_notify(lake: Lake) -> None:
    partners.put(lake.store, "acme", ACME, NOON)
    keys = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("reader", "admin")}
    with application(lake, keys=keys, admins=["admin"]) as (client, _):

        def told(key: str) -> Any:
            return client.get("/v1/profiles/acme", headers={"X-API-Key": key})

        assert told("admin").json()["text"] == ACME
        document = told("reader").json()
        models.ProfileDocument.model_validate(document)
        assert document["text"] is None
        assert document["headers"] == {"client_name": ["Nombre"], "product_price": ["Precio"]}
        assert "example" not in told("reader").text
        listed = client.get("/v1/profiles", headers={"X-API-Key": "reader"}).json()
        assert listed["data"] == [{"name": "acme", "prefix": "acme/", "since": "2026-03-01T12:00:00.000000Z"}]


@pytest.mark.parametrize("admins", [(), ["admin"], None])
def test_who_may_not_changes_nothing(lake: Lake, admins: list[str] | None) -> None:
    keys = {} if admins is None else {name: hashlib.sha256(name.encode()).hexdigest() for name in ("reader", "admin")}
    with application(lake, keys=keys, admins=admins) as (client, _):
        headers = {"X-API-Key": "reader"}
        file_id = client.get("/v1/files", headers=headers).json()["data"][0]["file_id"]
        for answer in (
            client.put("/v1/profiles/acme", json={"text": ACME}, headers=headers),
            client.post(f"/v1/files/{file_id}/replay", headers=headers),
        ):
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    assert partners.partners(lake.store).profiles == ()


def test_another_site_may_not_put_a_profile(client: TestClient, lake: Lake) -> None:
    answer = client.put("/v1/profiles/acme", json={"text": ACME}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert partners.partners(lake.store).profiles == ()


def test_what_is_wrong_is_told_with_its_place(client: TestClient) -> None:
    file_id = files(client)[0]["file_id"]
    wrong = 'prefix = "acme"\n[headers]\nprice = "P"\n'
    for answer in (
        client.put("/v1/profiles/acme", json={"text": wrong}),
        client.post("/v1/profiles/check", json={"text": wrong, "file_id": file_id}),
    ):
        document = answer.json()
        assert (answer.status_code, document["type"]) == (422, "/problems/invalid-parameter")
        assert [each["name"] for each in document["errors"]] == ["headers.price", "prefix"]
    assert client.put("/v1/profiles/acme", json={"text": ACME}).status_code == 200
    taken = client.put("/v1/profiles/twin", json={"text": ACME})
    assert taken.status_code == 422
    assert "the profile acme holds for this prefix" in taken.json()["detail"]
    assert client.get("/v1/profiles/none").status_code == 404
    assert client.get("/v1/files", params={"partner": "none"}).status_code == 404
    assert client.get(f"/v1/files/{'0' * 32}/header").status_code == 404
    assert client.post("/v1/profiles/check", json={"text": ACME, "file_id": "0" * 32}).status_code == 404


def test_a_file_that_is_gone_or_another_is_looked_at_no_more(client: TestClient, lake: Lake) -> None:
    (row,) = [each for each in files(client) if each["source_file"] == "acme/nov.csv"]
    lake.disk.path("raw/acme/nov.csv").write_bytes(b"other")
    answer = client.get(f"/v1/files/{row['file_id']}/header")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
