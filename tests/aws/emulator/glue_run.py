"""Runs a job's script as Glue would: with the library's zip, arguments, and `s3://` on the emulator's buckets.

No Hadoop file system for S3 can be had from the package registries, so each bucket is mounted straight onto the
folder in which the emulator keeps its objects, which are plain files. Only what is staged lies elsewhere until the
job asks for it: then it goes through the S3 API.
"""

import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any


class Lacking:
    """Glue 5.1 has PySpark, boto3 and pandas; none of these. The library must come from the zip."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".", maxsplit=1)[0] in ("duckdb", "rich", "sqlglot", "typer", "watchfiles", "hypothesis"):
            raise ModuleNotFoundError(f"Glue has no {name}")
        if name == "duff_orders" and not any(entry.endswith("duff_orders.zip") for entry in sys.path):
            raise ModuleNotFoundError("the library must come from the zip")


def main() -> None:
    sys.meta_path.insert(0, Lacking())
    script, library, *arguments = sys.argv[1:]
    sys.path.insert(0, library)
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    staging = Path(tempfile.mkdtemp(prefix="staging-"))

    from duff_orders.engines.spark import workspace

    assert "duff_orders.zip" in (workspace.__file__ or ""), workspace.__file__
    _start(staging, [given["--raw_bucket"], given["--processed_bucket"]])
    listed = workspace.Workspace.parts

    def parts(space: workspace.Workspace, name: str) -> list[workspace.Part]:
        stage: Any = space.stage
        folder = stage._name("staging", space.name + name)
        for path in (staging / folder.removeprefix("processed/staging/")).rglob("part-*.parquet"):
            copy = Path(tempfile.mkdtemp()) / "part"
            copy.hardlink_to(path)
            stage.store.publish(f"processed/staging/{path.relative_to(staging)}", copy)
        return listed(space, name)

    workspace.Workspace.parts = parts  # type: ignore[assignment,method-assign]
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def _start(staging: Path, buckets: list[str]) -> None:
    from pyspark.sql import SparkSession

    root = Path(os.environ["S3_DATA_DIR"], "000000000000")
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Quick to compile: a run lives for half a minute.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.viewfs.overload.scheme.target.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    }
    for bucket in buckets:
        mount = f"spark.hadoop.fs.viewfs.mounttable.{bucket}"
        settings[f"{mount}.linkFallback"] = f"file://{root / bucket}"
        settings[f"{mount}.link./staging"] = f"file://{staging}"
    for name, value in settings.items():
        builder = builder.config(name, value)
    builder.getOrCreate()


if __name__ == "__main__":
    main()
