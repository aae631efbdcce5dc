"""Spark: the context of this process, and sessions on it that read and write as the contract wants.

`pyspark` is imported here and by the two modules that use it. In a Glue job, or under `spark-submit`, the context that
is there already is used; otherwise one is started for the master that the settings name.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.errors import SettingsError
from duff_orders.settings import MIB, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JAVA = 17
# Set for each session, so that they hold in a context that somebody else started too.
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Times have no zone in the tables, as DuckDB writes them.
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.adaptive.enabled": "true",
}


def session(settings: Settings) -> "SparkSession":
    """A Spark session of one's own (its views and settings) on the process's context.

    Raises SettingsError where PySpark or Java is missing, or the master cannot be reached.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SettingsError(
            "the engine spark needs PySpark, which the extra `spark` brings: pip install 'duff-orders[spark]'"
        ) from None
    active = SparkSession.getActiveSession() or _start(settings)
    own = active.newSession()
    for name, value in SESSION.items():
        own.conf.set(name, value)
    return own


def _start(settings: Settings) -> "SparkSession":
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    conf = SparkConf()
    if "spark.master" not in os.environ.get("PYSPARK_SUBMIT_ARGS", "") and not conf.contains("spark.master"):
        conf.setMaster(settings.master or f"local[{settings.threads or '*'}]")
    master = conf.get("spark.master") or ""
    defaults = {
        "spark.app.name": "duff-orders",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": f"{max(settings.memory, 10**9) // MIB}m",
    }
    if master.startswith("local") or "127.0.0.1" in master or "localhost" in master:
        # Nothing outside this machine takes part: listen to nobody else.
        defaults |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    for name, value in defaults.items():
        conf.setIfMissing(name, value)
    _check_java()
    # Workers run the Python of this process, where there are several.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    started = SparkSession.builder.config(conf=conf).getOrCreate()
    atexit.register(started.stop)
    return started


def _check_java() -> None:
    """Raises SettingsError where there is no Java of the release that Spark 3.5 runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    wanted = f"install Java {JAVA} (Debian: openjdk-{JAVA}-jre-headless) and set JAVA_HOME where it is not the default"
    if java is None or not Path(java).exists():
        raise SettingsError(
            f"the engine spark needs Java {JAVA}, and there is none at {java or 'any place in PATH'}: {wanted}"
        )
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) != JAVA:
        raise SettingsError(
            f"the engine spark needs Java {JAVA}; {java} is {told.splitlines()[0] if told else '?'}: {wanted}"
        )
