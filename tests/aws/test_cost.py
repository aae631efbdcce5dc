"""What a deployment costs: exact arithmetic, and figures that are those of the templates and the code."""

import json
import random
from decimal import Decimal
from itertools import pairwise
from math import inf

import pytest
from typer.testing import CliRunner

from duff_orders.aws import cost as costs
from duff_orders.aws.cost import MB, Load, builds, builds_a_day, cost, example, glue_only, load, naive_function
from duff_orders.aws.glue_jobs import workers_for
from duff_orders.cli.main import app
from duff_orders.contract import COUNTS
from duff_orders.errors import InputError
from duff_orders.settings import Settings
from tests.aws.test_templates import FOLDER, TEMPLATES, load_yaml, resources


def dollars(loads: list[Load], **given: int) -> dict[str, Decimal]:
    return {item.name: item.dollars for item in cost(loads, **given)}


def test_nothing_costs_what_is_there_anyway() -> None:
    found = dollars([], queries=0, api_requests=0, kept_days=0)
    assert {name for name, amount in found.items() if amount} == {"SQS, CloudWatch"}, found
    assert found["SQS, CloudWatch"] == costs.ALARMS * costs.ALARM + costs.METRICS * costs.METRIC


def test_costs_as_a_document() -> None:
    found = json.loads(CliRunner().invoke(app, ["cost", "--files", "10x1MB", "--files", "1x2GB", "--json"]).output)
    assert Decimal(found["dollars_a_month"]) == sum(Decimal(item["dollars"]) for item in found["items"]) > 0
    assert found["beside_it"]["too_large_for_it"] == [{"number": 1, "size": 2 * 10**9}]


def test_a_file_goes_one_way_and_one_of_the_threshold_by_glue() -> None:
    below, at = (dollars([Load(1, 100 * MB - less)], queries=0, api_requests=0) for less in (1, 0))
    assert below["Glue, large files"] == 0 < at["Glue, large files"]
    # a function only looks at it
    assert at["Lambda"] == Decimal("30.4") * (Decimal("0.075") * Decimal("0.0000133334") + Decimal("0.0000006"))
    assert below["Lambda"] > 10 * at["Lambda"]


@pytest.mark.parametrize(
    ("size", "workers"),
    [(0, 2), (2**29 - 1, 2), (2**29, 2), (2**30 - 1, 2), (2**30, 3), (9 * 2**29 - 1, 9), (9 * 2**29, 10), (10**12, 10)],
)
def test_a_job_has_a_worker_for_each_half_gigabyte_and_a_driver(size: int, workers: int) -> None:
    assert workers_for(size, most=10) == workers


def test_a_file_costs_what_it_takes() -> None:
    found = dollars([Load(1, 10 * MB)], queries=0, api_requests=0, kept_days=10)
    seconds = Decimal("0.09") + Decimal("0.28") / (Decimal(2048) / 1769)
    gigabytes = seconds * 2 + Decimal("0.075")
    assert found["Lambda"] == Decimal("30.4") * (gigabytes * Decimal("0.0000133334") + Decimal("0.0000006"))
    assert found["S3, requests"] == Decimal("30.4") * (8 * Decimal("0.000005") + 12 * Decimal("0.0000004"))
    assert found["S3, storage"] == Decimal("0.13") * Decimal("0.023")
    assert found["Glue, large files"] == 0


def test_twice_as_many_files_cost_twice_as_much() -> None:
    once, twice = (dollars([Load(number, 200 * MB)]) for number in (50, 100))
    for name in ("Glue, large files", "Step Functions", "S3, requests", "S3, storage"):
        assert round(twice[name], 9) == round(2 * once[name], 9) > 0


def test_the_threshold_is_that_of_the_pipeline() -> None:
    assert Settings().threshold == costs.THRESHOLD
    assert dollars([Load(1, costs.THRESHOLD - 1)])["Glue, large files"] == 0
    assert dollars([Load(1, costs.THRESHOLD)])["Glue, large files"] > 0


def test_another_threshold_sends_fewer_files_to_glue() -> None:
    found = dollars([Load(1, 2000 * MB)], threshold=4000 * MB)
    assert found["Glue, large files"] == 0
    assert found["Lambda"] < dollars([Load(1, 2000 * MB)])["Glue, large files"] / 10
    with pytest.raises(InputError, match="scratch space for files of 4,000,000,000 at most"):
        dollars([], threshold=4000 * MB + 1)
    result = CliRunner().invoke(app, ["cost", "--glue-from", "much"])
    assert (result.exit_code, "--glue-from" in result.output) == (2, True)


