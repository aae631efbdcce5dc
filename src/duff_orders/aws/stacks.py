"""CloudFormation stacks, created, updated and deleted by change set, with their events as they arrive."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from duff_orders.errors import InputError, PipelineError
from duff_orders.lake.stores import open_store
from duff_orders.lake.stores.base import Store
from duff_orders.lake.stores.objects import EXPIRED, object_errors

#: The name of the deployment without a prefix.
PLAIN = "duff-orders"
#: Told of each event of a stack: the resource, its state, and why.
OnEvent = Callable[[str, str, str], None]
Done = Literal["created", "updated", "unchanged", "planned"]

#: A template that is longer must lie in a bucket:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEMPLATE_BODY = 51_200
_PREFIX = re.compile(r"([a-z][a-z0-9-]{0,18}[a-z0-9])?")
# A stack in one of these was never created whole: nothing can be updated in it.
_NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


@contextmanager
def aws_errors() -> Iterator[None]:
    """What AWS refuses, and that it cannot be reached, in our words; raises PipelineError."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        with object_errors():
            yield
    except NoCredentialsError:
        raise PipelineError("there are no credentials for AWS; `aws configure` or AWS_PROFILE names some") from None
    except ClientError as error:
        code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code.startswith("ExpiredToken"):
            raise PipelineError(EXPIRED) from None
        raise PipelineError(f"AWS refused {error.operation_name}: {said or code}") from error
    except BotoCoreError as error:
        raise PipelineError(f"AWS cannot be asked: {error}") from error


def store_of(outputs: Mapping[str, str]) -> Store:
    """The store in a deployment's buckets, by the outputs of its first stack."""
    return open_store(f"s3://{outputs['RawBucket']},{outputs['ProcessedBucket']}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where one deployment's stacks are; `prefix` stands before every name, so that several fit into one account.

    Raises InputError for a prefix that cannot be part of a bucket's name.
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise InputError(
                f"prefix is {self.prefix!r:.60}; allowed are 2 to 20 small letters, digits and hyphens, "
                "a letter first and no hyphen last"
            )

    @classmethod
    def of(cls, name: str) -> "Deployment":
        """The deployment of a name; `duff-orders`, or none, is the one without a prefix."""
        return cls("" if name == PLAIN else name)

    def named(self, name: str) -> str:
        """A name of this deployment, e.g. acme-duff-orders-raw."""
        return f"{self.prefix}-{name}" if self.prefix else name

    def stack(self, stage: str) -> str:
        """The name of a stage's stack."""
        return self.named(f"duff-orders-{stage}")

    def outputs(self, stage: str) -> dict[str, str]:
        """A stack's outputs; raises InputError where it is not deployed."""
        description = describe(self.stack(stage))
        if description is None:
            raise InputError(f"there is no stack {self.stack(stage)}; `duff deploy` makes it")
        return _outputs(description)

    def outputs_if_there(self, stage: str) -> dict[str, str]:
        """A stack's outputs; none where it is not deployed."""
        return _outputs(describe(self.stack(stage)) or {})


@dataclass(frozen=True, slots=True)
class Template:
    """A template's text; `url` is where it lies in S3, if it does."""

    body: str
    url: str | None = None

    @property
    def parameters(self) -> set[str]:
        """The names of the parameters."""
        return {name for name, _ in self._section("Parameters")}

    @property
    def resources(self) -> dict[str, str]:
        """The type of each resource, by its logical name."""
        return dict(self._section("Resources"))

    @property
    def defaults(self) -> dict[str, str]:
        """The values of the parameters that have one without being given."""
        return {name: value.strip('"') for name, value in self._section("Parameters", "Default")}

    def _section(self, name: str, key: str = "Type") -> Iterator[tuple[str, str]]:
        """Names of what stands in a section, with a key's value: what is indented by two and by four."""
        section = re.split(r"^\w+:.*\n", self.body.partition(f"\n{name}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        for match in re.finditer(rf"^  (\w+):\n(?:    .*\n)*?    {key}: (.*)$", section, re.MULTILINE):
            yield match[1], match[2]

    def with_literals(self, values: Mapping[str, str]) -> "Template":
        """The template with the values of some parameters in their places."""
        body = self.body
        for name, value in values.items():
            body = re.sub(rf"!Ref {name}\b", f'"{value}"', body)
        return Template(body)

    def request(self) -> dict[str, str]:
        """How the template is told to CloudFormation; raises InputError for a long one that does not lie in S3."""
        if len(self.body.encode()) <= MAX_TEMPLATE_BODY:
            return {"TemplateBody": self.body}
        if self.url is None:
            raise InputError(f"a template of more than {MAX_TEMPLATE_BODY:,} bytes must lie in a bucket")
        return {"TemplateURL": self.url}


def describe(stack: str) -> dict[str, Any] | None:
    """What CloudFormation says of a stack; None where there is none, or only the plan of one."""
    cloudformation = _client()
    try:
        description: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if description["StackStatus"] in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS") else description


def bring_up(
    stack: str,
    template: Template,
    parameters: Mapping[str, str],
    on_event: OnEvent,
    *,
    tags: Mapping[str, str],
    dry_run: bool = False,
) -> Done:
    """Create or update a stack by a change set, and wait for it; with `dry_run` only tell what would change.

    Tags that it has, and that are not given, it keeps. A bucket that a deleted stack has left is taken over, if the
    template has its name and no reference. Raises PipelineError where CloudFormation refuses, or fails.
    """
    cloudformation = _client()
    there = describe(stack)
    if there and there["StackStatus"] in _NEVER_CREATED and not dry_run:
        on_event(stack, there["StackStatus"], "it was never created whole, so it is made anew")
        take_down(stack, on_event)
        there = None
    name = f"duff-{int(time.time() * 1000)}"
    request: dict[str, Any] = {
        "StackName": stack,
        "ChangeSetName": name,
        "ChangeSetType": "UPDATE" if there else "CREATE",
        **template.request(),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())],
        "Tags": [{"Key": key, "Value": value} for key, value in sorted((_tags(there) | dict(tags)).items())],
        "Capabilities": ["CAPABILITY_IAM"],
        "ImportExistingResources": True,
    }
    try:
        cloudformation.create_change_set(**request)
        change_set = _planned(stack, name)
        if change_set["Status"] == "FAILED":
            _forget(stack, name, there)
            why = change_set.get("StatusReason", "no reason was given")
            if "didn't contain changes" in why or "No updates are to be performed" in why:
                on_event(stack, "UNCHANGED", "")
                return "unchanged"
            raise PipelineError(f"the stack {stack} was refused: {why}")
        if dry_run:
            for change in _changes(stack, name):
                on_event(change["LogicalResourceId"], f"would {_in_words(change)}", change["ResourceType"])
            _forget(stack, name, there)
            return "planned"
        seen = _events(stack)
        cloudformation.execute_change_set(StackName=stack, ChangeSetName=name)
    except cloudformation.exceptions.ClientError as error:
        raise PipelineError(f"the stack {stack} was refused: {error}") from None
    status = _followed(stack, seen, on_event)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        raise PipelineError(f"the stack {stack} is {status}: {_reasons(seen)}")
    if not there:
        _protect(stack, enabled=True)
    return "updated" if there else "created"


def take_down(stack: str, on_event: OnEvent) -> bool:
    """Delete a stack, and wait until it is gone; False where there is none. Raises PipelineError where that fails."""
    description = describe(stack)
    if description is None:
        return False
    seen = _events(stack)
    _protect(stack, enabled=False)
    _client().delete_stack(StackName=stack)
    status = _followed(description["StackId"], seen, on_event)
    if status != "DELETE_COMPLETE":
        raise PipelineError(f"the stack {stack} is {status}: {_reasons(seen)}")
    return True


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}


