"""The job in pandas and pyarrow: what a Lambda function with awswrangler does."""

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
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
    reasons,
    unreadable_records,
)

source, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
unreadable = unreadable_records(source)
raw = pd.read_csv(
    source,
    names=[*COLUMNS, "surplus"],
    header=None,
    skiprows=1,
    index_col=False,
    dtype=str,
    keep_default_na=False,
    na_filter=False,
).drop(columns="surplus")
rows_read = len(raw)
raw = raw.drop(index=list(unreadable))

clean = pd.DataFrame(index=raw.index)
good = pd.Series(True, index=raw.index)
for column in COLUMNS:
    value = raw[column].str.strip(BLANKS)
    lower = value.str.lower()
    if column in INTEGERS:
        fits = value.str.match(INTEGER)
        number = pd.to_numeric(value.where(fits, "0").str.split(".", n=1).str[0])
        good &= fits & (number >= 1)
        if column == "product_ccf":
            good &= number <= LARGEST_INT
        clean[column] = number
    elif column in NUMBERS:
        fits = value.str.match(NUMBER)
        good &= fits
        if column == "product_volume":
            good &= value.str.strip("0.") != ""
        clean[column] = value
    elif column == "status":
        good &= lower.isin(STATUSES)
        clean[column] = lower
    else:
        good &= ~lower.isin(MISSING)
        clean[column] = value

clean = clean[good]
rejected = raw[~good]
rejected = rejected.assign(reasons=[reasons(record) for record in rejected.to_dict("records")], record=None)
broken = pd.DataFrame(list(unreadable.values()), columns=["reasons", "record"], dtype=object)
rejects = pd.concat([rejected, broken], ignore_index=True)
del raw, rejected, broken

table = pa.Table.from_pandas(clean, preserve_index=False)
del clean
money = pa.decimal128(12, 4)
for column in NUMBERS:
    # Zeros beyond the fourth decimal do no harm, and the grammar lets no others through.
    exact = pc.cast(pc.cast(table[column], pa.decimal128(38, 20)), money)
    table = table.set_column(table.column_names.index(column), column, exact)
table = table.set_column(
    table.column_names.index("product_ccf"),
    "product_ccf",
    pc.cast(table["product_ccf"], pa.int32()),
)
# Equal in cleaned values: decimals with and without their zeros are one.
published = table.group_by(list(COLUMNS), use_threads=True).aggregate([])
units = pc.cast(published["product_ccf"], pa.decimal128(10, 0))
total = pc.cast(pc.multiply(published["product_price"], units), pa.decimal128(24, 4))
published = published.append_column("total_price", total)
pq.write_table(published, target / "orders.parquet", compression="snappy")
pq.write_table(
    pa.Table.from_pandas(rejects.astype("string"), preserve_index=False),
    target / "rejects.parquet",
    compression="snappy",
)
print(
    f"read {rows_read} published {published.num_rows} "
    f"duplicate {table.num_rows - published.num_rows} rejected {len(rejects)}"
)
