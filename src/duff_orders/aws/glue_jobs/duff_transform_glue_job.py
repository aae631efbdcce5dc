"""The Glue job `Duff_transform_glue_job`: does on Spark exactly what `Transform-data` does, for large files.

    spark-submit --py-files duff_orders.zip duff_transform_glue_job.py --lake DIR --key orders.csv

`lake` is the lake; `event` the announcement of the object as JSON (`duff_orders.messages.Event`), or `key` an object of
the raw folder, which is announced then; `max_reject_share` as in the settings. The job fails where the file's verdict
is `failed`; a file that breaks the contract is no failure, its verdict stands in the ledger.
"""

import logging

from duff_orders import pipeline
from duff_orders.aws.arguments import job_arguments
from duff_orders.errors import PipelineError
from duff_orders.lake.lake import open_lake
from duff_orders.messages import Event


def main() -> None:
    """Take one object to its ledger row."""
    logging.basicConfig(level=logging.INFO)
    given = job_arguments(["lake"], ["event", "key", "max_reject_share"])
    lake = open_lake(given["lake"], engine="spark", max_reject_share=given.get("max_reject_share"))
    if "event" in given:
        event = Event.from_json(given["event"])
    elif "key" in given:
        event = pipeline.announce(lake, given["key"])
    else:
        raise SystemExit("duff_transform_glue_job: --event JSON or --key KEY is needed")
    row = pipeline.process(lake, event)
    print(row.to_json())
    if row.verdict == "failed":
        raise PipelineError(f"{row.source_file}: {row.reason}")


if __name__ == "__main__":
    main()