def _tags(stack: Mapping[str, Any] | None) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in (stack or {}).get("Tags", ())}


def _protect(stack: str, *, enabled: bool) -> None:
    """Protect a stack from being deleted by whoever does not mean to."""
    _client().update_termination_protection(StackName=stack, EnableTerminationProtection=enabled)


def _client() -> Any:
    import boto3

    return boto3.client("cloudformation")


def _pause() -> None:
    # An emulator on this machine is quick.
    time.sleep(0.2 if _client().meta.endpoint_url.startswith(("http://127.", "https://127.")) else 3)


def _planned(stack: str, name: str) -> dict[str, Any]:
    """A change set, once it is made or refused."""
    while True:
        change_set: dict[str, Any] = _client().describe_change_set(StackName=stack, ChangeSetName=name)
        if change_set["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return change_set
        _pause()


def _changes(stack: str, name: str) -> Iterator[dict[str, Any]]:
    more: dict[str, str] = {}
    while True:
        page = _client().describe_change_set(StackName=stack, ChangeSetName=name, **more)
        yield from (each["ResourceChange"] for each in page["Changes"])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def _in_words(change: Mapping[str, Any]) -> str:
    words = {"Add": "be created", "Modify": "be changed", "Remove": "be deleted", "Import": "be taken over"}
    replaced = " and replaced" if change.get("Replacement") == "True" else ""
    return words.get(change["Action"], str(change["Action"])) + replaced


def _forget(stack: str, name: str, there: Mapping[str, Any] | None) -> None:
    """Delete a change set that is not executed, and the empty stack that it made."""
    _client().delete_change_set(StackName=stack, ChangeSetName=name)
    if there is None:
        _client().delete_stack(StackName=stack)


def _followed(stack: str, seen: dict[str, tuple[str, str, str]], on_event: OnEvent) -> str:
    """Tell the events of a stack until it rests; returns the state in which it does."""
    while True:
        description = _client().describe_stacks(StackName=stack)["Stacks"][0]
        for identity, event in _events(stack).items():
            if identity not in seen:
                seen[identity] = event
                on_event(*event)
        status = str(description["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        _pause()


def _events(stack: str) -> dict[str, tuple[str, str, str]]:
    """The stack's events by their id, oldest first."""
    pages = _client().get_paginator("describe_stack_events").paginate(StackName=stack)
    return {
        each["EventId"]: (
            each["LogicalResourceId"],
            each.get("ResourceStatus", ""),
            each.get("ResourceStatusReason") or "",
        )
        for each in reversed([each for page in pages for each in page["StackEvents"]])
    }


def _reasons(seen: Mapping[str, tuple[str, str, str]]) -> str:
    """Why it failed: what the resources say that failed by themselves."""
    failed = [f"{resource}: {why}" for resource, state, why in seen.values() if state.endswith("_FAILED") and why]
    causes = [each for each in failed if "cancelled" not in each.lower()]
    return "; ".join(causes or failed) or "see its events"
