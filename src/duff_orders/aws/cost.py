"""`duff cost`: a deployment's monthly cost, from measured figures, published prices and your own volumes.

Prices are those of us-east-1 on demand, in dollars, without free tiers; each says where it is published. What was
measured is in docs/benchmarks.md.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from math import inf

from duff_orders.aws.glue_jobs import workers_for
from duff_orders.errors import InputError
from duff_orders.settings import parse_size

DAYS = Decimal("30.4")
MB, GB, TB = 10**6, 10**9, 10**12

#: Dollars. https://aws.amazon.com/lambda/pricing/ (arm64)
LAMBDA_GB_SECOND, LAMBDA_REQUEST = Decimal("0.0000133334"), Decimal("0.0000002")
LAMBDA_STORAGE_GB_SECOND = Decimal("0.0000000309")
#: https://aws.amazon.com/step-functions/pricing/ (standard workflows)
TRANSITION = Decimal("0.000025")
#: https://aws.amazon.com/s3/pricing/ (standard)
S3_PUT, S3_GET, S3_GB_MONTH = Decimal("0.000005"), Decimal("0.0000004"), Decimal("0.023")
#: https://aws.amazon.com/glue/pricing/ (by the second, at least one minute a run; a G.1X worker is one DPU)
DPU_HOUR, GLUE_MINIMUM = Decimal("0.44"), 60
#: https://aws.amazon.com/athena/pricing/ (at least 10 MB a query)
ATHENA_TB, ATHENA_MINIMUM = Decimal(5), 10 * MB
#: https://aws.amazon.com/api-gateway/pricing/ (REST)
API_REQUEST = Decimal("0.0000035")
#: https://aws.amazon.com/sqs/pricing/
SQS_REQUEST = Decimal("0.0000004")
#: https://aws.amazon.com/cloudwatch/pricing/ (an alarm; a GB of logs; a custom metric)
ALARM, LOG_GB, METRIC = Decimal("0.10"), Decimal("0.50"), Decimal("0.30")

#: Alarms and custom metrics of a deployment: the templates, and `telemetry` (nine, for all and by verdict; and two).
ALARMS, METRICS = 17, 9 * 6 + 2
#: Requests of a small file: `tests/faults/test_s3.py` holds them to 20 in all; the split is an estimate.
S3_WRITES, S3_READS = 8, 12
#: Processors of a function for each MB of its memory.
#: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html (1,769 MB have one)
LAMBDA_PROCESSOR_MB = Decimal(1769)
#: Seconds of the function with a file of the sample's size (`make bench-lambda`), and CPU seconds for each MB of a file
#: with rejects and repeats: `python -m benchmarks.functions --alone 100 500 1000 2000`.
FUNCTION_BASE, FUNCTION_CPU_MB = Decimal("0.09"), Decimal("0.028")
#: Scratch space of the function for each byte of such a file, from the same; and the most that it can have.
FUNCTION_SCRATCH, LARGEST_SCRATCH = Decimal("2.5"), 10 * GB
#: ... of an awswrangler function that does less.
NAIVE_BASE, NAIVE_MB = Decimal("0.49"), Decimal("0.0374")
#: Its memory, of which the file of 100 MB took so much: more does not fit into the largest function.
NAIVE_MEMORY_MB, LARGEST_FUNCTION_MB = Decimal("9.65"), 10_240
#: Worker seconds of Spark for each MB, and for the start of a job: docs/benchmarks.md (a core each, two a worker).
SPARK_MB, SPARK_START = Decimal("0.101"), Decimal(40)
#: Bytes of the star schema for each of raw files, seconds of Build_models, and more for each MB that it reads and
#: writes anew, 0.01 of them since S3 was on the same machine there: `python -m benchmarks.builds`. A build reads the
#: partitions that its lines may touch: this many days, where orders are delivered within three.
STAR_SHARE, BUILD_BASE, BUILD_MB, BUILD_DAYS = Decimal("0.22"), Decimal("0.9"), Decimal("0.11"), 4
#: Worker seconds of the Glue job for each MB that a build reads.
SPARK_BUILD_MB = Decimal("0.10")
#: Memory and storage of Build_models, and the bytes from which the job builds.
BUILD_GB, BUILD_STORAGE_GB, SMALL_BUILD = Decimal("2.94"), 10, 2 * GB
MEMORY_GB, VALIDATE_GB, VALIDATE_SECONDS = Decimal(2), Decimal("0.5"), Decimal("0.15")
THRESHOLD = 100 * MB
# As the templates have them: minutes between two builds, seconds and files for which one is waited for.
BUILD_MINUTES, _WINDOW, _BATCH = 15, 120.0, 100
_POLL, _MAX_WORKERS = 30, 10
# The days of which a simulation takes the mean.
_SIMULATED_DAYS = 10


@dataclass(frozen=True, slots=True)
class Load:
    """So many files of a size come each day."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Item:
    """What one thing costs a month, in dollars, and whence it comes."""

    name: str
    dollars: Decimal
    why: str


