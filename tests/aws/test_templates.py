"""The templates by themselves: the linter's word, the contract's tables, and what the state machine must have."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load as load_yaml

from duff_orders import errors
from duff_orders.contract import FILES, ORDERS, REJECTED_ROWS, STAR, TABLES
from duff_orders.lake.glue_catalog import storage
from duff_orders.lake.layout import FOLDERS

FOLDER = Path(__file__).parents[2] / "cloudformation"
TEMPLATES = ("buckets.yaml", "main-etl.yaml", "data-modeling.yaml")
MACHINE = json.loads(
    (FOLDER / "orders-etl.asl.json").read_text().replace("${RetrySeconds}", "2").replace("${PollSeconds}", "30")
)
NAMES = {
    "Validate_csv", "Transform-data", "TriggerGlueJob", "Query_Athena", "Duff_transform_glue_job", "duff_data_models",
}  # fmt: skip


def resources(template: str) -> dict[str, Any]:
    found: dict[str, Any] = load_yaml(str(FOLDER / template))["Resources"]
    return found


@pytest.mark.slow
def test_the_linter_finds_nothing() -> None:
    lint = Path(sys.executable).parent / "cfn-lint"
    paths = [str(FOLDER / name) for name in TEMPLATES]
    done = subprocess.run(
        [lint, "-c", "I", "-r", "us-east-1", "-t", *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_short_enough_to_be_sent_as_it_is(name: str) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    assert (FOLDER / name).stat().st_size <= 51_200


def test_tables_are_those_of_the_contract() -> None:
    found = {}
    for template in TEMPLATES:
        for resource in resources(template).values():
            if resource["Type"] == "AWS::Glue::Table":
                table = resource["Properties"]["TableInput"]
                found[table["Name"]] = table
    assert set(found) == set(TABLES)
    for name, table in found.items():
        ours = TABLES[name]
        described = table["StorageDescriptor"]
        assert [(c["Name"], c["Type"], c["Comment"]) for c in described["Columns"]] == [
            (field.name, field.type, field.comment) for field in ours.fields
        ]
        keys = [(key["Name"], key["Type"]) for key in table.get("PartitionKeys", [])]
        assert keys == ([("pa_date", "date")] if ours.partitioned else [])
        assert table["Description"] == ours.comment
        given = storage("", "json" if ours is FILES else "parquet")
        for key in ("InputFormat", "OutputFormat", "SerdeInfo"):
            assert described[key] == given[key]
        folder = FOLDERS.get(name, f"star/{name}/none")
        assert json.dumps(described["Location"]).startswith(f'{{"Fn::Sub": ["s3://${{Bucket}}/{folder}/"')
    assert {table.name for table in (ORDERS, REJECTED_ROWS, FILES, *STAR)} == set(found)


def test_the_names_of_the_mission_are_there() -> None:
    text = "".join((FOLDER / name).read_text() for name in TEMPLATES)
    for name in (
        *NAMES,
        "duff-orders-raw",
        "duff-orders-processed",
        "aws-project-artifacts-interview",
        "db_duff_orders",
    ):
        assert name in text


def test_every_task_has_a_timeout_and_ends_in_a_verdict() -> None:
    states = MACHINE["States"]
    for name, state in states.items():
        for following in [state.get("Next"), state.get("Default"), *(c["Next"] for c in state.get("Choices", []))]:
            assert following is None or following in states, (name, following)
        if state["Type"] != "Task":
            continue
        assert state["TimeoutSeconds"] > 0
        assert any(
            each["ErrorEquals"] == ["States.ALL"] and each["JitterStrategy"] == "FULL" for each in state["Retry"]
        )
        [caught] = state["Catch"]
        assert caught["ErrorEquals"] == ["States.ALL"]
        assert caught["Next"] == {"Close": "Notify", "Notify": "Failed"}.get(name, "Close")
    functions = resources("main-etl.yaml")
    for name, logical in {"Validate_csv": "ValidateCsv", "Transform-data": "TransformData"}.items():
        assert states[name]["TimeoutSeconds"] > functions[logical]["Properties"]["Timeout"]


def test_roles_name_their_actions_and_resources() -> None:
    free = {"xray:", "logs:", "cloudwatch:PutMetricData"}  # these have no resources, or a condition instead
    for template in TEMPLATES:
        for logical, resource in resources(template).items():
            if resource["Type"] != "AWS::IAM::Role":
                continue
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = statement["Action"]
                    assert not any(action.endswith("*") for action in actions), logical
                    if "*" in statement["Resource"]:
                        assert all(any(action.startswith(each) for each in free) for action in actions), logical


def test_nothing_is_public() -> None:
    for logical, resource in resources("buckets.yaml").items():
        if resource["Type"] == "AWS::S3::Bucket":
            assert set(resource["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}, logical
            assert resource["DeletionPolicy"] == "Retain"
    methods = [each for each in resources("main-etl.yaml").items() if each[1]["Type"] == "AWS::ApiGateway::Method"]
    assert [name for name, each in methods if not each["Properties"]["ApiKeyRequired"]] == ["ApiHealthGet"]


def test_the_state_machine_tries_again_what_may_pass() -> None:
    """The classes that it does not repeat are those of which `errors` says that trying again does not help."""
    never = {
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.DuffError) and not kind.is_transient
    }
    for name, state in MACHINE["States"].items():
        if state.get("Resource") != "arn:aws:states:::lambda:invoke" or name in ("Close", "TriggerGlueJob"):
            continue
        (given,) = (set(each["ErrorEquals"]) for each in state["Retry"] if each["MaxAttempts"] == 0)
        assert given <= never
        # these are no errors of a function: they end in a verdict, or never leave the command line
        assert never - given == {"DuffError", "UnknownFile", "QueryRefused", "InvalidFile"}
