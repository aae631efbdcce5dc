"""The templates by themselves: the linter's word, the contract's tables, and what the state machine must have."""

import hashlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import duff_orders
from duff_orders import errors
from duff_orders.api.problems import TYPES
from duff_orders.aws.stacks import MAX_TEMPLATE_BODY, Template
from duff_orders.aws.telemetry import NAMESPACE, UNITS
from duff_orders.contract import FILES, ORDERS, REJECTED_ROWS, STAR, TABLES
from duff_orders.lake.glue_catalog import storage
from duff_orders.lake.layout import FOLDERS

FOLDER = Path(__file__).parents[2] / "cloudformation"
TEMPLATES = ("buckets.yaml", "main-etl.yaml", "data-modeling.yaml")
SUBSTITUTED = {"RetrySeconds": "2", "PollSeconds": "30", "Partition": "aws"}
MACHINE = json.loads(
    re.sub(
        r"\$\{(\w+)\}",
        lambda found: SUBSTITUTED.get(found[1], found[0]),
        (FOLDER / "orders-etl.asl.json").read_text(),
    )
)
NAMES = {
    "Validate_csv", "Transform-data", "TriggerGlueJob", "Query_Athena", "Duff_transform_glue_job", "duff_data_models",
}  # fmt: skip


SOURCE = Path(duff_orders.__file__).parent
#: By the action, where it is used: the module and the call, or the service that does it in the role's name.
USED = {
    "s3:GetObject": ("lake/stores/s3.py", "obstore.get("),
    "s3:GetObjectVersion": ("lake/stores/s3.py", '"version": event.version'),
    "s3:ListBucket": ("lake/stores/objects.py", "obstore.list("),
    "s3:ListBucketVersions": ("lake/stores/raw_bucket.py", "list_object_versions"),
    "s3:PutObject": ("lake/stores/objects.py", "obstore.put("),
    "s3:DeleteObject": ("lake/stores/objects.py", "obstore.delete("),
    "s3:AbortMultipartUpload": ("lake/stores/objects.py", "max_concurrency"),  # of a large object that fails
    "s3:GetBucketLocation": ("service", "Athena, and S3A of Glue"),
    "s3:ListMultipartUploadParts": ("service", "Athena, and S3A of Glue"),
    "s3:ListBucketMultipartUploads": ("service", "S3A of Glue"),
    "glue:BatchCreatePartition": ("lake/glue_catalog.py", "batch_create_partition"),
    "glue:BatchUpdatePartition": ("lake/glue_catalog.py", "batch_update_partition"),
    "glue:BatchDeletePartition": ("lake/glue_catalog.py", "batch_delete_partition"),
    "glue:GetPartitions": ("lake/glue_catalog.py", "get_partitions"),
    "glue:UpdateTable": ("lake/glue_catalog.py", "update_table"),
    "glue:GetTable": ("lake/glue_catalog.py", "get_table"),
    "glue:GetDatabase": ("service", "Athena"),
    "glue:BatchGetPartition": ("service", "Athena"),
    "glue:StartJobRun": ("aws/builds.py", "start_job_run"),
    "glue:GetJobRuns": ("aws/handlers.py", "get_job_runs"),
    "glue:GetJobRun": ("service", "Step Functions: the state `Job run`"),
    "athena:StartQueryExecution": ("query/athena.py", "start_query_execution"),
    "athena:GetQueryExecution": ("query/athena.py", "get_query_execution"),
    "athena:GetQueryResults": ("query/athena.py", "get_query_results"),
    "athena:StopQueryExecution": ("query/athena.py", "stop_query_execution"),
    "lambda:InvokeFunction": ("service", "Step Functions, and the schedule"),
    "sns:Publish": ("service", "Step Functions: the state `Notify`; the rule of builds that failed"),
    "kms:GenerateDataKey": ("service", "S3, SNS and SQS, with EncryptionKey"),
    "kms:Decrypt": ("service", "S3, Lambda, SNS and SQS, with EncryptionKey"),
    "states:StartExecution": ("aws/arrivals.py", "start_execution"),
    "states:ListExecutions": ("aws/arrivals.py", "list_executions"),
    "sqs:SendMessage": ("aws/arrivals.py", "send_message_batch"),
    "sqs:ReceiveMessage": ("service", "Lambda, for its queues"),
    "sqs:DeleteMessage": ("service", "Lambda, for its queues"),
    "sqs:GetQueueAttributes": ("service", "Lambda, for its queues"),
    "sqs:ChangeMessageVisibility": ("aws/arrivals.py", "change_message_visibility_batch"),
    "s3:DeleteObjectVersion": ("aws/smoke.py", "delete_object(Bucket="),
    "s3:GetBucketPublicAccessBlock": ("aws/smoke.py", "get_public_access_block"),
    "apigateway:GET": ("aws/smoke.py", "get_api_key"),
    "execute-api:Invoke": ("aws/smoke.py", "execute-api"),
    "xray:PutTraceSegments": ("service", "X-Ray"),
    "xray:PutTelemetryRecords": ("service", "X-Ray"),
    "xray:GetSamplingRules": ("service", "X-Ray"),
    "xray:GetSamplingTargets": ("service", "X-Ray"),
    "logs:CreateLogGroup": ("service", "Glue"),
    "logs:AssociateKmsKey": ("service", "Glue, with EncryptionKey"),
    "logs:CreateLogStream": ("service", "Lambda and Glue"),
    "logs:PutLogEvents": ("service", "Lambda and Glue"),
    **dict.fromkeys(
        (f"logs:{verb}" for verb in ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery",
         "ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")),
        ("service", "Step Functions"),
    ),
}  # fmt: skip


