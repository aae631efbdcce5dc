"""The deployment where signatures are verified, policies are enforced and only TLS is spoken: the roles suffice."""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from duff_orders import generate
from duff_orders.api.app import create_app, guarded
from duff_orders.aws.deploy import deploy
from duff_orders.aws.pages import RawBucket, source_of
from duff_orders.aws.remote import Remote
from duff_orders.aws.smoke import smoke, sweep
from duff_orders.aws.stacks import Deployment, describe
from duff_orders.aws.telemetry import TRY_OUT
from duff_orders.cli.main import app
from duff_orders.clock import utc_now
from duff_orders.console.app import install
from duff_orders.documents import LedgerRow
from duff_orders.errors import InputError, PipelineError
from duff_orders.lake import partners
from duff_orders.lake.stores.base import names
from duff_orders.profiles.profile import load
from duff_orders.query import rejects
from duff_orders.settings import Settings
from tests.aws import simulator
from tests.aws.conftest import ARCHITECTURE, PARAMETERS, THRESHOLD
from tests.aws.deployed import Deployed, reconfigured
from tests.aws.emulator import emulated_aws, functions_python
from tests.aws.simulator import Call
from tests.browser.test_loop import correct

pytestmark = [pytest.mark.aws, pytest.mark.slow, pytest.mark.xdist_group("aws-store")]
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("enforced")
    with emulated_aws(folder, enforced=True):
        partners = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        keys = {"EncryptionKey": "new", "PartnerKeyArns": f"{partners},{partners}-2"}
        yield Deployed(
            deploy(
                Deployment(),
                architecture=ARCHITECTURE,
                python=functions_python(),
                parameters=PARAMETERS | {"BatchSeconds": "20"} | keys,
            )
        )
        unknown = {*simulator.made(folder)} - simulator.kept()
        assert not unknown, f"to be added to calls.txt: {sorted(unknown)}"


def test_every_role_may_do_what_it_must(enforced: Deployed, tmp_path: Path) -> None:
    assert os.environ["AWS_ENDPOINT_URL"].startswith("https://")
    generate(tmp_path / "large.csv", rows=4000, seed=5, bad=0.1)
    files = {
        "orders.csv": (SAMPLES / "01-orders.csv").read_bytes(),
        "a//odd.csv": (SAMPLES / "03-dirty.csv").read_bytes(),
        "invalid.csv": (SAMPLES / "05-missing-column.csv").read_bytes(),
        "large.csv": (tmp_path / "large.csv").read_bytes(),
    }
    assert len(files["large.csv"]) >= THRESHOLD
    for key, data in files.items():
        enforced.put(key, data)
    assert {key: (enforced.row(key).verdict, enforced.row(key).engine) for key in files} == {
        "orders.csv": ("valid", "duckdb"),
        "a//odd.csv": ("valid_with_rejects", "duckdb"),
        "invalid.csv": ("invalid", None),
        "large.csv": ("valid_with_rejects", "spark"),
    }
    enforced.followed()  # the queue has started a build, by itself
    lines = enforced.ask("select count(distinct (order_id, product_id)) as n from tbl_duff_orders")
    assert enforced.ask("select count(*) as n from fact_orders") == lines
    assert lines[0]["n"] > 1000
    status, body, _ = enforced.get("/v1/reports/sales_by_channel")
    assert status == 200
    assert body["data"]


def test_partners_profiles_are_read_and_written_by_nobody_but_who_deploys(enforced: Deployed, tmp_path: Path) -> None:
    text = 'prefix = "acme/"\n[numbers]\ndecimal_mark = ","\n[file]\ndelimiter = ";"\n[headers]\nstatus = "Estado"\n'
    partners.put(enforced.store, "acme", text, utc_now())
    generate(tmp_path / "acme.csv", rows=100, seed=11, profile=load(text))
    generate(tmp_path / "large.csv", rows=4000, seed=12, profile=load(text))
    for name, engine in (("acme.csv", "duckdb"), ("large.csv", "spark")):
        enforced.put(f"acme/{name}", (tmp_path / name).read_bytes())
        row = enforced.row(f"acme/{name}")
        assert (row.verdict, row.profile, row.engine, row.error) == ("valid", "acme", engine, None)
    assert [each["name"] for each in enforced.get("/v1/profiles")[1]["data"]] == ["acme"]
    assert enforced.get("/v1/profiles/acme")[1]["text"] is None
    status, body, _ = enforced.get("/v1/files?partner=acme")
    assert (status, {each["source_file"] for each in body["data"]}) == (200, {"acme/acme.csv", "acme/large.csv"})
    file_id = enforced.row("acme/acme.csv").file_id
    status, body, _ = enforced.get(f"/v1/files/{file_id}/header")
    assert (status, body["columns"][-1]["name"]) == (200, "Estado")
    tried = enforced.request("POST", "/v1/profiles/check", json={"text": text, "file_id": file_id})
    assert (tried.status_code, tried.json()["rows_good"]) == (200, 100), tried.text
    for method, path, sent in (
        ("PUT", "/v1/profiles/acme", {"text": text}),
        ("POST", f"/v1/files/{file_id}/replay", None),
    ):
        refused = enforced.request(method, path, json=sent)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")


