"""What the functions log: one JSON document per line, and metrics in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from duff_orders.contract import COUNTS
from duff_orders.documents import LedgerRow

NAMESPACE = "duff-orders"
#: Where in the raw bucket a deployment is tried out: what comes and goes there is no partner's, and not measured.
TRY_OUT = "duff-smoke-test/"
#: What is measured, beside the rows of each file by fate.
UNITS = {
    "Bytes": "Bytes",
    "Seconds": "Seconds",
    "RejectedPercent": "Percent",
    "Unannounced": "Count",
    "OldestUnbuilt": "Seconds",
}


def log(message: str, file_id: str, key: str, **more: object) -> None:
    """One line: what happened to which file."""
    print(json.dumps({"message": message, "file_id": file_id, "key": key, **more}, default=str), flush=True)


def measure(row: LedgerRow) -> None:
    """One line from which CloudWatch makes metrics of a file: its rows by fate, its bytes, the seconds it took.

    They are told for the deployment (`DEPLOYMENT` of the environment) as a whole, and by verdict.
    """
    if row.source_file.startswith(TRY_OUT):
        return
    rows = {_camel(name): getattr(row, name) for name in COUNTS}
    values = {"Files": 1, "Bytes": row.size, "Seconds": (row.finished - row.started).total_seconds(), **rows}
    if row.rows_read:
        values["RejectedPercent"] = round(100 * row.rows_rejected / row.rows_read, 3)
    tell(values, {"Verdict": row.verdict}, file_id=row.file_id, key=row.source_file)


def tell(values: Mapping[str, float], by: Mapping[str, str] | None = None, **more: str) -> None:
    """One line from which CloudWatch makes metrics, for the deployment as a whole, and `by` more dimensions."""
    metrics = [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in values]
    dimensions = [["Deployment"], *([["Deployment", *by]] if by else [])]
    about = {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
    meta = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [about]}
    named = {"Deployment": os.environ.get("DEPLOYMENT", NAMESPACE), **(by or {}), **more}
    print(json.dumps({"_aws": meta, **named, **values}), flush=True)


@contextmanager
def failures_logged(file_id: str, key: str) -> Iterator[None]:
    """An error is logged with its file before it ends the function."""
    try:
        yield
    except Exception as error:
        log("failed", file_id, key, kind=type(error).__name__, error=str(error)[:10_000])
        raise


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
