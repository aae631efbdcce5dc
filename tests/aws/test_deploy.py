"""`duff deploy` and `duff package` on emulated AWS: repeated, by stage, under a prefix, and what they refuse."""

import json
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from duff_orders.aws.deploy import deploy
from duff_orders.aws.package import package, unzipped
from duff_orders.aws.stacks import Deployment
from duff_orders.cli.main import app
from duff_orders.errors import InputError, PipelineError
from duff_orders.lake.glue_catalog import behind
from duff_orders.lake.snapshot import current
from tests.aws.bundles import packaged
from tests.aws.conftest import ARCHITECTURE, PARAMETERS
from tests.aws.deployed import Deployed
from tests.aws.emulator import functions_python

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]


def test_a_stage_under_a_prefix_and_again(aws: str) -> None:
    words = ["deploy", "--deployment", "test", "--stage", "buckets"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    assert "RawBucket: CREATE_COMPLETE" in first.output
    assert "\nRawBucket=test-duff-orders-raw\n" in first.output
    again = CliRunner().invoke(app, words)
    assert "test-duff-orders-buckets: UNCHANGED" in again.output
    told = CliRunner().invoke(app, [*words, "--json"])
    assert "test-duff-orders-buckets: UNCHANGED" in told.stderr
    found = json.loads(told.stdout)
    assert (found["works"], found["outputs"]["RawBucket"]) == (True, "test-duff-orders-raw")
    client = boto3.client("s3")
    assert client.get_bucket_versioning(Bucket="test-duff-orders-raw")["Status"] == "Enabled"
    blocked = client.get_public_access_block(Bucket="test-duff-orders-raw")["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}


def test_an_update_lets_the_catalog_follow_again(deployed: Deployed) -> None:
    deployed.modelled()
    glue = boto3.client("glue")
    database = deployed.outputs["Database"]
    table = glue.get_table(DatabaseName=database, Name="dim_clients")["Table"]
    moved = {**table["StorageDescriptor"], "Location": "s3://nowhere/"}
    given = {"Name": "dim_clients", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": moved}
    glue.update_table(DatabaseName=database, TableInput=given)
    told: list[str] = []
    deploy(
        Deployment(),
        stage="models",
        architecture=ARCHITECTURE,
        python=functions_python(),
        parameters={
            **{k: v for k, v in PARAMETERS.items() if k in ("BatchSeconds", "BuildMinutes")},
            "Workers": "3",
        },
        on_event=lambda resource, state, why: told.append(f"{resource} {state}"),
    )
    assert any(each.endswith("UPDATE_COMPLETE") for each in told)
    star = current(deployed.store)
    deployed.until(lambda: not [*behind(deployed.store, glue, database, star)])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stage": "everything"}, "allowed are buckets, etl, models, all"),
        ({"parameters": {"Colour": "blue"}}, "there is no parameter Colour; parameters: AlertEmail, .*, Workers"),
    ],
)
def test_what_cannot_be_is_refused(aws: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        deploy(Deployment(), **options)  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(InputError, match="no hyphen last"):
        Deployment("Test-")
    with pytest.raises(InputError, match="there is no stack nowhere-duff-orders-buckets; `duff deploy` makes it"):
        deploy(Deployment("nowhere"), stage="etl")


def test_a_stack_that_fails_says_why(aws: str) -> None:
    with pytest.raises(PipelineError, match="duff-orders-buckets"):
        deploy(Deployment("taken"), stage="buckets", parameters={"RawBucketName": "Not_A_Bucket"})


def test_what_was_packaged_is_told_as_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.aws.package.package", packaged)  # the same, kept from one test for the next
    words = ["package", str(tmp_path), "--architecture", ARCHITECTURE, "--python", functions_python(), "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert {each["path"]: each["bytes"] for each in told} == {
        str(path): path.stat().st_size for path in tmp_path.iterdir()
    }


def test_the_bundle_of_a_small_file_is_small(tmp_path: Path) -> None:
    made = packaged(tmp_path, architecture=ARCHITECTURE, python=functions_python())
    assert unzipped(*(path for path in made if path.name == "transform.zip")) <= 90 * 10**6


@pytest.mark.exhaustive
def test_bundles_are_the_same_bytes_twice(tmp_path_factory: pytest.TempPathFactory) -> None:
    first, second = (package(tmp_path_factory.mktemp("dist"), architecture="arm64", python="3.13") for _ in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert unzipped(*(path for path in first if path.name == "transform.zip")) <= 80 * 10**6  # arm64's are smaller
    with pytest.raises(InputError, match="allowed are arm64, x86_64"):
        package(tmp_path_factory.mktemp("dist"), architecture="sparc")  # type: ignore[arg-type] # wrong on purpose


def test_a_bundle_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.aws.package.LIMIT", 10**6)
    with pytest.raises(InputError, match=r"functions.zip takes [\d,]+ bytes unzipped; a function may have 1,000,000"):
        package(tmp_path, architecture="x86_64", python="3.13")
    assert not (tmp_path / "functions.zip").exists()
