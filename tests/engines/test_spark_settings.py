"""What Spark's user set in `spark-defaults.conf` holds, and beside it what we set."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]

DEFAULTS = """# as Java reads it
spark.driver.memory        1100m
spark.driver.extraJavaOptions=-XX:+UseSerialGC -Dduff.test=set
  spark.sql.shuffle.partitions: 3
!spark.ui.enabled true
"""
ASK = """
import json
from duff_orders.drivers.spark import session
from duff_orders.settings import Settings

spark = session(Settings())
java = spark.sparkContext._jvm
beans = java.java.lang.management.ManagementFactory
print(json.dumps({
    "memory": spark.conf.get("spark.driver.memory"),
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "ui": spark.conf.get("spark.ui.enabled"),
    "property": java.System.getProperty("duff.test"),
    "options": list(beans.getRuntimeMXBean().getInputArguments()),
}))
"""


def asked(folder: Path) -> dict[str, object]:
    environment = {**os.environ, "SPARK_CONF_DIR": str(folder)}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_the_file_holds_and_ours_beside_it(tmp_path: Path) -> None:
    (tmp_path / "spark-defaults.conf").write_text(DEFAULTS)
    told = asked(tmp_path)
    options = str(told.pop("options"))
    assert told == {"memory": "1100m", "partitions": "3", "ui": "false", "property": "set"}
    assert "-XX:-DontCompileHugeMethods" in options
    assert "UseSerialGC" in options
    assert "UseParallelGC" not in options


def test_without_one_ours_holds(tmp_path: Path) -> None:
    told = asked(tmp_path)
    options = str(told.pop("options"))
    assert told == {"memory": "1024m", "partitions": "200", "ui": "false", "property": None} | {
        "memory": told["memory"]
    }
    assert "-XX:-DontCompileHugeMethods" in options
    assert "UseParallelGC" in options