def test_one_key_encrypts_all_of_it(enforced: Deployed) -> None:
    """And each role may use it: all tests here run with it. What the emulator leaves out, test_templates looks at."""
    key = enforced.outputs["KeyArn"]
    kms = boto3.client("kms")
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    s3 = boto3.client("s3")
    for name in ("RawBucket", "ProcessedBucket", "ArtifactsBucket"):
        (rule,) = s3.get_bucket_encryption(Bucket=enforced.outputs[name])["ServerSideEncryptionConfiguration"]["Rules"]
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        assert (rule["ApplyServerSideEncryptionByDefault"], rule["BucketKeyEnabled"]) == (default, True)
    found = s3.list_objects_v2(Bucket=enforced.outputs["ProcessedBucket"], Prefix="files/")["Contents"]
    told = s3.head_object(Bucket=enforced.outputs["ProcessedBucket"], Key=found[0]["Key"])
    assert told["SSEKMSKeyId"] == key
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    assert {each.get("kmsKeyId") for each in groups if "duff" in each["logGroupName"].lower()} == {key}
    group = boto3.client("athena").get_work_group(WorkGroup=enforced.outputs["WorkGroup"])["WorkGroup"]
    results = group["Configuration"]["ResultConfiguration"]["EncryptionConfiguration"]
    assert results == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    glue = boto3.client("glue")
    for job in glue.get_jobs()["Jobs"]:
        security = glue.get_security_configuration(Name=job["SecurityConfiguration"])["SecurityConfiguration"]
        assert security["EncryptionConfiguration"]["S3Encryption"][0]["KmsKeyArn"] == key


