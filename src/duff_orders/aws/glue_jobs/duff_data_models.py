"""The Glue job `duff_data_models`: brings the star schema up to the ledger, on Spark.

    spark-submit --py-files duff_orders.zip duff_data_models.py --lake DIR

`lake` is the lake; `rebuild` (`true`) builds everything from nothing.
"""

import logging

from duff_orders.aws.arguments import job_arguments
from duff_orders.lake.lake import open_lake
from duff_orders.models.build import build


def main() -> None:
    """Build what is new."""
    logging.basicConfig(level=logging.INFO)
    given = job_arguments(["lake"], ["rebuild"])
    print(build(open_lake(given["lake"], engine="spark"), rebuild=given.get("rebuild", "").lower() == "true"))


if __name__ == "__main__":
    main()
