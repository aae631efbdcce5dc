"""What is looked at before a deployment: names, quotas and settings of an account, and what is said of them."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from duff_orders.aws.preflight import Finding, preflight

Clients = dict[str, tuple[Any, Stubber]]
OPEN = {"CreateTableDefaultPermissions": [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}}]}
QUOTA = {"QuotaName": "Max concurrent job runs per account", "Value": 3.0}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """boto3's clients, which check what they are asked against AWS's model, and answer as the test says."""
    given = {"region_name": "us-east-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}
    made: Clients = {}
    for name in ("s3", "lambda", "service-quotas", "lakeformation"):
        client = boto3.client(name, **given)
        made[name] = client, Stubber(client)
        made[name][1].activate()
    monkeypatch.setattr(boto3, "client", lambda name, **options: made[name][0])
    yield made
    for _, stubber in made.values():
        stubber.assert_no_pending_responses()


@pytest.fixture
def account(clients: Clients) -> Callable[..., None]:
    """Lets an account answer: functions at once, Glue's quotas, and Lake Formation's settings."""

    def answers(at_once: int = 1000, quotas: Any = (), lake_formation: Any = OPEN) -> None:
        limit = {"AccountLimit": {"ConcurrentExecutions": at_once}}
        clients["lambda"][1].add_response("get_account_settings", limit)
        clients["service-quotas"][1].add_response("list_service_quotas", {"Quotas": [*quotas]}, {"ServiceCode": "glue"})
        clients["lakeformation"][1].add_response("get_data_lake_settings", {"DataLakeSettings": lake_formation})

    return answers


def looked(buckets: dict[str, str] | None = None, **parameters: str) -> list[Finding]:
    return [*preflight(buckets or {}, parameters)]


def test_an_account_that_has_all_is_told_nothing(account: Callable[..., None]) -> None:
    account()
    assert looked(TransformMemory="3008") == []


def test_what_a_new_account_lacks(account: Callable[..., None]) -> None:
    account(at_once=10, quotas=[QUOTA], lake_formation={"CreateTableDefaultPermissions": []})
    found = looked(TransformMemory="4096")
    assert [each.stops for each in found] == [False] * 4
    for each, told in zip(
        found, ("10 functions may run", "4096 MB", "per account is 3", "Lake Formation governs"), strict=True
    ):
        assert told in each.words
    assert "L-B99A9384" in found[0].words


@pytest.mark.parametrize(("at_once", "stops"), [(10, True), (119, True), (120, False)])
def test_what_lambda_would_refuse_to_reserve_stops_before(
    account: Callable[..., None], at_once: int, stops: bool
) -> None:
    account(at_once=at_once)
    found = [each for each in looked(QueryConcurrency="20") if "QueryConcurrency" in each.words]
    assert [each.stops for each in found] == [True] * stops


@pytest.mark.parametrize(
    ("status", "told", "stops"),
    [(403, "is another account's; choose --deployment", True), (301, "in another region", True), (404, None, False)],
)
def test_a_name_that_somebody_has_stops_before_anything_is_done(
    account: Callable[..., None], clients: Clients, status: int, told: str | None, stops: bool
) -> None:
    clients["s3"][1].add_client_error("head_bucket", str(status), http_status_code=status)
    account()
    found = looked({"RawBucketName": "duff-orders-raw"})
    assert [each.stops for each in found] == ([stops] if told else [])
    assert all(told and told in each.words for each in found)


def test_what_may_not_be_looked_at_is_said_and_stops_nothing(clients: Clients) -> None:
    for name, operation in (
        ("lambda", "get_account_settings"),
        ("service-quotas", "list_service_quotas"),
        ("lakeformation", "get_data_lake_settings"),
    ):
        clients[name][1].add_client_error(operation, "AccessDeniedException", "not authorized")
    found = looked()
    assert [each.stops for each in found] == [False] * 3
    assert all(each.words.startswith("not looked at: ") for each in found)
