"""Files in, answers out, on emulated AWS: the real templates, bundles, state machine, Spark; boto3 and HTTP outside."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from duff_orders import build_models, generate, sql
from duff_orders.clock import format_time
from duff_orders.contract import TABLES
from duff_orders.documents import Event
from duff_orders.ingest.header import HEAD
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce
from duff_orders.lake.stores.base import names
from duff_orders.local.run import process
from tests.api.lakes import application
from tests.api.paths import MISSING, ORDERS, OTHERS, whole
from tests.aws.conftest import THRESHOLD, deployed_under
from tests.aws.deployed import Deployed, reconfigured
from tests.effort import PATIENCE, every
from tests.lakes import drop, open_lake

# One worker for all that needs Spark or the emulator; the whole way takes minutes on a busy machine.
pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]

SAMPLES = Path(__file__).parents[2] / "samples"
BRIEF = SAMPLES / "01-orders.csv"
# What differs between two lakes that hold the same: identities, and the times at which it was done.
IDENTITIES = {
    "file_id", "etag", "version", "event_time", "started", "finished", "ingested_at", "first_seen", "last_seen",
    "pa_date", "engine",
}  # fmt: skip


def local_backend(folder: Path, files: dict[str, bytes], events: dict[str, Event]) -> Lake:
    """An embedded lake into which the same files came at the same times."""
    lake = open_lake(folder)
    for key, data in sorted(files.items(), key=lambda item: (events[item[0]].time, events[item[0]].sequencer or "")):
        drop(lake, key, data)
        event = announce(lake.disk, key, when=events[key].time)
        process(lake, replace(event, sequencer=events[key].sequencer))
    build_models(lake)
    return lake


def text(value: Any) -> Any:
    """A value as both sides write it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return format_time(value.replace(tzinfo=UTC))
    return value if value is None or isinstance(value, int) else str(value)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is put into the raw bucket, by its key."""
    folder = tmp_path_factory.mktemp("generated")
    large, small = folder / "large.csv", folder / "small.csv"
    generate(large, rows=4000, seed=5, bad=0.1, duplicates=0.05)
    generate(small, rows=1500, seed=6, bad=0.1, duplicates=0.05)
    assert HEAD < small.stat().st_size < THRESHOLD <= large.stat().st_size
    return {
        "brief/orders.csv": BRIEF.read_bytes(),
        "status=broken/dirty.csv": (SAMPLES / "03-dirty.csv").read_bytes(),
        "invalid.csv": (SAMPLES / "05-missing-column.csv").read_bytes(),
        "small.csv": small.read_bytes(),
        "large.csv": large.read_bytes(),
    }


@pytest.fixture(scope="module")
def ingested(aws: str, files: dict[str, bytes]) -> Deployed:
    """A deployment of these files' own, as whole tables are compared: all processed and modelled."""
    made = deployed_under("whole")
    for key, data in files.items():
        made.put(key, data)
    for key in files:
        made.row(key)
    made.modelled_by_the_job()
    return made


def test_every_file_has_its_verdict(ingested: Deployed, files: dict[str, bytes]) -> None:
    rows = {row.source_file: row for row in ingested.rows()}
    assert {key: (rows[key].verdict, rows[key].engine) for key in files} == {
        "brief/orders.csv": ("valid", "duckdb"),
        "status=broken/dirty.csv": ("valid_with_rejects", "duckdb"),
        "invalid.csv": ("invalid", None),
        "small.csv": ("valid_with_rejects", "duckdb"),
        "large.csv": ("valid_with_rejects", "spark"),
    }
    for row in rows.values():
        assert row.rows_read == row.rows_published + row.rows_duplicate + row.rows_rejected + row.rows_withheld


def events_of(deployed: Deployed) -> dict[str, Event]:
    """What was announced, by the file's key."""
    found = (deployed.store.read(layout.event_object(row.file_id)) for row in deployed.rows())
    events = [Event.from_json(each.data) for each in found if each]
    return {event.key: event for event in events}


