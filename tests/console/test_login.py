"""With keys the pages are for who has shown one; a session is good for what its key is good for, and no longer."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from duff_orders.api.sessions import MOST, SESSION, Sessions
from duff_orders.lake.lake import Lake
from tests.api.lakes import application

pytestmark = pytest.mark.slow

KEY = "correct horse"
KEYS = {"ana": hashlib.sha256(KEY.encode()).hexdigest()}
READER = {"Accept": "text/html", "Accept-Language": "en"}
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}


@pytest.fixture
def console(samples: Lake) -> Iterator[TestClient]:
    with application(samples, keys=KEYS) as (client, _):
        client.follow_redirects = False
        yield client


@pytest.mark.parametrize("path", ["/", "/files?verdict=invalid", "/orders", "/sql", "/nothing"])
def test_who_has_no_key_is_led_to_where_one_is_asked_for(console: TestClient, path: str) -> None:
    answer = console.get(path, headers=READER)
    assert answer.status_code == 303
    page = console.get(answer.headers["location"], headers=READER)
    assert page.status_code == 200
    for secret in ("03-dirty.csv", "rows", "Retail", "files"):
        assert secret not in re.sub(r'value="[^"]*"', "", page.text.partition("<main")[2])
    assert console.get(path).status_code == 401
    assert console.get("/console/events", headers=READER).status_code == 303


def test_a_key_opens_a_session_that_ends(console: TestClient) -> None:
    answer = console.post("/login", data={"key": KEY, "to": "/files?verdict=invalid"}, headers={**READER, **SAME})
    assert (answer.status_code, answer.headers["location"]) == (303, "/files?verdict=invalid")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(rf"duff-session=[\w-]{{43}}; HttpOnly; Max-Age={SESSION}; Path=/; SameSite=strict", cookie)
    assert "Sign out" in console.get("/", headers=READER).text
    assert console.get("/v1/orders").status_code == 200
    # What a key of its own asks is asked with that key.
    assert console.get("/v1/orders", headers={"X-API-Key": "wrong"}).status_code == 403
    token = console.cookies["duff-session"]
    assert console.post("/logout", headers={**READER, **SAME}).status_code == 303
    console.cookies.set("duff-session", token)
    assert console.get("/v1/orders").status_code == 401


WRONG = {"none": "", "another": "wrong", "no-ascii": "é", "long": "x" * 10_000, "hash": KEYS["ana"]}


@pytest.mark.parametrize("key", WRONG.values(), ids=WRONG)
def test_a_wrong_key_opens_nothing(console: TestClient, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.console.login.SLOWED", 0)
    answer = console.post("/login", data={"key": key, "to": "//evil.example"}, headers={**READER, **SAME})
    assert answer.status_code == 403
    assert "This key is not known here." in answer.text
    assert "set-cookie" not in answer.headers
    assert 'name="to" value="/"' in answer.text


def test_another_site_can_neither_sign_in_nor_use_a_session(console: TestClient) -> None:
    for headers in ({"Origin": "null"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert console.post("/login", data={"key": KEY}, headers=headers).status_code == 403
    console.post("/login", data={"key": KEY}, headers=SAME)
    for headers in ({"Origin": "null"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        assert console.post("/v1/queries", json={"sql": "select 1"}, headers=headers).status_code == 403


def test_a_page_tells_whose_keys_no_one_has_none(samples: Lake) -> None:
    with application(samples) as (client, _):
        assert client.get("/login", follow_redirects=False).headers["location"] == "/"


def test_sessions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("duff_orders.api.sessions.time.monotonic", lambda: now)
    sessions = Sessions()
    first = sessions.begin("ana")
    assert sessions.caller(first) == "ana"
    assert sessions.caller(first + "x") is sessions.caller("") is None
    now += SESSION
    assert sessions.caller(first) is None
    tokens = [sessions.begin("ana") for _ in range(MOST + 1)]
    assert (sessions.caller(tokens[0]), sessions.caller(tokens[-1])) == (None, "ana")
