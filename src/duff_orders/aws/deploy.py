"""`duff deploy`: package, upload, and create or update the three stacks, one after the other."""

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from duff_orders.aws.package import Architecture, package, templates
from duff_orders.contract import DATABASE
from duff_orders.errors import InputError, PipelineError

Stage = Literal["buckets", "etl", "models", "all"]
TEMPLATES = {"buckets": "buckets.yaml", "etl": "main-etl.yaml", "models": "data-modeling.yaml"}
BUCKETS = {
    "RawBucketName": "duff-orders-raw",
    "ProcessedBucketName": "duff-orders-processed",
    "ArtifactsBucketName": "aws-project-artifacts-interview",
}

#: Told of each event of a stack: the resource, its state, and why.
OnEvent = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where one deployment's stacks are; `prefix` stands before every name, so that several fit into one account."""

    prefix: str = ""

    def stack(self, stage: str) -> str:
        """The name of a stack."""
        return f"{self.prefix}duff-orders-{stage}"

    def outputs(self, stage: str) -> dict[str, str]:
        """A stack's outputs; raises InputError where it is not deployed."""
        import boto3

        found = _describe(boto3.client("cloudformation"), self.stack(stage))
        if found is None:
            raise InputError(f"there is no stack {self.stack(stage)}; `duff deploy` makes it")
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def deploy(
    deployment: Deployment,
    *,
    stage: Stage = "all",
    parameters: Mapping[str, str] | None = None,
    architecture: Architecture = "arm64",
    python: str = "3.13",
    on_event: OnEvent = lambda resource, state, why: None,
) -> dict[str, str]:
    """Create or update the stacks of a stage, or of all; returns their outputs.

    `parameters` are those of the templates; each must belong to one of the stages. The deployment goes to the account,
    region and endpoint (`AWS_ENDPOINT_URL`) of the environment.

    Raises InputError for an unknown stage or parameter, PipelineError where a stack fails, or AWS refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _deploy(deployment, stage, dict(parameters or {}), architecture, python, on_event)
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(f"AWS refused: {error}") from error


def _deploy(
    deployment: Deployment,
    stage: Stage,
    given: dict[str, str],
    architecture: Architecture,
    python: str,
    on_event: OnEvent,
) -> dict[str, str]:
    import boto3

    if not re.fullmatch(r"([a-z][a-z0-9-]{0,19}-)?", deployment.prefix):
        raise InputError(
            f"prefix is {deployment.prefix!r}; allowed are up to 20 small letters, digits and hyphens, a hyphen last"
        )
    if stage not in get_args(Stage):
        raise InputError(f"stage is {stage!r}; allowed are {', '.join(get_args(Stage))}")
    stages = list(TEMPLATES) if stage == "all" else [stage]
    cloudformation = boto3.client("cloudformation")
    known = {name: _parameters(name) for name in stages}
    unknown = given.keys() - set().union(*known.values())
    if unknown:
        allowed = ", ".join(sorted(set().union(*known.values()) - {"Release", "BucketsStack", "EtlStack"}))
        raise InputError(f"there is no parameter {', '.join(sorted(unknown))}; parameters: {allowed}")
    values = {
        **{name: deployment.prefix + bucket for name, bucket in BUCKETS.items()},
        "NamePrefix": deployment.prefix,
        "DatabaseName": deployment.prefix.replace("-", "_") + DATABASE,
        "BucketsStack": deployment.stack("buckets"),
        "EtlStack": deployment.stack("etl"),
        "Architecture": architecture,
        "PythonRuntime": f"python{python}",
        **given,
    }
    outputs: dict[str, str] = {}
    for each in stages:
        if "Release" in known[each] and "Release" not in values:
            artifacts = deployment.outputs("buckets")["ArtifactsBucket"]
            values["Release"] = _upload(artifacts, values["Architecture"], values["PythonRuntime"])
        told = {name: value for name, value in values.items() if name in known[each]}
        done = _bring_up(cloudformation, deployment.stack(each), each, told, on_event)
        outputs |= deployment.outputs(each)
        if each == "models" and done == "updated":
            # An update may have set the tables back to where the template has them: the job lets them follow again.
            _start(outputs["ModelsJob"], on_event)
    return outputs


def _parameters(stage: str) -> set[str]:
    """The names of a template's parameters: between its `Parameters` and `Resources`, indented by two."""
    text = (templates() / TEMPLATES[stage]).read_text(encoding="utf-8")
    section = text.partition("\nParameters:\n")[2].partition("\nResources:\n")[0]
    return {line.strip().rstrip(":") for line in section.splitlines() if line[:2] == "  " and line[2:3].isalpha()}


def _upload(bucket: str, architecture: str, runtime: str) -> str:
    """Put a release into the artifacts bucket, in a folder named by its content; returns the folder."""
    import boto3

    s3 = boto3.client("s3")
    with tempfile.TemporaryDirectory() as name:
        made = package(
            Path(name),
            architecture=architecture,  # type: ignore[arg-type] # checked by package
            python=runtime.removeprefix("python"),
        )
        digest = hashlib.sha256()
        for path in made:
            digest.update(path.name.encode() + path.read_bytes())
        release = f"releases/{digest.hexdigest()[:16]}"
        for path in made:
            s3.upload_file(str(path), bucket, f"{release}/{path.name}")
    return release


def _describe(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS") else found


def _bring_up(
    cloudformation: Any, stack: str, stage: str, parameters: Mapping[str, str], on_event: OnEvent
) -> Literal["created", "updated", "unchanged"]:
    """Create or update one stack, and wait for it; returns which."""
    request: dict[str, Any] = {
        "StackName": stack,
        "TemplateBody": (templates() / TEMPLATES[stage]).read_text(encoding="utf-8"),
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    there = _describe(cloudformation, stack)
    seen = _events(cloudformation, stack) if there else {}
    try:
        (cloudformation.update_stack if there else cloudformation.create_stack)(**request)
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" in str(error):
            on_event(stack, "UNCHANGED", "")
            return "unchanged"
        raise PipelineError(f"the stack {stack} was refused: {error}") from None
    while True:
        found = _describe(cloudformation, stack)
        for identity, (resource, state, why) in _events(cloudformation, stack).items():
            if identity not in seen:
                seen[identity] = (resource, state, why)
                on_event(resource, state, why)
        status = found["StackStatus"] if found else "DELETED"
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(0.2 if cloudformation.meta.endpoint_url.startswith("http://127.") else 3)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        failed = [f"{resource}: {why}" for resource, state, why in seen.values() if state.endswith("_FAILED") and why]
        raise PipelineError(f"the stack {stack} is {status}: {'; '.join(failed) or 'see its events'}")
    return "updated" if there else "created"


def _start(job: str, on_event: OnEvent) -> None:
    import boto3

    glue = boto3.client("glue")
    try:
        glue.start_job_run(JobName=job)
        on_event(job, "STARTED", "")
    except glue.exceptions.ConcurrentRunsExceededException:
        on_event(job, "RUNNING", "its next run lets the catalog follow")


def _events(cloudformation: Any, stack: str) -> dict[str, tuple[str, str, str]]:
    """The stack's events by their id, oldest first."""
    found = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return {
        each["EventId"]: (
            each["LogicalResourceId"],
            each.get("ResourceStatus", ""),
            each.get("ResourceStatusReason") or "",
        )
        for each in reversed(found)
    }
