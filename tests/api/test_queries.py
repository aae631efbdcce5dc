"""SQL from outside: answered, refused, limited, and seen by its caller alone."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from duff_orders.lake.lake import Lake
from duff_orders.query.runner import WAITING, Runner
from tests.api.lakes import application
from tests.effort import PATIENCE

pytestmark = pytest.mark.slow
SLOW = "select count(*) as n from " + ", ".join(f"tbl_duff_orders {name}" for name in "abcdefgh")


def ask(client: TestClient, sql: str, **more: Any) -> Any:
    headers = more.pop("headers", {})
    return client.post("/v1/queries", json={"sql": sql, **more}, headers=headers)


def test_an_answer_at_once(api: TestClient) -> None:
    answer = ask(api, "select status, count(*) as n, sum(total_price) as s from fact_orders join dim_status "
                      "using (status_id) group by status order by status")  # fmt: skip
    assert answer.status_code == 200
    body = answer.json()
    assert body["state"] == "succeeded"
    assert body["columns"] == [
        {"name": "status", "type": "varchar"}, {"name": "n", "type": "bigint"}, {"name": "s", "type": "decimal(38,4)"},
    ]  # fmt: skip
    assert body["data"][0] == {"status": "broken", "n": 5, "s": "166.5000"}
    assert (body["rows"], body["truncated"], body["next_cursor"]) == (3, False, None)


def test_rows_beyond_the_most_are_cut_and_said(api: TestClient) -> None:
    body = ask(api, "select order_id from fact_orders order by order_id", max_rows=10).json()
    assert (body["rows"], body["truncated"], len(body["data"])) == (10, True, 10)
    path = f"/v1/queries/{body['id']}/result"
    first = api.get(f"{path}?limit=4").json()
    rest = api.get(f"{path}?limit=100&cursor={first['next_cursor']}").json()
    assert first["data"] + rest["data"] == body["data"]
    assert rest["next_cursor"] is None
    told = api.get(f"{path}?format=csv").text.splitlines()
    assert (told[0], len(told)) == ("order_id", 11)
    assert api.get(f"{path}?format=parquet").content.startswith(b"PAR1")


def test_values_are_written_as_athena_writes_them(api: TestClient) -> None:
    sql = (
        "select timestamp '2026-01-31 10:00:00.5' as t"
        ", timestamp '2026-07-31 10:00 UTC' at time zone 'Europe/Madrid' as z"
        ", date '2026-03-01' - date '2026-02-01' as apart, interval '14' month as months, round(2.567, 1) as scaled"
        ", 1.5e7 as floating, array['a', null] as texts, (1 > 2) as truth, cast(null as bigint) as none"
    )
    body = ask(api, sql).json()
    assert body["data"] == [
        {
            **{"t": "2026-01-31 10:00:00.5", "z": "2026-07-31 12:00:00 Europe/Madrid", "apart": "28 00:00:00.000"},
            **{
                "months": "1-2",
                "scaled": "2.600",
                "floating": "1.5E7",
                "texts": "[a, null]",
                "truth": False,
                "none": None,
            },
        }
    ]
    kinds = ["timestamp", "timestamp with time zone", "interval day to second", "interval year to month"]
    assert [each["type"] for each in body["columns"]] == [
        *kinds,
        "decimal(5,3)",
        "double",
        "array",
        "boolean",
        "bigint",
    ]
    told = api.get(f"/v1/queries/{body['id']}/result?format=csv").text.splitlines()
    assert told[1] == (
        '2026-01-31 10:00:00.5,2026-07-31 12:00:00 Europe/Madrid,28 00:00:00.000,1-2,2.600,1.5E7,"[a, null]",false,'
    )


@pytest.mark.parametrize(
    ("sql", "status", "kind"),
    [
        ("drop table fact_orders", 400, "query-refused"),
        ("select * from read_text('/etc/passwd')", 400, "query-refused"),
        ("select getenv('HOME')", 400, "query-refused"),
        ("select * from nowhere", 400, "query-refused"),
        ("select 1; select 2", 400, "query-refused"),
        ("select 1/0 as n", 422, "query-failed"),
        ("select cast('<script>' as bigint) as n", 422, "query-failed"),
    ],
)
def test_what_is_refused_or_fails(api: TestClient, samples: Lake, sql: str, status: int, kind: str) -> None:
    answer = ask(api, sql)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert str(samples.settings.lake) not in answer.text
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"sql":1}', '{"sql":""}', '{"sql":"select 1","max_rows":0}', '{"sql":"select 1","x":1}', "{"],
)
def test_a_body_that_is_none(api: TestClient, body: str) -> None:
    answer = api.post("/v1/queries", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-parameter")


def test_the_same_token_asks_once(api: TestClient) -> None:
    headers = {"Idempotency-Key": "monday"}
    first, again = (ask(api, "select 1 as n", headers=headers).json() for _ in range(2))
    assert first["id"] == again["id"]
    other = ask(api, "select 2 as n", headers=headers)
    assert (other.status_code, other.json()["errors"][0]["name"]) == (422, "Idempotency-Key")


def test_a_query_can_be_left_and_cancelled(api: TestClient) -> None:
    answer = ask(api, SLOW, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    place = answer.headers["location"]
    assert place == f"/v1/queries/{answer.json()['id']}"
    assert api.get(place).json()["state"] in ("queued", "running")
    assert api.get(f"{place}/result").json()["type"] == "/problems/busy"
    for _ in range(2):
        assert api.delete(place).status_code == 204
    assert api.get(place).json()["state"] == "cancelled"
    assert api.get(f"{place}/result").json()["detail"] == "the query was cancelled"
    assert ask(api, "select 1 as n").json()["data"] == [{"n": 1}]


def test_a_query_is_its_callers(samples: Lake) -> None:
    import hashlib

    keys = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("ann", "bob")}
    with application(samples, keys=keys) as (client, _):
        made = ask(client, "select 1 as n", headers={"X-API-Key": "ann"}).json()
        for method, tail in (("GET", ""), ("GET", "/result"), ("DELETE", "")):
            answer = client.request(method, f"/v1/queries/{made['id']}{tail}", headers={"X-API-Key": "bob"})
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
        assert client.get(f"/v1/queries/{made['id']}", headers={"X-API-Key": "ann"}).json()["state"] == "succeeded"


def test_queries_are_off_unless_switched_on(samples: Lake) -> None:
    with application(samples, queries=False) as (client, _):
        answer = ask(client, "select 1")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/queries-off")


def resident() -> int:
    """The bytes of memory that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.fixture
