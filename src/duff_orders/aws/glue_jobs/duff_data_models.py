"""The Glue job `duff_data_models`: brings the star schema up to date with the ledger, on Spark.

    spark-submit --py-files duff_orders.zip duff_data_models.py --lake DIR

`raw_bucket` and `processed_bucket` name the lake on S3, and `database` the catalog that is to show the star schema;
`lake` is one in a folder; `rebuild` (`true`) builds everything from nothing.
"""

import logging

from duff_orders.aws.arguments import job_arguments, lake_of
from duff_orders.lake import snapshot
from duff_orders.lake.lake import Lake
from duff_orders.models.build import build


def main() -> None:
    """Build what is new."""
    logging.basicConfig(level=logging.INFO)
    arguments = job_arguments([], ["lake", "raw_bucket", "processed_bucket", "database", "rebuild", "region"])
    # One run at a time: whoever comes next takes up the lease of a run that was killed.
    lake = lake_of(arguments | {"holder": "duff_data_models"}, hours=2)
    # First what a killed run may have left undone.
    show(lake, arguments.get("database"))
    report = build(lake, rebuild=arguments.get("rebuild", "").lower() == "true")
    print(report)
    if report.build_id is not None:
        show(lake, arguments.get("database"))


def show(lake: Lake, database: str | None) -> None:
    """Let the Data Catalog follow the star schema."""
    if database is None:
        return
    import boto3

    from duff_orders.lake.glue_catalog import follow

    follow(lake.store, boto3.client("glue"), database, snapshot.current(lake.store))


if __name__ == "__main__":
    main()
