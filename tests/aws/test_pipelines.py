"""The ways from a change to production: each builds once, deploys that to test, asks, and deploys the same again."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

from duff_orders.cli.main import app
from tests.aws.test_templates import FOLDER, TEMPLATES, resources

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
#: How the services are called whose resources the stacks are made of, where IAM calls them otherwise.
SERVICES = {"apigateway": "apigateway", "events": "events", "stepfunctions": "states", "cloudwatch": "cloudwatch"}


def commands(text: str) -> Iterator[list[str]]:
    """The calls of duff in a script."""
    for found in re.finditer(r"\bduff [^\"\n]*(?:\"\$?\w+\"[^\"\n]*)*", text):
        yield shlex.split(found[0].rstrip("]} ").replace('"]', ""))[1:]


def understood(words: list[str]) -> dict[str, Any]:
    """The options of a command, as it takes them; raises for those that it does not know."""
    command = get_command(app).commands[words[0]]  # type: ignore[attr-defined] # a group of commands
    return dict(command.make_context(words[0], words[1:]).params)


def test_the_workflow_builds_once_and_deploys_that() -> None:
    jobs = WORKFLOW["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "build": None,
        "test": "build",
        "production": "test",
    }
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    asked = {name: [understood(words) for run in some for words in commands(run)] for name, some in runs.items()}
    (package,) = asked["build"]
    assert Path(package["out"]) == Path("dist")
    for name in ("test", "production"):
        (deploy,) = asked[name]
        assert (Path(deploy["dist"]), deploy["deployment"], deploy["try_out"]) == (Path("dist"), "$PREFIX", True)
        assert jobs[name]["environment"] == name
    # Roles by short-lived tokens, in the jobs that deploy alone.
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["test", "production"]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    used = re.findall(r"uses: (\S+)", (ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    assert all(re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", each) for each in used)


@pytest.fixture(scope="module")
def pipeline() -> dict[str, Any]:
    return resources("pipeline.yaml")


def test_the_pipeline_builds_once_asks_and_deploys_that(pipeline: dict[str, Any]) -> None:
    stages = {each["Name"]: each["Actions"][0] for each in pipeline["Pipeline"]["Properties"]["Stages"]}
    assert list(stages) == ["Source", "Build", "Test", "Approve", "Production"]
    assert stages["Approve"]["ActionTypeId"]["Provider"] == "Manual"
    assert [each["Name"] for each in stages["Build"]["OutputArtifacts"]] == ["release"]
    for name in ("Test", "Production"):
        assert stages[name]["InputArtifacts"] == [{"Name": "release"}]
        assert stages[name]["Configuration"]["ProjectName"] == {"Ref": "Deploy"}
    spec = {name: yaml.safe_load(pipeline[name]["Properties"]["Source"]["BuildSpec"]) for name in ("Build", "Deploy")}
    (package,) = (each for line in spec["Build"]["phases"]["build"]["commands"] for each in commands(line))
    assert Path(understood(package)["out"]) == Path("dist")
    assert "dist/*" in spec["Build"]["artifacts"]["files"]
    (deploy,) = (each for line in spec["Deploy"]["phases"]["build"]["commands"] for each in commands(line))
    assert Path(understood(deploy)["dist"]) == Path("dist")


def test_only_who_deploys_may_deploy(pipeline: dict[str, Any]) -> None:
    """And with every service of which the stacks have resources, on what bears the deployments' names."""
    roles = {name: each["Properties"] for name, each in pipeline.items() if each["Type"] == "AWS::IAM::Role"}
    assert [name for name, each in roles.items() if "ManagedPolicyArns" in each] == ["DeployRole"]
    statements = [
        statement
        for name in ("MayDeployStacks", "MayDeployParts")
        for statement in pipeline[name]["Properties"]["PolicyDocument"]["Statement"]
    ]
    without = {each["Sid"] for each in statements if "*" in each["Resource"]}
    assert without == {"LookFirst", "SecurityOfJobs", "LogsOfStatesAndApi"}
    assert "iam:*" not in {action for each in statements for action in each["Action"]}
    (handed,) = (each for each in statements if "iam:PassRole" in each["Action"])
    assert len(handed["Condition"]["StringEquals"]["iam:PassedToService"]) == 6
    allowed = {action.partition(":")[0] for each in statements for action in each["Action"]}
    needed = {each["Type"].split("::")[1].lower() for template in TEMPLATES for each in resources(template).values()}
    assert {SERVICES.get(name, name) for name in needed} <= allowed
    for name in ("MayDeployStacks", "MayDeployParts"):
        document = resolved(pipeline[name]["Properties"]["PolicyDocument"], LONG)
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        assert len(json.dumps(document, separators=(",", ":"))) <= 6144


#: The longest that may stand in a template's places.
LONG = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "0" * 12,
    "TestPrefix": "t" * 20,
    "ProductionPrefix": "p" * 20,
}


def resolved(found: Any, values: dict[str, str]) -> Any:
    """Part of a template with its places filled."""
    if isinstance(found, list):
        return [resolved(each, values) for each in found]
    if not isinstance(found, dict):
        return found
    if "Fn::Split" in found:
        return resolved(found["Fn::Split"][1], values).split(",")
    if "Fn::Sub" in found:
        text, more = found["Fn::Sub"] if isinstance(found["Fn::Sub"], list) else (found["Fn::Sub"], {})
        for name, value in {**values, **{key: resolved(each, values) for key, each in more.items()}}.items():
            text = text.replace(f"${{{name}}}", value)
        return text
    return {key: resolved(each, values) for key, each in found.items()}


def test_the_pipeline_is_no_part_of_a_release() -> None:
    assert (FOLDER / "pipeline.yaml").is_file()
    assert "pipeline.yaml" not in TEMPLATES
