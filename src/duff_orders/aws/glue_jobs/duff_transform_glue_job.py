"""The Glue job `Duff_transform_glue_job`: does on Spark exactly what `Transform-data` does, for large files.

    spark-submit --py-files duff_orders.zip duff_transform_glue_job.py --lake DIR --key orders.csv

`raw_bucket` and `processed_bucket` name the lake on S3, `lake` one in a folder; `event` is the announcement of the
object as JSON (`duff_orders.messages.Event`), or `key` an object of the raw folder, which is announced then; `again`
(`true`) replaces the outcome of before; `holder` is who asks for it; `max_reject_share` as in the settings. A file
that breaks the contract is no failure, its verdict stands in the ledger.
"""

import logging

from duff_orders.aws.arguments import job_arguments, lake_of
from duff_orders.errors import PipelineError
from duff_orders.ingest.stages import attempt
from duff_orders.lake.raw import announce
from duff_orders.local.run import process
from duff_orders.messages import Event


def main() -> None:
    """Take one object to its ledger row."""
    logging.basicConfig(level=logging.INFO)
    names = ("lake", "raw_bucket", "processed_bucket", "event", "key", "again", "holder", "max_reject_share")
    given = job_arguments([], names)
    lake = lake_of(given, hours=4, max_reject_share=given.get("max_reject_share"))
    again = given.get("again") == "true"
    if "event" in given and "lake" not in given:
        row = attempt(lake, Event.from_json(given["event"]), again=again)  # the state machine tries again
    elif "event" in given:
        row = process(lake, Event.from_json(given["event"]), again=again)
    elif "key" in given:
        row = process(lake, announce(lake.disk, given["key"]), again=again)
    else:
        raise SystemExit("duff_transform_glue_job: --event JSON or --key KEY is needed")
    print(row.to_json())
    if row.verdict == "failed":
        raise PipelineError(f"{row.source_file}: {row.reason}")


if __name__ == "__main__":
    main()
