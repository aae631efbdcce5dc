"""A job's arguments: Glue's on Glue, the same names on a command line elsewhere."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from duff_orders.lake.lake import Lake, open_lake
from duff_orders.lake.stores import open_store
from duff_orders.settings import Settings


def job_arguments(required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, str]:
    """The values of `--name VALUE` by name; an optional one that is not given is not in it."""
    try:
        from awsglue.utils import getResolvedOptions
    except ImportError:
        return _command_line(required, optional)
    present = [name for name in optional if any(word.split("=")[0] == f"--{name}" for word in sys.argv)]
    options = getResolvedOptions(sys.argv, [*required, *present])
    return {name: options[name] for name in (*required, *present)}


def lake_of(arguments: dict[str, str], *, hours: float, **options: object) -> Lake:
    """The lake of a job's arguments: `lake`, a folder, or the buckets; the platform ends the job after some hours."""
    # Glue tells its region to nobody: what works with objects would take another's.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if "region" in arguments else ():
        os.environ.setdefault(name, arguments["region"])
    if "lake" in arguments:
        return open_lake(arguments["lake"], engine="spark", **options)
    if not {"raw_bucket", "processed_bucket"} <= arguments.keys():
        raise SystemExit("--lake DIR, or --raw_bucket and --processed_bucket, are needed")
    more: dict[str, Any] = {"holder": arguments["holder"]} if "holder" in arguments else {}
    address = f"s3://{arguments['raw_bucket']},{arguments['processed_bucket']}"
    store = open_store(address, deadline=time.time() + hours * 3600, **more)
    return Lake(Settings.load(os.environ, engine="spark", **options), store)


def _command_line(required: Sequence[str], optional: Sequence[str]) -> dict[str, str]:
    parser = argparse.ArgumentParser()
    for name in (*required, *optional):
        parser.add_argument(f"--{name}", required=name in required)
    # Glue hands its jobs arguments of its own, too.
    namespace, _ = parser.parse_known_args()
    return {name: value for name, value in vars(namespace).items() if value is not None}