def test_the_lake_equals_an_embedded_one(ingested: Deployed, files: dict[str, bytes], tmp_path: Path) -> None:
    lake = local_backend(tmp_path / "lake", files, events_of(ingested))
    for table in TABLES.values():
        columns = [f.name for f in table.all_fields if f.name not in IDENTITIES and "<" not in f.type]
        query = f"select {', '.join(columns)} from {table.name}"
        ours = [[text(value) for value in row.values()] for row in sql(lake, query)]
        theirs = [[text(value) for value in row.values()] for row in ingested.ask(query)]
        assert sorted(map(str, ours)) == sorted(map(str, theirs)), table.name
        assert theirs, table.name


def test_the_api_answers_as_the_embedded_one(ingested: Deployed, files: dict[str, bytes], tmp_path: Path) -> None:
    """Whole bodies, page by page; but for what differs between two lakes that hold the same."""
    lake = local_backend(tmp_path / "lake", files, events_of(ingested))

    def there(path: str) -> tuple[int, dict[str, Any]]:
        return ingested.get(path)[:2]

    with application(lake) as (client, _):

        def here(path: str) -> tuple[int, dict[str, Any]]:
            answer = client.get(path)
            return answer.status_code, answer.json()

        for path in [*ORDERS, *OTHERS][:: every(3)]:
            longer = path if "reports" in path else re.sub(r"limit=\d+", "limit=900", path)
            assert whole(there, longer) == whole(here, longer), path
        for path in MISSING:
            told, known = there(path), here(path)
            assert told[0] == known[0] == 404
            assert {**told[1], "request_id": ""} == {**known[1], "request_id": ""}
        rows = [{row["source_file"]: row for row in whole(get, "/v1/files")["data"]} for get in (there, here)]
        assert rows[0].keys() >= rows[1].keys() == files.keys()
        for key in files:
            theirs, ours = rows[0][key], rows[1][key]
            assert {k: v for k, v in theirs.items() if k not in IDENTITIES - {"event_time", "pa_date"}} == {
                k: v for k, v in ours.items() if k not in IDENTITIES - {"event_time", "pa_date"}
            }
            for tail in ("?limit=900&summary=true", "?reason=product_ccf:not_an_integer"):
                found = [
                    whole(get, f"/v1/files/{row['file_id']}/rejects{tail}")
                    for get, row in ((there, theirs), (here, ours))
                ]
                assert found[0] == found[1], key


def test_queries_are_answered_by_athena(ingested: Deployed) -> None:
    sql = "select status, count(*) as n from fact_orders join dim_status using (status_id) group by status order by 1"
    answer = ingested.request("POST", "/v1/queries", json={"sql": sql}, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["state"], body["rows"], body["truncated"]) == ("succeeded", len(body["data"]), False)
    assert body["data"] == ingested.ask(sql)
    again = ingested.request("POST", "/v1/queries", json={"sql": sql}, headers={"Idempotency-Key": "one"}).json()
    assert again["data"] == body["data"]
    path = f"/v1/queries/{body['id']}"
    assert ingested.get(path)[1]["state"] == "succeeded"
    table = ingested.request("GET", f"{path}/result", headers={"Accept": "text/csv"})
    assert table.text.splitlines()[0] == "status,n"
    assert ingested.request("GET", f"{path}/result?format=parquet").content.startswith(b"PAR1")
    assert ingested.request("DELETE", path).status_code == 204
    most = ingested.request(
        "POST", "/v1/queries", json={"sql": "select order_id from fact_orders", "max_rows": 5}
    ).json()
    assert (len(most["data"]), most["rows"], most["truncated"]) == (5, 5, True)
    for wrong, kind in (
        ("drop table fact_orders", "query-refused"),
        ("select * from information_schema.tables", "query-refused"),
        ('select "$path" from tbl_duff_orders', "query-refused"),
    ):
        refused = ingested.request("POST", "/v1/queries", json={"sql": wrong})
        assert (refused.status_code, refused.json()["type"]) == (400, f"/problems/{kind}"), wrong
    assert ingested.get(f"/v1/queries/q_{'0' * 32}03e8")[0] == 404


