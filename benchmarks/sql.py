"""What SQL from outside costs before and within the engine: the guard, rows of a million, and a whole `duff query`.

python -m benchmarks.sql
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb

from duff_orders.query import reports
from duff_orders.query.guard.check import check

ROOT = Path(__file__).parents[1]
ANALYSTS = ROOT / "tests" / "query" / "analysts"
#: Expressions over a million rows, and what each is measured against.
ROWS = {
    "sum of decimals": ("sum(d)", "sum(d)"),
    "average of decimals": ("avg(d)", "avg(d)"),
    "product of decimals": ("sum(d * e)", "sum(d * e)"),
    "quotient of decimals, 18 digits": ("max(d / e)", "max(d / e)"),
    "quotient of decimals, 38 digits": ("max(w / e)", "max(w / e)"),
    "month of a date": ("max(date_trunc('month', day))", "max(date_trunc('month', day))"),
    "day in a zone": (
        "max(day(t at time zone 'America/Santiago'))",
        "max(day(timezone('America/Santiago', timezone('UTC', t))))",
    ),
    "cast of a text": ("sum(cast(s as bigint))", "sum(cast(s as bigint))"),
}
SOURCE = (
    "(select cast(n % 10000 as decimal(9,2)) / 100 as d, cast(n % 97 + 1 as decimal(5,2)) as e,"
    " cast(n as decimal(24,4)) as w, date '2020-01-01' + cast(n % 2000 as integer) as day,"
    " timestamp '2020-01-01 00:00:00' + to_seconds(n * 60) as t, cast(n as varchar) as s from range(1000000) as r (n))"
)
COLUMNS = "cast(1 as decimal(9,2)), cast(1 as decimal(5,2)), cast(1 as decimal(24,4)), date '2020-01-01', {}, 'a'"


def main() -> None:
    """Print the figures."""
    queries = [path.read_text(encoding="utf-8").partition("\n----\n")[0] for path in sorted(ANALYSTS.glob("*.sql"))]
    queries += [reports.report(name).text() for name in reports.names()]
    took = sorted(fastest(partial(check, query), 20) for query in queries)
    told = f"median {statistics.median(took):.2f} ms, most {took[-1]:.2f} ms"
    print(f"the guard, {len(queries)} queries of analysts and reports: {told}")
    words = "select " + " + ".join(["1"] * 2_499)
    print(f"the guard, {words.count(' '):,} words: {fastest(partial(refused, words), 3):.0f} ms")
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"create table t as select * from {SOURCE}")
        for name, (ours, plain) in ROWS.items():
            columns = COLUMNS.format("timestamp '2020-01-01 00:00:00'")
            checked = check(f"select {ours} from (values ({columns})) as t (d, e, w, day, t, s)")
            translated = checked.sql.rpartition(" from (select * from (values ")[0] + " from t"
            took = [fastest(partial(fetch, connection, sql), 3) for sql in (translated, f"select {plain} from t")]
            print(
                f"{name}, a million: {took[0]:.0f} ms; DuckDB's own way {took[1]:.0f} ms, ratio {took[0] / took[1]:.1f}"
            )
    with tempfile.TemporaryDirectory() as lake:
        duff = [sys.executable, "-m", "duff_orders", "--lake", lake]
        subprocess.run([*duff, "run", *map(str, (ROOT / "samples").glob("*.csv"))], capture_output=True, check=False)
        sql = "select status_id, sum(total_price) from fact_orders group by 1"
        whole = fastest(partial(subprocess.run, [*duff, "query", sql], capture_output=True, check=True), 10)
        print(f"duff query, a whole process over the samples: {whole:.0f} ms")


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run a query, and take its rows."""
    connection.execute(sql).fetchall()


def refused(sql: str) -> None:
    """Check a query that is refused."""
    try:
        check(sql)
    except Exception:
        return


def fastest(work: Callable[[], object], times: int) -> float:
    """Milliseconds of the quickest of some runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - began))
    return min(took)


if __name__ == "__main__":
    main()
