"""An end-to-end test of a deployment: a file in, its verdict, answers of tables and API; then all is removed.

By `duff deploy`, and from then on by the function Canary on its schedule.
"""

import json
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from duff_orders.aws.stacks import Deployment, describe, store_of
from duff_orders.aws.telemetry import TRY_OUT
from duff_orders.clock import utc_now
from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Event, LedgerRow
from duff_orders.errors import DuffError
from duff_orders.lake import layout
from duff_orders.lake.ledger import Ledger
from duff_orders.lake.stores.raw_bucket import versions
from duff_orders.query.athena import Athena

#: Seconds for the file's verdict, and for each answer.
VERDICT_SECONDS, ANSWER_SECONDS = 180.0, 60.0
#: On a new bucket the file is put again after so many seconds, for so many: S3 sends nothing for the first minutes.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
AGAIN_SECONDS, SILENT_SECONDS = 30.0, 600.0
#: What was left behind is removed by the next try after so long.
LEFT_BEHIND = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """The records of a file, and what is to become of it: verdicts that are right, counts, the orders' total."""

    records: tuple[str, ...]
    verdicts: tuple[str, ...]
    counts: dict[str, int]
    total: str | None


# Breaks a rule.
_BAD = "1,{mark},1,3,Duff,2.50,six,0.33,Retail,created"
#: Two good records, one of them twice, and a bad one.
GOOD = Sample(
    (
        "1,{mark},1,1,Duff,2.50,6,0.33,Retail,created",
        "1,{mark},1,1,Duff,2.50,6,0.33,Retail,created",
        "1,{mark},1,2,Duff Dry,0.1,3,0.5,B2B,delivered",
        _BAD,
    ),
    ("valid_with_rejects",),
    {"rows_read": 4, "rows_published": 2, "rows_duplicate": 1, "rows_rejected": 1, "rows_withheld": 0},
    "15.3000",
)
#: Nothing is published of it, so that no star schema takes up what will be gone. MaxRejectShare decides on the verdict.
BAD = Sample(
    (_BAD,),
    ("invalid", "valid_with_rejects"),
    {"rows_read": 1, "rows_published": 0, "rows_duplicate": 0, "rows_rejected": 1, "rows_withheld": 0},
    None,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion: what should be, and, where it is not so, what was found instead."""

    name: str
    problem: str | None = None


def smoke(deployment: Deployment, *, wait: Callable[[str], None] = lambda why: None) -> Iterator[Check]:
    """Try a deployment out; yields each check as it is made. Raises InputError where the deployment is not there.

    Rows are published only while there is no star schema: a build that took them up would have to be made from nothing
    once they are gone.
    """
    outputs = {**deployment.outputs("buckets"), **deployment.outputs("etl")}
    sample = BAD if store_of(outputs).exists(layout.STAR_POINTER) else GOOD
    yield from try_out(outputs, sample, is_new=_age(deployment) < SILENT_SECONDS, wait=wait)


def try_out(
    outputs: dict[str, str], sample: Sample, *, is_new: bool = False, wait: Callable[[str], None] = lambda why: None
) -> Iterator[Check]:
    """Put a file into the raw bucket, follow it, ask, and remove all traces; yields each check as it is made.

    Where the file gets no verdict in time, the later checks are not made, and the next try removes it: it may still be
    on its way. Into a bucket that is new it is put again until its first verdict: `wait` is told why.
    """
    sweep(outputs)
    yield from _private(outputs)
    with _file(outputs, sample) as put:
        event, row, why = _verdict(outputs, put, is_new, wait)
        yield Check("a file gets its verdict", why)
        if row is None:
            return
        yield _equal("the verdict", row.verdict, row.verdict if row.verdict in sample.verdicts else sample.verdicts)
        yield _equal("every row is counted", {name: getattr(row, name) for name in sample.counts}, sample.counts)
        yield _equal("the ledger names the version of the object", row.version, event.version)
        yield from _tables(outputs, row, sample)
        yield from _api(outputs, row)


def sweep(outputs: dict[str, str]) -> None:
    """Remove what a try left behind that was ended in the middle."""
    for event in [*versions(outputs["RawBucket"], TRY_OUT)]:
        if utc_now() - event.time > LEFT_BEHIND:
            _forget(outputs, event)


def api_address(outputs: dict[str, str]) -> str:
    """The address of the deployed API, without a slash at the end; an emulator has it below its own."""
    emulated = os.environ.get("AWS_ENDPOINT_URL")
    if emulated:
        return f"{emulated}/restapis/{outputs['ApiId']}/live/_user_request_"
    return outputs["ApiUrl"].rstrip("/")


def get(outputs: dict[str, str], path: str, *, known: bool = False) -> tuple[int, dict[str, Any], dict[str, str]]:
    """A GET of the deployed API, by who is `known` to it or not: status, body and headers."""
    address = api_address(outputs) + path
    request = urllib.request.Request(address, headers=_credentials(outputs, address) if known else {})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, json.load(answer), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), dict(error.headers)


def _credentials(outputs: dict[str, str], address: str) -> dict[str, str]:
    """The headers by which the API knows a caller: a key, or a signature with the credentials of the environment."""
    if outputs.get("ApiAuthentication") != "iam":
        return {"x-api-key": api_key(outputs)}
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    session, request = boto3.Session(), AWSRequest("GET", address)
    SigV4Auth(session.get_credentials(), "execute-api", session.region_name).add_auth(request)
    return dict(request.headers)


def api_key(outputs: dict[str, str]) -> str:
    """The API's key, which only who may read it in API Gateway is told."""
    import boto3

    return str(boto3.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)["value"])