SERVICES = (
    *("s3", "glue", "athena", "lambda", "sns", "sqs", "states", "logs", "xray", "cloudwatch", "kms"),
    *("apigateway", "execute-api"),
)
#: An action in a template's text; kms:ViaService is a condition.
ACTION = '"((?:' + "|".join(SERVICES) + r'):(?!ViaService)\w+)"'


@cache
def load_yaml(path: str) -> Any:
    """A template as cfn-lint reads it; its import takes a second."""
    from cfnlint.decode.cfn_yaml import load

    return load(path)


def resources(template: str) -> dict[str, Any]:
    found: dict[str, Any] = load_yaml(str(FOLDER / template))["Resources"]
    return found


@pytest.mark.slow
def test_the_linter_finds_nothing() -> None:
    lint = Path(sys.executable).parent / "cfn-lint"
    paths = [str(FOLDER / name) for name in (*TEMPLATES, "pipeline.yaml")]
    done = subprocess.run(
        [lint, "-c", "I", "-r", "us-east-1", "-t", *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
@pytest.mark.aws
def test_checkov_finds_nothing_that_has_no_reason() -> None:
    checkov = FOLDER.parent / "build" / "emulator" / "checkov" / "bin" / "checkov"
    done = subprocess.run(
        [checkov, "--config-file", FOLDER / ".checkov.yaml", "--directory", FOLDER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    skipped = [line for line in (FOLDER / ".checkov.yaml").read_text().splitlines() if "CKV" in line]
    assert len(skipped) == len(set(skipped))


def test_the_buckets_template_can_be_sent_as_it_is() -> None:
    """The others may lie in the artifacts bucket, which the buckets' template makes."""
    assert (FOLDER / "buckets.yaml").stat().st_size <= MAX_TEMPLATE_BODY


@pytest.mark.slow
@pytest.mark.parametrize("name", TEMPLATES)
def test_our_reader_finds_parameters_and_resources(name: str) -> None:
    found = load_yaml(str(FOLDER / name))
    template = Template((FOLDER / name).read_text())
    assert template.parameters == set(found["Parameters"])
    assert template.defaults == {
        key: str(each["Default"]) for key, each in found["Parameters"].items() if "Default" in each
    }
    assert template.resources == {key: each["Type"] for key, each in found["Resources"].items()}


def test_the_api_is_deployed_anew_when_it_changes() -> None:
    """A deployment is a snapshot: unless its name changes with what it holds, an update leaves the old one live."""
    found = resources("main-etl.yaml")
    kinds = ("RestApi", "Resource", "Method", "GatewayResponse")
    held = {
        name: each for name, each in found.items() if each["Type"] in {f"AWS::ApiGateway::{kind}" for kind in kinds}
    }
    digest = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:8]
    deployments = {name: each for name, each in found.items() if each["Type"] == "AWS::ApiGateway::Deployment"}
    # One for each way in which callers are known, since the parameter changes what a deployment holds, too.
    named = {f"ApiDeployment{digest}": "ByKey", f"ApiDeployment{digest}Iam": "ByIam"}
    assert {name: each["Condition"] for name, each in deployments.items()} == named
    for deployment in deployments.values():
        assert set(deployment["DependsOn"]) == {
            name for name, each in held.items() if each["Type"].endswith(("Method", "GatewayResponse"))
        }


def test_what_the_api_gateway_says_itself_is_a_problem_document() -> None:
    answers = [
        each for each in resources("main-etl.yaml").values() if each["Type"] == "AWS::ApiGateway::GatewayResponse"
    ]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= {each["Properties"]["ResponseType"] for each in answers}
    for answer in answers:
        told = answer["Properties"]
        headers = dict(told["ResponseParameters"])
        assert headers.pop("gatewayresponse.header.Content-Type") == "'application/problem+json'"
        retried = {"gatewayresponse.header.Retry-After"} if told["StatusCode"] in ("429", "503") else set()
        assert headers.keys() == retried
        text = told["ResponseTemplates"]["application/json"].replace(":$context.error.messageString", ':"x"')
        problem = json.loads(text)
        assert list(problem) == ["type", "title", "status", "detail", "instance", "request_id"]
        assert (int(told["StatusCode"]), problem["title"]) == TYPES[problem["type"].removeprefix("/problems/")]


def test_the_access_log_tells_no_key() -> None:
    setting = resources("main-etl.yaml")["ApiStage"]["Properties"]["AccessLogSetting"]["Fn::If"]
    assert setting[0] == "HasApiLogs"
    logged = json.loads(setting[1]["Format"])
    assert {"request_id", "route", "status"} <= logged.keys()
    assert not {"$context.identity.apiKey", "$context.path"} & set(logged.values())


def test_life_cycles() -> None:
    """What is scratch goes, what was replaced can be had back for a while; of raw files no version ever goes."""
    found = resources("buckets.yaml")

    def rules(name: str) -> list[dict[str, Any]]:
        listed = found[name]["Properties"]["LifecycleConfiguration"]["Rules"]
        return [each["Fn::If"][1] if "Fn::If" in each else each for each in listed]

    scratch = {
        each["Prefix"]: each["ExpirationInDays"] for each in rules("ProcessedBucket") if "ExpirationInDays" in each
    }
    assert scratch == {"locks/": 1, "staging/": 1, "incoming/": 1, "athena/": 7}
    for name in ("ProcessedBucket", "ArtifactsBucket"):
        assert any("NoncurrentVersionExpiration" in each for each in rules(name))
    of_old = {
        each["Prefix"]: each["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for each in rules("ProcessedBucket")
        if "Prefix" in each and each.get("ExpiredObjectDeleteMarker")
    }
    assert of_old == {"locks/": 1, "staging/": 1, "incoming/": 1}
    ending = [each for each in rules("RawBucket") if {"ExpirationInDays", "NoncurrentVersionExpiration"} & each.keys()]
    assert [each["Id"] for each in ending] == ["end"]  # and only where RawDays says so
    assert load_yaml(str(FOLDER / "buckets.yaml"))["Parameters"]["RawDays"]["Default"] == 0
    assert any(each["Id"] == "cold" for each in rules("RawBucket"))
    for name in ("RawBucket", "ProcessedBucket", "ArtifactsBucket"):
        assert any("AbortIncompleteMultipartUpload" in each for each in rules(name))


def test_someone_is_told_of_whatever_goes_wrong() -> None:
    alarms = {
        name: each["Properties"]
        for template in TEMPLATES
        for name, each in resources(template).items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert set(alarms) == {
        *(
            "FilesWaiting",
            "FilesUnannounced",
            "FilesFailed",
            "FilesTimedOut",
            "FilesUndelivered",
            "NoFiles",
            "RowsRejected",
            "BuildsBehind",
            "BuildModelsErrors",
            "CanaryFails",
        ),
        *("ValidateCsvErrors", "TransformDataErrors", "TriggerGlueJobErrors", "QueryAthenaErrors"),
        *("TransformDataSlow", "QueryAthenaSlow", "ApiFails"),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"]
        assert alarm["AlarmDescription"]
        if alarm["Namespace"] == NAMESPACE:
            assert alarm["MetricName"] in UNITS
    functions = resources("main-etl.yaml")
    query = functions["QueryAthena"]["Properties"]
    assert float(alarms["QueryAthenaSlow"]["Threshold"]) == 0.8 * 1000 * query["Timeout"]
    near = load_yaml(str(FOLDER / "main-etl.yaml"))["Mappings"]["NearTimeout"]
    assert {seconds: 800 * int(seconds) for seconds in near} == {
        seconds: found["Milliseconds"] for seconds, found in near.items()
    }


def test_every_object_of_the_raw_bucket_is_announced() -> None:
    """Whatever its name: Validate_csv decides what becomes of it, so that none stays without a word."""
    pattern = resources("main-etl.yaml")["FileArrived"]["Properties"]["EventPattern"]
    assert set(pattern) == {"source", "detail-type", "detail"}
    assert set(pattern["detail"]) == {"bucket"}


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


def test_every_state_can_be_reached() -> None:
    states = MACHINE["States"]
    reached, waiting = set(), [MACHINE["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        state = states[name]
        ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
        waiting += [way["Next"] for way in ways if "Next" in way] + [state[key] for key in ("Default",) if key in state]
    assert reached == set(states)


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
        assert caught["Next"] == {"Close": "Notify", "Notify": "Failed", "Measure": "Done"}.get(name, "Close")
    functions = resources("main-etl.yaml")
    assert states["Validate_csv"]["TimeoutSeconds"] > functions["ValidateCsv"]["Properties"]["Timeout"]
    longest = max(load_yaml(str(FOLDER / "main-etl.yaml"))["Parameters"]["TransformTimeout"]["AllowedValues"])
    assert states["Transform-data"]["TimeoutSeconds"] > longest


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a policy, with those that a condition adds."""
    branches = (each["Fn::If"][1:] if "Fn::If" in each else [each] for each in document["Statement"])
    return [each for some in branches for each in some if "Effect" in each]


#: By the type of a resource, the property that names the key which encrypts what it keeps.
KEYS = {
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::Lambda::Function": "KmsKeyArn",
    "AWS::Glue::Job": "SecurityConfiguration",
}


@pytest.mark.parametrize("template", ["main-etl.yaml", "data-modeling.yaml"])
def test_one_key_encrypts_whatever_is_kept(template: str) -> None:
    """With EncryptionKey; and every role that works with it may use the key, and no other but partners'."""
    found = resources(template)
    for logical, each in found.items():
        wanted = KEYS.get(each["Type"])
        if wanted:
            value = "JobsSecurity" if each["Type"] == "AWS::Glue::Job" else "KeyArn"
            assert each["Properties"][wanted]["Fn::If"][:2] == ["HasKey", {"Ref": value}], logical
        if each["Type"] == "AWS::Athena::WorkGroup":
            results = each["Properties"]["WorkGroupConfiguration"]["ResultConfiguration"]
            kms = {"EncryptionOption": "SSE_KMS", "KmsKey": {"Ref": "KeyArn"}}
            assert results["EncryptionConfiguration"]["Fn::If"][:2] == ["HasKey", kms]
        if each["Type"] == "AWS::IAM::Role" and "Policies" in each["Properties"]:
            (policy,) = each["Properties"]["Policies"]
            told = statements(policy["PolicyDocument"])
            keys = [one for one in told if any(action.startswith("kms:") for action in one["Action"])]
            touches = any(one["Action"][0].startswith(("s3:", "sqs:", "sns:")) for one in told)
            assert {one["Sid"] for one in keys} - {"ReadPartnersFiles"} == ({"UseKey"} if touches else set()), logical
            assert all(one["Resource"] == [{"Ref": "KeyArn"}] for one in keys if one["Sid"] == "UseKey")
            reads_raw = any(one["Sid"] == "ReadRaw" for one in told)
            assert any(one["Sid"] == "ReadPartnersFiles" for one in keys) == reads_raw, logical


def test_roles_name_their_actions_and_resources() -> None:
    free = {"xray:", "logs:"}  # these have no resources
    for template in TEMPLATES:
        for logical, resource in resources(template).items():
            if resource["Type"] != "AWS::IAM::Role":
                continue
            for policy in resource["Properties"].get("Policies", []):
                for statement in statements(policy["PolicyDocument"]):
                    actions = statement["Action"]
                    assert not any(action.endswith("*") for action in actions), logical
                    if "*" in statement["Resource"]:
                        assert all(any(action.startswith(each) for each in free) for action in actions), logical


def test_nobody_but_who_deploys_writes_profiles() -> None:
    """Who changes one changes what prices mean. Of all roles one keeps readings, which are named by what they say."""
    writers: dict[str, set[str]] = {"partners": set(), "readings": set()}
    for template in TEMPLATES:
        for logical, resource in resources(template).items():
            for policy in resource.get("Properties", {}).get("Policies", []):
                for statement in statements(policy["PolicyDocument"]) if isinstance(policy, dict) else ():
                    if not {"s3:PutObject", "s3:DeleteObject"} & {*statement["Action"]}:
                        continue
                    for place in map(json.dumps, statement["Resource"]):
                        for folder, names in writers.items():
                            if f"/{folder}/*" in place:
                                names.add(logical)
                        assert not ("ProcessedBucket" in place and "${Bucket}/*" in place), logical
    assert writers == {"partners": set(), "readings": {"ValidateCsvRole"}}


def test_what_validate_hands_on_is_known_first_by_those_behind_it() -> None:
    """A file on its way during a deployment never comes to a function or job that knows less than its decision says."""
    live = resources("main-etl.yaml")["ValidateCsvLive"]
    assert {*live["DependsOn"]} == {"TransformDataLive", "TransformJob", "FilesTable"}


def test_each_action_is_used() -> None:
    """By the code of the function or job, or by the service that acts in its name."""
    code = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.py")}
    for template in TEMPLATES:
        for logical, resource in resources(template).items():
            if resource["Type"] not in ("AWS::IAM::Role", "AWS::IAM::Policy"):
                continue
            properties = resource["Properties"]
            documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
            documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
            for statement in (each for document in documents for each in statements(document)):
                for action in statement["Action"]:
                    where, word = USED[action]
                    assert where == "service" or word in code[where], (logical, action)
    assert set(USED) == {
        action for template in TEMPLATES for action in re.findall(ACTION, (FOLDER / template).read_text())
    }


def test_nothing_is_public() -> None:
    for logical, resource in resources("buckets.yaml").items():
        if resource["Type"] == "AWS::S3::Bucket":
            assert set(resource["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}, logical
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    methods = [each for each in resources("main-etl.yaml").items() if each[1]["Type"] == "AWS::ApiGateway::Method"]
    assert [name for name, each in methods if not each["Properties"]["ApiKeyRequired"]] == ["ApiHealthGet"]
    (known,) = [each["Properties"] for name, each in methods if name != "ApiHealthGet"]
    assert known["AuthorizationType"] == {"Fn::If": ["ByIam", "AWS_IAM", "NONE"]}
    assert known["ApiKeyRequired"] == {"Fn::If": ["ByIam", False, True]}


def test_the_state_machine_tries_again_what_may_pass() -> None:
    """The classes that it does not repeat are those of which `errors` says that trying again does not help."""
    never = {
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.DuffError) and not kind.is_transient
    }
    patient = {f"Lambda.{name}Exception" for name in ("TooManyRequests", "Service", "AWSLambda", "SdkClient")}
    for name, state in MACHINE["States"].items():
        if state.get("Resource") != "arn:aws:states:::lambda:invoke":
            continue
        assert set(state["Retry"][0]["ErrorEquals"]) == patient, name
        assert state["Retry"][0]["MaxAttempts"] >= 120, name
        if name in ("Close", "Measure", "TriggerGlueJob"):
            continue
        (given,) = (set(each["ErrorEquals"]) for each in state["Retry"] if each["MaxAttempts"] == 0)
        assert given <= never
        # these are no errors of a function: they end in a verdict, or never leave the command line
        assert never - given == {"DuffError", "UnknownFile", "QueryRefused", "InvalidFile"}
