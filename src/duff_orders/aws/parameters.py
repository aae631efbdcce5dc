"""The values of the templates' parameters: ours, the user's, and those deployed before."""

from collections.abc import Mapping

from duff_orders.aws.stacks import Deployment, describe
from duff_orders.contract import DATABASE
from duff_orders.errors import InputError

TEMPLATES = {"buckets": "buckets.yaml", "etl": "main-etl.yaml", "models": "data-modeling.yaml"}
BUCKETS = {
    "RawBucketName": "duff-orders-raw",
    "ProcessedBucketName": "duff-orders-processed",
    "ArtifactsBucketName": "aws-project-artifacts-interview",
}
#: Given by the deployment itself, each time anew.
OURS = {"Release", "Edition", "BucketsStack", "EtlStack", "KeyArn", "NamePrefix"}
#: Of a new deployment, beside the templates' own defaults.
_AT_FIRST = {"Architecture": "arm64", "PythonRuntime": "python3.13"}


def values(deployment: Deployment, overrides: Mapping[str, str]) -> dict[str, str]:
    """The values of all parameters that do not have a template's own default: those given, else those deployed.

    A new deployment that takes over buckets which a KMS key encrypts has that key, too. Raises InputError for a key in
    place of another one: what is encrypted already could be read no more.
    """
    deployed = _deployed(deployment)
    names = {name: deployment.named(bucket) for name, bucket in BUCKETS.items()}
    if deployed:
        _keep_key(deployment, deployed.get("EncryptionKey", ""), overrides.get("EncryptionKey"))
    else:
        deployed["EncryptionKey"] = _key_of(overrides.get("ProcessedBucketName", names["ProcessedBucketName"]))
    return {
        **names,
        **_AT_FIRST,
        "DatabaseName": deployment.named(DATABASE).replace("-", "_"),
        **{name: value for name, value in deployed.items() if name not in OURS},
        **overrides,
        "NamePrefix": deployment.named(""),
        "BucketsStack": deployment.stack("buckets"),
        "EtlStack": deployment.stack("etl"),
    }


def _deployed(deployment: Deployment) -> dict[str, str]:
    """The parameters of the stacks that are there."""
    values: dict[str, str] = {}
    for stage in TEMPLATES:
        stack = describe(deployment.stack(stage)) or {}
        values |= {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ())}
    return values


def _keep_key(deployment: Deployment, deployed: str, wanted: str | None) -> None:
    """Refuse another key than the one in use, or none."""
    in_use = deployment.outputs_if_there("buckets").get("KeyArn")
    if in_use and wanted is not None and wanted not in (in_use, deployed):
        raise InputError(
            f"EncryptionKey is {wanted!r}, and {in_use} encrypts what is there, which could be read no more; leave it. "
            "KMS rotates a key by itself, and keeps what it encrypted readable"
        )


def _key_of(bucket: str) -> str:
    """The KMS key by which a bucket that was kept encrypts; empty where there is neither."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        rules = boto3.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError:
        return ""
    keys = [each.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", "") for each in rules]
    return next(filter(None, keys), "")