def _equal(name: str, actual: object, expected: object) -> Check:
    return Check(name, None if actual == expected else f"{actual!r}, not {expected!r}")


def _made(name: str, check: Callable[[], Check]) -> Check:
    """A check; one that fails in another way is a problem, too."""
    try:
        return check()
    except (DuffError, OSError, ValueError, KeyError) as error:
        return Check(name, f"{type(error).__name__}: {error}")


def _private(outputs: dict[str, str]) -> Iterator[Check]:
    import boto3

    s3 = boto3.client("s3")
    for name in ("RawBucket", "ProcessedBucket", "ArtifactsBucket"):
        blocked = s3.get_public_access_block(Bucket=outputs[name])["PublicAccessBlockConfiguration"]
        yield _equal(f"{outputs[name]} is not public", set(blocked.values()), {True})


def _age(deployment: Deployment) -> float:
    """Seconds since the stack of the buckets was created."""
    stack = describe(deployment.stack("buckets"))
    return (utc_now() - stack["CreationTime"]).total_seconds() if stack else 0.0


@contextmanager
def _file(outputs: dict[str, str], sample: Sample) -> Iterator[Callable[[], Event]]:
    """What puts the file, as a version of its own each time; at the end all are gone, and whatever was made of them."""
    import boto3

    s3, events = boto3.client("s3"), list[Event]()
    mark = f"smoke {secrets.token_hex(8)}"
    data = "\n".join([",".join(COLUMN_NAMES), *(line.format(mark=mark) for line in sample.records), ""]).encode()
    key = f"{TRY_OUT}{mark.replace(' ', '-')}.csv"
    bucket = outputs["RawBucket"]

    def put() -> Event:
        done = s3.put_object(Bucket=bucket, Key=key, Body=data)
        etag, version = done["ETag"].strip('"'), done["VersionId"]
        events.append(Event(bucket=bucket, key=key, size=len(data), etag=etag, version=version, time=utc_now()))
        return events[-1]

    try:
        yield put
    finally:
        ledger = Ledger(store_of(outputs))
        judged = [event for event in events if ledger.of(event.file_id)]
        for event in events:
            # What nobody was told of while another got its verdict, nobody will be. Else it may still be on its way.
            lost = bool(judged) and not ledger.store.exists(layout.event_object(event.file_id))
            if event in judged or lost:
                _forget(outputs, event)


