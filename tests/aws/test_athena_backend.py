"""The API's backend over a deployment, and its commands' own looks at one: in this process, boto3's clients stubbed."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import ANY, Stubber

from duff_orders.aws.athena_backend import AthenaBackend, AthenaQueries
from duff_orders.aws.remote import Remote
from duff_orders.aws.replays import Replay
from duff_orders.aws.stacks import MAX_TEMPLATE_BODY, Deployment, Template, _reasons, aws_errors
from duff_orders.contract import FILES
from duff_orders.documents import Event, LedgerRow
from duff_orders.drivers.duckdb import type_of
from duff_orders.errors import InputError, PipelineError, QueryRefused
from duff_orders.ingest.publish import publish
from duff_orders.ingest.transform import transform
from duff_orders.ingest.validate import validate
from duff_orders.lake import layout
from duff_orders.lake.events import record
from duff_orders.lake.glue_catalog import DAYS
from duff_orders.lake.lake import Lake
from duff_orders.lake.survey import survey
from duff_orders.query.athena import Athena
from duff_orders.query.guard.check import check
from duff_orders.query.result import Result
from duff_orders.settings import Settings
from tests.buckets import Buckets

SAMPLES = Path(__file__).parents[2] / "samples"
QUERY = str(uuid.UUID(int=7))


@pytest.fixture
def client() -> Iterator[tuple[Any, Stubber]]:
    """boto3's client for Athena, which checks what it is asked, and answers as the test says."""
    made = boto3.client(
        "athena",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        endpoint_url="http://x",
    )
    with Stubber(made) as stubber:
        yield made, stubber
        stubber.assert_no_pending_responses()


