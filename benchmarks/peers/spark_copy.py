"""What Spark itself takes for a file: its CSV reader, given the types, and its Parquet writer. Nothing is checked.

python benchmarks/peers/spark_copy.py SOURCE TARGET MASTER
"""

import sys

from pyspark.sql import SparkSession

from duff_orders.contract import COLUMNS

source, target, master = sys.argv[1:]
spark = (
    SparkSession.builder.appName("copy")
    .master(master)
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.memory", "2g")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .getOrCreate()
)
schema = ", ".join(f"{column.name} {column.type}" for column in COLUMNS)
spark.read.schema(schema).option("header", True).csv(source).write.mode("overwrite").parquet(f"{target}/orders")
spark.stop()
