"""What the roles ask for, as the emulator saw it, and what a simulator of IAM says to it.

`calls.txt` is the list of all calls that the code makes by its own clients: role, action, resource, with `x` in place
of what differs from run to run. The deployment on which policies are enforced holds it to be complete.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from tests.aws.deployed import Deployed
from tests.aws.emulator import ENVIRONMENTS

ACCOUNT = "000000000000"
_HERE = f"us-east-1:{ACCOUNT}"
KEPT = Path(__file__).parent / "calls.txt"
_PACKAGES = ENVIRONMENTS / "simulator"
_SCRIPT = Path(__file__).parent / "emulator" / "simulator.mjs"


class Call(NamedTuple):
    """What a role asks for."""

    role: str
    action: str
    resource: str


def kept() -> set[Call]:
    """The calls of the list."""
    return {Call(*line.split()) for line in KEPT.read_text().splitlines() if line}


def made(folder: Path) -> Iterator[Call]:
    """The calls that roles made of an emulator that enforces policies, and that were allowed."""
    for line in (folder / "calls.jsonl").read_text().splitlines():
        told = json.loads(line)
        role = re.fullmatch(r"duff-orders-(?:etl|models)-(\w+Role)-\w+", told["role"])
        if role and told["allowed"]:
            yield Call(role[1], told["action"], _in_general(told["resource"]))


def _in_general(resource: str) -> str:
    """A resource without what differs from run to run."""
    resource = re.sub(r"^(arn:aws:s3:::[^/]+-raw)/(duff-smoke-test/)?.+", r"\1/\2x", resource)
    resource = re.sub(r"^(arn:aws:s3:::[^/]+-processed/set_aside/)[^/]+/(\w+)/.+", r"\1x/\2/x", resource)
    resource = re.sub(r"^(arn:aws:s3:::[^/]+/(?!set_aside)[^/]+)/.+", r"\1/x", resource)
    return re.sub(r"(:key|/apikeys)/.+", r"\1/x", resource)


def policies(role: str) -> tuple[str, list[dict[str, Any]]]:
    """The ARN of a role, by its logical name, and its policies as they were deployed."""
    iam = boto3.client("iam")
    found = [each for page in iam.get_paginator("list_roles").paginate() for each in page["Roles"]]
    (name,) = [each["RoleName"] for each in found if re.fullmatch(rf"duff-orders-\w+-{role}-\w+", each["RoleName"])]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline]
    return f"arn:aws:iam::{ACCOUNT}:role/{name}", documents


def is_there() -> bool:
    """Whether there is a simulator: it needs node."""
    return shutil.which("node") is not None and (_PACKAGES / "node_modules").is_dir()


def simulated(calls: list[Call], deployed: Deployed) -> list[str]:
    """What the simulator says to each call: `Allowed`, `ImplicitlyDenied`, or what is wrong with the question."""
    of_roles = {role: policies(role) for role in {call.role for call in calls}}
    key = deployed.outputs["KeyArn"]
    key_policy = json.loads(boto3.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    questions = [
        {
            "principal": of_roles[call.role][0],
            "policies": of_roles[call.role][1],
            "action": call.action,
            "resource": _in_particular(call.resource, deployed),
            "keyPolicy": key_policy if call.action.startswith("kms:") else None,
        }
        for call in calls
    ]
    script = Path(shutil.copyfile(_SCRIPT, _PACKAGES / _SCRIPT.name))  # node looks for packages beside it
    done = subprocess.run(
        ["node", str(script)],
        input=json.dumps({"account": ACCOUNT, "questions": questions}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


def _in_particular(resource: str, deployed: Deployed) -> str:
    if resource.endswith(":key/x"):
        return deployed.outputs["KeyArn"]
    return resource.replace("/apikeys/x", f"/apikeys/{deployed.outputs['ApiKeyId']}")


def asked_by_services() -> Iterator[Call]:
    """What services ask for in the names of roles, and Glue of catalog and tables: the emulator does not."""
    catalog, tables = f"arn:aws:glue:{_HERE}:catalog", f"arn:aws:glue:{_HERE}:table"
    of_role = {
        "ValidateCsvRole": ("tbl_duff_orders", "tbl_duff_rejected_rows", "tbl_duff_files"),
        "BuildModelsRole": ("dim_clients", "dim_products", "dim_status", "dim_channels", "fact_orders"),
    }
    of_role["ModelsJobRole"] = of_role["BuildModelsRole"]
    for call in kept():
        if call.action.startswith("glue:") and ":database/" in call.resource:
            yield call._replace(resource=catalog)
            for table in of_role[call.role]:
                yield call._replace(resource=f"{tables}/db_duff_orders/{table}")
    queue = f"arn:aws:sqs:{_HERE}:duff-orders"
    for role, name in (("ValidateCsvRole", "arrived"), ("BuildModelsRole", "ledger-rows")):
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            yield Call(role, f"sqs:{action}", f"{queue}-{name}")
    functions = f"arn:aws:lambda:{_HERE}:function"
    for function in ("Validate_csv", "Transform-data", "TriggerGlueJob"):
        yield Call("StateMachineRole", "lambda:InvokeFunction", f"{functions}:{function}:live")
    yield Call("StateMachineRole", "glue:GetJobRun", f"arn:aws:glue:{_HERE}:job/Duff_transform_glue_job")
    yield Call("StateMachineRole", "sns:Publish", f"arn:aws:sns:{_HERE}:duff-orders-failed")
    yield Call("BuildFailedRole", "sns:Publish", f"arn:aws:sns:{_HERE}:duff-orders-failed")
    for role in ("StateMachineRole", "BuildFailedRole"):
        yield Call(role, "kms:GenerateDataKey", f"arn:aws:kms:{_HERE}:key/x")
    for role in ("QueryAthenaRole", "CanaryRole"):
        for folder in ("orders", "rejected_rows", "files"):
            yield Call(role, "s3:GetObject", f"arn:aws:s3:::duff-orders-processed/{folder}/x")
        for action in ("GetObject", "PutObject"):
            yield Call(role, f"s3:{action}", "arn:aws:s3:::duff-orders-processed/athena/x")
        yield Call(role, "glue:GetDatabase", f"arn:aws:glue:{_HERE}:database/default")
        yield Call(role, "glue:GetTable", f"{tables}/db_duff_orders/tbl_duff_orders")
    for role, job in (("TransformJobRole", "Duff_transform_glue_job"), ("ModelsJobRole", "duff_data_models")):
        yield Call(role, "s3:GetObject", "arn:aws:s3:::aws-project-artifacts-interview/x")
        yield Call(
            role,
            "logs:PutLogEvents",
            f"arn:aws:logs:{_HERE}:log-group:/aws-glue/{job}/error:log-stream:x",
        )


#: What no role may, unless it is a call of its own.
DANGEROUS = tuple(
    (f"{service}:{action}", f"arn:aws:{resource}")
    for service, actions, resource in (
        ("s3", "PutObject DeleteObject DeleteObjectVersion", "s3:::duff-orders-raw/x"),
        ("s3", "DeleteObjectVersion PutObjectAcl", "s3:::duff-orders-processed/files/x"),
        ("s3", "PutObject DeleteObject", "s3:::aws-project-artifacts-interview/x"),
        ("s3", "GetObject PutObject DeleteObject", "s3:::another-bucket/x"),
        *(
            ("s3", f"DeleteBucket PutBucketPolicy PutLifecycleConfiguration PutBucketVersioning {more}", f"s3:::{name}")
            for more in ("PutBucketPublicAccessBlock PutEncryptionConfiguration PutBucketNotification",)
            for name in ("duff-orders-raw", "duff-orders-processed")
        ),
        ("lambda", "InvokeFunction UpdateFunctionCode DeleteFunction", f"lambda:{_HERE}:function:Transform-data"),
        ("lambda", "InvokeFunction", f"lambda:{_HERE}:function:another"),
        ("iam", "PassRole PutRolePolicy", f"iam::{ACCOUNT}:role/another"),
        ("sts", "AssumeRole", f"iam::{ACCOUNT}:role/another"),
        ("glue", "GetTable DeleteTable", f"glue:{_HERE}:table/another/table"),
        ("glue", "StartJobRun", f"glue:{_HERE}:job/another"),
        ("glue", "UpdateJob", f"glue:{_HERE}:job/Duff_transform_glue_job"),
        ("athena", "StartQueryExecution", f"athena:{_HERE}:workgroup/primary"),
        ("athena", "UpdateWorkGroup", f"athena:{_HERE}:workgroup/duff-orders"),
        ("states", "StartExecution", f"states:{_HERE}:stateMachine:another"),
        ("states", "DeleteStateMachine", f"states:{_HERE}:stateMachine:orders-etl"),
        ("sqs", "PurgeQueue", f"sqs:{_HERE}:duff-orders-arrived"),
        ("sqs", "SendMessage", f"sqs:{_HERE}:another"),
        ("sns", "Publish", f"sns:{_HERE}:another"),
        ("apigateway", "GET", "apigateway:us-east-1::/apikeys/another"),
        ("kms", "Decrypt", f"kms:{_HERE}:key/00000000-0000-0000-0000-000000000000"),
        ("kms", "ScheduleKeyDeletion PutKeyPolicy", f"kms:{_HERE}:key/x"),
        ("logs", "DeleteLogGroup", f"logs:{_HERE}:log-group:/aws/lambda/Transform-data"),
    )
    for action in actions.split()
)