def page(*rows: tuple[str | None, ...], token: str | None = None) -> dict[str, Any]:
    """A page of an answer of two columns."""
    told = [{"Name": "n", "Type": "bigint"}, {"Name": "sales", "Type": "decimal", "Precision": 38, "Scale": 4}]
    data = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows]
    more = {"NextToken": token} if token else {}
    return {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": told}}, **more}


def state(name: str, **more: Any) -> dict[str, Any]:
    return {"QueryExecution": {"Status": {"State": name, **more}, "Statistics": {"DataScannedInBytes": 10}}}


def test_a_query_is_started_under_an_id_that_only_its_caller_can_make(client: tuple[Any, Stubber]) -> None:
    made, stubber = client
    queries = AthenaQueries(Athena(made, "group", "orders"))
    wanted = {"QueryString": "select 1 as n", "WorkGroup": "group", "QueryExecutionContext": {"Database": "orders"}}
    stubber.add_response("start_query_execution", {"QueryExecutionId": QUERY}, wanted)
    query_id = queries.submit("select 1 as n", 100, caller="ann", token=None)
    stubber.add_response("get_query_execution", state("RUNNING"), {"QueryExecutionId": QUERY})
    told = queries.state(query_id, caller="ann")
    assert told is not None
    assert (told.state, told.rows, told.bytes_scanned) == ("running", None, 10)
    assert queries.state(query_id, caller="bob") is None
    assert queries.state(query_id, caller=None) is None
    with pytest.raises(QueryRefused):
        queries.submit("drop table fact_orders", 100, caller="ann", token=None)


def test_the_same_token_starts_a_query_once_for_each_caller(client: tuple[Any, Stubber]) -> None:
    made, stubber = client
    queries = AthenaQueries(Athena(made, "group", "orders"))
    tokens = []
    made.meta.events.register("before-parameter-build.athena", lambda params, **_: tokens.append(params))
    for caller, most in (("ann", 10), ("ann", 10), ("bob", 10), ("ann", 11)):
        stubber.add_response("start_query_execution", {"QueryExecutionId": QUERY})
        queries.submit("select 1 as n", most, caller=caller, token="monday")
    found = [each["ClientRequestToken"] for each in tokens]
    assert found[0] == found[1]
    assert len({*found}) == 3
    assert all(len(each) >= 32 for each in found)


def test_no_more_rows_are_told_than_were_asked_for(client: tuple[Any, Stubber]) -> None:
    made, stubber = client
    queries = AthenaQueries(Athena(made, "group", "orders"))
    stubber.add_response("start_query_execution", {"QueryExecutionId": QUERY})
    query_id = queries.submit("select 1 as n", 3, caller=None, token=None)
    first = page(("n", "sales"), ("1", "1.0000"), ("2", None), token="more")
    second = page(("3", "3.0000"), ("4", "4.0000"))
    stubber.add_response("get_query_execution", state("SUCCEEDED"))
    for each in (first, second):
        stubber.add_response("get_query_results", each)
    told = queries.state(query_id, caller=None)
    assert told is not None
    assert (told.state, told.rows, told.truncated) == ("succeeded", 3, True)
    for each in (first, second):
        stubber.add_response("get_query_results", each)
    answer = queries.result(query_id, 1, 1000)
    assert answer.columns == [("n", "bigint"), ("sales", "decimal(38,4)")]
    assert answer.rows == [[2, None], [3, "3.0000"]]


def test_a_query_that_athena_does_not_know_is_none(client: tuple[Any, Stubber]) -> None:
    made, stubber = client
    queries = AthenaQueries(Athena(made, "group", "orders"))
    stubber.add_client_error("get_query_execution", "InvalidRequestException")
    assert queries.state(f"q_{'0' * 32}0001", caller=None) is None


def test_a_query_that_takes_too_long_is_cancelled(client: tuple[Any, Stubber]) -> None:
    made, stubber = client
    stubber.add_response("start_query_execution", {"QueryExecutionId": QUERY})
    stubber.add_response("get_query_execution", state("RUNNING"))
    stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": QUERY})
    with pytest.raises(PipelineError, match="took longer than -1 s"):
        Athena(made, "group", "orders").run("select 1", timeout=-1)
    stubber.add_response("start_query_execution", {"QueryExecutionId": QUERY})
    stubber.add_response("get_query_execution", state("FAILED", StateChangeReason="SYNTAX_ERROR"))
    with pytest.raises(QueryRefused, match="cannot be answered: SYNTAX_ERROR"):
        Athena(made, "group", "orders").run("select")


def test_parameters_are_literals_and_never_pasted(client: tuple[Any, Stubber]) -> None:
    made, stubber = client
    wanted = {
        "QueryString": "select ? as a, ? as b",
        "WorkGroup": ANY,
        "QueryExecutionContext": ANY,
        "ExecutionParameters": ["7", "'it''s'"],
    }
    stubber.add_response("start_query_execution", {"QueryExecutionId": QUERY}, wanted)
    Athena(made, "group", "orders").start("select ? as a, ? as b", [7, "it's"])


def test_the_version_is_that_which_the_catalog_shows(client: tuple[Any, Stubber]) -> None:
    store = Buckets().store()
    asked = AthenaBackend(Athena(client[0], "group", "orders"), store)
    assert asked.version() is None
    store.put_new(layout.STAR_SHOWN, b"build 1")
    asked._known = (0.0, None)  # it was looked up a while ago
    assert asked.version() == "build 1"
    store.delete(layout.STAR_SHOWN)
    assert asked.version() == "build 1"  # and is not looked up again at once


# A deployment, looked at by `duff check --deployment`


class Deployed(Remote):
    """A deployment whose stacks nobody asks."""

    outputs = {"Database": "orders", "StateMachine": "machine"}  # noqa: RUF012 – no property


@pytest.fixture
def buckets() -> Buckets:
    return Buckets()


@pytest.fixture
def remote(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setattr(boto3, "client", lambda name: None)
    made = Deployed(Deployment(), Settings.load({}, engine="duckdb"))
    made.__dict__["store"] = buckets.store()
    return made


def take(buckets: Buckets, key: str, data: bytes) -> tuple[Event, LedgerRow]:
    lake = Lake(Settings(engine="duckdb", threads=1), buckets.store())
    event = record(lake.store, buckets.put(key, data))
    decision = validate(lake, event)
    if decision.row is not None:
        return event, decision.row
    with transform(lake, decision) as staged:
        return event, publish(lake, staged)


def test_all_holds_of_what_was_done_well(remote: Remote, buckets: Buckets) -> None:
    rows = [take(buckets, path.name, path.read_bytes())[1] for path in sorted(SAMPLES.glob("*.csv"))]
    found = survey(remote.lake)
    assert (found.faults, found.intact, len(rows)) == ([], [*found.rows.values()], len(found.rows))
    assert {row.pa_date for row in rows} == {date(2026, 3, 1)}


def test_what_does_not_hold_is_told(remote: Remote, buckets: Buckets) -> None:
    event, row = take(buckets, "a.csv", (SAMPLES / "03-dirty.csv").read_bytes())
    store = buckets.store()
    (orders,) = layout.data_objects("tbl_duff_orders", row)
    data = store.read(orders)
    assert data is not None
    store.put_new(f"{orders}-other.parquet", data.data)
    store.delete(orders)
    waiting = record(store, buckets.put("waiting.csv", b"x"))
    (rejected,) = layout.data_objects("tbl_duff_rejected_rows", row)
    whole = store.read(rejected)
    assert whole is not None
    assert store.replace(rejected, whole.data[:-1], whole.token)
    assert row.content is not None
    store.delete(layout.content_object(row.content))
    told = sorted(each.words for each in survey(remote.lake, digests=False).faults)
    name, size = f"a.csv ({event.file_id})", len(whole.data)
    assert told == sorted(
        [
            f"{name}: the note of its content is missing",
            f"{name}: the object {orders} is missing",
            f"{name}: the object {rejected} is damaged: it has {size - 1} bytes, and {size} were written",
            f"{orders}-other.parquet: an orphan, no ledger row speaks of it",
            f"waiting.csv ({waiting.file_id}): announced, but not processed",
        ]
    )


def test_damage_that_keeps_the_size_is_found_by_looking_deep(remote: Remote, buckets: Buckets) -> None:
    _, row = take(buckets, "a.csv", (SAMPLES / "03-dirty.csv").read_bytes())
    store = buckets.store()
    (orders,) = layout.data_objects("tbl_duff_orders", row)
    data = store.read(orders)
    assert data is not None
    assert store.replace(orders, data.data[:-9] + bytes(9), data.token)
    assert survey(remote.lake, digests=False).faults == []
    (told,) = survey(remote.lake).faults
    assert "its bytes are not those that were written" in told.words


def test_verdicts_are_followed_until_all_are_there(remote: Remote, buckets: Buckets) -> None:
    event, row = take(buckets, "a.csv", (SAMPLES / "01-orders.csv").read_bytes())
    assert list(remote.outcomes([event], after={}, timeout=0)) == [row]
    with pytest.raises(PipelineError, match=r"no verdict within 0 s on a\.csv"):
        list(remote.outcomes([event], after={event.file_id: Replay(0, "none", datetime.now(UTC))}, timeout=0))


# Stacks


def test_a_template_is_told_as_its_length_allows() -> None:
    short = Template("Parameters:\n  A:\n    Type: String\n")
    assert short.request() == {"TemplateBody": short.body}
    long = Template("é" * (MAX_TEMPLATE_BODY // 2 + 1))
    with pytest.raises(InputError, match="must lie in a bucket"):
        long.request()
    assert replace(long, url="https://x").request() == {"TemplateURL": "https://x"}


def test_literals_take_the_place_of_whole_references() -> None:
    body = "Name: !Ref Raw\nOther: !Ref RawBucket\n"
    assert Template(body).with_literals({"Raw": "a"}).body == 'Name: "a"\nOther: !Ref RawBucket\n'


def test_why_a_stack_failed() -> None:
    seen = {
        "1": ("Queue", "CREATE_FAILED", "Resource creation Cancelled"),
        "2": ("Role", "CREATE_FAILED", "no such policy"),
        "3": ("Role", "CREATE_COMPLETE", "fine"),
    }
    assert _reasons(seen) == "Role: no such policy"
    assert _reasons({"1": seen["1"]}) == "Queue: Resource creation Cancelled"
    assert _reasons({}) == "see its events"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoCredentialsError(), "there are no credentials for AWS"),
        (ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetObject"), "have expired"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"), "AWS refused GetObject: no"),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be asked"),
    ],
)
def test_what_aws_says_is_told_in_a_sentence(error: Exception, told: str) -> None:
    with pytest.raises(PipelineError, match=told), aws_errors():
        raise error


