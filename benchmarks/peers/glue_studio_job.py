"""The job as AWS Glue Studio's visual editor lays it out, in plain PySpark on its defaults.

CSV source, Drop null fields, Drop duplicates, Change schema (casts), a filter for the good records and one for the
others, two Parquet targets. Drop null fields is done as the editor's script does it: the distinct values of one
column after another are brought to the driver and looked at there. Nothing is cached: each target reads the file and
drops the repeats again, as the branches of such a script do.

Kinder than the editor's script: data frames instead of DynamicFrames, SQL expressions instead of Python functions in
the filters, and a schema instead of a pass that infers one.
"""

import argparse
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from rules import (  # type: ignore[import-not-found]
    BLANKS,
    COLUMNS,
    INTEGER,
    INTEGERS,
    LARGEST_INT,
    MISSING,
    NUMBER,
    NUMBERS,
    STATUSES,
)

NULLS = {None, "", "null"}
BROKEN = "_corrupt_record"  # the text of a record that has not ten fields


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--memory", default="10g", help="the driver's heap (default: 10g, as on a Glue worker G.1X)")
    options = parser.parse_args()
    spark = (
        SparkSession.builder.appName("glue-studio")
        .master(f"local[{options.cores}]")
        .config("spark.driver.memory", options.memory)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    columns = ", ".join(f"{name} string" for name in (*COLUMNS, BROKEN))
    source = spark.read.csv(str(options.source), header=True, schema=columns, columnNameOfCorruptRecord=BROKEN)
    dropped = source.drop(*null_fields(source))
    unique = dropped.dropDuplicates()
    mapped = unique.select("*", *(mapping(column).alias(f"mapped_{column}") for column in COLUMNS))
    good = reduce(Column.__and__, (F.col(f"mapped_{column}").isNotNull() for column in COLUMNS))
    # Where a quote does not close its field the reader leaves it in.
    malformed = F.coalesce(F.col("client_name").startswith('"'), F.lit(False))
    good = good & F.col(BROKEN).isNull() & ~malformed
    today = F.lit(datetime.now(UTC).date())

    orders = mapped.filter(good).select(*(F.col(f"mapped_{column}").alias(column) for column in COLUMNS))
    total = (F.col("product_price") * F.col("product_ccf")).cast("decimal(24,4)")
    orders = orders.withColumn("total_price", total).withColumn("pa_date", today)
    orders.write.partitionBy("pa_date").parquet(str(options.target / "orders"))

    row = F.when(F.col(BROKEN).isNotNull(), "row:wrong_field_count").when(malformed, "row:malformed_quotes")
    reasons = F.coalesce(row, F.concat_ws(";", *(reason(column) for column in COLUMNS)))
    rejected = mapped.filter(~good).select(*COLUMNS, F.col(BROKEN).alias("record"), reasons.alias("reasons"))
    rejected = rejected.withColumn("pa_date", today)
    rejected.write.partitionBy("pa_date").parquet(str(options.target / "rejected"))
    spark.stop()


def null_fields(frame: DataFrame) -> list[str]:
    """The columns without a single value."""
    found = []
    for name in COLUMNS:
        values = set()
        for row in frame.select(name).distinct().collect():
            value = row[name]
            values.add(value.strip() if isinstance(value, str) else value)
        if values <= NULLS:
            found.append(name)
    return found


def text(column: str) -> Column:
    return F.btrim(F.col(column), F.lit(BLANKS))


def mapping(column: str) -> Column:
    """The column's value in its type, null where it breaks a rule."""
    value = text(column)
    if column in INTEGERS:
        largest, kind = (LARGEST_INT, "int") if column == "product_ccf" else (10**18, "bigint")
        number = value.cast("bigint")
        return F.when(value.rlike(INTEGER) & number.between(1, largest), number.cast(kind))
    if column in NUMBERS:
        number = value.cast("decimal(12,4)")
        fits = value.rlike(NUMBER)
        return F.when(fits & (number > 0) if column == "product_volume" else fits, number)
    if column == "status":
        return F.when(F.lower(value).isin(*STATUSES), F.lower(value))
    return F.when(~F.lower(value).isin(*MISSING), value)


def reason(column: str) -> Column:
    """Why a value is rejected, as COLUMN:CODE; null where it is good."""
    value = F.coalesce(text(column), F.lit(""))
    code = F.when(F.col(f"mapped_{column}").isNotNull(), None).when(F.lower(value).isin(*MISSING), "missing")
    if column == "status":
        code = code.otherwise("unknown")
    elif column in INTEGERS:
        code = code.when(value.rlike(INTEGER), "out_of_range").when(value.rlike(r"^-[0-9]+(\.0+)?$"), "negative")
        code = code.when(value.rlike(r"^[0-9]{19,}(\.0+)?$"), "out_of_range").otherwise("not_an_integer")
    elif column in NUMBERS:
        code = code.when(value.rlike(NUMBER), "out_of_range").when(value.rlike(r"^[0-9]{1,8}\.[0-9]+$"), "too_precise")
        code = code.when(value.rlike(r"^-[0-9]+(\.[0-9]+)?$"), "negative")
        code = code.when(value.rlike(r"^[0-9]{9,}(\.[0-9]+)?$"), "out_of_range").otherwise("not_a_number")
    return F.concat(F.lit(f"{column}:"), code)


if __name__ == "__main__":
    main()