def test_a_partner_may_encrypt_with_a_key_of_its_own(enforced: Deployed) -> None:
    keys = {each["KeyArn"] for each in boto3.client("kms").list_keys()["Keys"]}
    (partners,) = keys - {enforced.outputs["KeyArn"]}
    data = (SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", b"Barney")
    boto3.client("s3").put_object(
        Bucket=enforced.outputs["RawBucket"],
        Key="partner/orders.csv",
        Body=data,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=partners,
    )
    assert enforced.row("partner/orders.csv").verdict == "valid"


def test_the_key_stays(enforced: Deployed) -> None:
    """Taken away, or another in its place, what is there could be read no more. What is not given stays as it is."""
    for other in ("", "arn:aws:kms:us-east-1:000000000000:key/other"):
        with pytest.raises(InputError, match="could be read no more; leave it"):
            deploy(Deployment(), stage="buckets", parameters={"EncryptionKey": other})
    deploy(Deployment(), stage="buckets", parameters={"ColdDays": "30"})
    stack = describe("duff-orders-buckets") or {}
    told = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (told["EncryptionKey"], told["ColdDays"]) == ("new", "30")


def test_corrections_replacements_and_returns(enforced: Deployed, tmp_path: Path) -> None:
    """Each of them reads more than an ordinary file: other ledger rows, rejected rows, the bucket's versions."""
    remote = Remote.of("duff-orders", Settings.load())
    dirty, broken = enforced.row("a//odd.csv"), enforced.row("invalid.csv")
    status, body, _ = enforced.get("/v1/files?open=true")
    assert status == 200
    assert {dirty.file_id: 11, broken.file_id: 0}.items() <= {
        row["file_id"]: row["rows_open"] for row in body["data"]
    }.items()
    out = tmp_path / "corrected.csv"
    rejects.export(remote.lake, dirty, out)
    assert correct(out, out, first=9_800_000, channel="Enforced") == 11
    enforced.put("corrected.csv", out.read_bytes())
    assert enforced.row("corrected.csv").verdict == "valid"
    again = tmp_path / "again.csv"
    again.write_bytes((SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", b"Again"))
    (event,) = remote.upload([again], replaces=broken.file_id[:12])
    assert enforced.row("again.csv").corrects == (broken.file_id,)
    assert event.file_id == enforced.row("again.csv").file_id
    status, body, _ = enforced.get(f"/v1/files/{dirty.file_id}/corrections")
    assert (status, body["open"], body["rows_corrected"]) == (200, False, 11)
    assert enforced.get(f"/v1/files/{broken.file_id}/corrections")[1]["open"] is False
    contents = [again.read_bytes().replace(b"Again", name) for name in (b"One", b"One", b"Two", b"One")]
    expected = ["valid", "duplicate", "valid", "valid"]  # the same again is known; after another it is news
    for number, data in enumerate(contents, 1):
        enforced.put("returns.csv", data)
        enforced.until(lambda n=number: len(rows_of(enforced, "returns.csv")) == n)  # type: ignore[misc]
    found = sorted(rows_of(enforced, "returns.csv"), key=lambda row: (row.event_time, row.sequencer or ""))
    assert [row.verdict for row in found] == expected
    enforced.put("wrapped.csv.gz", gzip.compress(contents[-1]))
    wrapped = enforced.row("wrapped.csv.gz")
    assert (wrapped.verdict, wrapped.content) == ("duplicate", found[-1].content)
    assert remote.prove(deep=True).problems == []


def rows_of(enforced: Deployed, key: str) -> list[LedgerRow]:
    return [row for row in enforced.rows() if row.source_file == key]


def test_trying_out_finds_no_problem(enforced: Deployed) -> None:
    assert [check for check in smoke(Deployment()) if check.problem] == []


def test_the_walk_and_large_builds(enforced: Deployed) -> None:
    """What neither the files above ask for, nor small builds."""
    target = boto3.client("scheduler").get_schedule(Name="duff-orders-walk")["Target"]
    done = boto3.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
    assert json.loads(done["Payload"].read())["is_done"] is True
    with reconfigured("Build_models", {"SMALL_BUILD_BYTES": "0"}):
        enforced.settled()
        run = enforced.build(rebuild=True)["job_run_id"]
        enforced.until(lambda: not enforced.is_building())
    state = boto3.client("glue").get_job_run(JobName="duff_data_models", RunId=run)["JobRun"]["JobRunState"]
    assert state == "SUCCEEDED"
    assert enforced.is_modelled()


@pytest.mark.skipif(not simulator.is_there(), reason="the simulator of policies needs node")
def test_a_simulator_allows_what_the_code_asks_for_and_nothing_dangerous(enforced: Deployed) -> None:
    """It knows what the emulator does not: that calls of Glue are of catalog, database and table, for one."""
    calls = sorted(simulator.kept() | {*simulator.asked_by_services()})
    answers = dict(zip(calls, simulator.simulated(calls, enforced), strict=True))
    assert {call: answer for call, answer in answers.items() if answer != "Allowed"} == {}
    neighbours = [Call(role, *each) for role in sorted({call.role for call in calls}) for each in simulator.DANGEROUS]
    neighbours = [call for call in neighbours if call not in calls]
    found = dict(zip(neighbours, simulator.simulated(neighbours, enforced), strict=True))
    assert {call: answer for call, answer in found.items() if answer != "ImplicitlyDenied"} == {}
    assert len(neighbours) > 300


def canary() -> dict[str, Any]:
    """What the function says that tries the deployment out on a schedule."""
    target = boto3.client("scheduler").get_schedule(Name="duff-orders-canary")["Target"]
    done = boto3.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
    told: dict[str, Any] = json.loads(done["Payload"].read())
    return told


def traces(enforced: Deployed) -> list[str]:
    versions = boto3.client("s3").list_object_versions(Bucket=enforced.outputs["RawBucket"], Prefix=TRY_OUT)
    return [
        *(each["Key"] for each in versions.get("Versions", [])),
        *(row.file_id for row in enforced.rows() if row.source_file.startswith(TRY_OUT)),
    ]


def test_the_canary_finds_no_problem_and_leaves_no_trace(enforced: Deployed) -> None:
    before = {*names(enforced.store, "processed/")}
    assert canary() == {"checks": 13}
    assert traces(enforced) == []
    left = {*names(enforced.store, "processed/")} - before
    assert {name for name in left if not name.startswith("processed/athena/")} == set()
    logs = boto3.client("logs")
    told = [
        line
        for name in ("Validate_csv", "Transform-data")
        for each in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        for line in each["message"].splitlines()
        if TRY_OUT in line
    ]
    assert told
    assert not [line for line in told if "CloudWatchMetrics" in line]


def test_the_canary_tells_what_is_wrong_and_removes_what_was_left(enforced: Deployed) -> None:
    with reconfigured("Transform-data", {"PROCESSED_BUCKET": "no-such-bucket"}):
        told = canary()
    assert told["errorType"] == "PipelineError"
    assert told["errorMessage"].startswith("a file gets its verdict: failed: ")
    assert traces(enforced) == []
    # One that is ended in the middle leaves its file; the next removes what is old enough.
    enforced.put(f"{TRY_OUT}left.csv", b"client_id\n")
    enforced.row(f"{TRY_OUT}left.csv")
    outputs = {**enforced.outputs}
    sweep(outputs)
    assert len(traces(enforced)) == 2
    with mock.patch("duff_orders.aws.smoke.LEFT_BEHIND", timedelta(0)):
        sweep(outputs)
    assert traces(enforced) == []


def test_who_reads_the_pages_needs_the_policy_of_the_documents(
    enforced: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="reader")
    text = (SAMPLES.parent / "docs" / "aws.md").read_text()
    policy = text.partition("```json\n")[2].partition("```")[0]
    buckets = {each: enforced.outputs[f"{each.title()}Bucket"] for each in ("raw", "processed")}
    for each, name in buckets.items():
        policy = policy.replace(f"acme-duff-orders-{each}", name)
    policy = policy.replace("arn:aws:kms:*:*:key/KEY_ID", enforced.outputs["KeyArn"])
    policy = policy.replace("acme-duff-orders", "duff-orders").replace("acme_db_duff_orders", "db_duff_orders")
    iam.put_user_policy(UserName="reader", PolicyName="pages", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    boto3.setup_default_session()
    try:
        remote = Remote.of("duff-orders", Settings.load())
        source = source_of(remote, queries=True)
        made = create_app(source)
        install(made, source, RawBucket(remote.store))
        client = TestClient(guarded(made), base_url="http://127.0.0.1")
        (dirty,) = [row for row in source.ledger.rows() if row.source_file == "a//odd.csv"]
        page = f"/files/{dirty.file_id}"
        for path in (
            "/",
            "/partners",
            "/sales?period=all",
            "/files",
            page,
            f"{page}/corrections.csv",
            "/orders",
            "/orders/5678",
            "/sql",
        ):
            assert client.get(path).status_code == 200, path
        assert client.post("/v1/queries", json={"sql": "select 1 as one"}).json()["state"] == "succeeded"
        sent = client.put("/console/uploads/reader.csv", content=(SAMPLES / "05-missing-column.csv").read_bytes())
        assert sent.status_code == 202
        given = client.post(f"{page}/give-up", data={"why": "gone"}, headers={"accept": "text/html"})
        assert "nothing of it is open" in given.text
        other = source.ledger.rows()
        (large,) = [row for row in other if row.source_file == "large.csv"]
        given = client.post(f"/files/{large.file_id}/give-up", data={"why": "gone"}, headers={"accept": "text/html"})
        assert given.status_code == 200
        assert "0 open" in given.text
    finally:
        monkeypatch.undo()
        boto3.setup_default_session()
    assert enforced.row("reader.csv", 120).verdict == "invalid"


def test_what_a_policy_does_not_allow_is_refused(enforced: Deployed) -> None:
    """Without this the others would prove nothing."""
    iam = boto3.client("iam")
    role = boto3.client("lambda").get_function_configuration(FunctionName="Transform-data")["Role"].rpartition("/")[2]
    iam.delete_role_policy(RoleName=role, PolicyName="work")
    enforced.put("denied.csv", (SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", b"Denied"))
    row = enforced.row("denied.csv", 120)
    assert row.verdict == "failed"
    assert "denied" in (row.error or "").lower()


def test_who_may_nothing_is_told_so(enforced: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    boto3.setup_default_session()
    try:
        for command in ("files", "status", "check"):
            result = CliRunner().invoke(app, [command, "--deployment", "duff-orders"])
            assert type(result.exception) is PipelineError, result.output
            assert str(result.exception).startswith("AWS refused DescribeStacks: ")
            assert "not authorized" in str(result.exception)
    finally:
        monkeypatch.undo()
        boto3.setup_default_session()