def _forget(outputs: dict[str, str], event: Event) -> None:
    """Remove a file, and whatever was made of it."""
    import boto3

    store = store_of(outputs)
    row = Ledger(store).of(event.file_id)
    if row:
        # First the row: from then on the file is not published.
        store.delete(layout.ledger_object(row.pa_date, row.file_id))
        for name in layout.all_data_objects(row):
            store.delete(name)
        if row.content:
            store.delete(layout.content_object(row.content))
    store.delete(layout.event_object(event.file_id))
    boto3.client("s3").delete_object(Bucket=event.bucket, Key=event.key, VersionId=event.version)


def _verdict(
    outputs: dict[str, str], put: Callable[[], Event], is_new: bool, wait: Callable[[str], None]
) -> tuple[Event, LedgerRow | None, str | None]:
    """The file's event and ledger row once it is there, or why it is not."""
    ledger, began = Ledger(store_of(outputs)), time.monotonic()
    seconds = VERDICT_SECONDS + (SILENT_SECONDS if is_new else 0)
    events = [put()]
    while (waited := time.monotonic() - began) < seconds:
        for event in events:
            row = ledger.of(event.file_id)
            if row and row.verdict != "duplicate":
                _await_verdicts(ledger, events[events.index(event) + 1 :])
                return event, row, row.error and f"failed: {row.error}"
        if is_new and waited > len(events) * AGAIN_SECONDS and waited < SILENT_SECONDS:
            wait(f"no verdict after {waited:.0f} s: S3 may send nothing in a new bucket's first minutes; put once more")
            events.append(put())
        time.sleep(0.2)
    problem = f"no ledger row within {seconds:.0f} s; see the executions of {outputs['StateMachine']}"
    return events[-1], None, problem


def _await_verdicts(ledger: Ledger, events: list[Event]) -> None:
    """Wait a while for those that are on their way, so that nothing comes after all was removed."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline and not all(ledger.of(event.file_id) for event in events):
        time.sleep(0.2)


def _tables(outputs: dict[str, str], row: LedgerRow, sample: Sample) -> Iterator[Check]:
    import boto3

    athena = Athena(boto3.client("athena"), outputs["WorkGroup"], outputs["Database"])

    def ask(name: str, sql: str, expected: dict[str, Any]) -> Check:
        def check() -> Check:
            (document,) = athena.ask(sql, [row.pa_date.isoformat(), row.file_id], timeout=ANSWER_SECONDS).dictionaries()
            return _equal(name, document, expected)

        return _made(name, check)

    of_the_file = "where pa_date = cast(? as date) and file_id = ?"
    yield ask(
        "tbl_duff_orders answers, exactly",
        f"select count(*) as n, sum(total_price) as total from tbl_duff_orders {of_the_file}",
        {"n": sample.counts["rows_published"], "total": sample.total},
    )
    yield ask(
        "tbl_duff_rejected_rows tells why",
        f"select product_ccf, reasons from tbl_duff_rejected_rows {of_the_file}",
        {"product_ccf": "six", "reasons": "product_ccf:not_an_integer"},
    )
    # A time or a structure that Athena cannot read becomes null without a word.
    yield ask(
        "tbl_duff_files has its times and counts",
        "select count(event_time) as announced, count(started) as started, count(finished) as finished,"
        f" sum(rows_published) as published from tbl_duff_files {of_the_file}",
        {"announced": 1, "started": 1, "finished": 1, "published": sample.counts["rows_published"]},
    )


def _api(outputs: dict[str, str], row: LedgerRow) -> Iterator[Check]:
    name = "the API says that it is well"
    yield _made(name, lambda: _equal(name, get(outputs, "/v1/health")[0], 200))
    refused = "the API refuses who is not known"
    # A request that had to be signed is one of no route to API Gateway.
    status = 404 if outputs.get("ApiAuthentication") == "iam" else 403
    yield _made(refused, lambda: _equal(refused, get(outputs, "/v1/files")[0], status))
    claim = "the API tells the rejected row"

    def rejects() -> Check:
        status, body, _ = get(outputs, f"/v1/files/{row.file_id}/rejects", known=True)
        return _equal(claim, (status, len(body.get("data", []))), (200, 1))

    yield _made(claim, rejects)
