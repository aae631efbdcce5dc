"""Who may ask, from where, how much: and what a browser is told."""

import hashlib
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from duff_orders.api import places
from duff_orders.api.keys import parse_keys
from duff_orders.api.limits import LARGEST_BODY
from duff_orders.api.problems import problem_of
from duff_orders.api.security import Guard
from duff_orders.errors import Busy, SettingsError
from duff_orders.lake.lake import Lake
from tests.api.lakes import application

pytestmark = pytest.mark.slow

KEYS = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("first-secret", "second-secret")}


@pytest.fixture(scope="module")
def keyed(samples: Lake) -> Iterator[TestClient]:
    with application(samples, keys=KEYS) as (client, _):
        yield client


def test_a_key_is_needed(keyed: TestClient) -> None:
    none = keyed.get("/v1/orders")
    assert (none.status_code, none.json()["type"]) == (401, "/problems/missing-key")
    assert none.headers["www-authenticate"] == "ApiKey"
    for wrong in ("", "x", KEYS["first-secret"], "first-secret ", "ñ", "first-secret" * 1000):
        answer = keyed.get("/v1/orders", headers=[(b"X-API-Key", wrong.encode())])
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/wrong-key"), wrong[:20]
    for right in KEYS:
        assert keyed.get("/v1/orders", headers={"X-API-Key": right}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/health", "/v1/openapi.json", "/problems/wrong-key"])
def test_what_names_no_data_needs_none(keyed: TestClient, path: str) -> None:
    assert keyed.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/health/", "/v1/healthx", "/v1/health/../orders", "//v1/health", "/V1/health", "/"]
)
def test_nothing_like_it_goes_without(keyed: TestClient, path: str) -> None:
    assert keyed.get(path).status_code in (401, 404)
    assert keyed.get(path).json()["type"] in ("/problems/missing-key", "/problems/not-found")


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "localhost.", "", "[::2]", "127.0.0.1@evil"])
def test_another_host_is_not_answered(api: TestClient, host: str) -> None:
    answer = api.get("/v1/orders", headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (421, "/problems/misdirected")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:8000"])
def test_this_machine_is(api: TestClient, host: str) -> None:
    assert api.get("/v1/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_another_site_may_change_nothing(api: TestClient, headers: dict[str, str]) -> None:
    answer = api.post("/v1/queries", json={"sql": "select 1"}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site")
    assert api.get("/v1/health", headers=headers).status_code == 200


def test_a_page_of_this_server_may(api: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert api.post("/v1/queries", json={"sql": "select 1 as n"}, headers=headers).status_code == 200


def test_a_large_body_is_refused(api: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    for content in (b" " * (LARGEST_BODY + 1), chunks()):
        answer = api.post("/v1/queries", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


def test_every_answer_tells_a_browser_what_it_may(api: TestClient) -> None:
    for path in ("/v1/health", "/v1/nothing", "/v1/orders?limit=0"):
        headers = api.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-request-id"]
        assert "server" not in headers


def test_keys_are_given_as_hashes() -> None:
    text = ", ".join(f"{name}:{digest}" for name, digest in KEYS.items())
    assert parse_keys(text) == KEYS
    assert parse_keys("") == {}
    for wrong in ("secret", "a:b", "a:" + "0" * 63, ":" + "0" * 64, "a b:" + "0" * 64):
        with pytest.raises(SettingsError, match="sha256sum"):
            parse_keys(wrong)


def test_what_another_worker_has_is_asked_for_again() -> None:
    problem = problem_of(Busy("file-1", time.time() + 10))
    assert (problem.kind, problem.headers) == ("busy", {"Retry-After": "1"})


@pytest.mark.parametrize(
    ("taken", "who", "answers"),
    [
        ({"caller acme": places.OF_ONE}, "acme", 503),
        ({"caller acme": places.OF_ONE}, "other", 200),
        ({"caller acme": places.OF_ONE}, None, 200),
        ({f"caller {name}": places.OF_ONE for name in ("acme", "b", "c")}, "other", 503),
        ({"strangers": places.OF_STRANGERS}, None, 503),
        ({"strangers": places.OF_STRANGERS, "bodies": places.BODIES_OF_STRANGERS}, "acme", 200),
        ({"bodies": places.BODIES_OF_STRANGERS}, None, 200),
    ],
)
def test_places_are_apart(samples: Lake, taken: dict[str, int], who: str | None, answers: int) -> None:
    keys = {"acme": "a-key", "other": "o-key"}
    with application(samples, keys={name: hashlib.sha256(key.encode()).hexdigest() for name, key in keys.items()}) as (
        client,
        _,
    ):
        guard = client.app
        assert isinstance(guard, Guard)
        assert client.get("/v1/health").status_code == 200
        assert guard.places.of.total() == 0
        guard.places.of.update(taken)
        answer = client.get("/v1/health", headers={"X-API-Key": keys[who]} if who else {})
        assert answer.status_code == answers
        if answers == 503:
            assert (answer.json()["type"], answer.headers["retry-after"]) == ("/problems/busy", "1")
        assert guard.places.of == taken


def test_without_keys_all_share_the_places(samples: Lake) -> None:
    with application(samples) as (client, _):
        guard = client.app
        assert isinstance(guard, Guard)
        guard.places.of["caller "] = places.AT_ONCE - 1
        assert client.get("/v1/health").status_code == 200
        guard.places.of["caller "] = places.AT_ONCE
        assert client.get("/v1/health").status_code == 503
