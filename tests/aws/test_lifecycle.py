"""A deployment's life, by the commands alone: planned, made, tried out, changed, broken, taken down, made again."""

import os
import zipfile
from pathlib import Path
from unittest import mock

import boto3
import httpx2
import pytest
from typer.testing import CliRunner, Result

from duff_orders.aws.release import ALIAS, KEPT_VERSIONS
from duff_orders.aws.smoke import api_address, api_key
from duff_orders.aws.stacks import Deployment
from duff_orders.cli.main import app
from duff_orders.lake.stores.base import names
from duff_orders.lake.stores.s3 import S3Store
from tests.aws.bundles import packaged
from tests.aws.conftest import ARCHITECTURE
from tests.aws.deployed import Deployed, reconfigured
from tests.aws.emulator import functions_python

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws-store")]

SAMPLE = Path(__file__).parents[2] / "samples" / "01-orders.csv"
ACME = Deployment("acme")
BUCKETS = ["acme-aws-project-artifacts-interview", "acme-duff-orders-processed", "acme-duff-orders-raw"]
# What the file of the try-out could leave; a build is not started so soon.
FOLDERS = ("orders", "rejected_rows", "files", "events", "content", "locks", "staging", "incoming", "star")


def duff(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, words, input=typed)


def deploy(*words: str) -> Result:
    quick = ("RetrySeconds=1", "PollSeconds=15", "BatchSeconds=300", "AlertEmail=a@example.com", "MonthlyBudget=100")
    told = [word for each in quick for word in ("--parameter", each)] if "--stage" not in words else []
    return duff("deploy", "--deployment", "acme", "--architecture", ARCHITECTURE, "--python", functions_python(), *told,
                *words)  # fmt: skip


@pytest.fixture(scope="module")
def made(aws: str) -> Result:
    """The first deployment, tried out."""
    planned = deploy("--dry-run")
    assert planned.exit_code == 0, planned.output
    for expected in ("RawBucket: would be created (AWS::S3::Bucket)", "TransformData: would be", "ModelsJob: would be"):
        assert expected in planned.output
    assert stacks() == []
    # S3 is silent on a new bucket for a while: here the first two announcements are lost.
    Path(os.environ["EMULATOR_FOLDER"], "faults", "events-acme-duff-orders-raw").write_text("lost\nlost\n")
    with mock.patch("duff_orders.aws.smoke.AGAIN_SECONDS", 2.0):
        return deploy("--tag", "team=orders")


def stacks() -> list[str]:
    found = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return sorted(each["StackName"] for each in found if each["StackName"].startswith("acme-"))


def buckets() -> list[str]:
    found = boto3.client("s3").list_buckets()["Buckets"]
    return sorted(each["Name"] for each in found if each["Name"].startswith("acme-"))


def test_two_commands_are_enough(made: Result) -> None:
    assert made.exit_code == 0, made.output
    assert made.output.count("  waiting: no verdict after 2 s: S3 may send nothing in a new bucket's") == 1
    assert 2 <= made.output.count("  waiting: ") <= 60
    assert made.output.count("  ok: ") == 13
    assert "not so" not in made.output
    assert "\nNext: aws s3 cp orders.csv s3://acme-duff-orders-raw/\n" in made.output
    assert stacks() == ["acme-duff-orders-buckets", "acme-duff-orders-etl", "acme-duff-orders-models"]


def test_what_it_is_made_of_names_the_deployment_and_is_protected(made: Result) -> None:
    cloudformation = boto3.client("cloudformation")
    for stack in stacks():
        # AWS hands them on to what the stacks are made of.
        tags = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Tags"]
        assert {each["Key"]: each["Value"] for each in tags} == {"duff-orders": "acme-duff-orders", "team": "orders"}
        with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection is enabled"):
            cloudformation.delete_stack(StackName=stack)
    assert "looked at: " in made.output
    (budget,) = boto3.client("budgets").describe_budgets(AccountId="000000000000")["Budgets"]
    assert (budget["BudgetName"], budget["BudgetLimit"]["Amount"]) == ("acme-duff-orders", "100")
    assert budget["CostFilters"] == {"TagKeyValue": ["user:duff-orders$acme-duff-orders"]}


def test_trying_out_leaves_nothing(made: Result) -> None:
    store = S3Store("acme-duff-orders-raw", "acme-duff-orders-processed")
    assert [name for folder in FOLDERS for name in names(store, f"processed/{folder}/")] == []
    versions = boto3.client("s3").list_object_versions(Bucket="acme-duff-orders-raw")
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")


def test_what_has_not_changed_is_left_alone(made: Result) -> None:
    again = deploy("--no-smoke")
    assert again.exit_code == 0
    for stage in ("buckets", "etl", "models"):
        assert f"acme-duff-orders-{stage}: UNCHANGED" in again.output


def memory() -> int:
    client = boto3.client("lambda")
    return int(client.get_function_configuration(FunctionName="acme-Transform-data")["MemorySize"])


def test_an_update_is_planned_and_made(made: Result) -> None:
    words = ("--stage", "etl", "--parameter", "TransformMemory=1024", "--no-smoke")
    planned = deploy(*words, "--dry-run")
    assert "TransformData: would be changed (AWS::Lambda::Function)" in planned.output
    assert memory() == 2048
    updated = deploy(*words)
    assert updated.exit_code == 0, updated.output
    assert memory() == 1024


