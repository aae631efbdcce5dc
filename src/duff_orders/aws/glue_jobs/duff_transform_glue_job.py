"""The Glue job `Duff_transform_glue_job`: does on Spark exactly what `Transform-data` does, for large files.

    spark-submit --py-files duff_orders.zip duff_transform_glue_job.py --lake DIR --key orders.csv

`raw_bucket` and `processed_bucket` name the lake on S3, `lake` one in a folder; `decision` is that of `Validate_csv` as
JSON (`documents.stages.Decision`), or `key` an object of the raw folder, which is announced then; `replay` (`true`)
replaces the outcome of before; `holder` is who asks for it; `max_reject_share` as in the settings. A file that breaks
the contract is no failure, its verdict stands in the ledger. Whoever starts the job tries again.
"""

import logging

from duff_orders.aws.arguments import job_arguments, lake_of
from duff_orders.documents import Decision
from duff_orders.ingest.publish import publish
from duff_orders.ingest.transform import transform
from duff_orders.ingest.validate import validate
from duff_orders.lake.raw import announce


def main() -> None:
    """Take one object to its ledger row."""
    logging.basicConfig(level=logging.INFO)
    names = (
        "lake",
        "raw_bucket",
        "processed_bucket",
        "decision",
        "key",
        "replay",
        "holder",
        "max_reject_share",
        "region",
    )
    arguments = job_arguments([], names)
    lake = lake_of(arguments, hours=4, max_reject_share=arguments.get("max_reject_share"))
    if "decision" in arguments:
        decision = Decision.from_json(arguments["decision"])
    elif "key" in arguments:
        decision = validate(lake, announce(lake.disk, arguments["key"]), replay=arguments.get("replay") == "true")
    else:
        raise SystemExit("duff_transform_glue_job: --decision JSON or --key KEY is needed")
    if decision.row is not None:
        row = decision.row
    else:
        with transform(lake, decision) as staged:
            row = publish(lake, staged)
    print(row.to_json())


if __name__ == "__main__":
    main()
