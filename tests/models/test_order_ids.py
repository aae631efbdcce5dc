"""Where the order ids of partitions lie: a build reads the days that may hold its lines, and no others."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duff_orders.engines.duckdb.builder import in_reach
from duff_orders.lake import relation
from duff_orders.lake.snapshot import Snapshot, current
from duff_orders.models import star
from duff_orders.models.build import build
from tests.effort import examples
from tests.models.stars import expected, file, line, open_lake, publish, tables

DAY = date(2026, 3, 1)
IDS = st.integers(1, 10**18 - 1) | st.integers(1, 5000) | st.integers(10**9, 10**9 + 5000)


def source(ids: dict[date, list[int]]) -> str:
    """A relation of order ids by day, in the SQL of both engines."""
    rows = [
        f"select date '{day}' as pa_date, cast({each} as bigint) as order_id"
        for day, listed in ids.items()
        for each in listed
    ]
    return f"({' union all '.join(rows)}) as ids"


def on_duckdb_spans(ids: dict[date, list[int]]) -> dict[str, list[list[int]]]:
    return star.spans(duckdb.connect().execute(star.order_ids(source(ids))).fetchall())


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(IDS, min_size=1, max_size=60), st.lists(IDS, min_size=1, max_size=60))
def test_every_id_lies_in_a_span_and_spans_are_few(first: list[int], second: list[int]) -> None:
    days = {DAY: first, DAY + timedelta(1): second}
    found = on_duckdb_spans(days)
    assert found.keys() == {day.isoformat() for day in days}
    for day, ids in days.items():
        spans = found[day.isoformat()]
        assert len(spans) <= star.SPANS
        assert all(any(low <= each <= high for low, high in spans) for each in ids)
        assert all(low <= high for low, high in spans)
        assert all(before[1] < behind[0] for before, behind in pairwise(spans))
        # where ids lie in no more places than there may be spans, nothing between these is covered
        pieces = sorted({each // star.ORDER_IDS for each in ids})
        places = 1 + sum(one + 1 < other for one, other in pairwise(pieces))
        if places <= star.SPANS:
            assert len(spans) == places
            assert sum(high - low + 1 for low, high in spans) == len(pieces) * star.ORDER_IDS


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_spark_finds_the_same(spark_context: Any) -> None:
    from pyspark.sql import SparkSession

    days = {DAY + timedelta(day): [1 + number * 1024 * (day + 1) for number in range(50)] for day in range(3)}
    days[DAY + timedelta(3)] = [1, 1023, 1024, 10**18 - 1]
    spark = SparkSession.builder.getOrCreate()
    assert star.spans(spark.sql(star.order_ids(source(days))).collect()) == on_duckdb_spans(days)


def test_a_build_reads_the_days_that_may_hold_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two senders, whose ids lie far apart, so that each day's least and greatest span all the others."""
    lake = open_lake(tmp_path)
    files = []
    for day in range(5):
        ids = [sender + day * 10_000 + number for sender in (1, 10**12) for number in range(3)]
        files.append(file(f"{day}", f"{DAY + timedelta(day)} 12:00", [line(each) for each in ids]))
        publish(lake, files[-1])
        build(lake)
    star_before = current(lake.store)
    assert [len(star_before.order_ids[day]) for day in sorted(star_before.partitions)] == [2] * 5
    read: list[list[str]] = []
    of_objects = relation.of_objects

    def noted(store: Any, table: Any, names: Any, **more: Any) -> str:
        if table.name == "fact_orders":
            read.append(sorted({name.split("pa_date=")[1][:10] for name in names}))
        return of_objects(store, table, names, **more)

    monkeypatch.setattr(relation, "of_objects", noted)
    late = file("late", "2026-03-09 12:00", [line(10**12 + 2 * 10_000, status="delivered")])
    publish(lake, late)
    assert build(lake).files == 1
    assert {day for days in read for day in days} == {"2026-03-03"}
    assert tables(lake) == expected([*files, late])


def test_of_a_partition_of_a_release_before_nothing_is_known(tmp_path: Path) -> None:
    base = Snapshot(
        build_id="b",
        partitions={"2026-03-01": ["old"], "2026-03-02": ["new"], "2026-03-03": ["far"]},
        order_ids={"2026-03-02": [[0, 1023]], "2026-03-03": [[10_240, 11_263]]},
    )
    with duckdb.connect() as connection:
        assert in_reach(connection, base, "(select 5 as order_id) as orders") == ["2026-03-01", "2026-03-02"]
        assert in_reach(connection, base, "(select 10250 as order_id) as orders") == ["2026-03-01", "2026-03-03"]
        assert in_reach(connection, Snapshot(), "(select 5 as order_id) as orders") == []
        nothing = "(select 5 as order_id where false) as orders"
        assert in_reach(connection, base, nothing) == ["2026-03-01"]
