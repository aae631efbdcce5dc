"""Spark, on any master: the engine for clusters, and for Glue's jobs."""

from duff_orders.drivers.spark import check_installed
from duff_orders.engines.base import Engine
from duff_orders.engines.spark.spelling import SparkSpelling

ENGINE = Engine(name="spark", spelling=SparkSpelling(), route="large", check_installed=check_installed)
