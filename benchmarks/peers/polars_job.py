"""The job in Polars: lazy, on the streaming engine, one scan for both outputs."""

import sys
from pathlib import Path

import polars as pl
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
    copy_readable_records,
    reasons,
)

source, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
# Polars refuses a file with text after a closing quote, whatever the options, so it reads a copy.
readable = target / "readable.csv"
unreadable = copy_readable_records(source, readable)

scan = pl.scan_csv(readable, schema=dict.fromkeys(COLUMNS, pl.String))


def cleaned(column: str) -> pl.Expr:
    """A column's cleaned value, null where it breaks a rule."""
    value = pl.col(column).str.strip_chars(BLANKS)
    if column in INTEGERS:
        fits = value.str.contains(INTEGER)
        number = pl.when(fits).then(value.str.split_exact(".", 1).struct[0].cast(pl.Int64, strict=False))
        largest = LARGEST_INT if column == "product_ccf" else 10**18
        number = pl.when(number.is_between(1, largest)).then(number)
        return number.cast(pl.Int32, strict=False) if column == "product_ccf" else number
    if column in NUMBERS:
        fits = value.str.contains(NUMBER)
        number = pl.when(fits).then(value).cast(pl.Decimal(12, 4))
        return pl.when(number > 0).then(number) if column == "product_volume" else number
    lower = value.str.to_lowercase()
    if column == "status":
        return pl.when(lower.is_in(STATUSES)).then(lower)
    return pl.when(~lower.is_in(MISSING)).then(value)


checked = scan.with_columns(cleaned(column).alias(f"clean_{column}") for column in COLUMNS)
is_good = pl.all_horizontal(pl.col(f"clean_{column}").is_not_null() for column in COLUMNS)
price, units = pl.col("product_price").cast(pl.Decimal(24, 4)), pl.col("product_ccf")
orders = (
    checked.filter(is_good)
    .select(pl.col(f"clean_{column}").alias(column) for column in COLUMNS)
    .unique(subset=COLUMNS, keep="any")
    .with_columns((price * units.cast(pl.Decimal(10, 0))).cast(pl.Decimal(24, 4)).alias("total_price"))
    .sink_parquet(target / "orders.parquet", compression="snappy", lazy=True)
)
bad = checked.filter(~is_good).select(COLUMNS).fill_null("")  # an empty field is text, too
_, rejected = pl.collect_all([orders, bad], engine="streaming")
rejects = pl.concat(
    [
        rejected.with_columns(
            pl.Series("reasons", [reasons(row) for row in rejected.iter_rows(named=True)], pl.String)
        ),
        pl.DataFrame(
            list(unreadable.values()),
            schema={"reasons": pl.String, "record": pl.String},
            orient="row",
        ),
    ],
    how="diagonal",
)
readable.unlink()
rejects.write_parquet(target / "rejects.parquet", compression="snappy")
published = pl.scan_parquet(target / "orders.parquet").select(pl.len()).collect().item()
print(f"published {published} rejected {len(rejects)}")
