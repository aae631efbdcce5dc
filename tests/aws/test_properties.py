"""What was deployed, read back from each service: what the templates promise is so.

The emulator takes neither life cycles nor access logs from a template: test_templates reads these there.
"""

import json

import boto3
import pytest

from duff_orders.aws.cost import ALARMS
from tests.aws.conftest import ARCHITECTURE
from tests.aws.deployed import Deployed

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]

FUNCTIONS = ("Validate_csv", "Transform-data", "TriggerGlueJob", "Query_Athena")


@pytest.mark.parametrize("name", ["RawBucket", "ProcessedBucket", "ArtifactsBucket"])
def test_buckets_are_private_versioned_and_encrypted(deployed: Deployed, name: str) -> None:
    s3, bucket = boto3.client("s3"), deployed.outputs[name]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_traced_and_their_logs_end(deployed: Deployed, name: str) -> None:
    found = boto3.client("lambda").get_function_configuration(FunctionName=name)
    assert (found["Architectures"], found["TracingConfig"]["Mode"]) == ([ARCHITECTURE], "Active")
    (group,) = boto3.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert group["retentionInDays"] == 30
    assert found["Role"].split("/")[-1].startswith("duff-orders-etl-")


def test_each_function_has_a_role_of_its_own(deployed: Deployed) -> None:
    client = boto3.client("lambda")
    assert len({client.get_function_configuration(FunctionName=name)["Role"] for name in FUNCTIONS}) == len(FUNCTIONS)


def test_an_announcement_that_cannot_be_delivered_is_kept(deployed: Deployed) -> None:
    (target,) = boto3.client("events").list_targets_by_rule(Rule="duff-orders-file-arrived")["Targets"]
    assert target["Arn"].endswith(":duff-orders-arrived")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"]["Arn"].endswith(":duff-orders-undelivered")
    queue = boto3.client("sqs").get_queue_attributes(QueueUrl=deployed.outputs["Undelivered"], AttributeNames=["All"])
    assert queue["Attributes"]["MessageRetentionPeriod"] == "1209600"


def test_alarms_tell_the_topic(deployed: Deployed) -> None:
    found = boto3.client("cloudwatch").describe_alarms(AlarmNamePrefix="duff-orders-")["MetricAlarms"]
    assert len(found) == ALARMS
    for alarm in found:
        assert alarm["AlarmActions"] == [deployed.outputs["FailedFiles"]], alarm["AlarmName"]
    (quiet,) = [each for each in found if each["AlarmName"] == "duff-orders-no-files"]
    assert (quiet["Period"], quiet["EvaluationPeriods"]) == (3600, 24)
    # Without any data for so long it has too few: that rings, and a deployment that is new does not.
    assert (quiet["TreatMissingData"], quiet["InsufficientDataActions"]) == ("missing", quiet["AlarmActions"])


def test_the_dashboard_shows_this_deployment(deployed: Deployed) -> None:
    found = boto3.client("cloudwatch").get_dashboard(DashboardName=deployed.outputs["Dashboard"])
    widgets = json.loads(found["DashboardBody"])["widgets"]
    assert len(widgets) == 9
    assert deployed.outputs["StateMachine"] in found["DashboardBody"]
    assert "${" not in found["DashboardBody"]


def test_the_api_is_throttled_and_counted(deployed: Deployed) -> None:
    client, api = boto3.client("apigateway"), deployed.outputs["ApiId"]
    (plan,) = [
        each
        for each in client.get_usage_plans()["items"]
        if {"apiId": api, "stage": "live"}.items() <= each["apiStages"][0].items()
    ]
    assert (plan["throttle"], plan["quota"]["limit"]) == ({"rateLimit": 10.0, "burstLimit": 20}, 50000)
    stage = client.get_stage(restApiId=api, stageName="live")
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 10
    assert stage["methodSettings"]["*/*"]["dataTraceEnabled"] is False


def test_the_workgroup_limits_what_a_query_scans(deployed: Deployed) -> None:
    found = boto3.client("athena").get_work_group(WorkGroup=deployed.outputs["WorkGroup"])["WorkGroup"]["Configuration"]
    assert found["EnforceWorkGroupConfiguration"] is True
    assert int(found["BytesScannedCutoffPerQuery"]) == 10_000_000_000
    assert found["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_S3"


def test_the_jobs_are_those_of_glue_5_1(deployed: Deployed) -> None:
    glue = boto3.client("glue")
    for name in ("Duff_transform_glue_job", "duff_data_models"):
        job = glue.get_job(JobName=name)["Job"]
        assert (job["GlueVersion"], job["DefaultArguments"]["--enable-auto-scaling"]) == ("5.1", "true")
        assert job["Command"]["ScriptLocation"].endswith(f"/{name.lower()}.py")