def test_links_and_places_lead_through_the_stage(ingested: Deployed) -> None:
    first = ingested.request("GET", "/v1/orders?limit=2")
    stage = ingested.outputs["ApiUrl"].rstrip("/").rpartition("/")[2]
    link = first.links["next"]["url"]
    assert link.startswith(f"/{stage}/v1/orders?limit=2&cursor=")
    following = ingested.request("GET", link.removeprefix(f"/{stage}"))
    assert following.status_code == 200, following.text
    assert following.json()["data"] != first.json()["data"]
    tag = first.headers["etag"]
    assert ingested.request("GET", "/v1/orders?limit=2", headers={"If-None-Match": tag}).status_code == 304


def test_the_catalog_shows_what_the_ledger_names(ingested: Deployed) -> None:
    store = ingested.store
    for table in layout.OBJECT_COUNTS:
        named = {name for row in ingested.rows() for name in layout.data_objects(table, row)}
        assert set(names(store, f"processed/{layout.FOLDERS[table]}/")) == named
    assert not list(names(store, "processed/staging/"))
    assert not list(names(store, "processed/incoming/"))
    assert not list(names(store, "processed/locks/"))


def test_the_api_wants_a_key(ingested: Deployed) -> None:
    status, body, headers = ingested.get("/v1/reports", key=False)
    assert (status, body["type"], body["status"]) == (403, "/problems/wrong-key", 403)
    assert body["request_id"]
    assert {"title", "detail", "instance"} <= body.keys()  # the emulator knows no $context.path: instance is not read
    assert headers["content-type"] == "application/problem+json"
    status, body, _ = ingested.get("/v1/health", key=False)
    assert (status, body["status"]) == (200, "ok")


def test_rejected_rows_are_told_with_their_reasons(ingested: Deployed) -> None:
    row = ingested.row("status=broken/dirty.csv")
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        status, body, _ = ingested.get(f"/v1/files/{row.file_id}/rejects?limit=4{cursor}")
        assert status == 200
        found += body["data"]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert len(found) == row.rows_rejected
    [six] = [each for each in found if each["fields"] and each["fields"]["product_ccf"] == "six"]
    assert six["reasons"] == [{"column": "product_ccf", "code": "not_an_integer"}]
    assert {reason["code"] for each in found for reason in each["reasons"]} >= {"missing", "wrong_field_count"}


def test_files_and_orders(ingested: Deployed, files: dict[str, bytes]) -> None:
    status, body, _ = ingested.get("/v1/files?limit=2")
    assert (status, len(body["data"])) == (200, 2)
    status, rest, _ = ingested.get(f"/v1/files?limit=1000&cursor={body['next_cursor']}")
    listed = [each["source_file"] for each in body["data"] + rest["data"]]
    assert set(listed) >= set(files)
    assert len(listed) == len(set(listed))
    status, order, _ = ingested.get("/v1/orders/5678")
    assert (status, order["total_price"], order["lines"][0]["total_price"]) == (200, "15.0000", "15.0000")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/orders/0", 422, "invalid-parameter"),
        ("/v1/orders/9999999999999999999", 422, "invalid-parameter"),
        ("/v1/orders/999999999", 404, "not-found"),
        ("/v1/reports/nothing", 404, "not-found"),
        ("/v1/files?limit=0", 422, "invalid-parameter"),
        ("/v1/files?limit=5&order=x", 422, "invalid-parameter"),
        ("/v1/files?cursor=abc", 400, "invalid-cursor"),
        ("/v1/files/x/rejects", 422, "invalid-parameter"),
        ("/v1/files/00000000000000000000000000000000/rejects", 404, "not-found"),
        ("/v1/nothing", 404, "not-found"),
    ],
)
def test_every_error_is_a_problem_document(deployed: Deployed, path: str, status: int, kind: str) -> None:
    found, body, headers = deployed.get(path)
    assert (found, body["type"], body["status"]) == (status, f"/problems/{kind}", status)
    assert headers["content-type"] == "application/problem+json"
    assert {"title", "detail", "instance", "request_id"} <= body.keys()