def example() -> list[Load]:
    """1,000 files a day of 1 MB, 50 of 50 MB and 5 of 2 GB."""
    return [Load(1000, MB), Load(50, 50 * MB), Load(5, 2 * GB)]


def load(text: str) -> Load:
    """The load of `1000x1MB`; raises InputError."""
    number, _, size = text.partition("x")
    try:
        return Load(int(number), parse_size(size))
    except ValueError:
        raise InputError(f"{text!r} is no load; it is given as a number of files and their size: 1000x1MB") from None


def cost(
    loads: Sequence[Load],
    *,
    queries: int = 100,
    scanned: int = ATHENA_MINIMUM,
    build_minutes: int = BUILD_MINUTES,
    api_requests: int = 1000,
    kept_days: int = 30,
    threshold: int = THRESHOLD,
) -> Iterator[Item]:
    """What a deployment costs a month.

    `queries` are asked a day and scan `scanned` bytes each; builds of the star schema are `build_minutes` apart at
    least; raw files and tables are counted with what `kept_days` of them take; files of `threshold` bytes and more go
    to the Glue job. Raises InputError for numbers below 0.
    """
    if any(number < 0 for number in (queries, scanned, build_minutes, api_requests, kept_days, threshold)) or any(
        load.number < 0 or load.size < 0 for load in loads
    ):
        raise InputError("numbers are 0 or greater")
    if threshold * FUNCTION_SCRATCH > LARGEST_SCRATCH:
        most = int(LARGEST_SCRATCH / FUNCTION_SCRATCH)
        raise InputError(
            f"a threshold of {threshold:,} bytes: a function has scratch space for files of {most:,} at most"
        )
    small = [load for load in loads if load.size < threshold]
    large = [load for load in loads if load.size >= threshold]
    files = sum(load.number for load in loads)
    seconds = sum((load.number * _function_seconds(load.size) for load in small), Decimal(0))
    yield Item(
        "Lambda",
        DAYS
        * (
            LAMBDA_GB_SECOND * (seconds * MEMORY_GB + files * VALIDATE_SECONDS * VALIDATE_GB)
            + LAMBDA_REQUEST * (3 * files + api_requests)
        ),
        f"{seconds:,.0f} s of Transform-data a day with {MEMORY_GB} GB",
    )
    hours = sum((load.number * _job_seconds(load.size) for load in large), Decimal(0)) / 3600
    yield Item("Glue, large files", DAYS * hours * DPU_HOUR, f"{hours:,.2f} DPU-hours a day")
    yield _star(loads, kept_days, build_minutes)
    transitions = sum(load.number for load in small) * 6 + sum(
        load.number * (6 + 3 * (1 + int(_job_seconds(load.size) / workers_for(load.size, _MAX_WORKERS)) // _POLL))
        for load in large
    )
    yield Item("Step Functions", DAYS * transitions * TRANSITION, f"{transitions:,} transitions a day")
    writes, reads = files * S3_WRITES, files * S3_READS
    yield Item("S3, requests", DAYS * (writes * S3_PUT + reads * S3_GET), f"{writes:,} that write, {reads:,} that read")
    kept = sum(load.number * load.size for load in loads) * kept_days * Decimal("1.3")
    yield Item("S3, storage", kept / GB * S3_GB_MONTH, f"{kept / GB:,.0f} GB: {kept_days} days, raw and as tables")
    scanned_bytes = queries * max(scanned, ATHENA_MINIMUM)
    yield Item("Athena", DAYS * Decimal(scanned_bytes) / TB * ATHENA_TB, f"{queries:,} queries a day")
    yield Item("API Gateway", DAYS * api_requests * API_REQUEST, f"{api_requests:,} requests a day")
    yield Item(
        "SQS, CloudWatch",
        DAYS * (3 * files * SQS_REQUEST + files * 4 * Decimal(1000) / GB * LOG_GB) + ALARMS * ALARM + METRICS * METRIC,
        f"{ALARMS} alarms, {METRICS} metrics, 4 KB of logs a file",
    )


def builds(arrivals: Iterable[float], *, distance: float) -> Iterator[float]:
    """When builds begin, by when files arrive, both in seconds: `distance` apart at least.

    As the queue does: one begins some time after a file that none has taken up, or once a number of them wait.
    """
    due, waiting, last = inf, 0, -inf
    for arrival in chain(arrivals, [inf]):
        if waiting and due <= arrival:
            yield due
            due, waiting, last = inf, 0, due
        waiting += 1
        soonest = arrival if waiting >= _BATCH else min(due, arrival + _WINDOW)
        due = min(due, max(soonest, last + distance))


def builds_a_day(files: int, *, build_minutes: int = BUILD_MINUTES) -> Decimal:
    """The builds of a day on which so many files arrive at any time, the mean of some days: a simulation."""
    chance = random.Random(files)
    arrivals = sorted(chance.uniform(0, 86_400 * _SIMULATED_DAYS) for _ in range(files * _SIMULATED_DAYS))
    number = sum(1 for _ in builds(arrivals, distance=60.0 * build_minutes))
    return Decimal(number) / _SIMULATED_DAYS


def _star(loads: Sequence[Load], kept_days: int, build_minutes: int) -> Item:
    """Builds of the star schema, each of which reads the partitions of the last days."""
    number = builds_a_day(sum(load.number for load in loads), build_minutes=build_minutes)
    star = sum(load.number * load.size for load in loads) * min(kept_days, BUILD_DAYS) * STAR_SHARE
    if star <= SMALL_BUILD:
        seconds = number * (BUILD_BASE + BUILD_MB * star / MB)
        dollars = seconds * (BUILD_GB * LAMBDA_GB_SECOND + BUILD_STORAGE_GB * LAMBDA_STORAGE_GB_SECOND)
        how = "by the function"
    else:
        seconds = number * 2 * max(Decimal(GLUE_MINIMUM), SPARK_START + SPARK_BUILD_MB * star / MB / 2)
        dollars = seconds / 3600 * DPU_HOUR
        how = "by the Glue job with two workers"
    why = f"{number:,.0f} builds a day {how}, each reads {star / GB:,.1f} GB"
    return Item("Star schema", DAYS * dollars, why)


def naive_function(loads: Sequence[Load]) -> tuple[Decimal, list[Load]]:
    """What the functions alone cost a month that load each file with awswrangler; and the files that do not fit."""
    dollars, left = Decimal(0), []
    for load in loads:
        memory = max(Decimal(1024), NAIVE_MEMORY_MB * load.size / MB)
        if memory > LARGEST_FUNCTION_MB:
            left.append(load)
            continue
        seconds = NAIVE_BASE + NAIVE_MB * load.size / MB
        dollars += DAYS * load.number * (seconds * memory / 1024 * LAMBDA_GB_SECOND + LAMBDA_REQUEST)
    return dollars, left


def glue_only(loads: Sequence[Load]) -> Decimal:
    """What the jobs alone cost a month where every file has one of its own."""
    return sum((DAYS * load.number * _job_seconds(load.size) / 3600 * DPU_HOUR for load in loads), Decimal(0))


def _function_seconds(size: int) -> Decimal:
    processors = MEMORY_GB * 1024 / LAMBDA_PROCESSOR_MB
    return FUNCTION_BASE + FUNCTION_CPU_MB / processors * size / MB


def _job_seconds(size: int) -> Decimal:
    """Worker seconds of a job run, each worker at least a minute."""
    workers = workers_for(size, _MAX_WORKERS)
    return workers * max(Decimal(GLUE_MINIMUM), SPARK_START + SPARK_MB * size / MB / workers)
