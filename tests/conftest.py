"""What tests of several folders share: one Spark context and one emulated AWS for the whole process."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def spark_context() -> Any:
    """The context that every session of the product's own is made on. Tiny files need few and quick tasks."""
    sql = pytest.importorskip("pyspark.sql", reason="needs the extra `spark`")
    options = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.log.level": "ERROR",
        "spark.sql.codegen.cache.maxEntries": "2000",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    started = sql.SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    yield started.sparkContext
    started.stop()


@pytest.fixture(autouse=True)
def _spark(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("spark"):
        request.getfixturevalue("spark_context")


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of emulated AWS, which the environment names, too."""
    from tests.aws.emulator import emulated_aws

    with emulated_aws(tmp_path_factory.mktemp("aws")) as address:
        yield address
