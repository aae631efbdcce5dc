"""Checks before `duff deploy`: whatever in an account, its quotas and its names would block a deployment.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/general/latest/gr/glue.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Functions that may run at once, below which a day's files wait for each other: new accounts may have ten.
ENOUGH_FUNCTIONS = 50
#: Functions at once that an account must leave to those that reserve none.
UNRESERVED = 100
#: Memory in MB that any account's functions may have; new ones may allow no more.
ANY_MEMORY = 3008
#: Glue's quotas by their names in Service Quotas, and the least that large files and a build beside them take.
GLUE_QUOTAS = {"Max concurrent job runs per account": 5, "Max task DPUs per account": 20}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at: in words what was found; `stops` a deployment, or is only worth knowing."""

    words: str
    stops: bool = False


def preflight(buckets: Mapping[str, str], parameters: Mapping[str, str]) -> Iterator[Finding]:
    """What would stop a deployment to the account and region of the environment, or be noticed only later.

    `buckets` are the names of those that are to be made; `parameters` those of the templates that were given. What may
    not be looked at is said, and stops nothing.
    """
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "names of buckets": lambda: _buckets(buckets),
        "Lambda's limits": lambda: _functions(parameters),
        "Glue's quotas": _glue,
        "Lake Formation": _lake_formation,
    }
    from botocore.exceptions import BotoCoreError, ClientError

    for what, look in looks.items():
        try:
            yield from look()
        except (ClientError, BotoCoreError) as error:
            yield Finding(f"not looked at: {what} ({str(error)[:200]})")


def _buckets(buckets: Mapping[str, str]) -> Iterator[Finding]:
    """Names of buckets are those of all accounts: somebody else's cannot be had."""
    import boto3
    from botocore.exceptions import ClientError

    s3 = boto3.client("s3")
    for parameter, name in buckets.items():
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 403:
                words = (
                    f"the bucket {name} is another account's; choose --deployment NAME, or --parameter {parameter}=NAME"
                )
                yield Finding(words, stops=True)
            elif status in (301, 400):
                yield Finding(f"the bucket {name} is there, in another region", stops=True)
            elif status != 404:
                raise
        else:
            yield Finding(f"the bucket {name} is there; the deployment takes it over, with all that it holds")


def _functions(parameters: Mapping[str, str]) -> Iterator[Finding]:
    import boto3

    limit = boto3.client("lambda").get_account_settings()["AccountLimit"]
    at_once = int(limit["ConcurrentExecutions"])
    if at_once < ENOUGH_FUNCTIONS:
        yield Finding(
            f"{at_once} functions may run at once in this account: files wait for each other, and none fails for it; "
            f"ask in Service Quotas for {ENOUGH_FUNCTIONS} or more (AWS Lambda, Concurrent executions, L-B99A9384)"
        )
    reserved = int(parameters.get("QueryConcurrency", "0"))
    free = int(limit.get("UnreservedConcurrentExecutions", at_once))
    if reserved and free - reserved < UNRESERVED:
        yield Finding(
            f"QueryConcurrency is {reserved}, and Lambda keeps {UNRESERVED} of an account's {free} for all functions: "
            "leave it at 0, and let ApiRate and ApiBurst keep callers from starving the pipeline",
            stops=True,
        )
    for name, value in parameters.items():
        if name.endswith("Memory") and value.isdecimal() and int(value) > ANY_MEMORY:
            yield Finding(
                f"{name} is {value} MB: new accounts allow {ANY_MEMORY}, where the stack fails; AWS Support gives more"
            )


def _glue() -> Iterator[Finding]:
    import boto3

    pages = boto3.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="glue")
    quotas = {each["QuotaName"]: each["Value"] for page in pages for each in page["Quotas"]}
    for name, least in GLUE_QUOTAS.items():
        value = quotas.get(name)
        if value is not None and value < least:
            yield Finding(
                f"Glue: {name} is {value:g}: large files wait for each other; ask in Service Quotas for {least} or more"
            )


def _lake_formation() -> Iterator[Finding]:
    import boto3

    settings: dict[str, Any] = boto3.client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    granted = [
        each.get("Principal", {}).get("DataLakePrincipalIdentifier")
        for each in settings.get("CreateTableDefaultPermissions", [])
    ]
    if "IAM_ALLOWED_PRINCIPALS" not in granted:
        yield Finding(
            "Lake Formation governs new tables of this account: policies alone let nobody read them; grant the roles "
            "of the deployment, and who asks Athena, SELECT and DESCRIBE on its database (docs/operations.md)"
        )