def runner(samples: Lake) -> Iterator[Runner]:
    made = Runner(samples.disk.root, seconds=3)
    yield made
    made.close()


def ended(runner: Runner, query_id: str) -> Any:
    while not (run := runner.get(query_id, None)).ended:  # type: ignore[union-attr]
        time.sleep(0.02)
    return run


@pytest.mark.parametrize(
    "sql",
    [
        SLOW,
        "select count(*) as n from unnest(sequence(1, 1000000)) as a (n), unnest(sequence(1, 1000000)) as b (m)",
        "select length(replace(rpad('x', 10000, 'x'), 'x', rpad('y', 10000, 'y'))) as n",
        "with a as (select rpad('x', 10000, 'x') as t), b as (select t||t||t||t||t||t||t||t as t from a),"
        " c as (select t||t||t||t||t||t||t||t as t from b), d as (select t||t||t||t||t||t||t||t as t from c),"
        " e as (select t||t||t||t||t||t||t||t as t from d), f as (select t||t||t||t||t||t||t||t as t from e)"
        " select length(t) as n from f",
        "select array_agg(a.order_id) as n from tbl_duff_orders a, tbl_duff_orders b, tbl_duff_orders c,"
        " tbl_duff_orders d, tbl_duff_orders e",
        "select rpad('x', 10000, 'x') as t from tbl_duff_orders a, tbl_duff_orders b, tbl_duff_orders c",
    ],
)
def test_a_bomb_ends_within_its_limits(runner: Runner, sql: str) -> None:
    """The server's own memory does not grow, and the query's process ends, which by itself would take for ever."""
    before = resident()
    run = ended(runner, runner.submit(sql, 10_000, caller=None, token=None))
    assert run.process is None
    assert resident() - before < 60 * 2**20
    assert run.state in ("failed", "succeeded")
    if run.state == "failed":
        assert run.reply["problem"] in ("query-limit", "query-refused", "query-failed"), run.reply
    runner.seconds = PATIENCE
    assert ended(runner, runner.submit("select 1 as n", 10, caller=None, token=None)).state == "succeeded"


def test_only_so_many_wait(samples: Lake) -> None:
    with application(samples) as (client, _):
        made = [ask(client, SLOW, headers={"Prefer": "wait=0"}) for _ in range(WAITING + 3)]
        codes = [answer.status_code for answer in made]
        assert codes[0] == 202
        assert codes[-1] == 429
        assert made[-1].headers["retry-after"]
        assert client.get("/v1/orders?limit=1").status_code == 200