def test_callers_may_be_known_by_their_signatures(made: Result) -> None:
    words = ("--stage", "etl", "--parameter", "TransformMemory=1024")
    told = deploy(*words, "--parameter", "ApiAuthentication=iam")
    assert told.exit_code == 0, told.output
    assert "  ok: the API refuses who is not known" in told.output
    assert "  ok: the API tells the rejected row" in told.output
    outputs = ACME.outputs("etl")
    headers = {"x-api-key": api_key(outputs)}
    assert httpx2.get(f"{api_address(outputs)}/v1/files", headers=headers).status_code in (403, 404)
    # What is not given stays as it is.
    assert "acme-duff-orders-etl: UNCHANGED" in deploy("--stage", "etl", "--no-smoke").output
    back = deploy("--stage", "etl", "--parameter", "ApiAuthentication=key")
    assert back.exit_code == 0, back.output
    assert memory() == 1024
    assert httpx2.get(f"{api_address(outputs)}/v1/files", headers=headers).status_code == 200


def release() -> str:
    return ACME.outputs("etl")["Release"]


def test_a_bad_release_is_taken_back_by_one_command(made: Result, tmp_path: Path) -> None:
    packaged(tmp_path, architecture=ARCHITECTURE, python=functions_python())
    good = release()
    with zipfile.ZipFile(tmp_path / "transform.zip") as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    files["duff_orders/ingest/transform.py"] = b"raise RuntimeError('a bad release')"
    with zipfile.ZipFile(tmp_path / "transform.zip", "w") as worse:
        for name, data in files.items():
            worse.writestr(name, data)
    told = deploy("--dist", str(tmp_path), "--no-smoke")
    assert told.exit_code == 0, told.output
    bad = release()
    assert bad != good
    deployed = Deployed({**ACME.outputs("buckets"), **ACME.outputs("etl")})
    deployed.put("bad.csv", SAMPLE.read_bytes().replace(b"Moe", b"Bad"))
    assert deployed.row("bad.csv").verdict == "failed"
    back = duff("rollback", "--deployment", "acme")
    assert back.exit_code == 0, back.output
    for function in ("Validate_csv", "Transform-data", "TriggerGlueJob", "Query_Athena", "Build_models"):
        assert f"acme-{function}: TAKEN BACK (version " in back.output
    assert f"In use: {good}\n" in back.output
    assert (release(), memory()) == (good, 1024)
    assert back.output.count("  ok: ") == 13
    assert duff("replay", "--deployment", "acme", "--failed").exit_code == 0
    assert deployed.row("bad.csv").verdict == "valid"
    wrong = duff("rollback", "--deployment", "acme", "--to", "releases/none")
    assert "s3://acme-aws-project-artifacts-interview/releases/none holds no release" in str(wrong.exception)
    again = duff("rollback", "--deployment", "acme", "--no-smoke")  # done twice, it is as it was
    assert f"In use: {bad}\n" in again.output
    assert duff("rollback", "--deployment", "acme", "--to", good).exit_code == 0
    assert release() == good


def test_the_oldest_versions_of_functions_go(made: Result) -> None:
    client = boto3.client("lambda")
    for number in range(KEPT_VERSIONS):
        assert deploy("--stage", "models", "--parameter", f"BehindSeconds={7200 + number}", "--no-smoke").exit_code == 0
    found = client.list_versions_by_function(FunctionName="acme-Build_models")["Versions"]
    kept = sorted(int(each["Version"]) for each in found if each["Version"] != "$LATEST")
    assert len(kept) == KEPT_VERSIONS
    assert client.get_alias(FunctionName="acme-Build_models", Name=ALIAS)["FunctionVersion"] == str(kept[-1])


def test_trying_out_tells_what_does_not_work(made: Result) -> None:
    with reconfigured("acme-Transform-data", {"PROCESSED_BUCKET": "no-such-bucket"}):
        told = deploy("--stage", "models")
    assert told.exit_code == 1
    assert "  not so: a file gets its verdict: failed: " in told.output
    assert "no-such-bucket" in told.output
    assert "\nModelsJob=acme-duff_data_models\n" in told.output


def test_a_stack_is_deleted_only_by_its_name(made: Result) -> None:
    told = duff("destroy", "--deployment", "acme", typed="duff-orders\n")
    assert (told.exit_code, "Nothing was deleted." in told.output) == (1, True)
    assert len(stacks()) == 3


def test_destroyed_and_made_again_onto_the_buckets_that_were_kept(made: Result) -> None:
    client = boto3.client("s3")
    client.put_object(Bucket="acme-duff-orders-raw", Key="kept.txt", Body=b"not ours")
    client.upload_file(str(SAMPLE), "acme-duff-orders-raw", "kept.csv")
    deployed = Deployed({**ACME.outputs("buckets"), **ACME.outputs("etl")})
    deployed.row("kept.csv")
    published = sum(row.rows_published for row in deployed.rows())
    told = duff("destroy", "--deployment", "acme", typed="acme-duff-orders\n")
    assert told.exit_code == 0, told.output
    for bucket in BUCKETS:
        assert f"kept: s3://{bucket}" in told.output
    assert (stacks(), buckets()) == ([], BUCKETS)
    again = deploy()
    assert again.exit_code == 0, again.output
    assert again.output.count("  ok: ") == 13
    assert client.get_object(Bucket="acme-duff-orders-raw", Key="kept.txt")["Body"].read() == b"not ours"
    # The tables are new and show what the buckets held.
    assert deployed.ask("select count(*) as n from tbl_duff_orders") == [{"n": published}]
    assert client.get_bucket_policy(Bucket="acme-duff-orders-raw")["Policy"]


def test_destroyed_with_all_data(made: Result) -> None:
    told = duff("destroy", "--deployment", "acme", "--data", typed="acme-duff-orders\n")
    assert told.exit_code == 0, told.output
    assert (stacks(), buckets()) == ([], [])
    told = duff("destroy", "--deployment", "acme", "--yes")
    assert (told.exit_code, str(told.exception)) == (
        1,
        "nothing is deployed: there is no stack acme-duff-orders-buckets",
    )