def test_from_put_to_ledger_row_in_seconds(deployed: Deployed) -> None:
    deployed.put("warm.csv", BRIEF.read_bytes().replace(b"Moe", b"Joe"))
    deployed.row("warm.csv")
    started = time.monotonic()
    deployed.put("timed.csv", BRIEF.read_bytes().replace(b"Moe", b"Zoe"))
    row = deployed.row("timed.csv")
    assert (row.verdict, row.rows_published) == ("valid", 5)
    print(f"from put to ledger row: {time.monotonic() - started:.2f} s")


def test_the_same_event_twice_changes_nothing(ingested: Deployed) -> None:
    before = {name: ingested.store.read(name) for name in names(ingested.store, "processed/files/")}
    first = next(each for each in ingested.executions() if each["status"] == "SUCCEEDED")
    client = boto3.client("stepfunctions")
    event = client.describe_execution(executionArn=first["executionArn"])["input"]
    for _ in range(2):
        client.start_execution(stateMachineArn=ingested.outputs["StateMachine"], input=event)
    ingested.settled()
    assert {each["status"] for each in ingested.executions()[:2]} == {"SUCCEEDED"}
    after = {name: ingested.store.read(name) for name in names(ingested.store, "processed/files/")}
    assert {name: after[name] for name in before} == before


def test_equal_content_under_another_key_is_a_duplicate(deployed: Deployed) -> None:
    for key in ("equal/orders.csv", "again/orders.csv"):
        deployed.put(key, BRIEF.read_bytes().replace(b"Moe", b"Twin"))
        row = deployed.row(key)
    assert (row.verdict, row.rows_published) == ("duplicate", 0)
    assert "equal/orders.csv" in (row.reason or "")


def test_odd_keys_are_keys(deployed: Deployed) -> None:
    data = BRIEF.read_bytes()
    keys = ["a//b.csv", "d./ot.csv", "pa_date=2020-01-01/product_price=1.csv", "año {1} [x] #%20 'q' + &.csv"]
    for number, key in enumerate(keys):
        deployed.put(key, data.replace(b"Moe", f"Odd {number}".encode()))
    for key in keys:
        row = deployed.row(key)
        assert (row.verdict, row.rows_published) == ("valid", 5), row


def test_a_function_that_fails_ends_in_a_verdict(deployed: Deployed) -> None:
    """It breaks Transform-data and mends it again."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=deployed.outputs["FailedFiles"], Protocol="sqs", Endpoint=arn)
    with reconfigured("Transform-data", {"PROCESSED_BUCKET": "no-such-bucket"}):
        deployed.put("fails.csv", BRIEF.read_bytes().replace(b"Moe", b"Ned"))
        row = deployed.row("fails.csv", timeout=PATIENCE)
        deployed.settled()
    assert (row.verdict, row.rows_published, row.orders_objects) == ("failed", 0, 0)
    assert row.error
    execution = deployed.execution_of("fails.csv")
    assert execution["status"] == "FAILED"
    messages = deployed.until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert "fails.csv" in json.loads(messages[0]["Body"])["Message"]
    # Announced again, a failed file gets another try.
    client = boto3.client("stepfunctions")
    client.start_execution(stateMachineArn=deployed.outputs["StateMachine"], input=execution["input"])
    deployed.until(lambda: deployed.row("fails.csv").verdict == "valid")
