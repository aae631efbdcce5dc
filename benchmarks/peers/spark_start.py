"""What any PySpark process costs before it does anything: Python, the Java machine, a session, one job of one row."""

import sys

from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.appName("start")
    .master(sys.argv[1])
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .getOrCreate()
)
spark.range(1).collect()
spark.stop()