class _Ledger:
    """Athena over a ledger in DuckDB, which notes the days that it is asked for."""

    def __init__(self, rows: list[tuple[str, datetime, str]]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.connection = duckdb.connect(":memory:")
        columns = ", ".join(f"{field.name} {type_of(field.type)}" for field in FILES.all_fields)
        self.connection.execute(f"create table tbl_duff_files ({columns})")
        for file_id, when, verdict in rows:
            self.connection.execute(
                "insert into tbl_duff_files (file_id, event_time, pa_date, verdict) values (?, ?, ?, ?)",
                [file_id, when.replace(tzinfo=None), when.date(), verdict],
            )

    def ask(self, sql: str, parameters: list[Any]) -> Result:
        self.asked.append((parameters[0], parameters[1]))
        given = ["'" + str(each).replace("'", "''") + "'" for each in parameters]
        pieces = sql.split("?")
        text = pieces[0] + "".join(value + piece for value, piece in zip(given, pieces[1:], strict=True))
        found = self.connection.execute(check(text).sql)
        columns = [(each[0], str(each[1])) for each in found.description or ()]
        return Result(columns, [list(row) for row in found.fetchall()])


@pytest.mark.parametrize("verdict", [None, "invalid"])
@pytest.mark.parametrize("limit", [3, 7, 100])
def test_the_ledger_is_read_by_days_of_which_each_page_needs_few(verdict: str | None, limit: int) -> None:
    """Whatever its length: pages are those of the whole, and none reads all of a long one for a few rows."""
    buckets, rows = Buckets(), list[tuple[str, datetime, str]]()
    store = buckets.store()
    for day in range(40):
        when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        for number in range((day * 7) % 5):
            file_id = f"{day:016d}{number:016d}"
            rows.append((file_id, when + timedelta(hours=number % 3), "invalid" if (day + number) % 4 else "valid"))
            store.put_new(layout.ledger_object(when.date(), file_id), b"{}")
        store.put_new(f"{DAYS}pa_date={when:%Y-%m-%d}", b"")
    wanted = [row for row in rows if verdict in (None, row[2])]
    wanted.sort(key=lambda row: (row[1], row[0]), reverse=True)
    athena = _Ledger(rows)
    asked = AthenaBackend(athena, store)  # type: ignore[arg-type]  # of Athena only `ask` is used here
    seen: list[str] = []
    after: list[str] | None = None
    while True:
        athena.asked.clear()
        page = [*asked.files(verdict, None, after, limit)]
        if limit < 10 and len(page) > limit:
            (first, _), (_, last) = athena.asked[-1], athena.asked[0]
            assert (date.fromisoformat(last) - date.fromisoformat(first)).days <= 40
            assert len(athena.asked) <= 4
        seen += [row["file_id"] for row in page[:limit]]
        if len(page) <= limit:
            break
        last_row = page[limit - 1]
        after = [f"{last_row['event_time']:%Y-%m-%dT%H:%M:%S.%f}Z", last_row["file_id"]]
    assert seen == [row[0] for row in wanted]


def test_an_empty_ledger_is_asked_for_nothing() -> None:
    athena = _Ledger([])
    assert [*AthenaBackend(athena, Buckets().store()).files(None, None, None, 10)] == []  # type: ignore[arg-type]
    assert athena.asked == []
