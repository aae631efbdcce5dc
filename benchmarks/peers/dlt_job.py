"""dlt from CSV to Parquet on the filesystem destination, by its own readers. No checks, no dedupe.

`--reader csv` is dlt's default (pandas in chunks, row by row through the normalizer), `--reader
duckdb` hands Arrow tables on. Neither reads a record with too many fields, so both get a file
without bad ones.
"""

import argparse
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("source", type=Path)
parser.add_argument("target", type=Path)
parser.add_argument("--reader", choices=("csv", "duckdb"), default="csv")
options = parser.parse_args()
options.target.mkdir(parents=True, exist_ok=True)
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["DESTINATION__FILESYSTEM__BUCKET_URL"] = options.target.resolve().as_uri()

import dlt  # noqa: E402 – reads its settings from the environment
from dlt.sources.filesystem import filesystem, read_csv, read_csv_duckdb  # noqa: E402

files = filesystem(bucket_url=options.source.resolve().parent.as_uri(), file_glob=options.source.name)
if options.reader == "csv":
    resource = files | read_csv()
else:
    resource = files | read_csv_duckdb(chunk_size=100_000, use_pyarrow=True)
pipeline = dlt.pipeline(
    pipeline_name=f"orders_{options.reader}",
    pipelines_dir=str(options.target / "pipelines"),
    destination="filesystem",
    dataset_name="orders",
)
print(pipeline.run(resource.with_name("orders"), loader_file_format="parquet"))