def test_the_template_bounds_the_threshold_by_its_scratch_space() -> None:
    parameters = load_yaml(FOLDER / "main-etl.yaml")["Parameters"]
    assert parameters["ThresholdBytes"]["MaxValue"] * costs.FUNCTION_SCRATCH <= costs.LARGEST_SCRATCH
    assert parameters["TransformStorage"]["MaxValue"] * 2**20 >= costs.LARGEST_SCRATCH
    default = parameters["ThresholdBytes"]["Default"] * costs.FUNCTION_SCRATCH
    assert default <= parameters["TransformStorage"]["Default"] * 2**20


@pytest.mark.slow
def test_alarms_and_metrics_are_those_of_the_deployment() -> None:
    kinds = [each["Type"] for template in TEMPLATES for each in resources(template).values()]
    assert kinds.count("AWS::CloudWatch::Alarm") == costs.ALARMS
    verdicts, others = 5, ("Files", "Bytes", "Seconds", "RejectedPercent")
    assert (len(COUNTS) + len(others)) * (1 + verdicts) + len({"Unannounced", "OldestUnbuilt"}) == costs.METRICS


def test_the_others() -> None:
    loads = example()
    naive, left = naive_function(loads)
    assert left == [Load(5, 2 * costs.GB)]
    assert glue_only(loads) > 100 * naive
    assert glue_only([Load(60, MB)]) == Decimal("30.4") * 60 * 120 / 3600 * Decimal("0.44")


@pytest.mark.parametrize("text", ["", "3", "x", "3x", "x1MB", "3xMB", "threex1MB"])
def test_a_load_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="1000x1MB"):
        load(text)
    with pytest.raises(InputError, match="0 or greater"):
        list(cost([Load(-1, 1)]))


@pytest.mark.parametrize("minutes", [0, 15, 60])
@pytest.mark.parametrize("files", [3, 250, 5000])
def test_builds_keep_their_distance_and_none_forgets_a_file(files: int, minutes: int) -> None:
    """As the queue and the function do: the same in another way, file by file."""
    chance = random.Random(files)
    arrivals = sorted(chance.uniform(0, 86_400) for _ in range(files))
    began = [*builds(arrivals, distance=60.0 * minutes)]
    assert began == sorted(began)
    assert all(later - earlier > 60 * minutes - 0.001 for earlier, later in pairwise(began))
    for arrival in arrivals:
        taken = next(each for each in began if each >= arrival)
        before = [each for each in began if each < arrival]
        assert taken <= max(arrival + 120, (before[-1] if before else -inf) + 60 * minutes)
    if files == 3:
        assert len(began) <= 3
    if minutes == 0 and files == 5000:
        assert len(began) >= 86_400 / (120 + 86_400 / files) * 0.9


def test_more_time_between_builds_costs_less() -> None:
    often, seldom = (dollars([Load(1000, MB)], build_minutes=minutes)["Star schema"] for minutes in (15, 60))
    assert 3 < often / seldom < 4.5
    assert builds_a_day(1000) == builds_a_day(1000) <= Decimal("96.1")


def test_a_small_star_schema_is_built_by_the_function() -> None:
    small, large = (
        next(item for item in cost([Load(number, MB)]) if item.name == "Star schema") for number in (100, 10_000)
    )
    assert "by the function" in small.why
    assert "by the Glue job" in large.why
    assert large.dollars > 20 * small.dollars > 0
    templates = resources("data-modeling.yaml"), load_yaml(str(FOLDER / "data-modeling.yaml"))["Parameters"]
    assert templates[1]["SmallBuildBytes"]["Default"] == costs.SMALL_BUILD
    assert templates[1]["BuildMinutes"]["Default"] == costs.BUILD_MINUTES
    assert templates[1]["BuildStorage"]["Default"] // 1024 == costs.BUILD_STORAGE_GB
    assert round(Decimal(templates[1]["BuildMemory"]["Default"]) / 1024, 2) == costs.BUILD_GB
    assert templates[1]["BuildStorage"]["Default"] * 2**20 > 2 * costs.SMALL_BUILD
    assert templates[0]["BuildModels"]["Properties"]["Timeout"] > costs.BUILD_MB * costs.SMALL_BUILD / MB
